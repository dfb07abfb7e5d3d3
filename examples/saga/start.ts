// Starts an order once, whoever asks again; another order under its id, or one that is over, is a conflict.
import { isDeepStrictEqual } from "node:util";
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import * as sfn from "@aws-sdk/client-sfn";
import type { Context } from "aws-lambda";
import { z } from "zod";

const MACHINE = getStringFromEnv({ key: "STATE_MACHINE" });

const logger = new Logger();
const aws = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 5_000 } };
const states = new sfn.SFNClient(aws);

const Order = z.looseObject({ order_id: z.string().min(1) });

export class OrderConflict extends Error {
  override readonly name = "OrderConflict";
}

/** With its keys in order: StartExecution takes the same text under the same name for a repeat. */
function sorted(order: object): string {
  const inOrder = (_: string, value: unknown) =>
    value instanceof Object && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value;
  return JSON.stringify(order, inOrder);
}

export async function handler(event: unknown, context: Context): Promise<{ execution: string }> {
  logger.addContext(context);
  const { order_id, ...order } = Order.parse(event);
  logger.setCorrelationId(order_id); // the execution's name, which each step is given
  logger.info("starting");
  const execution = `${MACHINE.replace(":stateMachine:", ":execution:")}:${order_id}`;
  const started = { stateMachineArn: MACHINE, name: order_id, input: sorted(order) };
  try {
    await states.send(new sfn.StartExecutionCommand(started));
  } catch (error) {
    if (!(error instanceof sfn.ExecutionAlreadyExists)) throw error;
    const known = await states.send(new sfn.DescribeExecutionCommand({ executionArn: execution }));
    const same = isDeepStrictEqual(JSON.parse(known.input ?? "{}"), order);
    const good = known.status === "RUNNING" || known.status === "SUCCEEDED";
    if (!same || !good) throw new OrderConflict(`${order_id} is ${known.status}`);
  }
  return { execution };
}
