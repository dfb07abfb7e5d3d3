// Plans each reminder once, on its customer's clock; moves it and cancels it.
import { getStringFromEnv } from "@aws-lambda-powertools/commons/utils/env";
import { Logger } from "@aws-lambda-powertools/logger";
import * as aws from "@aws-sdk/client-scheduler";
import type { Context } from "aws-lambda";
import { z } from "zod";
import { instants, isZone, wall } from "./zones";

const GROUP = getStringFromEnv({ key: "REMINDERS_GROUP" });
const TARGET = JSON.parse(getStringFromEnv({ key: "TARGET" })) as aws.Target;

const logger = new Logger();
const patience = { maxAttempts: 3, requestHandler: { connectionTimeout: 1_000, socketTimeout: 3_000 } };
const scheduler = new aws.SchedulerClient(patience);

export class Refused extends Error {
  override readonly name = "Refused"; // which Lambda reports; a class alone leaves it "Error"
}

const whole = (text: string) => text.isWellFormed(); // no half of a character
const Id = z.object({
  customer_id: z.string().regex(/^[0-9A-Za-z_-]{1,24}$/),
  reminder_id: z.string().regex(/^[0-9A-Za-z_-]{1,39}$/),
});
const Reminder = Id.extend({
  at: z.iso.datetime({ local: true, precision: 0 }).regex(/\d$/), // the clock's, so no Z
  zone: z.string().refine(isZone),
  text: z.string().min(1).max(500).refine(whole),
});
type Reminder = z.infer<typeof Reminder>;
const Request = z.object({ action: z.enum(["plan", "move", "cancel"]), reminder: z.unknown() });

function name({ customer_id, reminder_id }: z.infer<typeof Id>) {
  return { GroupName: GROUP, Name: `${customer_id}.${reminder_id}` };
}

/** Local time and zone, not UTC: nine stays nine when the zone's rules change before it comes. */
function when({ at, zone }: Reminder) {
  const [first, second] = instants(at, zone);
  if (first > second) throw new Refused(`the clocks skip this time, ask for ${wall(first, zone)}`);
  if (first <= Date.now()) throw new Refused("this time is past");
  const [time, ScheduleExpressionTimezone] = first === second ? [at, zone] : [wall(first, "UTC"), "UTC"];
  return { ScheduleExpression: `at(${time})`, ScheduleExpressionTimezone }; // of a time that comes twice, the first
}

/** Everything, also for a move: UpdateSchedule resets what is left out. */
function schedule(reminder: Reminder) {
  const payload = { job: "notices", id: name(reminder).Name, ...reminder };
  const Input = JSON.stringify(payload).replaceAll("<", "\\u003c"); // Scheduler would fill in "<aws.scheduler.…>"
  const once = { FlexibleTimeWindow: { Mode: "OFF" }, ActionAfterCompletion: "DELETE" } as const;
  return { ...name(reminder), ...when(reminder), ...once, Target: { ...TARGET, Input } };
}

async function plan(request: unknown): Promise<void> {
  const wanted = schedule(Reminder.parse(request));
  try {
    await scheduler.send(new aws.CreateScheduleCommand(wanted));
  } catch (error) {
    if (!(error instanceof aws.ConflictException)) throw error;
    const { Target } = await scheduler.send(new aws.GetScheduleCommand(name(Id.parse(request))));
    if (Target?.Input !== wanted.Target.Input) throw new Refused("the id is taken"); // a late retry undoes no move
  }
}

/** Whether the schedule that a call means was there. */
async function found(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (!(error instanceof aws.ResourceNotFoundException)) throw error;
    return false;
  }
}

async function move(request: unknown): Promise<void> {
  const update = new aws.UpdateScheduleCommand(schedule(Reminder.parse(request)));
  if (!(await found(scheduler.send(update)))) throw new Refused("already sent or canceled");
}

async function cancel(request: unknown): Promise<void> {
  await found(scheduler.send(new aws.DeleteScheduleCommand(name(Id.parse(request)))));
}

/** Invoked synchronously by an API that knows who the customer is; an error is the API's to answer. */
export async function handler(event: unknown, context: Context): Promise<void> {
  logger.addContext(context);
  const { action, reminder } = Request.parse(event);
  logger.setCorrelationId(name(Id.parse(reminder)).Name); // which is `id` in what `Fire` gets
  logger.info(action);
  await { plan, move, cancel }[action](reminder);
}
