// Publishes to the bus: what it may yet take is sent again, and what it never will is an error.
import { setTimeout } from "node:timers/promises";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import type { Context } from "aws-lambda";
import { z } from "zod";

const BUS = getStringFromEnv({ key: "BUS_NAME" });
const MAY_PASS = new Set(["InternalFailure", "ThrottlingException"]);
const LARGEST = 1_000_000; // bytes of one request's entries, of which there may be ten

const logger = new Logger();
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const events = new EventBridgeClient(aws);

const Order = z.looseObject({ order_id: z.string().min(1) });
const Wanted = z.object({ orders: z.array(Order), correlation_id: z.string().optional() });

export class NotPublished extends Error {
  override readonly name = "NotPublished"; // which Lambda reports; a class alone leaves it "Error"
}

/** The id is the producer's own and the same on every attempt; the bus gives each attempt another `id`. */
function entry(DetailType: string, event_id: string, data: object) {
  const metadata = { event_id, version: 1, correlation_id: logger.getCorrelationId() };
  return { EventBusName: BUS, Source: "shop.orders", DetailType, Detail: JSON.stringify({ metadata, data }) };
}

type Entry = ReturnType<typeof entry>;
type Failure = { readonly entry: Entry; readonly code: string };

function* requests(entries: Entry[]): Generator<Entry[]> {
  let [batch, bytes]: [Entry[], number] = [[], 0];
  for (const each of entries) {
    const size = Buffer.byteLength(each.Source + each.DetailType + each.Detail);
    if (size >= LARGEST) throw new NotPublished(`${size} bytes in one event: send a pointer to S3 instead`);
    if (batch.length === 10 || bytes + size >= LARGEST) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(each);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** 200, although single entries may have failed. */
async function refused(batch: Entry[]): Promise<Failure[]> {
  const { Entries: answers = [] } = await events.send(new PutEventsCommand({ Entries: batch }));
  return batch.flatMap((entry, n) => {
    const { ErrorCode: code } = answers[n] ?? { ErrorCode: "NoAnswer" };
    return code ? [{ entry, code }] : [];
  });
}

/** What has any other code would be refused again: an error at once, although the others are published. */
async function publish(entries: Entry[], attempts = 4): Promise<void> {
  const hopeless: string[] = [];
  for (let attempt = 0; ; attempt++) {
    const failures: Failure[] = [];
    for (const batch of [...requests(entries)]) failures.push(...(await refused(batch))); // all cut before one is sent
    const lost = failures.filter(({ code }) => !MAY_PASS.has(code));
    hopeless.push(...lost.map(({ entry, code }) => `${code}: ${entry.Detail.slice(0, 80)}`));
    entries = failures.filter(({ code }) => MAY_PASS.has(code)).map(({ entry }) => entry);
    if (entries.length === 0 || attempt === attempts - 1) break;
    await setTimeout(Math.random() * 100 * 2 ** attempt);
  }
  if (hopeless.length === 0 && entries.length === 0) return;
  const many = `${entries.length} events after ${attempts} attempts, ${hopeless.length} at once`;
  throw new NotPublished(`${many}: ${JSON.stringify(hopeless)}`);
}

export async function handler(event: unknown, context: Context): Promise<void> {
  logger.addContext(context);
  const { orders, correlation_id } = Wanted.parse(event);
  logger.setCorrelationId(correlation_id ?? context.awsRequestId);
  logger.info("publishing", { events: orders.length });
  await publish(orders.map((order) => entry("OrderPlaced", `placed-${order.order_id}`, order)));
}
