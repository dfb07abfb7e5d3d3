// Keeps one row of a price list, unless a newer list was there first; refuses what is no price.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { ConditionalCheckFailedException, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import type { Context } from "aws-lambda";
import { z } from "zod";

const PRICES = getStringFromEnv({ key: "PRICES_TABLE" });

const logger = new Logger();
const metrics = new Metrics({ namespace: "Shop" });
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const dynamodb = new DynamoDBClient(aws);

/** All text, as Step Functions reads CSV: what a row lacks is empty there, and what it has too much is left out. */
const Row = z.object({
  sku: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  cents: z.string().regex(/^[0-9]{1,9}$/),
  currency: z.string().regex(/^[A-Z]{3}$/), // last, so that of `mug,9,90,EUR` no price is read
});
const Line = z.object({
  list: z.string().min(1),
  version: z.string().regex(/^[0-9A-F]{32}$/),
  row: Row,
});
type Line = z.infer<typeof Line>;

/** A repeat writes the same; a late list changes no newer price. Answers why a row is refused. */
async function keep({ list, version, row }: Line): Promise<string | null> {
  const price = { version: { S: version }, cents: { N: row.cents }, currency: { S: row.currency } };
  const same = "version = :version AND cents = :cents AND currency = :currency";
  const put = new PutItemCommand({
    TableName: PRICES,
    Item: { sku: { S: row.sku }, list: { S: list }, ...price },
    ConditionExpression: `attribute_not_exists(sku) OR version < :version OR (${same})`,
    ExpressionAttributeValues: { ":version": price.version, ":cents": price.cents, ":currency": price.currency },
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  });
  try {
    await dynamodb.send(put);
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    if (error.Item?.version?.S === version) return `${row.sku} has two prices in this list`;
    logger.debug("not newer", { sku: row.sku });
  }
  return null;
}

/** `refused` makes the row one of the failures that the state machine counts; what is thrown it tries again. */
export async function handler(event: { correlation_id?: string }, context: Context): Promise<{ refused?: string }> {
  logger.addContext(context);
  logger.setCorrelationId(event.correlation_id);
  logger.debug("taken"); // at INFO, a list of a million rows would be a million lines
  const line = Line.safeParse(event);
  const refused = line.success ? await keep(line.data) : z.prettifyError(line.error);
  if (refused === null) return {};
  logger.warn("refused", { why: refused });
  metrics.addMetric("RowRefused", MetricUnit.Count, 1);
  metrics.publishStoredMetrics();
  return { refused };
}
