"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

import json
import urllib.request
import uuid
from typing import Any

import shop.scenario
from boto3.dynamodb.types import TypeSerializer

from support.documents import ROOT
from support.faults import Stage, Subject
from support.handlers import event, sqs_event
from support.subjects import ALARMS, messages
from trials.local_aws import LocalAws
from trials.world import World

QUEUES = ("PAYMENTS_URL", "SHIPPING_URL", "REFUNDS_URL")
ORDER = {"order_id": "o-1", "customer": "ana", "sku": "mug", "quantity": 2, "correlation_id": "c-1"}
PARCEL = json.dumps({"order_id": "o-1", "address": "far"})
ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/T/stream/1"
PARAMETERS = {  # of the other stacks; where a function needs more than a name, `Beside` makes it
    **ALARMS,
    **dict.fromkeys(("OrdersStreamArn", "LedgerStreamArn", "RefundsStreamArn", "ShipmentsStreamArn"), ARN),
    **dict.fromkeys(("PaymentsUrl", "RefundsUrl", "ShippingUrl", "CarrierUrl"), "http://127.0.0.1:9/q"),
    **dict.fromkeys(("PaymentsArn", "RefundsArn", "ShippingArn", "ShippingDlqArn"), "arn:aws:sqs:us-east-1:1:q"),
    **{"ApiId": "api", "AuthorizerId": "auth", "ShipmentsTable": "T", "BusName": "default", "Domain": "shop.test"},
}


def heard(*items: dict[str, Any]) -> dict[str, Any]:
    """A batch of a table's stream, in which items came to be as they are here."""
    plain = TypeSerializer()
    records = []
    for number, item in enumerate(items, start=1):
        image = {name: plain.serialize(value) for name, value in item.items()}
        change = {"SequenceNumber": str(number), "NewImage": image}
        records.append({"eventID": f"e-{number}", "eventName": "INSERT", "dynamodb": change})
    return {"Records": records}


def charged(state: str = "DONE", payment_id: str = "o-1") -> dict[str, Any]:
    return {"payment_id": payment_id, "card": "tok_visa", "cents": 1800, "state": state, "what": "201"}


def shipment(**outcome: Any) -> dict[str, Any]:
    return {"id": "shipment#1", "status": "COMPLETED", "data": json.dumps({"order_id": "o-1", **outcome})}


def announced(kind: str = "OrderShipped", email: str = "ana@home.test", **metadata: Any) -> str:
    """An event of the bus as the rule sends it to the queue."""
    given = {"event_id": "shipped-o-1", "version": 1, "correlation_id": "c-1", **metadata}
    data = {"order_id": "o-1", "email": email}
    return json.dumps({"source": "shop.orders", "detail-type": kind, "detail": {"metadata": given, "data": data}})


def asked(customer: str = "ana", order_id: str = "o-1") -> dict[str, Any]:
    whole: dict[str, Any] = event(ROOT / "examples" / "shop")
    claims = {"jwt": {"claims": {"sub": customer}, "scopes": None}}
    context = {**whole["requestContext"], "authorizer": claims}
    return {**whole, "pathParameters": {"order_id": order_id}, "requestContext": context}


def mails(aws: LocalAws) -> list[dict[str, Any]]:
    """Every mail that was sent since the server came up."""
    with urllib.request.urlopen(f"{aws.endpoint}/_ministack/ses/messages", timeout=10) as answer:
        found = json.load(answer)["messages"]
    return [mail for account in found.values() for mail in account]


