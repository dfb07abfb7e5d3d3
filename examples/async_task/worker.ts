// Does each job once, for minutes, and never leaves one running for ever.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { ChangeMessageVisibilityCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { z } from "zod";
import { aws, holder } from "./jobs";
import { advance, claim } from "./moves";

const SALES = getStringFromEnv({ key: "SALES_URL" });
const RESULTS = getStringFromEnv({ key: "RESULTS_BUCKET" });
const TASKS = getStringFromEnv({ key: "TASKS_URL" });

const logger = new Logger();
const s3 = new S3Client(aws);
const sqs = new SQSClient(aws);

const Task = z.object({ job_id: z.string().min(1), month: z.string().regex(/^\d{4}-\d\d$/) });
const Sales = z.object({ orders: z.int() });

class Busy extends Error {}

/** How many orders a day had. */
async function orders(day: string): Promise<number> {
  const reply = await fetch(`${SALES}/${day}`, { redirect: "manual", signal: AbortSignal.timeout(6_000) });
  if (reply.status !== 200) throw new Error(`sales said ${reply.status}`);
  return Sales.parse(await reply.json()).orders;
}

/** The report, a call for each day; none when the job was cancelled or taken over meanwhile. */
async function build(job_id: string, worker: string, month: string): Promise<string | undefined> {
  const [year = 0, number = 0] = month.split("-").map(Number);
  const days = new Date(Date.UTC(year, number, 0)).getUTCDate();
  const lines = ["day,orders"];
  for (let n = 1; n <= days; n++) {
    if (!(await advance(job_id, worker))) return undefined;
    const day = `${month}-${String(n).padStart(2, "0")}`;
    lines.push(`${day},${await orders(day)}`);
  }
  return `${lines.join("\n")}\n`;
}

async function work({ job_id, month }: z.infer<typeof Task>, worker: string, message: string): Promise<void> {
  if (!(await claim(job_id, worker, message))) {
    if ((await holder(job_id)) !== message) return; // ended, or run by another message, which stays until it has ended
    throw new Busy(job_id); // a second delivery: deleted now, it could not come back if the worker died
  }
  try {
    const report = await build(job_id, worker, month);
    if (report === undefined) return;
    const file = { Bucket: RESULTS, Key: `${job_id}.csv`, Body: report, ContentType: "text/csv" };
    await s3.send(new PutObjectCommand(file));
    await advance(job_id, worker, { to: "SUCCEEDED", result: file.Key });
  } catch (error) {
    await advance(job_id, worker, { lease: -1 }); // let the next attempt have it at once
    throw error;
  }
}

async function comeBackSoon({ receiptHandle: ReceiptHandle, attributes }: SQSRecord): Promise<void> {
  const wait = { ReceiptHandle, VisibilityTimeout: 5 * 2 ** Number(attributes.ApproximateReceiveCount) };
  try {
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: TASKS, ...wait }));
  } catch (error) {
    logger.warn("comes back after the queue's own visibility timeout", { error });
  }
}

export async function handler({ Records }: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  logger.addContext(context);
  const [record] = Records;
  if (!record || Records.length > 1) throw new Error(`${Records.length} records: BatchSize is 1`);
  const { messageId: message_id } = record;
  logger.setCorrelationId(record.messageAttributes.correlation_id?.stringValue ?? message_id);
  logger.info("taken", { message_id });
  try {
    await work(Task.parse(JSON.parse(record.body)), context.awsRequestId, message_id);
    return { batchItemFailures: [] };
  } catch (error) {
    if (error instanceof Busy) {
      logger.info("another delivery of it is at work", { message_id }); // no worker outlives the queue's timeout
    } else {
      logger.error("not done", { error, message_id });
      await comeBackSoon(record);
    }
    return { batchItemFailures: [{ itemIdentifier: message_id }] };
  }
}
