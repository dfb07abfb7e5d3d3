// Applies the changes of each SKU's stock once and in order; a SKU whose next change cannot be applied is parked.
import { processPartialResponse, SqsFifoPartialProcessorAsync } from "@aws-lambda-powertools/batch";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import * as stock from "./stock";

const DLQ = getStringFromEnv({ key: "CHANGES_DLQ_URL" });
const LATE = 5; // receives, after 8 minutes: somebody should know of the outage while it is being outlasted

const logger = new Logger();
const metrics = new Metrics({ namespace: "Shop" });
const sqs = new SQSClient(stock.aws);
const worker = new SqsFifoPartialProcessorAsync(); // one by one

function count(name: string): void {
  metrics.addMetric(name, MetricUnit.Count, 1);
  metrics.publishStoredMetrics();
}

function read(body: string): stock.Change | undefined {
  try {
    return stock.Change.parse(JSON.parse(body));
  } catch (error) {
    logger.warn("set aside", { error: error as Error });
    return undefined;
  }
}

/** Once, however late it is repeated, and only if every change before it was applied; else it waits its turn. */
async function apply(sku: string, change: stock.Change): Promise<void> {
  const before = await stock.read(sku);
  if (change.number <= before.applied) return;
  try {
    if (before.parked) throw new stock.CannotBe(`${sku} is parked`);
    await stock.save(stock.after(before, change));
  } catch (error) {
    if (!(error instanceof stock.CannotBe)) throw error;
    const why = error.message;
    await stock.park(before, { ...change, why, correlation_id: String(logger.getCorrelationId()) });
    logger.error("parked", { sku, number: change.number, why });
    count("ChangeParked");
  }
}

/** What has no number has no place to wait in. Retries would carry those behind it along into the DLQ. */
async function setAside(sku: string, { body, messageId, messageAttributes }: SQSRecord): Promise<void> {
  const StringValue = messageAttributes.correlation_id?.stringValue;
  const own = { MessageAttributes: { correlation_id: { DataType: "String", StringValue } } };
  const place = { QueueUrl: DLQ, MessageGroupId: sku, MessageDeduplicationId: messageId };
  await sqs.send(new SendMessageCommand({ ...place, MessageBody: body, ...(StringValue ? own : {}) }));
}

/** Resolves, and so deletes the message, once it is applied, parked or set aside; anything else holds its group. */
async function take(record: SQSRecord): Promise<void> {
  const { ApproximateReceiveCount, MessageGroupId: sku } = record.attributes;
  logger.setCorrelationId(record.messageAttributes.correlation_id?.stringValue ?? record.messageId);
  logger.info("taken", { message_id: record.messageId, sku, receives: Number(ApproximateReceiveCount) });
  if (!sku) throw new Error("no message group: the queue is no FIFO queue");
  if (Number(ApproximateReceiveCount) >= LATE) count("ChangeDelayed");
  const change = read(record.body);
  await (change ? apply(sku, change) : setAside(sku, record));
}

export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  logger.addContext(context);
  // a failure holds back its own group, and no other
  const byGroup = { context, skipGroupOnError: true, throwOnFullBatchFailure: false };
  return processPartialResponse(event, take, worker, byGroup);
}
