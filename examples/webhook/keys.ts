// The keys that the payment provider may have signed with: the current one and, after a rotation, the one before.
import { createHmac, timingSafeEqual } from "node:crypto";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import * as aws from "@aws-sdk/client-secrets-manager";

const logger = new Logger();
const SECRET = getStringFromEnv({ key: "SIGNING_SECRET" });

// Two keys, bucket and queue, each asked twice: 12 s at most; for known keys and a small body, 3 s.
export const patience = { maxAttempts: 2, requestHandler: { connectionTimeout: 500, socketTimeout: 1_000 } };
const secrets = new aws.SecretsManagerClient(patience);
const keys = { known: [] as string[], asked: 0, answered: false };

export class Forged extends Error {}

/** Empty when there is no such version, or it is no text: with an empty key anybody could sign. */
async function key(VersionStage: string): Promise<string> {
  try {
    const { SecretString } = await secrets.send(new aws.GetSecretValueCommand({ SecretId: SECRET, VersionStage }));
    return SecretString ?? "";
  } catch (error) {
    if (error instanceof aws.ResourceNotFoundException) return ""; // not rotated yet
    throw error;
  }
}

/** While Secrets Manager fails the keys that are known stay good. */
async function ask(): Promise<void> {
  Object.assign(keys, { asked: Date.now(), answered: false });
  try {
    const [current, previous] = [await key("AWSCURRENT"), await key("AWSPREVIOUS")];
    Object.assign(keys, { known: [current, previous].filter(Boolean), answered: current !== "" });
  } catch (error) {
    logger.error("keys not read", error as Error);
  }
}

function same(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other); // it throws when the lengths differ
}

/** Throws Forged when none of the signatures is by a key that is known. */
export async function prove(signed: Buffer, offered: Buffer[]): Promise<void> {
  // A mismatch may be a rotation; however many forge, one look in 10 s.
  for (const seconds of [300, 10]) {
    if (Date.now() - keys.asked >= seconds * 1_000) await ask();
    const digests = keys.known.map((key) => Buffer.from(createHmac("sha256", key).update(signed).digest("hex")));
    if (digests.some((digest) => offered.some((each) => same(digest, each)))) return;
  }
  throw new (keys.answered ? Forged : Error)("no key that is known made this signature");
}
