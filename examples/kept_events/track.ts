// Keeps where each order stands, by its events in their order; what is missing is named, for the bus keeps it.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import type { Context } from "aws-lambda";
import { z } from "zod";

const ORDERS = getStringFromEnv({ key: "ORDERS_TABLE" });
const MISSED = getStringFromEnv({ key: "MISSED_URL" });

const logger = new Logger();
const metrics = new Metrics({ namespace: "Shop" });
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient(aws));
const sqs = new SQSClient(aws);

const Metadata = z.object({
  version: z.literal(1),
  number: z.int().min(1).lt(1e9), // the producer's: one more than that of the order's event before it
  correlation_id: z.string().default(""),
});
const Data = z.object({ order_id: z.string().min(1).max(64), cents: z.int().min(0).max(1e9) });
const Delivered = z.object({
  Data: z.object({
    "detail-type": z.enum(["OrderPlaced", "OrderAmended", "OrderPaid"]),
    detail: z.object({ metadata: Metadata, data: Data }),
  }),
  SystemMetadata: z.object({ "aws:DeliveryType": z.enum(["LIVE", "REPLAY"]) }),
});
type Delivered = z.infer<typeof Delivered>;

interface Order {
  readonly version?: number;
  readonly number?: number; // of the last event
  readonly awaited?: number; // the highest number of an event that came after a gap
}

function count(name: string): void {
  metrics.addMetric(name, MetricUnit.Count, 1);
  metrics.publishStoredMetrics();
}

/** Only over the item that was read: a reader of old events may be at work on the order at the same time. */
async function save(order_id: string, before: Order, changed: Order & { status?: string; cents?: number }) {
  const version = (before.version ?? 0) + 1;
  const condition = before.version
    ? { ConditionExpression: "version = :read", ExpressionAttributeValues: { ":read": before.version } }
    : { ConditionExpression: "attribute_not_exists(order_id)" };
  const Item = { order_id, number: 0, awaited: 0, ...before, ...changed, version };
  await dynamodb.send(new PutCommand({ TableName: ORDERS, Item, ...condition }));
}

/** Once, and only after all before it. After a gap the order is marked, and the event is to be read again. */
async function apply({ Data: { "detail-type": status, detail } }: Delivered): Promise<void> {
  const { number } = detail.metadata;
  const { order_id, cents } = detail.data;
  const wanted = { TableName: ORDERS, Key: { order_id }, ConsistentRead: true };
  const before: Order = (await dynamodb.send(new GetCommand(wanted))).Item ?? {};
  const done = before.number ?? 0;
  if (number === done + 1) {
    await save(order_id, before, { number, status, cents });
  } else if (number > done) {
    await save(order_id, before, { awaited: Math.max(number, before.awaited ?? 0) });
    logger.error("missing", { order_id, number: done + 1 });
    count("EventMissing");
  }
}

/** Resolves once the event is applied, known or set aside. What it throws holds up all orders, until it passes. */
export async function handler(event: unknown, context: Context): Promise<void> {
  logger.addContext(context);
  logger.setCorrelationId(context.awsRequestId);
  const told = Delivered.safeParse(event);
  if (!told.success) {
    logger.warn("set aside", told.error);
    await sqs.send(new SendMessageCommand({ QueueUrl: MISSED, MessageBody: JSON.stringify(event) }));
    return;
  }
  const { metadata, data } = told.data.Data.detail;
  logger.setCorrelationId(metadata.correlation_id || context.awsRequestId);
  const delivery = told.data.SystemMetadata["aws:DeliveryType"];
  logger.info("taken", { order_id: data.order_id, number: metadata.number, delivery });
  await apply(told.data);
}
