// The keys that the payment provider may have signed with: the current one and, after a rotation, the one before.
import { createHmac, timingSafeEqual } from "node:crypto";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import * as aws from "@aws-sdk/client-secrets-manager";

const SECRET = getStringFromEnv({ key: "SIGNING_SECRET" });

const requestHandler = { connectionTimeout: 1_000, socketTimeout: 2_000 };
const secrets = new aws.SecretsManagerClient({ maxAttempts: 3, requestHandler });
const keys = { known: [] as string[], asked: 0, answered: false };

export class Forged extends Error {}

async function ask(): Promise<void> {
  Object.assign(keys, { asked: Date.now(), answered: false });
  const known: string[] = [];
  for (const VersionStage of ["AWSCURRENT", "AWSPREVIOUS"]) {
    try {
      const { SecretString } = await secrets.send(new aws.GetSecretValueCommand({ SecretId: SECRET, VersionStage }));
      if (!SecretString) throw new Error("the secret is no text"); // with an empty key anybody can sign
      known.push(SecretString);
    } catch (error) {
      if (!(error instanceof aws.ResourceNotFoundException)) throw error; // not rotated yet
    }
  }
  Object.assign(keys, { known, answered: known.length > 0 });
}

function same(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other); // it throws when the lengths differ
}

/** Throws Forged when none of the signatures is by a key that is known. */
export async function prove(signed: Buffer, offered: Buffer[]): Promise<void> {
  // A mismatch may be a rotation, but all forgers together buy one look in 10 s.
  for (const seconds of [300, 10]) {
    if (Date.now() - keys.asked >= seconds * 1_000) await ask();
    const digests = keys.known.map((key) => Buffer.from(createHmac("sha256", key).update(signed).digest("hex")));
    if (digests.some((digest) => offered.some((each) => same(digest, each)))) return;
  }
  throw new (keys.answered ? Forged : Error)("no key that is known made this signature");
}
