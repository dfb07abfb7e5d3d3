// Jobs as they are kept: each is its customer's, and the same request twice is one job.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { ConditionalCheckFailedException, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { v5 } from "uuid";

export const TableName = getStringFromEnv({ key: "JOBS_TABLE" });

export const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 2_000 } };
export const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient(aws));
export const now = () => Math.floor(Date.now() / 1000);

export type State = "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED";
export interface Job {
  readonly job_id: string;
  readonly customer: string;
  readonly month: string;
  readonly state: State;
  readonly created: number;
  readonly expires: number;
  readonly lease?: number;
  readonly message?: string;
  readonly reason?: string;
  readonly result?: string;
}

export class KeyReused extends Error {}

async function read(job_id: string): Promise<Job | undefined> {
  const { Item } = await dynamodb.send(new GetCommand({ TableName, Key: { job_id }, ConsistentRead: true }));
  return Item as Job | undefined;
}

/** The id follows from customer and key, so the same request twice is one job. */
export async function create(customer: string, key: string, month: string): Promise<Job> {
  const job_id = v5(`${[...customer].length}:${customer}:${key}`, v5.URL);
  const times = { created: now(), expires: now() + 7 * 86_400 };
  const job: Job = { job_id, customer, month, state: "QUEUED", ...times };
  try {
    const put = { TableName, Item: job, ConditionExpression: "attribute_not_exists(job_id)" };
    await dynamodb.send(new PutCommand(put));
    return job;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    const known = (await find(customer, job_id)) ?? job;
    if (known.month !== month) throw new KeyReused();
    return known;
  }
}

export async function find(customer: string, job_id: string): Promise<Job | undefined> {
  const job = await read(job_id);
  return job?.customer === customer ? job : undefined;
}

/** The message whose delivery runs the job; none when it has not begun, or has ended. */
export async function holder(job_id: string): Promise<string | undefined> {
  const job = await read(job_id);
  return job?.state === "RUNNING" ? job.message : undefined;
}

export function stalled({ state, lease = 0 }: Job): boolean {
  return state === "RUNNING" && lease < Date.now() / 1000;
}
