// The mails that were sent, claimed before the call, because SES knows no key by which it would know a repeat.
//
// CLAIMED: an attempt holds the mail, and is dead once `deadline` has passed. SENT and REFUSED: what SES said. UNKNOWN: it
// may be on its way; nobody sends it again. No record: it was not sent.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { ConditionalCheckFailedException, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DeleteCommand, DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";

const TableName = getStringFromEnv({ key: "MAILS_TABLE" });

export const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient(aws));

export type State = "CLAIMED" | "SENT" | "REFUSED" | "UNKNOWN";
export interface Claim {
  readonly mail_id: string;
  readonly state: State;
  readonly holder: string;
  readonly deadline: number;
}

const OURS = {
  TableName,
  ConditionExpression: "holder = :holder AND #state = :claimed",
  ExpressionAttributeNames: { "#state": "state" },
};

/** The mail's record, ours if its holder is; forgotten after 90 days, when no event can come again. */
export async function claim(mail_id: string, holder: string, deadline: number): Promise<Claim> {
  const expires = Math.floor(Date.now() / 1000) + 90 * 86_400;
  const Item = { mail_id, state: "CLAIMED", holder, deadline, expires } as const;
  try {
    const free = "attribute_not_exists(mail_id)";
    await dynamodb.send(new PutCommand({ TableName, Item, ConditionExpression: free }));
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    const { Item: found } = await dynamodb.send(new GetCommand({ TableName, Key: { mail_id }, ConsistentRead: true }));
    if (!found) throw new Error(`no record of ${mail_id}`); // as when its holder has just released it
    return found as Claim;
  }
  return Item;
}

/** How a claim ended, by its holder or by whoever found it dead; never over another outcome. */
export async function note(mail_id: string, holder: string, state: State, what: string): Promise<void> {
  const values = { ":holder": holder, ":claimed": "CLAIMED", ":state": state, ":what": what };
  const change = { UpdateExpression: "SET #state = :state, what = :what", ExpressionAttributeValues: values };
  await dynamodb.send(new UpdateCommand({ ...OURS, Key: { mail_id }, ...change }));
}

/** Nothing was sent. */
export async function release(mail_id: string, holder: string): Promise<void> {
  const values = { ":holder": holder, ":claimed": "CLAIMED" };
  await dynamodb.send(new DeleteCommand({ ...OURS, Key: { mail_id }, ExpressionAttributeValues: values }));
}
