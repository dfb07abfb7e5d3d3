// The moves that a job may make; every one is conditional, so late and repeated workers change nothing.
import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { dynamodb, now, type State, TableName } from "./jobs";

const LEASE = 60; // seconds until a worker that shows no sign of life may be replaced

type Values = Record<string, string | number>;

/** Set the state and some values, if the condition holds; tell whether it did. */
async function move(job_id: string, to: State, onlyIf: string, given: Values, values: Values = {}): Promise<boolean> {
  const fields: Values = { state: to, ...values };
  const names = Object.keys(fields);
  const update = {
    TableName,
    Key: { job_id },
    ConditionExpression: onlyIf,
    UpdateExpression: `SET ${names.map((name) => `#${name} = :${name}`).join(", ")}`,
    ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: Object.fromEntries(
      Object.entries({ ...fields, ...given }).map(([name, value]) => [`:${name}`, value]),
    ),
  };
  try {
    await dynamodb.send(new UpdateCommand(update));
    return true;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return false;
  }
}

const OPEN = { queued: "QUEUED", running: "RUNNING" };
const FREE = "#state = :queued OR (#state = :running AND lease < :now)"; // no live worker has it

export function claim(job_id: string, worker: string, message: string): Promise<boolean> {
  const condition = `${FREE} OR (#state = :running AND worker = :worker)`; // this worker's own claim, which the SDK may repeat
  return move(job_id, "RUNNING", condition, { ...OPEN, now: now() }, { worker, message, lease: now() + LEASE });
}

/** Show life, or end the job; false when it was cancelled or another worker has it. */
export function advance(
  job_id: string,
  worker: string,
  { to = "RUNNING", lease = LEASE, ...values }: { to?: State; lease?: number; result?: string } = {},
): Promise<boolean> {
  const mine = "#state = :running AND worker = :mine";
  return move(job_id, to, mine, { running: "RUNNING", mine: worker }, { ...values, lease: now() + lease });
}

/** End a job that has not ended, a running one too: its owner decides. */
export function cancel(job_id: string, reason: string): Promise<boolean> {
  return move(job_id, "CANCELLED", "#state IN (:queued, :running)", OPEN, { reason });
}

/** End a job that nobody works on. */
export function fail(job_id: string, reason: string): Promise<boolean> {
  return move(job_id, "FAILED", FREE, { ...OPEN, now: now() }, { reason });
}
