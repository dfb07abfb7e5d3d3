"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

import json
from typing import Any

import async_task.scenario

from support.faults import Stage, Subject
from support.handlers import sqs_event
from support.subjects import ALARMS, TRUST, api_request, messages, requests


def submit(stage: Stage) -> str:
    answer = stage.function("api.handler")(api_request("/jobs", {"month": "2026-02"}))
    return str(json.loads(answer["body"])["job_id"])


def task(stage: Stage) -> dict[str, Any]:
    return sqs_event(json.dumps({"job_id": submit(stage), "month": "2026-02"}))


def with_sales(stub: Any) -> dict[str, str]:
    return {"SalesUrl": stub.url, **TRUST, **ALARMS}


JOBS: Any = {"outside": async_task.scenario.Sales, "parameters": with_sales}

SUBJECTS = [
    Subject(
        "async_task",
        "Submit",
        "api.handler",
        lambda _: api_request("/jobs", {"month": "2026-02"}),
        requests,
        repeats=True,
        **JOBS,
    ),
    Subject("async_task", "Work", "worker.handler", task, messages, **JOBS),
    Subject("async_task", "GiveUp", "give_up.handler", task, messages, **JOBS),
]
