"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

import json
from collections.abc import Callable
from typing import Any

import saga.scenario

from support.faults import Stage, Subject
from support.subjects import fields_broken, sample


def of_the_partner(what: str) -> Callable[[Stage], dict[str, str]]:
    return lambda stage: {"PARTNER_URL": f"{stage.outside.url}/{what}"}


def fill(stage: Stage) -> None:
    item = {"sku": {"S": "mug"}, "available": {"N": "10"}}
    stage.shop.aws.client("dynamodb").put_item(TableName=stage.shop.stack.resources["Stock"], Item=item)


def no_order(_: Stage) -> list[Any]:
    """The first step refuses every malformed order, so that the others meet only what is none at all."""
    return [{}, {"id": "o-1"}, [], None]


def after(handler: str) -> Callable[[Stage], None]:
    def before(stage: Stage) -> None:
        fill(stage)
        stage.function(handler)(sample(stage))

    return before


def with_partners(stub: Any) -> dict[str, str]:
    return dict(stub.parameters)


PARTNERS: Any = {
    "outside": saga.scenario.Partners,
    "parameters": with_partners,
    "heard": lambda stub: stub.kept,
    "event": sample,
}
CHARGES, SHIPMENTS = of_the_partner("charges"), of_the_partner("shipments")

MACHINE = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}


def machine(stage: Stage) -> dict[str, str]:
    """A state machine of the fresh deployment: an example's own is left out of what handlers meet."""
    found = stage.shop.aws.client("stepfunctions").create_state_machine(
        name=f"saga-{stage.shop.stack.resources['HalfDone'].rsplit('/', 1)[-1]}",
        definition=json.dumps(MACHINE),
        roleArn="arn:aws:iam::123456789012:role/any",
    )
    return {"STATE_MACHINE": found["stateMachineArn"]}


def executions(stage: Stage) -> list[tuple[str, Any]]:
    states = stage.shop.aws.client("stepfunctions")
    found = states.list_executions(stateMachineArn=machine(stage)["STATE_MACHINE"])["executions"]
    inputs = [json.loads(states.describe_execution(executionArn=each["executionArn"])["input"]) for each in found]
    return sorted(zip([each["name"] for each in found], inputs, strict=True), key=lambda named: named[0])


def stopped(stage: Stage) -> None:
    """An order that somebody stopped, and of whose end no event told."""
    states = stage.shop.aws.client("stepfunctions")
    arn = states.start_execution(stateMachineArn=machine(stage)["STATE_MACHINE"], name="o-1")["executionArn"]
    states.stop_execution(executionArn=arn)


SUBJECTS = [
    Subject("saga", "ReserveStock", "stock.reserve", malformed=fields_broken, before=fill, **PARTNERS),
    Subject("saga", "ReleaseStock", "stock.release", malformed=no_order, before=after("stock.reserve"), **PARTNERS),
    Subject("saga", "ChargeCard", "partner.charge", malformed=no_order, variables=CHARGES, **PARTNERS),
    Subject(
        "saga",
        "RefundCard",
        "partner.refund",
        malformed=no_order,
        before=after("partner.charge"),
        variables=CHARGES,
        **{**PARTNERS, "event": lambda stage: {**sample(stage), "charge_id": "charges-o-1001"}},
    ),
    Subject(
        "saga",
        "BookShipment",
        "partner.book",
        malformed=no_order,
        variables=SHIPMENTS,
        asks_aws=False,
        **PARTNERS,
    ),
    Subject(
        "saga",
        "StartOrder",
        "start.handler",
        malformed=no_order,
        variables=machine,
        more=executions,
        **PARTNERS,
    ),
    Subject(
        "saga",
        "Sweep",
        "sweep.handler",
        malformed=lambda _: [],
        before=stopped,
        variables=machine,
        repeats=True,
        **PARTNERS,
    ),
]
