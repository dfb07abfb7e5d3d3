// Publishes every event, or fails and names those that SNS did not take.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { PublishBatchCommand, SNSClient } from "@aws-sdk/client-sns";
import type { Context } from "aws-lambda";
import { z } from "zod";

const TOPIC = getStringFromEnv({ key: "TOPIC_ARN" });
const [ENTRIES, BYTES] = [10, 262_144]; // of one batch; the bytes are those of its entries, attributes included

const logger = new Logger();
const aws = { maxAttempts: 2, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const sns = new SNSClient(aws);

const Event = z.looseObject({ id: z.string().min(1) });
const Wanted = z.object({ events: z.array(Event), correlation_id: z.string().optional() });
type Bodies = Map<string, string>; // by the event's id

export class NotPublished extends Error {
  override readonly name = "NotPublished"; // which Lambda reports; a class alone leaves it "Error"
}

/** In ASCII, so that a character is a byte. */
function ascii(event: z.infer<typeof Event>): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(event).replace(/[\x7f-\uffff]/g, escaped);
}

/** `attributes` is how many bytes of them go with each event. */
function* batches(bodies: Bodies, attributes: number): Generator<Bodies> {
  let [batch, bytes]: [Bodies, number] = [new Map(), 0];
  for (const [id, body] of bodies) {
    const size = attributes + body.length;
    if (batch.size === ENTRIES || (batch.size > 0 && bytes + size > BYTES)) {
      yield batch;
      [batch, bytes] = [new Map(), 0];
    }
    batch.set(id, body);
    bytes += size;
  }
  if (batch.size > 0) yield batch;
}

/** The events of a batch that SNS did not take, with the reason. */
async function refusedOf(batch: Bodies, MessageAttributes: Record<string, { DataType: string; StringValue: string }>) {
  const ids = [...batch.keys()];
  const entries = [...batch.values()].map((Message, n) => ({ Id: String(n), Message, MessageAttributes }));
  try {
    const wanted = new PublishBatchCommand({ TopicArn: TOPIC, PublishBatchRequestEntries: entries });
    const { Failed = [] } = await sns.send(wanted);
    return Failed.map(({ Id, Code }) => [ids[Number(Id)], Code]); // HTTP 200 all the same
  } catch (error) {
    return ids.map((id) => [id, String(error)]); // and on to the next batch
  }
}

/** After an error, publish all of them again: a subscriber knows an event by its id. */
async function publish(events: z.infer<typeof Event>[]): Promise<void> {
  const correlation_id = { DataType: "String", StringValue: String(logger.getCorrelationId()) };
  const attributes = ["correlation_id", ...Object.values(correlation_id)].join("").length;
  const bodies: Bodies = new Map(events.map((event) => [event.id, ascii(event)]));
  const refused = [];
  for (const batch of batches(bodies, attributes)) refused.push(...(await refusedOf(batch, { correlation_id })));
  if (refused.length > 0) throw new NotPublished(JSON.stringify(Object.fromEntries(refused)));
}

export async function handler(event: unknown, context: Context): Promise<void> {
  logger.addContext(context);
  const { events, correlation_id } = Wanted.parse(event);
  logger.setCorrelationId(correlation_id ?? context.awsRequestId);
  logger.info("publishing", { events: events.length });
  await publish(events);
}
