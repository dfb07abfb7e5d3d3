// What an order costs and where its parcel goes, as of now: read consistently, for who is unknown is rejected.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { dynamodb, type Order } from "./progress";

const CUSTOMERS = getStringFromEnv({ key: "CUSTOMERS_TABLE" });
const PRICES = getStringFromEnv({ key: "PRICES_TABLE" });

export type Placed = Pick<Order, "order_id" | "customer" | "sku" | "quantity" | "correlation_id">;

async function item(TableName: string, Key: Record<string, string>) {
  return (await dynamodb.send(new GetCommand({ TableName, Key, ConsistentRead: true }))).Item;
}

/** The order with its price and its customer's data, or rejected when there is no such customer or article. */
export async function quote(placed: Placed): Promise<Order> {
  const { order_id, customer, sku, quantity, correlation_id } = placed;
  const order = { order_id, customer, sku, quantity, correlation_id };
  const buyer = await item(CUSTOMERS, { customer });
  const price = await item(PRICES, { sku });
  if (!buyer || !price) return { ...buyer, ...order, state: "REJECTED" };
  return { ...buyer, ...order, cents: price.cents * quantity, state: "PLACED" };
}
