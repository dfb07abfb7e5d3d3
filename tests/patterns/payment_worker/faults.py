"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

import json
from typing import Any

import payment_worker.scenario

from support.faults import Stage, Subject
from support.handlers import sqs_event
from support.subjects import ALARMS, fields_broken, messages, sample
from trials.world import World


def with_provider(stub: Any) -> dict[str, str]:
    return {"ProviderUrl": stub.url, **ALARMS}


PROVIDER: Any = {
    "outside": lambda: payment_worker.scenario.Provider(0),
    "parameters": with_provider,
    "heard": lambda stub: dict(stub.charges),
}


def verdict(_: Stage) -> dict[str, str]:
    return payment_worker.scenario.verdict("limbo-1", "RETRY", "no charge")


def limbo(stage: Stage) -> None:
    """A payment that the provider did not make, and whose outcome the ledger does not know."""
    assert stage.function("app.handler")(sqs_event(payment_worker.scenario.payment("limbo-1"))) == {
        "batchItemFailures": []
    }


def ask_the_provider(stage: Stage) -> None:
    """As a human would, and tell Resolve; what it sends is then delivered."""
    (record,) = stage.world()["table Ledger"]
    if record["state"] == "UNKNOWN":
        word = "DONE" if stage.outside.charges[record["payment_id"]] else "RETRY"
        asked = payment_worker.scenario.verdict(record["payment_id"], word, "as asked")
        stage.function("resolve.handler")(asked)
        queue = {"QueueUrl": stage.shop.stack.resources["Payments"]}
        for message in stage.shop.aws.client("sqs").receive_message(**queue).get("Messages", []):
            assert json.loads(message["Body"])["attempt"] == 2
            assert stage.call(sqs_event(message["Body"]))
            stage.shop.aws.client("sqs").delete_message(**queue, ReceiptHandle=message["ReceiptHandle"])


def outcome(world: World) -> World:
    """Who made a payment, and in which attempt, is free; what came of it, and what was charged, is not."""
    kept = ("payment_id", "card", "cents", "state")
    return {**world, "table Ledger": [{key: each[key] for key in kept} for each in world["table Ledger"]]}


SUBJECTS = [
    Subject(
        "payment_worker", "Charge", "app.handler", sample, messages, mend=ask_the_provider, matters=outcome, **PROVIDER
    ),
    Subject(
        "payment_worker", "Resolve", "resolve.handler", verdict, fields_broken, before=limbo, repeats=True, **PROVIDER
    ),
]
