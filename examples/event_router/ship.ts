// Opens one shipment for each order placed, however often its event arrives.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { ConditionalCheckFailedException, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, PutCommand } from "@aws-sdk/lib-dynamodb";
import type { Context, EventBridgeEvent } from "aws-lambda";
import { z } from "zod";

const SHIPMENTS = getStringFromEnv({ key: "SHIPMENTS_TABLE" });

const logger = new Logger();
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient(aws));

const Text = z.string().min(1);
const whole = (text: string) => text.isWellFormed(); // no half of a character
const OrderPlaced = z.object({
  metadata: z.object({
    event_id: Text.max(128).refine(whole),
    version: z.literal(1), // no other is half-read; fields that are not named here may be added without a new one
    correlation_id: z.string().catch(""),
  }),
  data: z.object({ order_id: Text.max(64).refine(whole) }),
});

export async function handler(event: EventBridgeEvent<"OrderPlaced", unknown>, context: Context): Promise<void> {
  logger.addContext(context);
  const { metadata, data } = OrderPlaced.parse(event.detail);
  const { event_id } = metadata;
  logger.setCorrelationId(metadata.correlation_id || event.id);
  logger.info("taken", { event_id });
  const shipment = {
    TableName: SHIPMENTS,
    Item: { event_id, order_id: data.order_id, status: "OPEN" },
    ConditionExpression: "attribute_not_exists(event_id)",
  };
  try {
    await dynamodb.send(new PutCommand(shipment));
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    logger.info("already open", { event_id });
  }
}
