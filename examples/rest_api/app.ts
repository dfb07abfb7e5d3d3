// Orders over HTTP: a clear contract, no leaks, safe retries.
//
// Powertools' router for TypeScript makes a Request of the event, which throws for a GET with a body: a caller could
// cause 500s, and page somebody. Three routes need no router.
import { Logger } from "@aws-lambda-powertools/logger";
import type { Context } from "aws-lambda";
import { z } from "zod";
import { find, KeyReused, NewOrder, page, place } from "./orders";
import { type Answer, answer, header, json, Problem, type Request, valid } from "./problems";

const logger = new Logger();

const Key = z.string().min(1).max(255);
const Id = z.guid().toLowerCase();
const Limit = z
  .string()
  .regex(/^\d{1,3}$/)
  .transform(Number)
  .pipe(z.int().min(1).max(100));
const Query = z.object({ limit: Limit.default(20), after: Id.optional() });

function caller({ requestContext }: Request): string {
  return String(requestContext.authorizer.jwt.claims.sub);
}

async function placeOrder(request: Request): Promise<Answer> {
  const key = valid(Key, header(request, "idempotency-key"), "idempotency-key");
  const order = valid(NewOrder, json(request), "body");
  try {
    const placed = await place(caller(request), key, order, String(logger.getCorrelationId()));
    logger.info("placed", { order_id: placed.order_id });
    return answer(201, placed, { Location: `/orders/${placed.order_id}` });
  } catch (error) {
    if (!(error instanceof KeyReused)) throw error;
    throw new Problem(409, { detail: "this Idempotency-Key was used for another order" });
  }
}

async function showOrder(request: Request, given: string): Promise<Answer> {
  const order = await find(caller(request), valid(Id, given, "path"));
  if (!order) throw new Problem(404, { detail: "no such order of yours" });
  return answer(200, order);
}

async function listOrders(request: Request): Promise<Answer> {
  const { limit, after } = valid(Query, request.queryStringParameters ?? {}, "query");
  return answer(200, await page(caller(request), limit, after));
}

async function route(request: Request): Promise<Answer> {
  const { method } = request.requestContext.http;
  const [, id] = /^\/orders\/([^/]+)$/.exec(request.rawPath) ?? [];
  if (method === "GET" && id) return showOrder(request, id);
  if (method === "GET" && request.rawPath === "/orders") return listOrders(request);
  if (method === "POST" && request.rawPath === "/orders") return placeOrder(request);
  throw new Problem(404);
}

export async function handler(event: Request, context: Context): Promise<Answer> {
  logger.addContext(context);
  logger.setCorrelationId(event.requestContext.requestId);
  try {
    return await route(event);
  } catch (error) {
    if (error instanceof Problem) return error.answer();
    logger.error("unforeseen", { error }); // the whole story stays in the log
    return new Problem(500).answer();
  }
}
