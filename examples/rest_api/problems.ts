// Every error as problem details (RFC 9457), and none with an inside view; and what of a request may be read.
import { STATUS_CODES } from "node:http";
import type { APIGatewayProxyEventV2WithJWTAuthorizer, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import type { z } from "zod";

export type Request = APIGatewayProxyEventV2WithJWTAuthorizer;
export type Answer = APIGatewayProxyStructuredResultV2;

/** An answer that is thrown: `members` are what its body says beside the status. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly members: Record<string, unknown> = {},
  ) {
    super(STATUS_CODES[status]);
  }

  answer(): Answer {
    const body = { type: "about:blank", title: this.message, status: this.status, ...this.members };
    return answer(this.status, body, { "Content-Type": "application/problem+json" });
  }
}

export function answer(statusCode: number, body: object, headers: Record<string, string> = {}): Answer {
  return { statusCode, headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) };
}

/** What a schema makes of a part of the request: `where` names it. Throws a Problem: 422 for the body, else 400. */
export function valid<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const { data, error } = schema.safeParse(value);
  if (!error) return data as T;
  const errors = error.issues.map(({ path, code }) => ({ where: [where, ...path.map(String)], what: code }));
  throw new Problem(where === "body" ? 422 : 400, { errors });
}

/** A header's value; API Gateway gives the names in lower case, and a test event may have no headers at all. */
export function header({ headers }: Request, name: string): string | undefined {
  return headers?.[name];
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The JSON of a request. Throws a Problem: 415 for another kind of content, 422 for what cannot be read. */
export function json(request: Request): unknown {
  const kind = header(request, "content-type") ?? "application/json";
  if (!kind.startsWith("application/json")) throw new Problem(415, { detail: "JSON, please" });
  try {
    const raw = Buffer.from(request.body ?? "", request.isBase64Encoded ? "base64" : "utf8");
    return JSON.parse(utf8.decode(raw));
  } catch (error) {
    throw new Problem(422, {
      errors: [{ where: ["body"], what: error instanceof SyntaxError ? "no JSON" : "no UTF-8" }],
    });
  }
}
