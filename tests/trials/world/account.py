"""What code makes in an account beside its stack: schedules, transcription jobs, and the users of its pools.

Each is only asked for where the template names the service, in a policy or a type: every question takes time.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from trials.local_aws import LocalAws, Stack
from trials.world.compare import World
from trials.world.files import files
from trials.world.snapshot import named, parsed

SERVICES = re.compile(r"scheduler(?=:|\.)|transcribe|cognito-idp|AWS::Cognito::UserPool\b", re.IGNORECASE)


def services(body: dict[str, Any]) -> set[str]:
    """The services of which a template's policies and types speak, among those whose things are looked at."""
    words = {word.lower() for word in SERVICES.findall(json.dumps(body, default=str))}
    return {"cognito-idp" if "cognito" in word else word for word in words}


def around(local: LocalAws, stack: Stack, asked: set[str]) -> World:
    """All that is looked at beside the stack's own resources and what others hear of them."""
    return account(local, stack, asked) | asked_of_others(local, stack) | named(files(local.mounts), stack)


def account(local: LocalAws, stack: Stack, asked: set[str]) -> World:
    """These things, without what each has anew: numbers and times."""
    world: World = {}
    if "scheduler" in asked:
        world["schedules"] = list(schedules(local))
    if "transcribe" in asked:
        jobs = local.client("transcribe").list_transcription_jobs()["TranscriptionJobSummaries"]
        world["transcription jobs"] = [{"name": job["TranscriptionJobName"]} for job in jobs]
    if "cognito-idp" in asked:
        for name, kind in stack.types.items():
            if kind == "AWS::Cognito::UserPool":
                world[f"users {name}"] = list(users(local, stack.resources[name]))
    return named(world, stack)


def asked_of_others(local: LocalAws, stack: Stack) -> World:
    """What services that are not here were asked to do, by service."""
    world: World = {}
    for told in local.sent():
        world.setdefault(f"service {told['service']}", []).append({k: v for k, v in told.items() if k != "service"})
    return named(world, stack)


def schedules(local: LocalAws) -> Iterator[dict[str, Any]]:
    scheduler = local.client("scheduler")
    for summary in scheduler.list_schedules()["Schedules"]:
        schedule = scheduler.get_schedule(Name=summary["Name"], GroupName=summary["GroupName"])
        target = schedule["Target"]
        kept = {key: schedule.get(key) for key in ("Name", "GroupName", "ScheduleExpression", "State")}
        yield {**kept, "target": target["Arn"], "input": parsed(target.get("Input", ""))}


def users(local: LocalAws, pool: str) -> Iterator[dict[str, Any]]:
    for page in local.client("cognito-idp").get_paginator("list_users").paginate(UserPoolId=pool):
        for user in page["Users"]:
            told = {each["Name"]: each["Value"] for each in user["Attributes"] if each["Name"] != "sub"}
            yield {"name": user["Username"], "status": user["UserStatus"], "attributes": told}
