// The stock of each SKU, after changes that count 1, 2, 3 … for it; what cannot be applied yet waits in Parked.
//
// Whoever saves has read the SKU's item: its `version` is a condition of every write, so no two may decide at once.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  TransactionCanceledException,
} from "@aws-sdk/client-dynamodb";
import {
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
} from "@aws-sdk/lib-dynamodb";
import { z } from "zod";

const STOCK = getStringFromEnv({ key: "STOCK_TABLE" });
const PARKED = getStringFromEnv({ key: "PARKED_TABLE" });

export const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient(aws));

export const movedOn = (error: unknown) =>
  error instanceof ConditionalCheckFailedException || error instanceof TransactionCanceledException;

export const Change = z.object({
  number: z.int().min(1).lt(1e15), // the producer's: one more than the SKU's change before it
  kind: z.enum(["RECEIVED", "SOLD", "COUNTED"]),
  pieces: z.int().min(0).max(1_000_000),
});
export type Change = z.infer<typeof Change>;
export type Waiting = Change & { readonly correlation_id: string; readonly why: string };

export class CannotBe extends Error {}

export interface Stock {
  readonly sku: string;
  readonly version: number;
  readonly applied: number; // the number of the last change
  readonly pieces: number;
  readonly parked: boolean;
}

/** Throws `CannotBe` for a change that is not the next, or that takes more than there is. */
export function after(stock: Stock, { number, kind, pieces }: Change): Stock {
  if (number !== stock.applied + 1) throw new CannotBe(`change ${stock.applied + 1} is missing`);
  const kinds = { RECEIVED: stock.pieces + pieces, SOLD: stock.pieces - pieces, COUNTED: pieces };
  if (kinds[kind] < 0) throw new CannotBe(`change ${number} takes ${pieces} of ${stock.pieces}`);
  return { ...stock, applied: number, pieces: kinds[kind] };
}

export async function read(sku: string): Promise<Stock> {
  const wanted = { TableName: STOCK, Key: { sku }, ConsistentRead: true };
  const { Item } = await dynamodb.send(new GetCommand(wanted));
  return (Item as Stock | undefined) ?? { sku, version: 0, applied: 0, pieces: 0, parked: false };
}

/** Throws what `movedOn` knows if the SKU's item is no longer the one that was read, and then writes nothing. */
export async function save(stock: Stock, ...withIt: NonNullable<TransactWriteCommandInput["TransactItems"]>) {
  const put = {
    TableName: STOCK,
    Item: { ...stock, version: stock.version + 1 },
    ConditionExpression: stock.version ? "version = :read" : "attribute_not_exists(sku)",
    ...(stock.version ? { ExpressionAttributeValues: { ":read": stock.version } } : {}),
  };
  if (withIt.length) await dynamodb.send(new TransactWriteCommand({ TransactItems: [{ Put: put }, ...withIt] }));
  else await dynamodb.send(new PutCommand(put));
}

/** Keep it behind those that wait; one of the same number takes the place of the one before. */
export async function park(before: Stock, waiting: Waiting): Promise<void> {
  await save({ ...before, parked: true }, { Put: { TableName: PARKED, Item: { sku: before.sku, ...waiting } } });
}

export async function firstParked(sku: string): Promise<Waiting | undefined> {
  const wanted = { KeyConditionExpression: "sku = :sku", ExpressionAttributeValues: { ":sku": sku } };
  const query = { TableName: PARKED, ...wanted, Limit: 1, ConsistentRead: true };
  return (await dynamodb.send(new QueryCommand(query))).Items?.[0] as Waiting | undefined;
}

export async function replay(before: Stock, { number, kind, pieces }: Change): Promise<void> {
  const gone = { TableName: PARKED, Key: { sku: before.sku, number } };
  await save(after(before, { number, kind, pieces }), { Delete: gone });
}
