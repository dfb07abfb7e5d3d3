// Books one shipment for each order, however often the queue delivers it.
import { randomInt } from "node:crypto";
import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { Logger } from "@aws-lambda-powertools/logger";
import { ChangeMessageVisibilityCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { z } from "zod";

const CARRIER = getStringFromEnv({ key: "CARRIER_URL" });
const ORDERS = getStringFromEnv({ key: "ORDERS_URL" });

const logger = new Logger();
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const sqs = new SQSClient(aws);
const worker = new BatchProcessor(EventType.SQS);
const tableName = getStringFromEnv({ key: "SHIPMENTS_TABLE" });
const persistenceStore = new DynamoDBPersistenceLayer({ tableName, clientConfig: aws });
const once = { eventKeyJmesPath: "order_id", throwOnNoIdempotencyKey: true, expiresAfterSeconds: 2_592_000 };
const config = new IdempotencyConfig(once);

const whole = (text: string) => text.isWellFormed(); // no half of a character
const Order = z.object({ order_id: z.string().min(1).max(64).refine(whole), address: z.string().min(1).refine(whole) });

class Hopeless extends Error {}

function read(body: string): z.infer<typeof Order> {
  try {
    return Order.parse(JSON.parse(body));
  } catch (error) {
    throw new Hopeless("not an order", { cause: error });
  }
}

/** A death after this call repeats it; the carrier dedupes by our key. */
async function call(order: z.infer<typeof Order>): Promise<string> {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": order.order_id };
  const signal = AbortSignal.timeout(4_000); // for all of it; fetch alone would wait minutes, and follow a redirect
  const asked = { method: "POST", headers, body: JSON.stringify(order), redirect: "manual", signal } as const;
  const reply = await fetch(CARRIER, asked);
  const answer = await reply.text();
  const hopeless = [400, 404, 409, 422].includes(reply.status); // an expired token (401) or a limit (429) passes
  if (!reply.ok) throw new (hopeless ? Hopeless : Error)(`carrier said ${reply.status}`);
  return JSON.stringify(JSON.parse(answer)); // as text: DynamoDB refuses numbers that JSON has, and it is booked
}

export const book = makeIdempotent(call, { persistenceStore, config, keyPrefix: "shipment" });

/** Retry ever later; a hopeless message spends its receives at once and lands in the DLQ, body unchanged. */
async function ship({ body, messageId, receiptHandle, attributes }: SQSRecord): Promise<void> {
  try {
    await book(read(body));
  } catch (error) {
    logger.warn("not shipped", { error, message_id: messageId });
    const longest = error instanceof Hopeless ? 0 : Math.min(900, 5 * 2 ** Number(attributes.ApproximateReceiveCount));
    const wait = { ReceiptHandle: receiptHandle, VisibilityTimeout: randomInt(longest + 1) };
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
