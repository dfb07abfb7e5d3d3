// Finds orders that ended half done and of which no event told: status events are delivered by best effort.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import * as sfn from "@aws-sdk/client-sfn";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Context } from "aws-lambda";

const MACHINE = getStringFromEnv({ key: "STATE_MACHINE" });
const HALF_DONE = getStringFromEnv({ key: "HALF_DONE_URL" });
const LOOK_BACK = 3 * 3_600_000; // milliseconds; three runs: two may fail, and what is found again is told again

const logger = new Logger();
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 5_000 } };
const states = new sfn.SFNClient(aws);
const sqs = new SQSClient(aws);

/** The newest end comes first. */
async function* ended(statusFilter: sfn.ExecutionStatus, since: number): AsyncGenerator<string> {
  const wanted = { stateMachineArn: MACHINE, statusFilter };
  for await (const { executions = [] } of sfn.paginateListExecutions({ client: states }, wanted)) {
    for (const { executionArn, stopDate } of executions) {
      if (!executionArn || !stopDate || stopDate.getTime() < since) return;
      yield executionArn;
    }
  }
}

async function undone(executionArn: string): Promise<boolean> {
  const { error = "" } = await states.send(new sfn.DescribeExecutionCommand({ executionArn }));
  return error.startsWith("Undone.");
}

export async function handler(_: unknown, context: Context): Promise<void> {
  logger.addContext(context);
  const since = Date.now() - LOOK_BACK;
  for (const status of ["FAILED", "TIMED_OUT", "ABORTED"] as const) {
    for await (const execution of ended(status, since)) {
      if (status === "FAILED" && (await undone(execution))) continue;
      logger.setCorrelationId(execution.split(":").at(-1) ?? execution);
      logger.warn("half done", { status });
      const message = { QueueUrl: HALF_DONE, MessageBody: JSON.stringify({ execution, status }) };
      await sqs.send(new SendMessageCommand(message));
    }
  }
}
