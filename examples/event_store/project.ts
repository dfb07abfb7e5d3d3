// Keeps the readable balances at what the log says, in whatever order it hears of changes.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { GetCommand, PutCommand, paginateScan } from "@aws-sdk/lib-dynamodb";
import type { Context, DynamoDBBatchResponse } from "aws-lambda";
import { dynamodb, LOG, NEW, replay } from "./ledger";

const BALANCES = getStringFromEnv({ key: "BALANCES_TABLE" });

const logger = new Logger();

/** A batch of the stream; anything else asks for a rebuild. */
type Heard = { readonly Records?: Change[] };

interface Change {
  readonly eventID: string;
  readonly dynamodb: {
    readonly Keys: { card: { S: string } };
    readonly NewImage?: { correlation_id?: { S: string } };
    readonly SequenceNumber: string;
  };
}

interface Rebuilt {
  readonly cards: number;
  readonly unprojected: string[];
}

/** Catch up from the log, which makes a repeated, late or missing record harmless. */
async function project(card: string): Promise<void> {
  const wanted = { TableName: BALANCES, Key: { card }, ConsistentRead: true };
  const { Item: found } = await dynamodb.send(new GetCommand(wanted));
  const { version, cents } = await replay(card, found ? { version: found.version, cents: found.cents } : NEW);
  const change = {
    TableName: BALANCES,
    Item: { card, version, cents },
    ConditionExpression: "attribute_not_exists(card) OR version < :version",
    ExpressionAttributeValues: { ":version": version },
  };
  try {
    await dynamodb.send(new PutCommand(change));
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    logger.debug("up to date", { card });
  }
}

/** The card that changed, under the correlation id of the event, or of the record where it is a mark's. */
function hear({ eventID, dynamodb: { Keys, NewImage } }: Change): string {
  logger.setCorrelationId(NewImage?.correlation_id?.S ?? eventID);
  logger.info("taken", { keys: Keys });
  return Keys.card.S;
}

/** Project every card of the log, after balances were deleted or given up; one that fails stops no other. */
async function rebuild(): Promise<Rebuilt> {
  logger.removeKeys(["correlation_id"]); // it is nobody's request
  const cards = new Set<string>();
  for await (const page of paginateScan({ client: dynamodb }, { TableName: LOG, ProjectionExpression: "card" })) {
    for (const each of page.Items ?? []) cards.add(each.card);
  }
  const unprojected: string[] = [];
  for (const card of [...cards].sort()) {
    try {
      await project(card);
    } catch (error) {
      logger.error("not projected", { card, error });
      unprojected.push(card);
    }
  }
  return { cards: cards.size, unprojected };
}

export async function handler(event: Heard, context: Context): Promise<DynamoDBBatchResponse | Rebuilt> {
  logger.addContext(context);
  if (!event.Records) return rebuild();
  for (const [position, change] of event.Records.entries()) {
    try {
      await project(hear(change));
    } catch (error) {
      logger.error("not projected", { change, error });
      if (position === 0) throw error; // only an error halves the batch, until the bad card is alone and gives up alone
      return { batchItemFailures: [{ itemIdentifier: change.dynamodb.SequenceNumber }] };
    }
  }
  return { batchItemFailures: [] };
}
