// What the owner of a job gets to see, and what is wrong with a request.
import { STATUS_CODES } from "node:http";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { APIGatewayProxyEventV2WithJWTAuthorizer, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { aws, type Job, stalled } from "./jobs";

const RESULTS = getStringFromEnv({ key: "RESULTS_BUCKET" });

const s3 = new S3Client(aws);
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export type Request = APIGatewayProxyEventV2WithJWTAuthorizer;
export type Answer = APIGatewayProxyStructuredResultV2;

export function answer(statusCode: number, body: object, headers: Record<string, string> = {}): Answer {
  return { statusCode, headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) };
}

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
  ) {
    super(STATUS_CODES[status]);
  }

  answer(): Answer {
    const body = { type: "about:blank", title: this.message, status: this.status, detail: this.detail };
    return answer(this.status, body, { "Content-Type": "application/problem+json" });
  }
}

/** The JSON of a request. Throws a Problem for what nobody can read. */
export function json({ headers, body, isBase64Encoded }: Request): unknown {
  const kind = headers?.["content-type"] ?? "application/json";
  if (!kind.startsWith("application/json")) throw new Problem(415, "JSON, please");
  try {
    return JSON.parse(utf8.decode(Buffer.from(body ?? "", isBase64Encoded ? "base64" : "utf8")));
  } catch (error) {
    throw new Problem(422, error instanceof SyntaxError ? "no JSON" : "no UTF-8");
  }
}

export async function shown(job: Job): Promise<object> {
  const { job_id, state, month, reason, created, expires } = job;
  const view = { job_id, state, month, reason, created, expires };
  if (state === "RUNNING") return { ...view, stalled: stalled(job) };
  if (state !== "SUCCEEDED") return view;
  const target = new GetObjectCommand({ Bucket: RESULTS, Key: job.result });
  const result = await getSignedUrl(s3, target, { expiresIn: 300 }); // it also ends with this function's session
  return { ...view, result };
}
