// A loan from its score to its payout: days of waiting for people, every crash survived, no payout made twice.

import {
  CallbackTimeoutError,
  createRetryStrategy,
  type DurableContext,
  JitterStrategy,
  retryPresets,
  StepSemantics,
  withDurableExecution,
} from "@aws/durable-execution-sdk-js";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { Loan } from "./loan";

const PARTNERS = getStringFromEnv({ key: "PARTNERS_URL" });
const APPROVALS = getStringFromEnv({ key: "APPROVALS_URL" });
const APPROVAL = { seconds: Number(getStringFromEnv({ key: "APPROVAL_SECONDS" })) };
const WITHDRAWAL = { seconds: Number(getStringFromEnv({ key: "WITHDRAWAL_SECONDS" })) };
const LEAST = 500; // points
const PAPERS = ["contract", "schedule", "insurance"];

const logger = new Logger();
const sqs = new SQSClient({ maxAttempts: 2, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } });
// 19 pauses, of at least half of 2, 4 … 512 and then 900 s: an outage of 80 minutes is outlasted.
const [first, longest] = [{ seconds: 2 }, { seconds: 900 }];
const pauses = { initialDelay: first, maxDelay: longest, backoffRate: 2, jitter: JitterStrategy.HALF };
const patient = { retryStrategy: createRetryStrategy({ maxAttempts: 20, ...pauses }) };
// Without an answer nobody knows: the execution fails, and its event goes to the dead letters.
const once = { retryStrategy: retryPresets.noRetry, semantics: StepSemantics.AtMostOncePerRetry };

/** PUT and GET may be repeated; a POST has no key by which the bank could know it again. */
async function ask(method: string, path: string, loan: Loan): Promise<Record<string, unknown>> {
  const body = method === "GET" ? null : JSON.stringify(loan);
  const headers = { "Content-Type": "application/json" };
  const signal = AbortSignal.timeout(6_000); // for all of it; fetch alone would wait minutes, and follow a redirect
  const reply = await fetch(`${PARTNERS}/${path}`, { method, headers, body, redirect: "manual", signal });
  if (reply.status === 422 && method === "POST") return { refused: true }; // the bank's last word
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
  return (await reply.json()) as Record<string, unknown>;
}

/** May come twice, with the same callback id: the first decision counts. */
async function askPerson(loan: Loan, callbackId: string): Promise<void> {
  const body = JSON.stringify({ ...loan, callback_id: callbackId });
  const correlated = { correlation_id: { DataType: "String", StringValue: loan.loan_id } };
  await sqs.send(new SendMessageCommand({ QueueUrl: APPROVALS, MessageBody: body, MessageAttributes: correlated }));
}

async function approval(context: DurableContext, loan: Loan): Promise<string> {
  try {
    const inTime = { timeout: APPROVAL, ...patient };
    const decision = await context.waitForCallback("approval", (callback) => askPerson(loan, callback), inTime);
    return JSON.parse(decision).approved ? "approved" : "declined";
  } catch (error) {
    if (error instanceof CallbackTimeoutError) return "expired";
    throw error;
  }
}

async function drawUpPapers(context: DurableContext, loan: Loan): Promise<void> {
  const drawUp = (branch: DurableContext, paper: string) =>
    branch.step(paper, () => ask("PUT", `papers/${loan.loan_id}-${paper}`, loan), patient);
  (await context.map("papers", PAPERS, drawUp, { maxConcurrency: 2 })).throwIfError();
}

/** Runs from its first line after each wait, retry and crash: what may have changed by then is read in a step. */
async function workflow(event: unknown, context: DurableContext): Promise<{ loan: string }> {
  const loan = Loan.parse(event);
  logger.addContext(context.lambdaContext);
  logger.setCorrelationId(loan.loan_id);
  context.configureLogger({ customLogger: logger }); // writes nothing while it only repeats
  context.logger.info("scoring");
  const score = await context.step("score", () => ask("PUT", `scores/${loan.loan_id}`, loan), patient);
  if (Number(score.points) < LEAST) return { loan: "rejected" };
  const answer = await approval(context, loan);
  if (answer !== "approved") return { loan: answer };
  await context.wait("withdrawal", WITHDRAWAL);
  const left = await context.step("withdrawn", () => ask("GET", `withdrawals/${loan.loan_id}`, loan), patient);
  if (left.withdrawn) return { loan: "withdrawn" };
  await drawUpPapers(context, loan);
  context.logger.info("paying");
  const paid = await context.step("payout", () => ask("POST", "payouts", loan), once);
  return { loan: "refused" in paid ? "refused" : "paid" };
}

export const handler = withDurableExecution(workflow);
