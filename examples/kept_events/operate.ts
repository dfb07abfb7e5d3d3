// Pauses the subscriber, lets it go on, reads kept events again by a second one, and ends that when none is missing.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  CreateSubscriberCommand,
  DeleteSubscriberCommand,
  DescribeSubscriberCommand,
  EventBridgeV2Client,
  UpdateSubscriberCommand,
} from "@aws-sdk/client-eventbridgev2";
import { DynamoDBDocumentClient, paginateScan } from "@aws-sdk/lib-dynamodb";
import type { Context } from "aws-lambda";
import { z } from "zod";

const BUS = getStringFromEnv({ key: "BUS_ARN" });
const SUBSCRIBER = getStringFromEnv({ key: "SUBSCRIBER_ARN" });
const ORDERS = getStringFromEnv({ key: "ORDERS_TABLE" });

const logger = new Logger();
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 5_000 } };
const bus = new EventBridgeV2Client(aws);
const client = DynamoDBDocumentClient.from(new DynamoDBClient(aws));

const by = z.string().min(1);
const Command = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("PAUSE"), by }),
  z.strictObject({ do: z.literal("RESUME"), by }),
  z.strictObject({ do: z.literal("READ_AGAIN"), by, since: z.iso.datetime({ offset: true }) }), // before what is missing
  z.strictObject({ do: z.literal("END_READER"), by, reader: z.string().min(1) }), // what READ_AGAIN answered
]);

/** Asked twice it is the same reader: the name and the token are made of the time. */
async function readAgain(since: Date): Promise<object> {
  const first = await bus.send(new DescribeSubscriberCommand({ SubscriberArn: SUBSCRIBER }));
  const { Type, FilterConfiguration, BatchConfiguration, Transformer, InvokeConfiguration } = first;
  const { RetryPolicy, OnFailureConfiguration, LogConfiguration } = first;
  const filtered = { Type, FilterConfiguration, BatchConfiguration, Transformer, InvokeConfiguration };
  const alike = { ...filtered, RetryPolicy, OnFailureConfiguration, LogConfiguration };
  const Name = `${first.Name}-again-${since.toISOString().slice(0, 19).replace(/[-:]/g, "")}`;
  const place = { PointType: "TIMESTAMP", StartingPoint: since } as const;
  const start = { StartingPosition: "POINT_IN_TIME", PointInTimeConfiguration: place } as const;
  const asked = { EventBusArn: BUS, Name, ClientToken: Name.slice(-64), ...alike, ...start };
  return { reader: (await bus.send(new CreateSubscriberCommand(asked))).SubscriberArn };
}

/** Orders that wait for an event before one that came. */
async function missing(): Promise<string[]> {
  const FilterExpression = "awaited > #number";
  const scan = { TableName: ORDERS, ConsistentRead: true, FilterExpression };
  const found: string[] = [];
  for await (const page of paginateScan({ client }, { ...scan, ExpressionAttributeNames: { "#number": "number" } })) {
    for (const item of page.Items ?? []) found.push(item.order_id);
  }
  return found.sort();
}

/** Only once no order lacks an event: what the reader still has to bring comes from nowhere else. */
async function end(reader: string): Promise<object> {
  const orders = await missing();
  if (orders.length) return { reader, refused: `${orders.length} orders lack an event`, orders: orders.slice(0, 10) };
  try {
    await bus.send(new DeleteSubscriberCommand({ SubscriberArn: reader }));
  } catch (error) {
    if ((error as Error).name !== "ResourceNotFoundException") throw error;
    logger.info("ended before");
  }
  return { reader };
}

export async function handler(event: unknown, context: Context): Promise<object> {
  logger.addContext(context);
  const command = Command.parse(event);
  logger.setCorrelationId(context.awsRequestId);
  logger.info("asked", { do: command.do, by: command.by });
  if (command.do === "READ_AGAIN") return readAgain(new Date(command.since));
  if (command.do === "END_READER") return end(command.reader);
  // goes on where it stopped, at LAST_PROCESSED, unless a ResumePosition says LATEST
  const State = command.do === "PAUSE" ? "STOPPED" : "RUNNING";
  const { State: state } = await bus.send(new UpdateSubscriberCommand({ SubscriberArn: SUBSCRIBER, State }));
  return { state };
}
