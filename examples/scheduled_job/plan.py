"""Plans each reminder once, on its customer's clock; moves it and cancels it."""

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from pydantic import BaseModel, Field, NaiveDatetime

GROUP, TARGET = os.environ["REMINDERS_GROUP"], json.loads(os.environ["TARGET"])

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
scheduler = boto3.client("scheduler", config=aws)


class Refused(Exception): ...


class Id(BaseModel):
    customer_id: str = Field(pattern="^[0-9A-Za-z_-]{1,24}$")
    reminder_id: str = Field(pattern="^[0-9A-Za-z_-]{1,39}$")

    def name(self) -> dict[str, str]:
        return {"GroupName": GROUP, "Name": f"{self.customer_id}.{self.reminder_id}"}


class Reminder(Id):
    at: NaiveDatetime
    zone: ZoneInfo
    text: str = Field(min_length=1, max_length=500)


def when(at: datetime, zone: ZoneInfo) -> dict[str, str]:
    """Local time and zone, not UTC: nine stays nine when the zone's rules change before it comes."""
    first, second = (at.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first > second:
        raise Refused(f"the clocks skip this time, ask for {first.astimezone(zone):%Y-%m-%dT%H:%M:%S}")
    if first <= datetime.now(UTC):
        raise Refused("this time is past")
    at, name = (at, zone.key) if first == second else (first, "UTC")  # it comes twice: take the first
    return {"ScheduleExpression": f"at({at:%Y-%m-%dT%H:%M:%S})", "ScheduleExpressionTimezone": name}


def schedule(reminder: Reminder) -> dict:
    """Everything, also for a move: UpdateSchedule resets what is left out."""
    payload = {"job": "notices", "id": reminder.name()["Name"], **reminder.model_dump(mode="json")}
    text = json.dumps(payload).replace("<", r"\u003c")  # Scheduler would fill in a customer's "<aws.scheduler.…>"
    once = {"FlexibleTimeWindow": {"Mode": "OFF"}, "ActionAfterCompletion": "DELETE"}
    return {**reminder.name(), **when(reminder.at, reminder.zone), **once, "Target": {**TARGET, "Input": text}}


def plan(request: dict) -> None:
    wanted = schedule(reminder := Reminder.model_validate(request))
    try:
        scheduler.create_schedule(**wanted)
    except scheduler.exceptions.ConflictException:
        if scheduler.get_schedule(**reminder.name())["Target"]["Input"] != wanted["Target"]["Input"]:
            raise Refused("the id is taken") from None  # not updated: a late retry must not undo a move


def move(request: dict) -> None:
    try:
        scheduler.update_schedule(**schedule(Reminder.model_validate(request)))
    except scheduler.exceptions.ResourceNotFoundException:
        raise Refused("already sent or canceled") from None


def cancel(request: dict) -> None:
    with suppress(scheduler.exceptions.ResourceNotFoundException):
        scheduler.delete_schedule(**Id.model_validate(request).name())


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> None:
    """Invoked synchronously by an API that knows who the customer is; an error is the API's to answer."""
    act = {"plan": plan, "move": move, "cancel": cancel}[event["action"]]
    logger.set_correlation_id(Id.model_validate(event["reminder"]).name()["Name"])  # which is `id` in what `Fire` gets
    logger.info(event["action"])
    act(event["reminder"])
