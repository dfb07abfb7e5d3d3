// Does each due job once, however often Scheduler delivers it, and leaves out what comes too late.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import type { Context } from "aws-lambda";
import { z } from "zod";
import { withOffset } from "./zones";

const CARRIER = getStringFromEnv({ key: "CARRIER_URL" });
const LIMITS = { pickups: 6 * 3_600_000, notices: 3_600_000 }; // milliseconds; later, the van has left

const logger = new Logger();
const metrics = new Metrics({ namespace: "Shop" });
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
const tableName = getStringFromEnv({ key: "DONE_TABLE" });
const persistenceStore = new DynamoDBPersistenceLayer({ tableName, clientConfig: aws });
const config = new IdempotencyConfig({ expiresAfterSeconds: 2_592_000 });

const Job = z.looseObject({
  job: z.enum(["pickups", "notices"]),
  id: z.string().min(1),
  at: z.iso.datetime({ local: true, offset: true }), // Scheduler's own, or the time on a clock of `zone`
  zone: z.string().optional(),
});
const ON_A_CLOCK = /T[\d:]+$/;
type Job = z.infer<typeof Job>;

/** A death after this call repeats it; the carrier dedupes by our key. */
async function call(key: string, job: Job): Promise<string> {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
  const signal = AbortSignal.timeout(4_000); // for all of it; fetch alone would wait minutes, and follow a redirect
  const asked = { method: "POST", headers, body: JSON.stringify(job), redirect: "manual", signal } as const;
  const reply = await fetch(`${CARRIER}/${job.job}`, asked);
  const answer = await reply.text();
  if (!reply.ok) throw new Error(`carrier said ${reply.status}`);
  return JSON.stringify(JSON.parse(answer)); // as text: DynamoDB refuses numbers that JSON has, and it is ordered
}

const order = makeIdempotent(call, { persistenceStore, config, keyPrefix: "job", dataIndexArgument: 0 });

/** The scheduled time makes the key, not the clock: a retry after midnight is still last night's run. */
export async function handler(event: unknown, context: Context): Promise<void> {
  logger.addContext(context);
  config.registerLambdaContext(context); // an attempt that times out then expires, and does not block its retries
  const job = Job.parse(event);
  logger.setCorrelationId(job.id);
  logger.info("taken", { due: job.at });
  const due = ON_A_CLOCK.test(job.at) ? withOffset(job.at, job.zone ?? "") : job.at.replace(/Z$/, "+00:00");
  const inTime = Date.now() - Date.parse(due) <= LIMITS[job.job];
  if (inTime) await order(`${job.id}/${due}`, job);
  else logger.warn("left out, too late", { due: job.at });
  metrics.addMetric(job.job, MetricUnit.Count, Number(inTime));
  metrics.publishStoredMetrics();
}
