"""Whole lives of orders, from the table of orders to the mail, each hop delivered in any order, twice, or to its death.

More of them:  SHOP_LIVES=200 uv run pytest -n 0 -m e2e tests/patterns/shop/test_flow.py
"""

import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import pytest
import time_machine
import urllib3
from botocore.client import BaseClient
from shop.scenario import CUSTOMERS, Bank, Carrier, supply

from patterns.shop.faults import PARAMETERS, mails
from support.environments import LANGUAGES, Environments
from support.handlers import Context, Died, Example, sqs_event

FAULTY = 12  # deliveries of a life that may meet a fault
LIVES = int(os.environ.get("SHOP_LIVES", "8"))
MOST = 150  # deliveries of a life: none goes on for ever
GIVES_UP = 3  # receives of an order to be shipped, instead of 40
STREAMS = {"Ledger": ("DONE", "REFUSED", "UNKNOWN"), "Shipments": ("COMPLETED",)}
SHIPPED, MONEY_BACK, DECLINED = "Your order is on its way", "You have your money back", "Your card was declined"


@dataclass
class Waiting:
    """A record or a message on its way to a function, and how often it was received."""

    hop: str
    event: dict[str, Any]
    body: str = ""
    receives: int = 1


@dataclass
class Shop:
    """Five stacks on one local AWS, their functions, and what lies outside; `node` is where those in TypeScript run."""

    aws: Any
    node: Environments | None
    handlers: dict[str, Callable[[Any, Any], Any]]
    queues: dict[str, str]
    tables: dict[str, str]
    charges: Bank
    refunds: Bank
    carrier: Carrier
    resolve: dict[str, Callable[[Any, Any], Any]]
    iterators: dict[str, str] = field(default_factory=dict)

    def arrived(self) -> Iterator[Waiting]:
        """What streams and queues hold that was not taken yet."""
        for name, table in self.tables.items():
            if name != "MailRecords":
                yield from (Waiting(name, {"Records": [record]}) for record in self.changes(name, table))
        for name, url in self.queues.items():
            given: Any = {"QueueUrl": url, "MaxNumberOfMessages": 10}
            for message in self.aws.client("sqs").receive_message(**given).get("Messages", []):
                self.aws.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield Waiting(name, {}, message["Body"])

    def changes(self, name: str, table: str) -> Iterator[dict[str, Any]]:
        streams = self.aws.client("dynamodbstreams")
        if name not in self.iterators:
            arn = self.aws.client("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
            (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
            begin = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            self.iterators[name] = streams.get_shard_iterator(**begin)["ShardIterator"]
        answer = streams.get_records(ShardIterator=self.iterators[name])
        self.iterators[name] = answer["NextShardIterator"]
        for record in answer["Records"]:
            image = record["dynamodb"].get("NewImage", {})
            passes = image.get("state", image.get("status", {})).get("S")
            if image and (name in ("Progress", "Orders") or passes in (*STREAMS["Ledger"], *STREAMS["Shipments"])):
                del record["dynamodb"]["ApproximateCreationDateTime"]
                yield record


@contextmanager
def after(shop: Shop, calls: int, dies: bool) -> Iterator[None]:
    """The n-th call that leaves the function is done and its environment lost, or refused before it is done.

    In TypeScript the first call of AWS is refused.
    """
    if shop.node and dies:
        with shop.node.watched(calls):
            yield
        return
    if shop.node:
        shop.aws.fault(error={"code": "AccessDeniedException", "status": 400}, times=1)
        yield
        shop.aws.clear_faults()
        return
    api, request = getattr(BaseClient, "_make_api_call"), urllib3.PoolManager.request  # noqa: B009
    made = iter(range(1, 1000))

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def asks(*given: Any, **named: Any) -> Any:
            met = next(made) == calls
            if met and not dies:
                raise ConnectionError("refused")
            answer = call(*given, **named)
            if met:
                raise Died
            return answer

        return asks

    with (
        mock.patch.object(BaseClient, "_make_api_call", watched(api)),
        mock.patch.object(urllib3.PoolManager, "request", watched(request)),
    ):
        yield


def delivered(shop: Shop, waiting: Waiting) -> bool:
    event = waiting.event or sqs_event(waiting.body, receives=waiting.receives)
    try:
        answer = shop.handlers[waiting.hop](event, Context())
    except (Exception, Died):
        return False
    return not answer["batchItemFailures"]


def live(shop: Shop, chance: random.Random, customers: list[str]) -> list[str]:
    """Place orders, deliver all that comes of it under faults, and let a human settle what is in doubt; their ids."""
    orders = [place(shop, customer) for customer in customers]
    pending, deliveries, clock = list[Waiting](), 0, time.time()
    while True:
        pending += shop.arrived()
        if not pending and not any(settle(shop, name) for name in shop.resolve):
            return orders
        if not pending:
            continue
        deliveries += 1
        assert deliveries < MOST, "it never ends"
        waiting = pending.pop(chance.randrange(len(pending)))
        fault = chance.choice(("none", "twice", "dies", "refused")) if deliveries <= FAULTY else "none"
        clock += 120  # whoever was at work is dead, if it was not done
        with time_machine.travel(clock):
            if fault in ("dies", "refused"):
                with after(shop, chance.randint(1, 4), fault == "dies"):
                    done = delivered(shop, waiting)
            else:
                done = delivered(shop, waiting)
        if not done and waiting.hop == "shipping" and waiting.receives >= GIVES_UP:
            pending.append(Waiting("dead", {}, waiting.body))
        elif not done or fault == "twice":
            pending.append(Waiting(waiting.hop, waiting.event, waiting.body, waiting.receives + 1))
        if deliveries > FAULTY:
            shop.carrier.far_is_down = False


def place(shop: Shop, customer: str) -> str:
    order_id = str(uuid.uuid4())
    texts = {"customer": customer, "order_id": order_id, "sku": "mug", "correlation_id": "c-1"}
    item = {**{name: {"S": value} for name, value in texts.items()}, "quantity": {"N": "1"}}
    shop.aws.client("dynamodb").put_item(TableName=shop.tables["Orders"], Item=item)
    return order_id


def settle(shop: Shop, ledger: str) -> bool:
    """As a human who asks the bank: what is parked was made, or is tried again. Whether there was any."""
    bank = shop.charges if ledger == "Ledger" else shop.refunds
    found = shop.aws.client("dynamodb").scan(TableName=shop.tables[ledger], ConsistentRead=True)["Items"]
    parked = [item["payment_id"]["S"] for item in found if item["state"]["S"] == "UNKNOWN"]
    for payment_id in parked:
        verdict = "DONE" if bank.taken[payment_id] else "RETRY"
        given = {"payment_id": payment_id, "verdict": verdict, "by": "ana", "found": "as asked"}
        shop.resolve[ledger](given, Context())
    return bool(parked)


def wrong(shop: Shop, order_id: str, customer: str) -> list[str]:
    """What the promises say that is not so."""
    dynamodb, key = shop.aws.client("dynamodb"), {"order_id": {"S": order_id}}
    state = dynamodb.get_item(TableName=shop.tables["Progress"], Key=key)["Item"]["state"]["S"]
    charged, refunded = shop.charges.taken[order_id], shop.refunds.taken[f"refund-{order_id}"]
    parcel = order_id in shop.carrier.parcels
    sent = [mail["Subject"] for mail in mails(shop.aws) if order_id in mail["BodyText"]]
    records = dynamodb.scan(TableName=shop.tables["MailRecords"], ConsistentRead=True)["Items"]
    doubted = [item for item in records if order_id in item["mail_id"]["S"] and item["state"]["S"] == "UNKNOWN"]
    subject = {"SHIPPED": SHIPPED, "REFUNDED": MONEY_BACK, "DECLINED": DECLINED}.get(state, "")
    told = sent == [subject] or (bool(doubted) and sent == [])
    ways = {"SHIPPED": (1, 0, True), "REFUNDED": (1, 1, False), "DECLINED": (0, 0, False)}
    broken = [] if ways.get(state) == (charged, refunded, parcel) else [f"{state}: {charged=} {refunded=} {parcel=}"]
    if (state == "DECLINED") != (customer == "dee") or (customer == "nora" and state != "REFUNDED"):
        broken.append(f"{customer}'s order is {state}")
    return broken + ([] if told else [f"mails {sent}, in doubt {len(doubted)}"])


@contextmanager
def opened(example: Callable[..., Example], language: str) -> Iterator[Shop]:
    alarms = {"AlarmTopicArn": PARAMETERS["AlarmTopicArn"]}
    with Bank() as charges, Bank() as refunds, Carrier() as carrier:
        orders = example(
            "rest_api", language, Issuer="https://id.test", Audience="shop", Origin="https://shop.test", **alarms
        )
        made, handlers, resolve = dict[str, Example](), dict[str, Any](), dict[str, Any]()
        for name, ledger, bank in (("payments", "Ledger", charges), ("refunds", "Refunds", refunds)):
            made[name] = example("payment_worker", language, ProviderUrl=bank.url, **alarms)
            app = quiet(made[name], "app")
            handlers[name], resolve[ledger] = app.handler, made[name].environment("resolve").handler
        made["shipping"] = example("queue_worker", language, CarrierUrl=carrier.url, **alarms)
        handlers["shipping"] = quiet(made["shipping"], "app").handler
        stacks = {name: each.stack.resources for name, each in made.items()}
        given = {
            "PaymentsUrl": stacks["payments"]["Payments"],
            "RefundsUrl": stacks["refunds"]["Payments"],
            "ShippingUrl": stacks["shipping"]["Orders"],
            "ShipmentsTable": stacks["shipping"]["Shipments"],
            "CarrierUrl": carrier.url,
        }
        shop = example("shop", language, **{**PARAMETERS, **given})
        own = shop.stack.resources
        shop.aws.client("sesv2").create_email_identity(EmailIdentity=PARAMETERS["Domain"])
        supply(shop.aws, {f"{each}Table": own[each] for each in ("Customers", "Prices")})
        follow = shop.environment("follow").handler
        handlers |= dict.fromkeys(("Orders", "Ledger", "Refunds", "Shipments"), follow)
        handlers["Progress"] = shop.environment("announce").handler
        handlers["mails"] = quiet(shop, "mail").handler
        handlers["dead"] = shop.environment("give_up").handler
        queues = {"payments": given["PaymentsUrl"], "refunds": given["RefundsUrl"], "shipping": given["ShippingUrl"]}
        tables = {
            "Orders": orders.stack.resources["Table"],
            "Ledger": stacks["payments"]["Ledger"],
            "Refunds": stacks["refunds"]["Ledger"],
            "Shipments": given["ShipmentsTable"],
            **{each: own[each] for each in ("Progress", "MailRecords")},
        }
        world = Shop(
            shop.aws, shop.node, handlers, {**queues, "mails": own["Mails"]}, tables, charges, refunds, carrier, resolve
        )
        yield world


def quiet(example: Example, name: str) -> Any:
    """What waits is delivered when the test says so. In TypeScript, SQS says that it knows no such message."""
    module = example.environment(name)
    if example.node:
        return module
    module.sqs = mock.Mock(wraps=module.sqs)
    module.sqs.change_message_visibility = mock.Mock()
    return module


def lives(shop: Shop, seeds: Iterator[int]) -> Iterator[tuple[int, list[str]]]:
    for seed in seeds:
        chance = random.Random(seed)
        shop.carrier.far_is_down = chance.random() < 0.7
        customers = [chance.choice(list(CUSTOMERS)) for _ in range(chance.randint(1, 2))]
        orders = live(shop, chance, customers)
        found = [text for pair in zip(orders, customers, strict=True) for text in wrong(shop, *pair)]
        yield seed, found


@pytest.mark.e2e
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_order_is_charged_shipped_and_mailed_once_or_refunded(
    example: Callable[..., Example], language: str
) -> None:
    played = 0
    with opened(example, language) as shop:
        for seed, found in lives(shop, iter(range(LIVES))):
            assert found == [], f"life {seed}"
            played += 1

    assert played == LIVES
