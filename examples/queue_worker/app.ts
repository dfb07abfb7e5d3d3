// Books one shipment for each order at a carrier that dedupes by our key; payment_worker is for one that does not.
import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { ChangeMessageVisibilityCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { z } from "zod";

const CARRIER = getStringFromEnv({ key: "CARRIER_URL" });
const ORDERS = getStringFromEnv({ key: "ORDERS_URL" });
const LATE = 8; // receives, after 4 to 8 minutes: somebody should know of the outage while it is being outlasted

const logger = new Logger();
const metrics = new Metrics({ namespace: "Shop" });
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const sqs = new SQSClient(aws);
const worker = new BatchProcessor(EventType.SQS);
const tableName = getStringFromEnv({ key: "SHIPMENTS_TABLE" });
const persistenceStore = new DynamoDBPersistenceLayer({ tableName, clientConfig: aws });
const once = { eventKeyJmesPath: "order_id", throwOnNoIdempotencyKey: true, expiresAfterSeconds: 2_592_000 };
const config = new IdempotencyConfig(once);

function count(name: string): void {
  metrics.addMetric(name, MetricUnit.Count, 1);
  metrics.publishStoredMetrics();
}

const whole = (text: string) => text.isWellFormed(); // no half of a character
const Order = z.object({ order_id: z.string().min(1).max(64).refine(whole), address: z.string().min(1).refine(whole) });

class NoOrder extends Error {}

function read(body: string): z.infer<typeof Order> {
  try {
    return Order.parse(JSON.parse(body));
  } catch (error) {
    throw new NoOrder("not an order", { cause: error });
  }
}

/** A death after this call repeats it; the carrier dedupes by our key. 422 is its last word, and recorded. */
async function call(order: z.infer<typeof Order>): Promise<string> {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": order.order_id };
  const signal = AbortSignal.timeout(4_000); // for all of it; fetch alone would wait minutes, and follow a redirect
  const asked = { method: "POST", headers, body: JSON.stringify(order), redirect: "manual", signal } as const;
  const reply = await fetch(CARRIER, asked);
  const answer = await reply.text();
  if (reply.status === 422) {
    logger.warn("refused", { order_id: order.order_id });
    count("OrderRefused");
    return JSON.stringify({ order_id: order.order_id, refused: answer });
  } // anything else passes: an outage by itself, our own mistake (400, 401, 404) once it is mended
  if (!reply.ok) throw new Error(`carrier said ${reply.status}`);
  return JSON.stringify({ order_id: order.order_id, booked: JSON.parse(answer) }); // text: DynamoDB refuses some numbers
}

export const book = makeIdempotent(call, { persistenceStore, config, keyPrefix: "shipment" });

/** Seconds until the next try; half of the step is certain, and template.yaml adds these halves up. */
function pause(receives: number): number {
  const step = Math.min(900, 2 * 2 ** receives);
  return Math.ceil((step / 2) * (1 + Math.random()));
}

/** Retry ever later; what is no order spends its receives at once and lands in the DLQ, body unchanged. */
async function ship(record: SQSRecord): Promise<void> {
  logger.setCorrelationId(record.messageAttributes.correlation_id?.stringValue ?? record.messageId);
  const receives = Number(record.attributes.ApproximateReceiveCount);
  logger.info("taken", { message_id: record.messageId, receives });
  try {
    await book(read(record.body));
  } catch (error) {
    logger.warn("not shipped", { error, message_id: record.messageId });
    const hopeless = error instanceof NoOrder;
    if (receives >= LATE && !hopeless) count("OrderDelayed");
    const wait = { ReceiptHandle: record.receiptHandle, VisibilityTimeout: hopeless ? 0 : pause(receives) };
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: ORDERS, ...wait }));
    throw error;
  }
}

export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  logger.addContext(context);
  logger.appendKeys({ function_version: context.functionVersion }); // tells a release which version failed
  config.registerLambdaContext(context); // an attempt that times out then expires, and does not block its retries
  const oneByOne = { context, processInParallel: false, throwOnFullBatchFailure: false }; // by default all at once
  return processPartialResponse(event, ship, worker, oneByOne);
}
