"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

import json
from typing import Any

from file_pipeline.scenario import price_list

from support.faults import Stage, Subject
from support.handlers import Example
from support.subjects import SHOP, fields_broken, sample

LIST = price_list("mug,990,EUR")  # what the sample event tells of
ROW = {"sku": "mug", "cents": "990", "currency": "EUR"}
MACHINE = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}


def machine(shop: Example) -> str:
    """The ARN of a state machine of the fresh deployment: an example's own is left out of what handlers meet."""
    found = shop.aws.client("stepfunctions").create_state_machine(
        name=f"import-{shop.stack.resources['Incoming']}"[:80],
        definition=json.dumps(MACHINE),
        roleArn="arn:aws:iam::123456789012:role/any",
    )
    return str(found["stateMachineArn"])


def imports(shop: Example) -> list[dict[str, Any]]:
    """The inputs of all executions, in the order of their names."""
    states = shop.aws.client("stepfunctions")
    found = states.list_executions(stateMachineArn=machine(shop))["executions"]
    arns = sorted(each["executionArn"] for each in found)
    return [json.loads(states.describe_execution(executionArn=arn)["input"]) for arn in arns]


def upload(stage: Stage) -> None:
    key = sample(stage)["detail"]["object"]["key"]
    stage.shop.aws.client("s3").put_object(Bucket=stage.shop.stack.resources["Incoming"], Key=key, Body=LIST)


def objects_broken(stage: Stage) -> list[Any]:
    """The genuine event with each field of its object missing or wrong, and what is no event of S3's."""
    whole = sample(stage)
    told = whole["detail"]["object"]
    wrong: list[Any] = [None, [], {"$ne": 1}, ""]
    broken = [{k: v for k, v in told.items() if k != key} for key in told]
    broken += [{**told, key: other} for key in told for other in wrong]
    return [{**whole, "detail": {"object": each}} for each in broken] + [{}, {**whole, "detail": {}}]


SUBJECTS = [
    Subject(
        "file_pipeline",
        "CheckFile",
        "check.handler",
        sample,
        objects_broken,
        before=upload,
        variables=lambda stage: {"STATE_MACHINE": machine(stage.shop)},
        more=lambda stage: imports(stage.shop),
        **SHOP,
    ),
    Subject(
        "file_pipeline",
        "KeepPrice",
        "price.handler",
        lambda _: {"list": "acme.csv", "version": "0" * 31 + "A", "row": ROW},
        fields_broken,
        **SHOP,
    ),
]
