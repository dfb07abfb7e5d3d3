"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import scheduled_job.scenario

from support.faults import Stage, Subject
from support.subjects import ALARMS, fields_broken, sample

NEW_YORK = ZoneInfo("America/New_York")
DUE = datetime(2090, 11, 27, 9, tzinfo=NEW_YORK)


def target(_: Stage) -> dict[str, str]:
    made_up = {"RoleArn": "arn:aws:iam::123456789012:role/R", "Arn": "arn:aws:lambda:us-east-1:123456789012:function:F"}
    return {"TARGET": json.dumps(made_up)}


def planned(stage: Stage) -> Any:
    scheduler, group = stage.shop.aws.client("scheduler"), stage.shop.stack.resources["Reminders"]
    found = [
        scheduler.get_schedule(GroupName=group, Name=each["Name"])
        for each in scheduler.list_schedules(GroupName=group)["Schedules"]
    ]
    targets = [{**each["Target"], "Input": json.loads(each["Target"]["Input"])} for each in found]
    return [[each["Name"], each["ScheduleExpression"], target] for each, target in zip(found, targets, strict=True)]


def notice(_: Stage) -> dict[str, str]:
    wanted = scheduled_job.scenario.reminder("r-1", f"{DUE:%Y-%m-%dT%H:%M:%S}", "America/New_York")
    return {"job": "notices", "id": "c-7.r-1", **wanted}


def no_notice(stage: Stage) -> list[Any]:
    whole = notice(stage)
    lacking = [{k: v for k, v in whole.items() if k != key} for key in ("job", "id", "at", "zone")]
    return [{}, *lacking, whole | {"job": "parties"}, whole | {"at": "soon"}, whole | {"zone": "Mars/Olympus"}]


def with_carrier(stub: Any) -> dict[str, str]:
    return {"CarrierUrl": stub.url, **ALARMS}


VAN: Any = {"outside": scheduled_job.scenario.Carrier, "parameters": with_carrier}

SUBJECTS = [
    Subject(
        "scheduled_job",
        "Fire",
        "fire.handler",
        notice,
        no_notice,
        heard=lambda stub: stub.accepted,
        clock=DUE.timestamp(),
        **VAN,
    ),
    Subject(
        "scheduled_job", "PlanReminders", "plan.handler", sample, fields_broken, variables=target, more=planned, **VAN
    ),
]
