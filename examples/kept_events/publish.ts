// Publishes the events of orders, those of one order one after the other: none goes ahead of one that was refused.
import { setTimeout } from "node:timers/promises";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { EventBridgeV2Client, PutEventsCommand } from "@aws-sdk/client-eventbridgev2";
import type { Context } from "aws-lambda";
import { z } from "zod";

const BUS = getStringFromEnv({ key: "BUS_ARN" });
const MAY_PASS = new Set(["InternalException", "InternalFailure", "ThrottlingException"]);
const ENTRIES = 100; // of a request, at most

const logger = new Logger();
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const bus = new EventBridgeV2Client(aws);

const Happened = z.object({
  order_id: z.string().min(1).max(64),
  number: z.int().min(1).lt(1e9), // counts the order's events, and is given where they are made
  kind: z.enum(["OrderPlaced", "OrderAmended", "OrderPaid"]),
  cents: z.int().min(0).max(1e9),
});
type Happened = z.infer<typeof Happened>;
const Wanted = z.object({ events: z.array(Happened), correlation_id: z.string().default("") });

export class NotPublished extends Error {
  override readonly name = "NotPublished"; // which Lambda reports; a class alone leaves it "Error"
}

/** The ids are the producer's own: within 5 minutes the bus knows a repeat, and later the consumer does. */
function entry({ order_id, number, kind, cents }: Happened) {
  const metadata = { version: 1, number, correlation_id: logger.getCorrelationId() };
  const Detail = JSON.stringify({ metadata, data: { order_id, cents } });
  const SystemMetadata = { EventGroupId: order_id, DeduplicationId: `${order_id}-${number}` };
  return { Source: "shop.orders", DetailType: kind, Detail, SystemMetadata };
}

/** The code of each order whose event is not on the bus; DEDUPLICATED is there already, and no error. */
async function refused(events: Happened[]): Promise<Map<string, string>> {
  const { Entries: answers = [] } = await bus.send(
    new PutEventsCommand({ EventBusArn: BUS, Entries: events.map(entry) }), // 200, although entries may have failed
  );
  return new Map(
    events.flatMap(({ order_id }, n) => {
      const { ErrorCode: code } = answers[n] ?? { ErrorCode: "NoAnswer" };
      return code ? [[order_id, code] as const] : [];
    }),
  );
}

/** In each request the next event of each order. An order whose event is refused for good goes no further. */
async function publish(events: Happened[], attempts = 4): Promise<void> {
  const waiting = new Map<string, Happened[]>();
  for (const event of events.toSorted((one, other) => one.number - other.number)) {
    waiting.set(event.order_id, [...(waiting.get(event.order_id) ?? []), event]);
  }
  const hopeless: string[] = [];
  for (let failures = 0; waiting.size > 0 && failures < attempts; ) {
    const now = [...waiting.values()].slice(0, ENTRIES).map(([first]) => first as Happened);
    const codes = await refused(now);
    for (const { order_id } of now) {
      const code = codes.get(order_id);
      if (code && !MAY_PASS.has(code)) hopeless.push(`${order_id}: ${code}`);
      if (!code) waiting.get(order_id)?.shift();
      if ((code && !MAY_PASS.has(code)) || waiting.get(order_id)?.length === 0) waiting.delete(order_id);
    }
    if ([...codes.values()].some((code) => MAY_PASS.has(code))) {
      failures += 1;
      await setTimeout(Math.random() * 100 * 2 ** failures);
    }
  }
  if (hopeless.length === 0 && waiting.size === 0) return;
  throw new NotPublished(`${waiting.size} orders after ${attempts} attempts, for good: ${JSON.stringify(hopeless)}`);
}

export async function handler(event: unknown, context: Context): Promise<void> {
  logger.addContext(context);
  const { events, correlation_id } = Wanted.parse(event);
  logger.setCorrelationId(correlation_id || context.awsRequestId);
  logger.info("publishing", { events: events.length });
  await publish(events);
}
