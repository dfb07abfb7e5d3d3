// Charges each payment at most once at a provider without idempotency keys; what nobody can know waits for a human.
import { randomInt, randomUUID } from "node:crypto";
import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { ChangeMessageVisibilityCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import * as ledger from "./ledger";
import { charge, NotCharged } from "./provider";

const PAYMENTS = getStringFromEnv({ key: "PAYMENTS_URL" });
const MARGIN = 30; // seconds that the clocks of two hosts may differ
const LATE = 8; // receives, after 4 to 8 minutes: somebody should know of the outage while it is being outlasted

const logger = new Logger();
const metrics = new Metrics({ namespace: "Shop" });
const sqs = new SQSClient(ledger.aws);
const worker = new BatchProcessor(EventType.SQS);

class Hopeless extends Error {}

function read(body: string): ledger.Payment {
  try {
    return ledger.Payment.parse(JSON.parse(body));
  } catch (error) {
    throw new Hopeless("not a payment", { cause: error });
  }
}

/** The claim stands before the call, for as long as this invocation can live. */
async function pay(payment: ledger.Payment, seconds: number): Promise<void> {
  const holder = randomUUID();
  const wanted = { ...payment, correlation_id: String(logger.getCorrelationId()) }; // for a retry that a human sends
  const entry = await ledger.claim(wanted, holder, Math.floor(Date.now() / 1000 + seconds) + MARGIN);
  if (entry.holder !== holder) return comeSecond(payment, entry);
  try {
    const [state, what] = await charge(payment);
    await ledger.note(payment.payment_id, holder, state, what);
    report(payment, state);
  } catch (error) {
    if (error instanceof NotCharged) await ledger.release(payment, holder);
    throw error;
  }
}

/** Never calls: a live holder may be calling now, a dead one may have charged. */
async function comeSecond(payment: ledger.Payment, { card, cents, state, holder, deadline }: ledger.Entry) {
  if (card !== payment.card || cents !== payment.cents) throw new Hopeless(`other content: ${payment.payment_id}`);
  if (state !== "CLAIMED") return report(payment, state);
  if (deadline >= Date.now() / 1000) throw new Error(`held: ${payment.payment_id}`); // waits: it finds a dead holder
  await ledger.note(payment.payment_id, holder, "UNKNOWN", "its attempt ended without a word");
  report(payment, "UNKNOWN");
}

function report({ payment_id }: ledger.Payment, state: ledger.State): void {
  if (state !== "UNKNOWN") return;
  logger.error("outcome unknown", { payment_id });
  count("PaymentUnknown");
}

function count(name: string): void {
  metrics.addMetric(name, MetricUnit.Count, 1);
  metrics.publishStoredMetrics();
}

/** Returns, and so deletes the message, once the ledger holds an outcome; what is no payment is in the DLQ soon. */
async function settle(record: SQSRecord, context: Context): Promise<void> {
  logger.setCorrelationId(record.messageAttributes.correlation_id?.stringValue ?? record.messageId);
  const receives = Number(record.attributes.ApproximateReceiveCount);
  logger.info("taken", { message_id: record.messageId, receives });
  try {
    await pay(read(record.body), context.getRemainingTimeInMillis() / 1000);
  } catch (error) {
    logger.warn("not settled", { error: error as Error, message_id: record.messageId });
    const hopeless = error instanceof Hopeless;
    if (receives >= LATE && !hopeless) count("PaymentDelayed");
    const step = Math.min(900, 2 * 2 ** receives);
    const visibility = hopeless ? 0 : randomInt(step / 2, step + 1);
    const wait = { ReceiptHandle: record.receiptHandle, VisibilityTimeout: visibility };
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: PAYMENTS, ...wait }));
    throw error;
  }
}

export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  logger.addContext(context);
  const oneByOne = { context, processInParallel: false, throwOnFullBatchFailure: false };
  return processPartialResponse(event, (record: SQSRecord) => settle(record, context), worker, oneByOne);
}
