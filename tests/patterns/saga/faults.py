"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

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
        **PARTNERS,
    ),
    Subject("saga", "BookShipment", "partner.book", malformed=no_order, variables=SHIPMENTS, **PARTNERS),
    Subject(
        "saga",
        "CancelShipment",
        "partner.cancel",
        malformed=no_order,
        before=after("partner.book"),
        variables=SHIPMENTS,
        **PARTNERS,
    ),
]
