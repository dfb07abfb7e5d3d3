// Where each order is, with what its next step needs: a state that moves on and never back.
//
// PLACED → PAID → SHIPPED is the way. REJECTED: no such customer or article. IN_DOUBT: nobody knows yet whether the card
// was charged. DECLINED: it was not. UNSHIPPABLE: no parcel, so that the charge goes back. REFUNDED: it did, UNREFUNDED:
// the provider refused that.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { ConditionalCheckFailedException, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";

const TableName = getStringFromEnv({ key: "PROGRESS_TABLE" });
export const COMES_AFTER = {
  IN_DOUBT: ["PLACED"],
  DECLINED: ["PLACED", "IN_DOUBT"],
  PAID: ["PLACED", "IN_DOUBT"],
  SHIPPED: ["PAID"],
  UNSHIPPABLE: ["PAID"],
  UNREFUNDED: ["UNSHIPPABLE"],
  REFUNDED: ["UNSHIPPABLE", "UNREFUNDED"],
} as const;
export type Moved = keyof typeof COMES_AFTER;
export type State = Moved | "PLACED" | "REJECTED";

export interface Order {
  readonly order_id: string;
  readonly customer: string;
  readonly sku: string;
  readonly quantity: number;
  readonly correlation_id: string;
  readonly state: State;
  readonly cents?: number;
  readonly card?: string;
  readonly address?: string;
  readonly email?: string;
  readonly country?: string;
}

export const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
export const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient(aws));

export class UnknownOrder extends Error {}

/** The order as it was first followed: a repeat finds the price and the address of then. */
export async function begin(order: Order): Promise<Order> {
  const put = { TableName, Item: order, ConditionExpression: "attribute_not_exists(order_id)" };
  try {
    await dynamodb.send(new PutCommand(put));
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return read(order.order_id);
  }
  return order;
}

/** The order, in this state unless it has gone further. */
export async function advance(order_id: string, state: Moved): Promise<Order> {
  const before = Object.fromEntries(COMES_AFTER[state].map((each, at) => [`:s${at}`, each]));
  const update = {
    TableName,
    Key: { order_id },
    UpdateExpression: "SET #state = :state",
    ConditionExpression: `#state IN (${Object.keys(before).join(", ")})`,
    ExpressionAttributeNames: { "#state": "state" },
    ExpressionAttributeValues: { ":state": state, ...before },
    ReturnValues: "ALL_NEW",
  } as const;
  try {
    return (await dynamodb.send(new UpdateCommand(update))).Attributes as Order;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return read(order_id);
  }
}

export async function read(order_id: string): Promise<Order> {
  const { Item } = await dynamodb.send(new GetCommand({ TableName, Key: { order_id }, ConsistentRead: true }));
  if (!Item) throw new UnknownOrder(order_id);
  return Item as Order;
}
