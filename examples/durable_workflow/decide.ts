// Hands a person's decision to the loan that waits for it; only the first one counts, and none that is late.
import { Logger } from "@aws-lambda-powertools/logger";
import {
  CallbackTimeoutException,
  LambdaClient,
  SendDurableExecutionCallbackSuccessCommand,
} from "@aws-sdk/client-lambda";
import type { Context } from "aws-lambda";
import { z } from "zod";

const logger = new Logger();
const functions = new LambdaClient({
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1_000, socketTimeout: 5_000 },
});

const Decision = z.object({
  loan_id: z.string().min(1),
  callback_id: z
    .string()
    .regex(/^[A-Za-z0-9+/]+={0,2}$/)
    .max(1024),
  approved: z.boolean(),
});

export async function handler(event: unknown, context: Context): Promise<{ counted: boolean }> {
  const { loan_id, callback_id, approved } = Decision.parse(event);
  logger.addContext(context);
  logger.setCorrelationId(loan_id);
  logger.info("deciding");
  const decision = { CallbackId: callback_id, Result: Buffer.from(JSON.stringify({ approved })) };
  try {
    await functions.send(new SendDurableExecutionCallbackSuccessCommand(decision));
  } catch (error) {
    if (!(error instanceof CallbackTimeoutException)) throw error; // also if it was decided before
    logger.warn("too late");
    return { counted: false };
  }
  return { counted: true };
}
