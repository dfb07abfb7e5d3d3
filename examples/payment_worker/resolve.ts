// Takes the word of whoever asked the provider about a payment whose outcome nobody here knows.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Context } from "aws-lambda";
import { z } from "zod";
import * as ledger from "./ledger";

const PAYMENTS = getStringFromEnv({ key: "PAYMENTS_URL" });

const logger = new Logger();
const sqs = new SQSClient(ledger.aws);

/** DONE: it was charged. REFUSED: it was not, and shall not be. RETRY: it was not, charge it now. */
const Verdict = z.strictObject({
  payment_id: z.string().min(1).max(64),
  verdict: z.enum(["DONE", "REFUSED", "RETRY"]),
  by: z.string().min(1),
  found: z.string().min(1), // what the provider has: the charge's id, or that there is none
});
type Verdict = z.infer<typeof Verdict>;

/** The record with the verdict in it; one that has another outcome already keeps that. */
async function settled({ payment_id, by, found }: Verdict, state: ledger.State): Promise<ledger.Entry> {
  try {
    return await ledger.judge(payment_id, state, `${by}: ${found}`);
  } catch (error) {
    if (!ledger.isRefused(error)) throw error;
    const entry = await ledger.read(payment_id);
    if (entry.state !== state) throw new Error(`${payment_id} is ${entry.state}: ${entry.what ?? "in work"}`);
    return entry;
  }
}

/** RETRY leaves it UNKNOWN and sends the next attempt, which alone may claim it: two such messages are one try. */
export async function handler(event: unknown, context: Context): Promise<object> {
  logger.addContext(context);
  const verdict = Verdict.parse(event);
  const { payment_id } = verdict;
  const entry = await settled(verdict, verdict.verdict === "RETRY" ? "UNKNOWN" : verdict.verdict);
  const StringValue = entry.correlation_id; // of the message whose payment is in doubt
  logger.setCorrelationId(StringValue);
  logger.info("resolved", { payment_id, verdict: verdict.verdict, by: verdict.by });
  if (verdict.verdict === "RETRY") {
    const next = { payment_id, card: entry.card, cents: entry.cents, attempt: entry.attempt + 1 };
    const MessageAttributes = { correlation_id: { DataType: "String", StringValue } };
    const message = { QueueUrl: PAYMENTS, MessageBody: JSON.stringify(next), MessageAttributes };
    await sqs.send(new SendMessageCommand(message));
  }
  return { payment_id, state: entry.state, what: entry.what };
}
