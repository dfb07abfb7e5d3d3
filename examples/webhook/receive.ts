// Accepts the payment provider's webhooks: nothing forged, nothing lost, answered at once.
import { isUtf8 } from "node:buffer";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import { Forged, patience, prove } from "./keys";

const BODIES = getStringFromEnv({ key: "BODIES_BUCKET" });
const WEBHOOKS = getStringFromEnv({ key: "WEBHOOKS_URL" });

const TOLERANCE = 300; // seconds; the provider signs each attempt anew, else it would be its whole time of repeating
const INLINE = 262_144; // bytes; 10 messages, in the event with each quote escaped again, stay below 6 MB

const logger = new Logger();
const s3 = new S3Client(patience);
const sqs = new SQSClient(patience);

/** The body, byte for byte as it was signed. Throws Forged; only the log learns why. */
async function verified({ body, isBase64Encoded, headers }: APIGatewayProxyEventV2): Promise<Buffer> {
  const raw = Buffer.from(body ?? "", isBase64Encoded ? "base64" : "utf8");
  const fields = (headers?.["x-signature"] ?? "").split(",").map((field) => field.trim());
  const stamps = fields.filter((field) => field.startsWith("t=")).map((field) => field.slice(2));
  const offered = fields.filter((field) => field.startsWith("v1=")).map((field) => Buffer.from(field.slice(3)));
  const age = Math.abs(Math.trunc(Date.now() / 1_000) - Number(stamps[0]));
  const inTime = age <= TOLERANCE; // never, when the stamp is missing or no number
  if (stamps.length !== 1 || !inTime) throw new Forged("signed too long ago, or in the future");
  await prove(Buffer.concat([Buffer.from(`${stamps[0]}.`), raw]), offered);
  return raw;
}

/** In ASCII, for SQS refuses some of Unicode; in what is not UTF-8, a byte above is a half pair, U+DC80 to U+DCFF. */
function envelope(raw: Buffer): string {
  const half = (byte: string) => String.fromCharCode(0xdc00 + byte.charCodeAt(0));
  const body = isUtf8(raw) ? raw.toString() : raw.toString("latin1").replace(/[\x80-\xff]/g, half);
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify({ body }).replace(/[\x7f-\uffff]/g, escaped);
}

async function enqueue(raw: Buffer, key: string): Promise<void> {
  let message = envelope(raw);
  if (message.length > INLINE) {
    await s3.send(new PutObjectCommand({ Bucket: BODIES, Key: key, Body: raw }));
    message = JSON.stringify({ key });
  }
  const MessageAttributes = { correlation_id: { DataType: "String", StringValue: String(logger.getCorrelationId()) } };
  await sqs.send(new SendMessageCommand({ QueueUrl: WEBHOOKS, MessageBody: message, MessageAttributes }));
}

export async function handler(event: APIGatewayProxyEventV2, context: Context): Promise<{ statusCode: number }> {
  logger.addContext(context);
  logger.setCorrelationId(event.requestContext?.requestId ?? context.awsRequestId);
  try {
    const raw = await verified(event);
    logger.info("accepted");
    await enqueue(raw, context.awsRequestId); // what fails here is a 5xx, and the sender repeats
    return { statusCode: 202 };
  } catch (error) {
    if (!(error instanceof Forged)) throw error;
    logger.warn("refused", { reason: error.message });
    return { statusCode: 401 };
  }
}
