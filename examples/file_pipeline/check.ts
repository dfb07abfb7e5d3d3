// Checks each uploaded price list before anything else reads it: what passes is imported once, the rest set aside.
import { createHash } from "node:crypto";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { CopyObjectCommand, GetObjectCommand, S3Client, S3ServiceException } from "@aws-sdk/client-s3";
import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import type { Context, EventBridgeEvent } from "aws-lambda";
import { z } from "zod";

const INCOMING = getStringFromEnv({ key: "INCOMING_BUCKET" });
const FILES = getStringFromEnv({ key: "FILES_BUCKET" });
const MACHINE = getStringFromEnv({ key: "STATE_MACHINE" });
const HEADER = "sku,cents,currency";
const OVERTAKEN = ["NoSuchKey", "PreconditionFailed"]; // deleted or overwritten meanwhile; what overwrote it has its own event

const logger = new Logger();
const metrics = new Metrics({ namespace: "Shop" });
const aws = { maxAttempts: 2, requestHandler: { connectionTimeout: 1_000, socketTimeout: 100_000 } }; // a large copy
const s3 = new S3Client(aws);
const states = new SFNClient(aws);

const Upload = z.object({
  key: z.string().min(1), // as it is: S3 encodes it in its own notifications, not in those by EventBridge
  size: z.int().min(0),
  etag: z.string().min(1),
  sequencer: z.string().regex(/^[0-9A-Fa-f]{1,32}$/),
});
type Upload = z.infer<typeof Upload>;

/** Sequencers differ in length; filled up with zeros, they compare as text. */
const versionOf = ({ sequencer }: Upload) => sequencer.toUpperCase().padStart(32, "0");

/** The condition of each look at the file; in the event it lacks its quotes. */
const unchanged = ({ etag }: Upload) => `"${etag}"`;

async function part(upload: Upload, span: string): Promise<string> {
  const range = { Bucket: INCOMING, Key: upload.key, IfMatch: unchanged(upload), Range: `bytes=${span}` };
  const { Body } = await s3.send(new GetObjectCommand(range));
  return (await Body?.transformToString("latin1")) ?? "";
}

/** Why nobody should read the file; a file of any size is told by its two ends. */
async function objection(upload: Upload): Promise<string | null> {
  if (upload.size < HEADER.length + 3) return "it has no row"; // or no byte: a range of nothing would be an error
  const [first] = (await part(upload, "0-1023")).split(/\r\n|[\r\n]/);
  if (first !== HEADER) return `its first line is not ${HEADER}`;
  if ((await part(upload, "-1")) !== "\n") return "it is cut off: its last line does not end";
  return null;
}

/** A copy that nobody overwrites, of exactly what was checked. */
async function keep(upload: Upload, where: string): Promise<string> {
  const kept = `${where}/${upload.key}/${versionOf(upload)}`;
  const CopySource = `${INCOMING}/${upload.key.split("/").map(encodeURIComponent).join("/")}`; // the SDK encodes no source
  const from = { CopySource, CopySourceIfMatch: unchanged(upload), TaggingDirective: "REPLACE" } as const; // else tags are copied
  await s3.send(new CopyObjectCommand({ Bucket: FILES, Key: kept, ...from }));
  return kept;
}

/** A repeated event starts nothing under its name, for the 90 days that Step Functions remembers it. */
async function start(upload: Upload, file: string, correlation_id: string): Promise<void> {
  const version = versionOf(upload);
  const name = `${createHash("sha256").update(upload.key).digest("hex").slice(0, 32)}-${version}`;
  const input = JSON.stringify({ list: upload.key, version, file, correlation_id });
  try {
    await states.send(new StartExecutionCommand({ stateMachineArn: MACHINE, name, input }));
  } catch (error) {
    if (!(error instanceof ExecutionAlreadyExists)) throw error;
  }
}

export async function handler(event: EventBridgeEvent<string, { object: unknown }>, context: Context): Promise<void> {
  logger.addContext(context);
  logger.setCorrelationId(event.id);
  const upload = Upload.parse(event.detail.object);
  logger.info("taken", { key: upload.key, version: versionOf(upload) });
  try {
    const why = await objection(upload);
    const kept = await keep(upload, why === null ? "checked" : "quarantine");
    if (why === null) return await start(upload, kept, event.id);
    logger.warn("set aside", { why, kept });
  } catch (error) {
    if (!(error instanceof S3ServiceException && OVERTAKEN.includes(error.name))) throw error;
    return logger.info("overtaken", { key: upload.key });
  }
  metrics.addMetric("FileRefused", MetricUnit.Count, 1);
  metrics.publishStoredMetrics();
}
