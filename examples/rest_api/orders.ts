// The orders of each customer: every key starts with the customer, so nobody can name another's.
import { createHash } from "node:crypto";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import * as aws from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { v5 } from "uuid";
import { z } from "zod";

const TableName = getStringFromEnv({ key: "ORDERS_TABLE" });

const patience = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const dynamodb = DynamoDBDocumentClient.from(new aws.DynamoDBClient(patience));

const whole = (text: string) => text.isWellFormed(); // no half of a character
export const NewOrder = z.strictObject({
  sku: z.string().min(1).max(64).refine(whole),
  quantity: z.int().min(1).max(100),
});
export type NewOrder = z.infer<typeof NewOrder>;
export type Order = NewOrder & { readonly order_id: string };
export type Page = { readonly orders: Order[]; readonly after: string | null };
type Kept = Order & { readonly customer: string; readonly request: string; readonly correlation_id: string };

export class KeyReused extends Error {}

function stored({ sku, quantity, order_id }: Order): Order {
  return { sku, quantity, order_id };
}

/** The id follows from customer and key, so a retry finds its own order; another order under the key is refused. */
export async function place(customer: string, key: string, order: NewOrder, correlation_id: string): Promise<Order> {
  const order_id = v5(`${[...customer].length}:${customer}:${key}`, v5.URL);
  const request = createHash("sha256").update(JSON.stringify(order)).digest("hex");
  // The correlation id is that of the attempt that placed it; the table's stream brings it to the next.
  const item: Kept = { customer, order_id, ...order, request, correlation_id };
  const put = new PutCommand({
    TableName,
    Item: item,
    ConditionExpression: "attribute_not_exists(order_id)",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  });
  try {
    await dynamodb.send(put);
  } catch (error) {
    if (!(error instanceof aws.ConditionalCheckFailedException && error.Item)) throw error;
    const found = unmarshall(error.Item) as Kept; // which the document client leaves as it came
    if (found.request !== request) throw new KeyReused();
    return stored(found);
  }
  return stored(item);
}

export async function find(customer: string, order_id: string): Promise<Order | undefined> {
  const wanted = { TableName, Key: { customer, order_id }, ConsistentRead: true };
  const { Item } = await dynamodb.send(new GetCommand(wanted));
  return Item && stored(Item as Kept);
}

export async function page(customer: string, Limit: number, after?: string): Promise<Page> {
  const query = new QueryCommand({
    TableName,
    Limit,
    KeyConditionExpression: "customer = :customer",
    ExpressionAttributeValues: { ":customer": customer },
    ExclusiveStartKey: after ? { customer, order_id: after } : undefined,
  });
  const { Items = [], LastEvaluatedKey } = await dynamodb.send(query);
  return { orders: Items.map((each) => stored(each as Kept)), after: LastEvaluatedKey?.order_id ?? null };
}
