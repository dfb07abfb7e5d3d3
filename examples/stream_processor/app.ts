// Keeps the newest price of every product; what nobody can read is set aside, an outage only delays.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { ConditionalCheckFailedException, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { DynamoDBDocumentClient, PutCommand } from "@aws-sdk/lib-dynamodb";
import type { Context, KinesisStreamBatchResponse, KinesisStreamEvent, KinesisStreamRecord } from "aws-lambda";
import { z } from "zod";

const PRICES = getStringFromEnv({ key: "PRICES_TABLE" });
const DISCARDED = getStringFromEnv({ key: "DISCARDED_BUCKET" });

const logger = new Logger();
const metrics = new Metrics({ namespace: "Shop" });
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient(aws));
const s3 = new S3Client(aws);

const whole = (text: string) => text.isWellFormed(); // no half of a character
const PriceChanged = z.object({
  sku: z.string().min(1).max(64).refine(whole),
  cents: z.int().min(0).max(1e12), // a number of 39 digits is refused by DynamoDB, at every retry
  version: z.int().min(1).max(1e15), // counted by the producer, for each product
  correlation_id: z.string().default(""),
});
type PriceChanged = z.infer<typeof PriceChanged>;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The change in a record, or why nobody can read it: no retry makes it readable, and its lane need not wait. */
function read({ data }: { readonly data: string }): PriceChanged | Error {
  try {
    return PriceChanged.parse(JSON.parse(utf8.decode(Buffer.from(data, "base64"))));
  } catch (error) {
    return error as Error;
  }
}

/** Write unless as new or newer is there, so repeated, replayed and late records change nothing. */
async function keep({ sku, cents, version, correlation_id }: PriceChanged): Promise<void> {
  logger.setCorrelationId(correlation_id || `${sku}/${version}`);
  logger.debug("taken", { sku, version }); // at INFO, a shard would log as much as it carries
  const change = {
    TableName: PRICES,
    Item: { sku, cents, version },
    ConditionExpression: "attribute_not_exists(sku) OR version < :version",
    ExpressionAttributeValues: { ":version": version },
  };
  try {
    await dynamodb.send(new PutCommand(change));
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    logger.debug("not newer", { sku, version });
  }
}

/** In the form of what Lambda itself discards to the bucket, so that the same command replays it. */
async function setAside(record: KinesisStreamRecord, error: Error): Promise<void> {
  const kept = { payload: JSON.stringify({ Records: [record] }), error: String(error) };
  logger.setCorrelationId(record.eventID); // its own cannot be read
  logger.warn("set aside");
  const Key = `unreadable/${record.kinesis.sequenceNumber}.json`; // a repeat writes the same object
  await s3.send(new PutObjectCommand({ Bucket: DISCARDED, Key, Body: JSON.stringify(kept) }));
  metrics.addMetric("UnreadableRecords", MetricUnit.Count, 1);
  metrics.publishStoredMetrics();
}

/** A passing failure, as in an outage, ends the batch at the record that failed: it and later ones come again. */
export async function handler(event: KinesisStreamEvent, context: Context): Promise<KinesisStreamBatchResponse> {
  logger.addContext(context);
  for (const [position, record] of event.Records.entries()) {
    const { partitionKey: partition_key, sequenceNumber: itemIdentifier } = record.kinesis;
    const change = read(record.kinesis);
    try {
      if (change instanceof Error) await setAside(record, change);
      else await keep(change);
    } catch (error) {
      logger.error("not applied", { error, event_id: record.eventID, partition_key });
      if (position === 0) throw error; // only an error halves the batch, until a record that always fails is alone
      return { batchItemFailures: [{ itemIdentifier }] };
    }
  }
  return { batchItemFailures: [] };
}
