// Mails the customer once about each end of an order; of a mail that nobody knows the outcome of, somebody is told.
import { randomUUID } from "node:crypto";
import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { ChangeMessageVisibilityCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { z } from "zod";
import * as mails from "./mails";
import { type Kind, SUBJECTS, send } from "./sender";

const MAILS = getStringFromEnv({ key: "MAILS_URL" });
const MARGIN = 30; // seconds that the clocks of two hosts may differ

const logger = new Logger();
const metrics = new Metrics({ namespace: "Shop" });
const sqs = new SQSClient(mails.aws);
const worker = new BatchProcessor(EventType.SQS);

const Metadata = z.object({
  event_id: z.string().regex(/^[\w-]{1,128}$/),
  version: z.literal(1),
  correlation_id: z.string().min(1),
});
const Data = z.object({ order_id: z.string().min(1).max(64), email: z.string().min(3) });
const Ended = z.object({
  "detail-type": z.enum(Object.keys(SUBJECTS) as [Kind, ...Kind[]]),
  detail: z.object({ metadata: Metadata, data: Data }),
});

class Unreadable extends Error {}

function read(body: string): z.infer<typeof Ended> {
  try {
    return Ended.parse(JSON.parse(body));
  } catch {
    throw new Unreadable("no end of an order"); // not the cause, which holds an address
  }
}

/** The claim stands before the call, for as long as this invocation can live; who comes second never sends. */
async function tell({ "detail-type": kind, detail }: z.infer<typeof Ended>, seconds: number): Promise<void> {
  const [holder, mail_id, now] = [randomUUID(), detail.metadata.event_id, Date.now() / 1000];
  const claim = await mails.claim(mail_id, holder, Math.floor(now + seconds) + MARGIN);
  if (claim.holder !== holder) return comeSecond(claim);
  const [state, what] = await send(kind, mail_id, detail.data.order_id, detail.data.email).catch(async (error) => {
    await mails.release(mail_id, holder);
    throw error;
  });
  await mails.note(mail_id, holder, state, what);
  count(state);
}

async function comeSecond({ mail_id, state, holder, deadline }: mails.Claim): Promise<void> {
  if (state !== "CLAIMED") return count(state);
  if (deadline >= Date.now() / 1000) throw new Error(`held: ${mail_id}`); // this message finds a dead holder
  await mails.note(mail_id, holder, "UNKNOWN", "its attempt ended without a word");
  count("UNKNOWN");
}

function count(state: mails.State): void {
  if (state !== "UNKNOWN" && state !== "REFUSED") return;
  logger.error("not mailed", { state });
  metrics.addMetric("MailInDoubt", MetricUnit.Count, 1);
  metrics.publishStoredMetrics();
}

async function settle(record: SQSRecord, context: Context): Promise<void> {
  logger.setCorrelationId(record.messageId);
  try {
    const ended = read(record.body);
    logger.setCorrelationId(ended.detail.metadata.correlation_id);
    logger.info("taken", { message_id: record.messageId, event_id: ended.detail.metadata.event_id });
    await tell(ended, context.getRemainingTimeInMillis() / 1000);
  } catch (error) {
    logger.warn("not mailed", { error: error as Error, message_id: record.messageId });
    const pause = Math.min(900, 2 * 2 ** Number(record.attributes.ApproximateReceiveCount));
    const wait = { ReceiptHandle: record.receiptHandle, VisibilityTimeout: error instanceof Unreadable ? 0 : pause };
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: MAILS, ...wait }));
    throw error;
  }
}

export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  logger.addContext(context);
  const oneByOne = { context, processInParallel: false, throwOnFullBatchFailure: false };
  return processPartialResponse(event, (record: SQSRecord) => settle(record, context), worker, oneByOne);
}
