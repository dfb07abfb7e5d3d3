// Replays what is parked of a SKU in the order of its numbers, once somebody has mended what held it up.
import { Logger } from "@aws-lambda-powertools/logger";
import type { Context } from "aws-lambda";
import { z } from "zod";
import * as stock from "./stock";

const RESERVE = 20_000; // milliseconds, for the step that has begun

const logger = new Logger();

const Command = z.strictObject({ sku: z.string().min(1).max(128), by: z.string().min(1) });

/** Apply the first that waits, or end the parking when none does. Throws `CannotBe` if it is not its turn yet. */
async function step(before: stock.Stock): Promise<void> {
  const first = await stock.firstParked(before.sku);
  if (!first) return stock.save({ ...before, parked: false });
  logger.setCorrelationId(first.correlation_id);
  await stock.replay(before, first);
  logger.info("replayed", { number: first.number });
}

/** Where the SKU stands then; still parked with the reason, or with none if time ran out: invoke it again. */
export async function handler(event: unknown, context: Context): Promise<object> {
  logger.addContext(context);
  const { sku, by } = Command.parse(event);
  logger.appendKeys({ sku, by });
  let why = "";
  let now = await stock.read(sku);
  for (; now.parked && context.getRemainingTimeInMillis() > RESERVE; now = await stock.read(sku)) {
    try {
      await step(now);
    } catch (error) {
      if (stock.movedOn(error)) continue; // a change came meanwhile, and was parked
      if (!(error instanceof stock.CannotBe)) throw error;
      if ((await stock.read(sku)).version !== now.version) continue; // another release was faster
      why = error.message;
      logger.warn("still parked", { why });
      break;
    }
  }
  return { sku, applied: now.applied, pieces: now.pieces, parked: now.parked, why };
}
