// A payment provider without idempotency keys: what each of its answers says about the charge.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import type { Payment, State } from "./ledger";

const PROVIDER = getStringFromEnv({ key: "PROVIDER_URL" });
const UNREACHED = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"];

/** Nothing was charged, for certain: the same call may be made again. */
export class NotCharged extends Error {}

/** DONE, REFUSED or UNKNOWN, and what was said. Only what the provider's contract rules out is no charge. */
export async function charge({ payment_id, card, cents }: Payment): Promise<[State, string]> {
  // A connection that is kept may have died while the environment was frozen, which looks like an answer that was lost.
  const headers = { "Content-Type": "application/json", Connection: "close" };
  const body = JSON.stringify({ reference: payment_id, card, cents });
  const signal = AbortSignal.timeout(22_000);
  let status: number;
  let text: string;
  try {
    const reply = await fetch(PROVIDER, { method: "POST", headers, body, redirect: "manual", signal });
    [status, text] = [reply.status, await reply.text()];
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    if (UNREACHED.includes(cause?.code ?? "")) throw new NotCharged("the request was never sent", { cause: error });
    return ["UNKNOWN", String(cause ?? error)]; // it was sent, and no answer came: the card may be charged
  }
  if ([401, 403, 429].includes(status)) throw new NotCharged(`the provider said ${status}`); // before anything was done
  const said = `${status} ${text.slice(0, 1000).toWellFormed()}`;
  if (status === 402 || status === 422) return ["REFUSED", said];
  return [status === 200 || status === 201 ? "DONE" : "UNKNOWN", said]; // a 500 or 504 may have charged
}
