// What the tables of the services hold of an order.
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { DynamoDBRecord } from "aws-lambda";
import { z } from "zod";
import { UnknownOrder } from "./progress";

export const REFUND = "refund-"; // before the order's id: what is given back
export const CHARGED = { DONE: "PAID", REFUSED: "DECLINED", UNKNOWN: "IN_DOUBT" } as const;

export const plain = (record: DynamoDBRecord) =>
  unmarshall(record.dynamodb?.NewImage as Record<string, AttributeValue>);

const text = z.string().min(1);
export const Placed = z.object({
  order_id: text,
  customer: text,
  sku: text,
  quantity: z.number(),
  correlation_id: text,
});
export const Settled = z.object({ payment_id: text, state: z.enum(["DONE", "REFUSED", "UNKNOWN"]) });
export const Shipped = z.object({ data: text });
export const Outcome = z.looseObject({ order_id: text });

/** Whether a record is why something failed, so that it would fail again for ever. */
export const nobodyCanMean = (error: unknown) =>
  [z.ZodError, SyntaxError, TypeError, UnknownOrder].some((kind) => error instanceof kind);
