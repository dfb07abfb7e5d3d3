// Gives up orders that could not be shipped, unless their parcel is booked after all; the refund follows from that.
import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { Logger } from "@aws-lambda-powertools/logger";
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { z } from "zod";

const CARRIER = getStringFromEnv({ key: "CARRIER_URL" });

const logger = new Logger();
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const worker = new BatchProcessor(EventType.SQS);
const tableName = getStringFromEnv({ key: "SHIPMENTS_TABLE" });
const persistenceStore = new DynamoDBPersistenceLayer({ tableName, clientConfig: aws });
const once = { eventKeyJmesPath: "order_id", throwOnNoIdempotencyKey: true, expiresAfterSeconds: 2_592_000 };
const config = new IdempotencyConfig(once);

const whole = (text: string) => text.isWellFormed(); // no half of a character
const Order = z.object({ order_id: z.string().min(1).max(64).refine(whole) }); // an address may be what was wrong

/** Shares the idempotency key of queue_worker's booking: the first of the two is kept, the other returns it. */
async function mark({ order_id }: z.infer<typeof Order>): Promise<string> {
  logger.error("given up", { order_id });
  return JSON.stringify({ order_id, given_up: true });
}

const giveUp = makeIdempotent(mark, { persistenceStore, config, keyPrefix: "shipment" });

/** An attempt may have booked and lost the answer. The carrier refuses a booking that comes after this. */
async function cancel(order_id: string): Promise<void> {
  const headers = { "Idempotency-Key": order_id };
  const asked = { method: "DELETE", headers, redirect: "manual", signal: AbortSignal.timeout(4_000) } as const;
  const reply = await fetch(`${CARRIER}/${order_id}`, asked);
  await reply.text();
  if (!reply.ok && reply.status !== 404) throw new Error(`carrier said ${reply.status}`);
}

/** The refund does not wait for the carrier: until that is back, the message stays and this is called again. */
async function settle(record: SQSRecord): Promise<void> {
  logger.setCorrelationId(record.messageAttributes.correlation_id?.stringValue ?? record.messageId);
  logger.info("taken", { message_id: record.messageId });
  const order = Order.parse(JSON.parse(record.body));
  if ("given_up" in JSON.parse(await giveUp(order))) await cancel(order.order_id);
}

export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  logger.addContext(context);
  config.registerLambdaContext(context);
  const oneByOne = { context, processInParallel: false, throwOnFullBatchFailure: false };
  return processPartialResponse(event, settle, worker, oneByOne);
}
