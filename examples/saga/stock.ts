// Holds an order's pieces once, and gives them back once.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { DynamoDBClient, TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, TransactWriteCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { Context } from "aws-lambda";
import { z } from "zod";

const STEPS = getStringFromEnv({ key: "STEPS_TABLE" });
const STOCK = getStringFromEnv({ key: "STOCK_TABLE" });
const NEW = {
  ConditionExpression: "attribute_not_exists(id)",
  ReturnValuesOnConditionCheckFailure: "ALL_OLD",
} as const;
const HELD = { UpdateExpression: "REMOVE quantity", ConditionExpression: "attribute_exists(quantity)" };
const MOVE = { UpdateExpression: "ADD available :n", ConditionExpression: "available >= :least" };

const logger = new Logger();
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient(aws));

const Text = z.string().refine((text) => text.isWellFormed()); // no half of a character
/** What all steps need: the first refuses a malformed order, so that no later one has to. */
const Order = z.object({
  order_id: Text,
  sku: Text.min(1),
  quantity: z.int().positive(),
  cents: z.int().positive(),
  card: Text,
  address: Text,
});
const Step = z.object({ order_id: z.string().min(1) });

/** The definition knows these errors by `name`, which Lambda reports; a class alone leaves it "Error". */
export class OutOfStock extends Error {
  override readonly name = "OutOfStock";
}

export class ValidationError extends Error {
  override readonly name = "ValidationError";
}

function shelf(sku: string, n: number) {
  const values = { ":n": n, ":least": -n };
  return { Update: { TableName: STOCK, Key: { sku }, ExpressionAttributeValues: values, ...MOVE } };
}

export async function reserve(event: unknown, context: Context): Promise<void> {
  logger.addContext(context);
  const { data: order, error: malformed } = Order.safeParse(event);
  if (malformed) throw new ValidationError(z.prettifyError(malformed), { cause: malformed });
  const { order_id, sku, quantity } = order;
  logger.setCorrelationId(order_id);
  logger.info("reserving");
  const hold = { Put: { TableName: STEPS, Item: { id: `stock#${order_id}`, sku, quantity }, ...NEW } };
  try {
    await dynamodb.send(new TransactWriteCommand({ TransactItems: [hold, shelf(sku, -quantity)] }));
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) throw error;
    const [mine, pieces] = error.CancellationReasons ?? [];
    const empty = mine?.Code === "None" && pieces?.Code === "ConditionalCheckFailed";
    if (empty) throw new OutOfStock(sku, { cause: error });
    if (!mine?.Item?.quantity) throw error; // undone before, or another order wrote at this very moment
  } // else an earlier attempt holds them, maybe the last ones
}

/** The mark comes first: it stops a reservation that is still on its way. */
export async function release(event: unknown, context: Context): Promise<void> {
  logger.addContext(context);
  const { order_id } = Step.parse(event);
  logger.setCorrelationId(order_id);
  logger.info("releasing");
  const step = { TableName: STEPS, Key: { id: `stock#${order_id}` } };
  const mark = { UpdateExpression: "SET undone = :yes", ExpressionAttributeValues: { ":yes": true } };
  const { Attributes: hold } = await dynamodb.send(new UpdateCommand({ ...step, ...mark, ReturnValues: "ALL_NEW" }));
  if (hold?.quantity === undefined) return;
  const back = [{ Update: { ...step, ...HELD } }, shelf(hold.sku, hold.quantity)];
  await dynamodb.send(new TransactWriteCommand({ TransactItems: back }));
}
