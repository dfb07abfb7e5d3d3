// The log of gift cards: what happened, in order, and what that adds up to.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, paginateQuery } from "@aws-sdk/lib-dynamodb";

export const LOG = getStringFromEnv({ key: "LOG_TABLE" });

const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
export const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient(aws));

export interface Card {
  readonly version: number;
  readonly cents: number;
}

export const NEW: Card = { version: 0, cents: 0 };

export function after(card: Card, kind: string, cents: number): Card {
  return { version: card.version + 1, cents: card.cents + (kind === "CreditGranted" ? cents : -cents) };
}

export function place(version: number): string {
  return `event#${String(version).padStart(12, "0")}`;
}

/** Add what the log holds beyond `state`; a page of a Query ends at 1 MB, and only a consistent read is complete. */
export async function replay(card: string, state: Card, until = 10 ** 12 - 1): Promise<Card> {
  const wanted = {
    TableName: LOG,
    ConsistentRead: true,
    KeyConditionExpression: "card = :card AND place BETWEEN :first AND :last",
    ExpressionAttributeValues: { ":card": card, ":first": place(state.version + 1), ":last": place(until) },
  };
  for await (const page of paginateQuery({ client: dynamodb }, wanted)) {
    for (const event of page.Items ?? []) state = after(state, event.kind, event.cents);
  }
  return state;
}

/** The latest snapshot and what came after it. */
export async function load(card: string): Promise<Card> {
  const wanted = { TableName: LOG, Key: { card, place: "snapshot" }, ConsistentRead: true };
  const { Item: found } = await dynamodb.send(new GetCommand(wanted));
  return replay(card, found ? { version: found.version, cents: found.cents } : NEW);
}
