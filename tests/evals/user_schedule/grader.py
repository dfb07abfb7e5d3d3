"""What EventBridge Scheduler holds after reminders were planned, planned again, and canceled."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from evals.harness import environment, graded, text, unique
from trials.local_aws import ACCOUNT, REGION, LocalAws

TARGET = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:send-reminder"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/scheduler"
DLQ = f"arn:aws:sqs:{REGION}:{ACCOUNT}:reminders-dlq"
NINE = datetime(2090, 7, 3, 9)  # years ahead, so that nothing fires; on its wall clock, therefore without a zone


@graded
def grade(answer: Path, aws: LocalAws) -> Iterator[str]:
    text(answer, "plan.py")
    scheduler, group = aws.client("scheduler"), unique("reminders")
    scheduler.create_schedule_group(Name=group)

    def held() -> list[dict[str, Any]]:
        names = [each["Name"] for each in scheduler.list_schedules(GroupName=group)["Schedules"]]
        return [scheduler.get_schedule(GroupName=group, Name=name) for name in names]

    variables = {"SCHEDULE_GROUP": group, "TARGET_ARN": TARGET, "ROLE_ARN": ROLE, "DLQ_ARN": DLQ}
    with environment(answer, aws, **variables) as here:
        module = here.load("plan")
        module.plan("u-1", "r-1", NINE, "America/New_York", "Water the plants")
        (schedule,) = held()
        target = schedule["Target"]
        if (schedule["ScheduleExpression"], schedule.get("ScheduleExpressionTimezone", "UTC")) != (
            "at(2090-07-03T09:00:00)",
            "America/New_York",
        ):
            when = f"{schedule['ScheduleExpression']} in {schedule.get('ScheduleExpressionTimezone', 'UTC')}"
            yield f"is planned {when}, which is not nine there if the zone's rules change"
        if schedule.get("ActionAfterCompletion") != "DELETE":
            yield "a schedule that has fired stays for ever and counts against the quota"
        if (target["Arn"], target["RoleArn"]) != (TARGET, ROLE):
            yield f"invokes {target['Arn']} as {target['RoleArn']}"
        if target.get("DeadLetterConfig", {}).get("Arn") != DLQ:
            yield "a reminder that cannot be delivered is gone"
        if json.loads(target.get("Input", "{}")) != {"user": "u-1", "reminder": "r-1", "text": "Water the plants"}:
            yield f"the function gets {target.get('Input')}"

        try:
            module.plan("u-1", "r-1", NINE, "America/New_York", "Water the plants")
        except Exception as error:
            yield f"a repeated request fails: {type(error).__name__}"
        if len(held()) != 1:
            yield f"a repeated request leaves {len(held())} schedules"

        module.plan("u-2", "r-1", NINE, "Europe/Berlin", "Water the plants")
        module.plan("u-1", "r-2", NINE, "America/New_York", "Feed the cat")
        users = sorted((each["Target"]["Input"], each["ScheduleExpressionTimezone"]) for each in held())
        if len(users) != 3:
            yield f"three reminders of two users are {len(users)} schedules"
        try:
            module.cancel("u-1", "r-1")
            module.cancel("u-1", "r-1")
        except Exception as error:
            yield f"a repeated cancellation fails: {type(error).__name__}"
        if any("Water" in each["Target"]["Input"] and "u-1" in each["Target"]["Input"] for each in held()):
            yield "a canceled reminder is still planned"
