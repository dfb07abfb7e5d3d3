// Grants and spends credit: nothing overwritten, nothing done twice, no overdraft.
import { setTimeout } from "node:timers/promises";
import { Logger } from "@aws-lambda-powertools/logger";
import { TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import { GetCommand, TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import type { Context } from "aws-lambda";
import { z } from "zod";
import { after, type Card, dynamodb, LOG, load, place } from "./ledger";

const logger = new Logger();

const whole = (text: string) => text.isWellFormed(); // no half of a character
const Name = z.string().min(1).max(64).refine(whole);
const Command = z.object({
  command_id: Name, // the caller's, of one card, the same on every attempt
  card: Name,
  kind: z.enum(["CreditGranted", "CreditSpent"]),
  cents: z.int().positive().max(10_000_000),
  correlation_id: z.string().max(64).refine(whole).default(""),
});
type Command = z.infer<typeof Command>;
type Answer = Card | { refused: string };

/** The answer to this command, if it was carried out before; to another command under its id, a refusal. */
async function earlier({ card, command_id, kind, cents }: Command): Promise<Answer | undefined> {
  const wanted = { TableName: LOG, Key: { card, place: `command#${command_id}` }, ConsistentRead: true };
  const { Item: mark } = await dynamodb.send(new GetCommand(wanted));
  if (!mark) return undefined;
  if (mark.kind !== kind || mark.amount !== cents) return { refused: "the command id was used for another command" };
  return { version: mark.version, cents: mark.cents };
}

/** Event and command's mark together or not at all: the one guards the version, the other the repetition. */
async function append({ card, command_id, kind, cents }: Command, result: Card): Promise<void> {
  const once = { TableName: LOG, ConditionExpression: "attribute_not_exists(place)" };
  const correlation_id = String(logger.getCorrelationId()); // which the stream brings to the projection
  const event = { card, place: place(result.version), kind, cents, schema: 1, correlation_id };
  const mark = { card, place: `command#${command_id}`, ...result, kind, amount: cents };
  const snapshot = { TableName: LOG, Item: { card, place: "snapshot", ...result } };
  const writes = [{ Put: { ...once, Item: event } }, { Put: { ...once, Item: mark } }];
  const due = result.version % 100 === 0 ? [{ Put: snapshot }] : [];
  await dynamodb.send(new TransactWriteCommand({ TransactItems: [...writes, ...due] }));
}

export async function handler(event: unknown, context: Context): Promise<Answer> {
  logger.addContext(context);
  const command = Command.parse(event);
  logger.setCorrelationId(command.correlation_id || command.command_id);
  logger.info("taken", { command_id: command.command_id });
  for (let attempt = 0; attempt < 10; attempt++) {
    const result = after(await load(command.card), command.kind, command.cents);
    const done = await earlier(command); // asked after the log was read: what that read counts in has its mark by now
    if (done) return done;
    if (result.cents < 0) return { refused: "not enough credit" };
    try {
      await append(command, result);
      return result;
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw error;
      await setTimeout(Math.random() * 50 * 2 ** attempt); // somebody was faster, or it is done: look again
    }
  }
  throw new Error(`${command.card} is too busy`);
}
