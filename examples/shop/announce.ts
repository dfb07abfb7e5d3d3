// Announces each state that an order comes to on the bus, as OrderPaid for instance: its stream is the outbox.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { Context, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import { z } from "zod";

const BUS = getStringFromEnv({ key: "BUS_NAME" });
const LEFT_BEHIND = getStringFromEnv({ key: "LEFT_BEHIND_URL" });
const MAY_PASS = new Set(["InternalFailure", "ThrottlingException"]); // the only codes of a refused entry that do

const logger = new Logger();
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const events = new EventBridgeClient(aws);
const sqs = new SQSClient(aws);

const Order = z.object({
  order_id: z.string(),
  state: z.string(),
  correlation_id: z.string(),
  sku: z.string().optional(),
  email: z.string().optional(),
  country: z.string().optional(),
  cents: z.number().optional(),
});

class NotAnnounced extends Error {
  override readonly name = "NotAnnounced";
}

async function setAside(record: DynamoDBRecord, why: string): Promise<void> {
  logger.error("set aside", { record, why });
  const MessageBody = JSON.stringify({ Records: [record], why });
  await sqs.send(new SendMessageCommand({ QueueUrl: LEFT_BEHIND, MessageBody }));
}

/** No card and no address: whoever hears it asks by the order's id. An order comes to each state once. */
function entry(record: DynamoDBRecord) {
  const order = Order.parse(unmarshall(record.dynamodb?.NewImage as Record<string, AttributeValue>));
  const { order_id, state, correlation_id, sku, email, country, cents } = order;
  logger.setCorrelationId(correlation_id);
  logger.info("announcing", { order_id, state });
  const data = { order_id, sku, email, country, total: cents === undefined ? undefined : cents / 100 };
  const metadata = { event_id: `${state.toLowerCase()}-${order_id}`, version: 1, correlation_id };
  const kind = state.toLowerCase().replace(/(?:^|_)(\w)/g, (_, first: string) => first.toUpperCase());
  const Detail = JSON.stringify({ metadata, data });
  return { EventBusName: BUS, Source: "shop.orders", DetailType: `Order${kind}`, Detail };
}

/** Those of the records that can be announced, with their entries; a mapping of ten is one request. */
async function readable(records: DynamoDBRecord[]) {
  const known: { record: DynamoDBRecord; entry: ReturnType<typeof entry> }[] = [];
  for (const record of records) {
    try {
      known.push({ record, entry: entry(record) });
    } catch (error) {
      await setAside(record, String(error));
    }
  }
  return known;
}

/** Stop at what the bus may take later, so that it comes again with all behind it; set aside what it never will. */
export async function handler(event: DynamoDBStreamEvent, context: Context): Promise<DynamoDBBatchResponse> {
  logger.addContext(context);
  const known = await readable(event.Records);
  const Entries = known.map((each) => each.entry);
  const { Entries: answers = [] } = known.length ? await events.send(new PutEventsCommand({ Entries })) : {};
  for (const [at, { record }] of known.entries()) {
    const code = answers[at]?.ErrorCode;
    if (code && MAY_PASS.has(code)) {
      if (record === event.Records[0]) throw new NotAnnounced(code); // named, it would take the whole batch along
      return { batchItemFailures: [{ itemIdentifier: record.dynamodb?.SequenceNumber ?? "" }] };
    }
    if (code) await setAside(record, code);
  }
  return { batchItemFailures: [] };
}
