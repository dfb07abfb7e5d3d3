// Amazon SES, which knows no key of ours: what each of its answers says about the mail.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { SESv2Client, SESv2ServiceException, SendEmailCommand } from "@aws-sdk/client-sesv2";
import type { State } from "./mails";

const SENDER = getStringFromEnv({ key: "SENDER" });
const FOR_GOOD = ["MessageRejected", "BadRequestException"]; // its last word on this mail
const NOT_SENT = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"];
export const SUBJECTS = {
  OrderRejected: "We cannot sell you this",
  OrderDeclined: "Your card was declined",
  OrderShipped: "Your order is on its way",
  OrderRefunded: "You have your money back",
} as const;
export type Kind = keyof typeof SUBJECTS;

// One attempt: the SDK would take a lost answer for a mail that was not sent.
const ses = new SESv2Client({ maxAttempts: 1, requestHandler: { connectionTimeout: 2_000, socketTimeout: 10_000 } });

/** SENT, REFUSED or UNKNOWN, and what was said; throws when it was turned away before anything was done. */
export async function send(kind: Kind, mail_id: string, order_id: string, email: string): Promise<[State, string]> {
  const Body = { Text: { Data: `${SUBJECTS[kind]}: order ${order_id}.` } };
  const mail = {
    FromEmailAddress: SENDER,
    Destination: { ToAddresses: [email] },
    Content: { Simple: { Subject: { Data: SUBJECTS[kind] }, Body } },
    EmailTags: [{ Name: "mail_id", Value: mail_id }], // by which SES's events tell what became of it
  };
  try {
    const { MessageId = "" } = await ses.send(new SendEmailCommand(mail));
    return ["SENT", MessageId];
  } catch (error) {
    if (error instanceof SESv2ServiceException && FOR_GOOD.includes(error.name)) return ["REFUSED", String(error)];
    if (error instanceof SESv2ServiceException && (error.$metadata.httpStatusCode ?? 500) < 500) throw error;
    if (NOT_SENT.includes(String((error as NodeJS.ErrnoException).code))) throw error; // no connection was made
    return ["UNKNOWN", String(error)]; // it was sent, and no answer came that says what became of it
  }
}