class Beside:
    """What other stacks bring: queues for commands, a table of shipments, customers and prices."""

    def __init__(self, aws: LocalAws, stack: Any) -> None:
        self.aws, name = aws, uuid.uuid4().hex
        self.variables = {
            queue: aws.client("sqs").create_queue(QueueName=f"{queue}-{name}")["QueueUrl"] for queue in QUEUES
        }
        self.shipments = f"shipments-{name}"
        self.variables["SHIPMENTS_TABLE"] = self.shipments
        aws.client("dynamodb").create_table(
            TableName=self.shipments,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        aws.client("sesv2").create_email_identity(EmailIdentity=f"{name}.test")
        self.variables["SENDER"] = f"orders@{name}.test"
        self.sent_before = len(mails(aws))
        tables = {f"{each}Table": stack.resources[each] for each in ("Customers", "Prices")}
        shop.scenario.supply(aws, tables)

    def commands(self) -> list[dict[str, Any]]:
        """The bodies in the queues for commands, each with its queue."""
        found = []
        for queue in QUEUES:
            options: Any = {"MaxNumberOfMessages": 10, "VisibilityTimeout": 0, "MessageAttributeNames": ["All"]}
            received = self.aws.client("sqs").receive_message(QueueUrl=self.variables[queue], **options)
            for message in received.get("Messages", []):
                carried = message["MessageAttributes"]["correlation_id"]["StringValue"]
                found.append({"queue": queue, "correlation_id": carried, **json.loads(message["Body"])})
        return found

    def records(self) -> list[dict[str, Any]]:
        items = self.aws.client("dynamodb").scan(TableName=self.shipments, ConsistentRead=True)["Items"]
        return [json.loads(item["data"]["S"]) for item in items if "data" in item]

    def sent(self) -> int:
        return len(mails(self.aws)) - self.sent_before


def prepare(stage: Stage) -> None:
    stage.memory["beside"] = Beside(stage.shop.aws, stage.shop.stack)


def paid(stage: Stage) -> None:
    """The order is known, whose status somebody asks for."""
    prepare(stage)
    stage.function("follow.handler")(heard(ORDER, charged()))


def with_variables(stage: Stage) -> dict[str, str]:
    """The carrier is another one for each stage."""
    url = {"CARRIER_URL": stage.outside.url} if stage.outside.url else {}
    return {**stage.memory["beside"].variables, **url} if "beside" in stage.memory else {}


def ask_the_customer(stage: Stage) -> None:
    """As a human would about a mail that nobody knows the outcome of: it stands, or is sent."""
    table = stage.shop.stack.resources["MailRecords"]
    dynamodb = stage.shop.aws.client("dynamodb")
    (record,) = dynamodb.scan(TableName=table)["Items"]
    if record["state"]["S"] == "UNKNOWN" and stage.memory["beside"].sent():
        dynamodb.put_item(TableName=table, Item={**record, "state": {"S": "SENT"}})
    elif record["state"]["S"] == "UNKNOWN":
        dynamodb.delete_item(TableName=table, Key={"mail_id": record["mail_id"]})
        assert stage.call(stage.subject.event(stage))


def outcome(world: World) -> World:
    """Who sent a mail, in which attempt and when, is free; what came of it is not."""
    kept = [{key: each[key] for key in ("mail_id", "state")} for each in world["table MailRecords"]]
    return {**world, "table MailRecords": kept}


def malformed(_: Stage) -> list[Any]:
    images: list[Any] = [None, {}, {"sku": None}, {"payment_id": {"S": "o-9"}}, {"data": {"S": "{"}}]
    return [
        {"Records": [{"eventID": "e-1", "dynamodb": {"SequenceNumber": "1", "NewImage": image}}]} for image in images
    ]


def requests(_: Stage) -> list[Any]:
    whole = asked()
    return [{**whole, "pathParameters": None}, {**whole, "requestContext": {}}, asked("ben"), asked(order_id="o-2"), {}]


ALL: Any = {"parameters": lambda _: PARAMETERS, "before": prepare, "variables": with_variables}
LIFE = (ORDER, charged(), shipment(refused="no such address"), charged("REFUSED", "refund-o-1"))
MOVED = {**ORDER, "state": "SHIPPED", "cents": 1800, "email": "ana@home.test", "country": "US"}

SUBJECTS = [
    Subject(
        "shop",
        "Follow",
        "follow.handler",
        lambda _: heard(*LIFE),
        malformed,
        more=lambda stage: distinct_commands(stage),
        sets_aside="queue LeftBehind",
        **ALL,
    ),
    Subject(
        "shop",
        "Announce",
        "announce.handler",
        lambda _: heard(MOVED, {**MOVED, "state": "REFUNDED"}),
        malformed,
        sets_aside="queue LeftBehind",
        repeats=True,
        **ALL,
    ),
    Subject(
        "shop",
        "GiveUp",
        "give_up.handler",
        lambda _: sqs_event(PARCEL),
        messages,
        outside=lambda: shop.scenario.Carrier(far_is_down=False),
        heard=lambda stub: sorted(stub.cancelled),
        more=lambda stage: stage.memory["beside"].records(),
        **ALL,
    ),
    Subject(
        "shop",
        "Mail",
        "mail.handler",
        lambda _: sqs_event(announced()),
        messages,
        more=lambda stage: stage.memory["beside"].sent(),
        mend=ask_the_customer,
        matters=outcome,
        **ALL,
    ),
    Subject("shop", "Status", "status.handler", lambda _: asked(), requests, **{**ALL, "before": paid}),
]


def distinct_commands(stage: Stage) -> list[dict[str, Any]]:
    """A command may come again, for each worker knows a repeat."""
    found = stage.memory["beside"].commands()
    return [each for at, each in enumerate(found) if each not in found[:at]]
