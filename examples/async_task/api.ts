// Takes a job in a second, and tells how it stands.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Context } from "aws-lambda";
import { z } from "zod";
import { aws, create, find, type Job, KeyReused, stalled } from "./jobs";
import { cancel } from "./moves";
import { type Answer, answer, json, Problem, type Request, shown } from "./views";

const QUEUE = getStringFromEnv({ key: "TASKS_URL" });

const logger = new Logger();
const sqs = new SQSClient(aws);

const Key = z.string().min(1).max(255);
const Id = z.guid().toLowerCase();
const Report = z.strictObject({ month: z.string().regex(/^20\d\d-(0[1-9]|1[0-2])$/) });

/** What a schema makes of a part of the request. Throws a Problem. */
function valid<T>(schema: z.ZodType<T>, value: unknown): T {
  const { data, error } = schema.safeParse(value);
  if (error) throw new Problem(422, z.prettifyError(error));
  return data;
}

function caller({ requestContext }: Request): string {
  return String(requestContext.authorizer.jwt.claims.sub);
}

async function mine(request: Request, id: string): Promise<Job> {
  const job = await find(caller(request), valid(Id, id));
  if (!job) throw new Problem(404, "no such job of yours");
  return job;
}

async function created(request: Request, key: string, month: string): Promise<Job> {
  try {
    return await create(caller(request), key, month);
  } catch (error) {
    if (!(error instanceof KeyReused)) throw error;
    throw new Problem(409, "this Idempotency-Key was used for another report");
  }
}

/** Record first, then queue: a crash between is mended by the caller's retry, and so is a worker's death. */
async function submit(request: Request): Promise<Answer> {
  const { month } = valid(Report, json(request));
  const job = await created(request, valid(Key, request.headers?.["idempotency-key"]), month);
  const { job_id } = job;
  if (job.state === "QUEUED" || stalled(job)) {
    logger.info("queueing", { job_id });
    const correlation_id = { DataType: "String", StringValue: String(logger.getCorrelationId()) };
    const message = { QueueUrl: QUEUE, MessageBody: JSON.stringify({ job_id, month }) };
    await sqs.send(new SendMessageCommand({ ...message, MessageAttributes: { correlation_id } }));
  }
  return answer(202, await shown(job), { Location: `/jobs/${job_id}`, "Retry-After": "5" });
}

/** Stops what has not ended; a running worker notices at its next step. */
async function stop(request: Request, id: string): Promise<Answer> {
  const { job_id } = await mine(request, id);
  if (!(await cancel(job_id, "cancelled by its owner"))) throw new Problem(409, "the job has ended");
  return answer(200, await shown(await mine(request, id)));
}

async function route(request: Request): Promise<Answer> {
  const { method } = request.requestContext.http;
  const [, id] = /^\/jobs\/([^/]+)$/.exec(request.rawPath) ?? [];
  if (method === "GET" && id) return answer(200, await shown(await mine(request, id)));
  if (method === "DELETE" && id) return stop(request, id);
  if (method === "POST" && request.rawPath === "/jobs") return submit(request);
  throw new Problem(404, "nothing is here");
}

export async function handler(event: Request, context: Context): Promise<Answer> {
  logger.addContext(context);
  logger.setCorrelationId(event.requestContext.requestId);
  return route(event).catch((error) => {
    if (!(error instanceof Problem)) throw error; // a 500, and Lambda counts an error
    return error.answer();
  });
}
