// Reads the dead letters, so that a job that nobody could do says so.
import { Logger } from "@aws-lambda-powertools/logger";
import type { Context, SQSBatchResponse, SQSEvent } from "aws-lambda";
import { z } from "zod";
import { holder } from "./jobs";
import { fail } from "./moves";

const logger = new Logger();

const Task = z.object({ job_id: z.string().min(1) });

class Busy extends Error {}

async function giveUp({ job_id }: z.infer<typeof Task>): Promise<void> {
  if (await fail(job_id, "given up after several attempts")) return;
  if (await holder(job_id)) throw new Busy(job_id); // a worker lives; look again, it may still die
}

export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  logger.addContext(context);
  const batchItemFailures = [];
  for (const { messageId, messageAttributes, body } of event.Records) {
    logger.setCorrelationId(messageAttributes.correlation_id?.stringValue ?? messageId);
    logger.info("taken", { message_id: messageId });
    try {
      await giveUp(Task.parse(JSON.parse(body)));
    } catch (error) {
      logger.error("not given up", { error, message_id: messageId });
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
}
