// Tells a customer where an order is.
import { Logger } from "@aws-lambda-powertools/logger";
import type { APIGatewayProxyEventV2WithJWTAuthorizer, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda";
import { z } from "zod";
import { read, type State, UnknownOrder } from "./progress";

const SAYS: Record<State, string> = {
  PLACED: "we are charging your card",
  REJECTED: "we cannot sell you this; nothing was charged",
  IN_DOUBT: "your payment is being checked",
  DECLINED: "your card was declined",
  PAID: "paid; we are booking your parcel",
  SHIPPED: "on its way",
  UNSHIPPABLE: "we cannot ship it; your money is on its way back",
  UNREFUNDED: "we cannot ship it; we will call you about your money",
  REFUNDED: "we could not ship it; you have your money back",
};
const NOT_FOUND = { title: "Not Found", detail: "no such order of yours, or placed a moment ago" };

const logger = new Logger();
const Path = z.object({ order_id: z.string().min(1) });

function answer(statusCode: number, body: object): APIGatewayProxyStructuredResultV2 {
  const kind = statusCode === 200 ? "application/json" : "application/problem+json";
  return { statusCode, headers: { "content-type": kind }, body: JSON.stringify(body) };
}

/** Of an order that was placed a moment ago, the stream has not told yet. */
export async function handler(
  event: APIGatewayProxyEventV2WithJWTAuthorizer,
  context: Context,
): Promise<APIGatewayProxyStructuredResultV2> {
  logger.addContext(context);
  logger.setCorrelationId(event.requestContext.requestId);
  const customer = event.requestContext.authorizer.jwt.claims.sub;
  const { order_id } = Path.parse(event.pathParameters);
  logger.info("asked", { order_id });
  try {
    const order = await read(order_id);
    if (order.customer !== customer) return answer(404, NOT_FOUND);
    return answer(200, { order_id, state: order.state, says: SAYS[order.state] });
  } catch (error) {
    if (!(error instanceof UnknownOrder)) throw error;
    return answer(404, NOT_FOUND);
  }
}
