// Ships, invoices and counts each OrderPlaced once; no subscriber waits for another.
import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import * as aws from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, PutCommand, TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { z } from "zod";

const TableName = getStringFromEnv({ key: "RECORDS_TABLE" }); // each subscriber has its own

const logger = new Logger();
const patience = { maxAttempts: 2, requestHandler: { connectionTimeout: 1_000, socketTimeout: 1_000 } };
const dynamodb = DynamoDBDocumentClient.from(new aws.DynamoDBClient(patience));
const worker = new BatchProcessor(EventType.SQS);
const NEW = { TableName, ConditionExpression: "attribute_not_exists(id)" };

const Text = z.string().refine((text) => text.isWellFormed()); // no half of a character
const Order = z.object({
  order_id: Text.min(1).max(64),
  address: Text.min(1),
  total_cents: z.int().positive().max(1_000_000_000), // what a filter can read: a number, not text, up to here
});
const OrderPlaced = z.object({ id: Text.min(1).max(80), placed_at: z.iso.datetime({ offset: true }), order: Order });
type OrderPlaced = z.infer<typeof OrderPlaced>;

async function keep(record: Record<string, string | number>): Promise<void> {
  try {
    await dynamodb.send(new PutCommand({ ...NEW, Item: record }));
  } catch (error) {
    if (!(error instanceof aws.ConditionalCheckFailedException)) throw error;
  }
}

async function ship({ id, order }: OrderPlaced): Promise<void> {
  await keep({ id, order_id: order.order_id, address: order.address });
}

async function invoice({ id, order }: OrderPlaced): Promise<void> {
  await keep({ id, order_id: order.order_id, cents: order.total_cents });
}

/** An increment cannot tell a repeat, so the sums and the event's mark are one transaction. */
async function count({ id, placed_at, order }: OrderPlaced): Promise<void> {
  const mark = { id: `event#${id}`, expires: Math.floor(Date.now() / 1000) + 90 * 86_400 };
  const add = {
    TableName,
    Key: { id: `day#${new Date(placed_at).toISOString().slice(0, 10)}` },
    UpdateExpression: "ADD orders :one, cents :cents",
    ExpressionAttributeValues: { ":one": 1, ":cents": order.total_cents },
  };
  try {
    const both = [{ Put: { ...NEW, Item: mark } }, { Update: add }];
    await dynamodb.send(new TransactWriteCommand({ TransactItems: both }));
  } catch (error) {
    if (!(error instanceof aws.TransactionCanceledException)) throw error;
    const [ofMark] = error.CancellationReasons ?? [];
    if (ofMark?.Code !== "ConditionalCheckFailed") throw error; // it met another order of that day: no duplicate
  }
}

function subscriber(act: (placed: OrderPlaced) => Promise<void>) {
  async function take(record: SQSRecord): Promise<void> {
    logger.setCorrelationId(record.messageAttributes.correlation_id?.stringValue ?? record.messageId);
    logger.info("taken", { message_id: record.messageId });
    try {
      await act(OrderPlaced.parse(JSON.parse(record.body)));
    } catch (error) {
      logger.warn("comes back", { error, message_id: record.messageId });
      throw error;
    }
  }

  return async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
    logger.addContext(context);
    const oneByOne = { context, processInParallel: false, throwOnFullBatchFailure: false }; // by default all at once
    return processPartialResponse(event, take, worker, oneByOne);
  };
}

export const shipping = subscriber(ship);
export const invoicing = subscriber(invoice);
export const analytics = subscriber(count);
