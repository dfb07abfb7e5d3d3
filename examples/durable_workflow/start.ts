// Starts a loan's workflow once, whoever asks again; another loan under its id is a conflict.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import { DurableExecutionAlreadyStartedException, InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import type { Context } from "aws-lambda";
import { Loan } from "./loan";

const WORKFLOW = getStringFromEnv({ key: "WORKFLOW" }); // with its alias: without a version AWS refuses it

const logger = new Logger();
const functions = new LambdaClient({
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1_000, socketTimeout: 5_000 },
});

class LoanConflict extends Error {
  override name = "LoanConflict";
}

/** The name holds until RetentionPeriodInDays after the end, and the payload must be the same to the byte. */
export async function handler(event: unknown, context: Context): Promise<{ started: string }> {
  const loan = Loan.parse(event);
  logger.addContext(context);
  logger.setCorrelationId(loan.loan_id);
  logger.info("starting");
  const named = { FunctionName: WORKFLOW, DurableExecutionName: loan.loan_id, Payload: JSON.stringify(loan) };
  try {
    await functions.send(new InvokeCommand({ InvocationType: "Event", ...named })); // awaited: 15 minutes for all of it
  } catch (error) {
    if (!(error instanceof DurableExecutionAlreadyStartedException)) throw error;
    throw new LoanConflict(`${loan.loan_id} is another loan`, { cause: error });
  }
  return { started: loan.loan_id };
}
