// Asks a partner once for each order, to charge it or to ship it, and takes the charge back.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { Context } from "aws-lambda";
import { z } from "zod";

const PARTNER = getStringFromEnv({ key: "PARTNER_URL" });
const TableName = getStringFromEnv({ key: "STEPS_TABLE" });

const logger = new Logger();
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient(aws));

const Step = z.object({ order_id: z.string().min(1) });
const Charge = Step.extend({ cents: z.int(), card: z.string() });
const Refund = Step.extend({ charge_id: z.string() });
const Booking = Step.extend({ address: z.string() });
const Paid = z.object({ id: z.string().default("") });

/** The definition knows these errors by `name`, which Lambda reports; a class alone leaves it "Error". */
export class CardDeclined extends Error {
  override readonly name = "CardDeclined";
}

export class AddressRejected extends Error {
  override readonly name = "AddressRejected";
}

type Refusing = new (message: string) => Error;

/** The path is the order's id: the partner knows a repetition, and a PUT that its DELETE has overtaken. */
async function ask(method: "PUT" | "DELETE", path: string, Refusal: Refusing = Error, body?: object): Promise<unknown> {
  const headers = { "Content-Type": "application/json" };
  const signal = AbortSignal.timeout(7_000); // for all of it; fetch alone would wait minutes, and follow a redirect
  const asked = { method, headers, body: body && JSON.stringify(body), redirect: "manual", signal } as const;
  const reply = await fetch(`${PARTNER}/${path}`, asked);
  const answer = await reply.text();
  const done = reply.ok || (method === "DELETE" && reply.status === 404);
  const refused = [400, 402, 409, 422].includes(reply.status);
  if (!done) throw new (refused ? Refusal : Error)(`${method} said ${reply.status}`);
  return JSON.parse(answer);
}

function begin<T extends z.infer<typeof Step>>(
  schema: z.ZodType<T>,
  event: unknown,
  context: Context,
  what: string,
): T {
  const step = schema.parse(event);
  logger.addContext(context);
  logger.setCorrelationId(step.order_id);
  logger.info(what);
  return step;
}

/** Leave a trace before the call whose answer may be lost; fail if an undo came first. */
export async function charge(event: unknown, context: Context): Promise<{ charge_id: string }> {
  const { order_id, cents, card } = begin(Charge, event, context, "charging");
  const trace = { TableName, Item: { id: `charge#${order_id}`, begun: true } };
  await dynamodb.send(new PutCommand({ ...trace, ConditionExpression: "attribute_not_exists(undone)" }));
  const { id } = Paid.parse(await ask("PUT", order_id, CardDeclined, { cents, card }));
  return { charge_id: id };
}

/** Forbid the charge, even one that is still on its way, then take back what may have happened. */
export async function refund(event: unknown, context: Context): Promise<void> {
  const { order_id, charge_id } = begin(Refund, event, context, "refunding");
  const mark = { UpdateExpression: "SET undone = :yes", ExpressionAttributeValues: { ":yes": true } };
  const update = { TableName, Key: { id: `charge#${order_id}` }, ReturnValues: "ALL_NEW", ...mark } as const;
  const { Attributes: known } = await dynamodb.send(new UpdateCommand(update));
  if (!known?.begun) return;
  await ask("DELETE", `${order_id}?charge_id=${charge_id}`); // unknown if its answer was lost: the order's id has to do
}

export async function book(event: unknown, context: Context): Promise<void> {
  const { order_id, address } = begin(Booking, event, context, "booking");
  await ask("PUT", order_id, AddressRejected, { address });
}
