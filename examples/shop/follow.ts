// Follows each order through the services' tables, and sends the command that comes next: charge, ship, refund.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Context, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import type { z } from "zod";
import { advance, aws, begin, type Order, type State } from "./progress";
import { quote } from "./quote";
import { CHARGED, nobodyCanMean, Outcome, Placed, plain, REFUND, Settled, Shipped } from "./records";

const PAYMENTS = getStringFromEnv({ key: "PAYMENTS_URL" });
const SHIPPING = getStringFromEnv({ key: "SHIPPING_URL" });
const REFUNDS = getStringFromEnv({ key: "REFUNDS_URL" });
const LEFT_BEHIND = getStringFromEnv({ key: "LEFT_BEHIND_URL" });

const logger = new Logger();
const metrics = new Metrics({ namespace: "Shop" });
const sqs = new SQSClient(aws);

async function command(QueueUrl: string, order: Order, body: object): Promise<void> {
  const MessageAttributes = { correlation_id: { DataType: "String", StringValue: order.correlation_id } };
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(body), MessageAttributes }));
}

/** Whether it is in this state, by this delivery or an earlier one, which may have died before its command. */
function nowIn(state: State, order: Order): boolean {
  logger.setCorrelationId(order.correlation_id);
  logger.info("moved", { order_id: order.order_id, state: order.state });
  if (order.state === state && (state === "REJECTED" || state === "UNREFUNDED")) {
    metrics.addMetric("OrderNeedsHelp", MetricUnit.Count, 1);
    metrics.publishStoredMetrics();
  }
  return order.state === state;
}

async function placed(item: z.infer<typeof Placed>): Promise<void> {
  const order = await begin(await quote(item));
  const payment = { payment_id: order.order_id, card: order.card, cents: order.cents };
  if (order.state === "REJECTED") nowIn("REJECTED", order);
  else if (nowIn("PLACED", order)) await command(PAYMENTS, order, payment);
}

/** A payment or a refund came to an end; of a refund that is in doubt, the alarm of its ledger tells. */
async function settled({ payment_id, state }: z.infer<typeof Settled>): Promise<void> {
  if (payment_id.startsWith(REFUND)) {
    const ended = state === "DONE" ? "REFUNDED" : "UNREFUNDED";
    if (state !== "UNKNOWN") nowIn(ended, await advance(payment_id.slice(REFUND.length), ended));
    return;
  }
  const order = await advance(payment_id, CHARGED[state]);
  const parcel = { order_id: payment_id, address: order.address };
  if (nowIn(CHARGED[state], order) && order.state === "PAID") await command(SHIPPING, order, parcel);
}

/** Booked; or refused by the carrier, or given up by us, and then the charge goes back. */
async function shipped({ data }: z.infer<typeof Shipped>): Promise<void> {
  const outcome = Outcome.parse(JSON.parse(data));
  const ended = "booked" in outcome ? "SHIPPED" : "UNSHIPPABLE";
  const order = await advance(outcome.order_id, ended);
  const payment = { payment_id: REFUND + order.order_id, card: order.card, cents: order.cents };
  if (nowIn(ended, order) && ended === "UNSHIPPABLE") await command(REFUNDS, order, payment);
}

async function follow(record: DynamoDBRecord): Promise<void> {
  const item = plain(record);
  logger.setCorrelationId(item.correlation_id ?? record.eventID); // the order's own, once that is known
  if ("payment_id" in item) await settled(Settled.parse(item));
  else if ("sku" in item) await placed(Placed.parse(item));
  else await shipped(Shipped.parse(item));
}

/** In order: a record that fails comes again with all behind it; one that nobody can mean holds up none. */
export async function handler(event: DynamoDBStreamEvent, context: Context): Promise<DynamoDBBatchResponse> {
  logger.addContext(context);
  for (const [position, record] of event.Records.entries()) {
    try {
      await follow(record);
    } catch (error) {
      logger.error("not followed", { record, error });
      const [body, itemIdentifier] = [JSON.stringify({ Records: [record] }), record.dynamodb?.SequenceNumber ?? ""];
      if (nobodyCanMean(error)) await sqs.send(new SendMessageCommand({ QueueUrl: LEFT_BEHIND, MessageBody: body }));
      else if (position === 0)
        throw error; // only an error halves the batch
      else return { batchItemFailures: [{ itemIdentifier }] };
    }
  }
  return { batchItemFailures: [] };
}
