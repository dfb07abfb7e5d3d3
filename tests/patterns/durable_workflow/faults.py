"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

import io
import json
import threading
import zipfile
from typing import Any

import durable_workflow.scenario

from support.durable import Execution, Lost
from support.faults import Stage, Subject
from support.subjects import ALARMS, fields_broken, sample

WAITS = "def handler(event, context):\n    return {'Status': 'PENDING'}\n"


def with_partners(stub: Any) -> dict[str, str]:
    return {"PartnersUrl": stub.url, **ALARMS}


PARTNERS: Any = {
    "outside": lambda: durable_workflow.scenario.Partners(0),
    "parameters": with_partners,
    "heard": lambda stub: dict(stub.paid),
}

# ---- the workflow itself: what Lambda does with the events of a durable function


class Failed(Exception):
    """An invocation did not end the execution; there will be another."""


def play(stage: Stage, handle: Any, event: Any) -> Any:
    """Go on with the event's execution until it ends; a person approves at once.

    Raises `Failed` where a step is to be tried again. The event of an execution that failed is a dead letter.
    """
    name = json.dumps(event)
    with stage.memory.setdefault("lock", threading.Lock()):
        execution = stage.memory.setdefault(name, Execution(handle, name))
        execution.handler = handle
        execution.person = lambda callback_id: approve(execution, callback_id)
        known = execution.status
        while execution.status == "RUNNING":
            invoke(execution)
        if execution.status == "FAILED" and known == "RUNNING":
            queue = stage.shop.stack.resources["Failed"]
            stage.shop.aws.client("sqs").send_message(QueueUrl=queue, MessageBody=name)
    return {"execution": execution.status}


def invoke(execution: Execution) -> None:
    if execution.invocations and not execution.died:
        execution.wait()
    try:
        execution.invoke()
    except Lost:
        raise Failed("the environment died") from None
    if any(operation.status.value == "PENDING" for operation in execution.kept.operations):
        raise Failed("a step is to be tried again")


def approve(execution: Execution, callback_id: str) -> None:
    execution.answer(callback_id, '{"approved": true}')


def look_into_the_bank(stage: Stage) -> None:
    """As a human would who reads the dead letters: the loan was paid, so there is nothing left to do."""
    queue = {"QueueUrl": stage.shop.stack.resources["Failed"]}
    sqs = stage.shop.aws.client("sqs")
    for letter in sqs.receive_message(**queue).get("Messages", []):
        assert stage.outside.paid[json.loads(letter["Body"])["loan_id"]] == 1
        sqs.delete_message(**queue, ReceiptHandle=letter["ReceiptHandle"])


# ---- the functions around it: a durable function on the local AWS whose executions wait


def waiting_function(stage: Stage) -> None:
    functions, made = stage.shop.aws.client("lambda"), io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("waits.py", WAITS)
    name = stage.memory["name"] = f"waits-{id(stage)}"
    functions.create_function(
        FunctionName=name,
        Runtime="python3.14",
        Role="arn:aws:iam::123456789012:role/waits",
        Handler="waits.handler",
        Code={"ZipFile": made.getvalue()},
        DurableConfig={"ExecutionTimeout": 3600},
    )
    functions.publish_version(FunctionName=name)
    stage.memory["live"] = functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")["AliasArn"]


def live(stage: Stage) -> dict[str, str]:
    return {"WORKFLOW": stage.memory["live"]}


def executions(stage: Stage) -> list[Any]:
    functions, of = stage.shop.aws.client("lambda"), {"FunctionName": stage.memory["name"], "Qualifier": "1"}
    found = functions.list_durable_executions_by_function(**of)["DurableExecutions"]
    shown = [functions.get_durable_execution(DurableExecutionArn=each["DurableExecutionArn"]) for each in found]
    return [[each["DurableExecutionName"], json.loads(each["InputPayload"])] for each in shown]


def waiting_execution(stage: Stage) -> None:
    waiting_function(stage)
    functions = stage.shop.aws.client("lambda")
    begun = functions.invoke(FunctionName=stage.memory["live"], InvocationType="Event", Payload="{}")
    stage.memory["execution"] = {"DurableExecutionArn": begun["DurableExecutionArn"]}
    token = begun["ResponseMetadata"]["HTTPHeaders"]["x-amz-durable-checkpoint-token"]
    update = {"Id": "1", "Type": "CALLBACK", "Action": "START"}
    kept = functions.checkpoint_durable_execution(**stage.memory["execution"], CheckpointToken=token, Updates=[update])
    (callback,) = [each for each in kept["NewExecutionState"]["Operations"] if each["Id"] == "1"]
    stage.memory["callback"] = callback["CallbackDetails"]["CallbackId"]


def decision(stage: Stage) -> dict[str, Any]:
    return {"loan_id": "l-1", "callback_id": stage.memory["callback"], "approved": True}


def answers(stage: Stage) -> list[Any]:
    history = stage.shop.aws.client("lambda").get_durable_execution_history(**stage.memory["execution"])["Events"]
    return [each["CallbackSucceededDetails"] for each in history if each["EventType"] == "CallbackSucceeded"]


SUBJECTS = [
    Subject(
        "durable_workflow",
        "Workflow",
        "workflow.handler",
        sample,
        fields_broken,
        delivers=play,
        variables=lambda _: {"APPROVAL_SECONDS": "259200", "WITHDRAWAL_SECONDS": "86400"},
        repeats=True,
        sets_aside="queue Failed",
        mend=look_into_the_bank,
        **PARTNERS,
    ),
    Subject(
        "durable_workflow",
        "Start",
        "start.handler",
        sample,
        fields_broken,
        before=waiting_function,
        variables=live,
        more=executions,
        **PARTNERS,
    ),
    Subject(
        "durable_workflow",
        "Decide",
        "decide.handler",
        decision,
        fields_broken,
        before=waiting_execution,
        more=answers,
        **PARTNERS,
    ),
]
