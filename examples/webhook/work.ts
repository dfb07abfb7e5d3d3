// Applies each webhook once, in the provider's order and not in the order of arrival.
import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { Logger } from "@aws-lambda-powertools/logger";
import { ConditionalCheckFailedException, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { z } from "zod";

const BODIES = getStringFromEnv({ key: "BODIES_BUCKET" });
const PAYMENTS = getStringFromEnv({ key: "PAYMENTS_TABLE" });

const logger = new Logger();
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const dynamodb = new DynamoDBClient(aws);
const s3 = new S3Client(aws);
const worker = new BatchProcessor(EventType.SQS);
const persistenceStore = new DynamoDBPersistenceLayer({ tableName: PAYMENTS, awsSdkV3Client: dynamodb });
const once = { eventKeyJmesPath: "id", throwOnNoIdempotencyKey: true, expiresAfterSeconds: 2_592_000 };
const config = new IdempotencyConfig(once);

const Text = z.string().refine((text) => text.isWellFormed()); // half a character is refused, and what is not UTF-8
const Message = z.union([z.object({ key: Text }), z.object({ body: Text })]);
const PaymentChanged = z.object({ id: Text.min(1), payment: Text.min(1), version: z.int(), status: Text });
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The id stops a repeat; the version stops what a later event overtook, or a dead attempt already wrote. */
async function put({ payment, version, status }: z.infer<typeof PaymentChanged>): Promise<void> {
  const change = {
    TableName: PAYMENTS,
    Item: { id: { S: payment }, version: { N: `${version}` }, status: { S: status } },
    ConditionExpression: "attribute_not_exists(id) OR version < :version",
    ExpressionAttributeValues: { ":version": { N: `${version}` } },
  };
  try {
    await dynamodb.send(new PutItemCommand(change));
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}

export const apply = makeIdempotent(put, { persistenceStore, config, keyPrefix: "webhook" });

async function fetched(key: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: BODIES, Key: key }));
  return utf8.decode(await Body?.transformToByteArray());
}

async function work(record: SQSRecord): Promise<void> {
  logger.setCorrelationId(record.messageAttributes.correlation_id?.stringValue ?? record.messageId);
  logger.info("taken", { message_id: record.messageId });
  const message = Message.parse(JSON.parse(record.body));
  const text = "key" in message ? await fetched(message.key) : message.body;
  await apply(PaymentChanged.parse(JSON.parse(text)));
}

export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  logger.addContext(context);
  config.registerLambdaContext(context); // an attempt that times out then expires, and does not block its retries
  const oneByOne = { context, processInParallel: false, throwOnFullBatchFailure: false }; // by default all at once
  return processPartialResponse(event, work, worker, oneByOne);
}
