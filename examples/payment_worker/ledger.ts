// The ledger of claims: one attempt at a time may call the provider, and what came of it is never forgotten.
//
// CLAIMED: an attempt holds the payment, and is dead once `deadline` has passed. DONE and REFUSED: what the provider said.
// UNKNOWN: the call may have charged; nobody calls again unless a human allows it. No record: nothing was charged.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { ConditionalCheckFailedException, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DeleteCommand, DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { z } from "zod";

const TableName = getStringFromEnv({ key: "LEDGER_TABLE" });

export const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient(aws));

export type State = "CLAIMED" | "DONE" | "REFUSED" | "UNKNOWN";
const whole = (text: string) => text.isWellFormed(); // no half of a character
export const Payment = z.object({
  payment_id: z.string().min(1).max(64).refine(whole),
  card: z.string().min(1).refine(whole), // the provider's token for it, not its number
  cents: z.int().positive().max(100_000_000),
  attempt: z.int().positive().max(1000).default(1),
});
export type Payment = z.infer<typeof Payment>;
export type Wanted = Payment & { readonly correlation_id: string };
export interface Entry extends Payment {
  readonly correlation_id?: string; // none in a record of an earlier release
  readonly state: State;
  readonly holder: string;
  readonly deadline: number;
  readonly what?: string;
}

const names = { "#state": "state" };
const OURS = "holder = :holder AND #state = :claimed";
const SETTLE = "SET #state = :state, what = :what REMOVE unsettled"; // which takes it out of the index
const PARK = "SET #state = :state, what = :what, unsettled = :state";
const AGAIN = "SET #state = :unknown, unsettled = :unknown, attempt = :before";

export const isRefused = (error: unknown) => error instanceof ConditionalCheckFailedException;

/** The payment's record: ours if its holder is; a message that a human sent has the next attempt's number. */
export async function claim(payment: Wanted, holder: string, deadline: number): Promise<Entry> {
  const entry = { ...payment, state: "CLAIMED", unsettled: "CLAIMED", holder, deadline } as const;
  const free = "attribute_not_exists(payment_id) OR (#state = :unknown AND attempt < :attempt)";
  const put = { TableName, Item: entry, ConditionExpression: free };
  const values = { ":unknown": "UNKNOWN", ":attempt": payment.attempt };
  try {
    const given = { ...put, ExpressionAttributeNames: names, ExpressionAttributeValues: values };
    await dynamodb.send(new PutCommand(given));
  } catch (error) {
    if (!isRefused(error)) throw error; // by another's record, or by ours: when an answer is lost the SDK asks again
    return read(payment.payment_id);
  }
  return entry;
}

export async function read(payment_id: string): Promise<Entry> {
  const { Item } = await dynamodb.send(new GetCommand({ TableName, Key: { payment_id }, ConsistentRead: true }));
  if (!Item) throw new Error(`no record of ${payment_id}`); // as when its holder has just released it
  return Item as Entry;
}

/** Write down how a claim ended, by its holder, or by whoever found it dead; never over another outcome. */
export async function note(payment_id: string, holder: string, state: State, what: string): Promise<void> {
  const update = { TableName, Key: { payment_id }, UpdateExpression: state === "UNKNOWN" ? PARK : SETTLE };
  const values = { ":holder": holder, ":claimed": "CLAIMED", ":state": state, ":what": what };
  const ours = { ConditionExpression: OURS, ExpressionAttributeNames: names, ExpressionAttributeValues: values };
  await dynamodb.send(new UpdateCommand({ ...update, ...ours }));
}

/** Nothing was charged. Of a retry the record stays: without it, a copy of an earlier attempt could claim. */
export async function release({ payment_id, attempt }: Payment, holder: string): Promise<void> {
  const ours = { TableName, Key: { payment_id }, ConditionExpression: OURS, ExpressionAttributeNames: names };
  const values = { ":holder": holder, ":claimed": "CLAIMED" };
  const back = { ...values, ":unknown": "UNKNOWN", ":before": attempt - 1 };
  const again = { ...ours, UpdateExpression: AGAIN, ExpressionAttributeValues: back };
  if (attempt > 1) await dynamodb.send(new UpdateCommand(again));
  else await dynamodb.send(new DeleteCommand({ ...ours, ExpressionAttributeValues: values }));
}

/** The record with a human's word in it; only of a payment that is parked, or claimed by one who is dead. */
export async function judge(payment_id: string, state: State, what: string): Promise<Entry> {
  const now = Math.floor(Date.now() / 1000);
  const update = { TableName, Key: { payment_id }, UpdateExpression: state === "UNKNOWN" ? PARK : SETTLE };
  const open = { ConditionExpression: "#state = :unknown OR (#state = :claimed AND deadline < :now)" };
  const values = { ":unknown": "UNKNOWN", ":claimed": "CLAIMED", ":now": now, ":state": state, ":what": what };
  const given = { ...open, ExpressionAttributeNames: names, ExpressionAttributeValues: values };
  const { Attributes } = await dynamodb.send(new UpdateCommand({ ...update, ...given, ReturnValues: "ALL_NEW" }));
  return Attributes as Entry;
}
