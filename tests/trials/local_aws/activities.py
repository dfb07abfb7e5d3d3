"""MiniStack whose CloudFormation makes activities of Step Functions, which it has by the API alone.

A worker that asks for a task and finds none waits half a second, where Step Functions lets it wait for sixty: nothing
that is tried comes in between, and a function whose timeout is shorter than the wait would end without a word.
"""

import asyncio
import json
import time
from typing import Any

import ministack.services.cloudformation.provisioners as cloudformation
import ministack.services.stepfunctions as machines
from ministack.core.responses import error_response_json, json_response

KIND = "AWS::StepFunctions::Activity"
LONGEST = 0.5  # seconds
PAUSE = 0.1  # between two looks


def made(_logical_id: str, properties: Any, _stack_name: str) -> Any:
    status, _, body = machines._create_activity({"name": properties["Name"]})
    if status != 200:
        raise ValueError(json.loads(body)["message"])
    arn = json.loads(body)["activityArn"]
    return arn, {"Arn": arn, "Name": properties["Name"]}


async def task(asked: Any) -> Any:
    arn, until = asked.get("activityArn"), time.monotonic() + LONGEST
    if arn not in machines._activities:
        return error_response_json("ActivityDoesNotExist", f"Activity {arn} not found", 400)
    waiting = machines._activity_tasks.get(arn, [])
    while not waiting and time.monotonic() < until:
        await asyncio.sleep(PAUSE)
    return json_response(waiting.pop(0) if waiting else {"taskToken": None})


cloudformation._RESOURCE_HANDLERS[KIND] = {
    "create": made,
    "delete": lambda physical_id, _: machines._delete_activity({"activityArn": physical_id}),
}
machines._get_activity_task = task
