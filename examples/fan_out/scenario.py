"""One publish for three subscribers: duplicates, a filter, poison, a stranger, and an outage of one of them."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trials.local_aws import LocalAws, Outcome, seen

QUEUES = ("ToShip", "ToInvoice", "ToCount")
DAY = "2026-11-23"


def placed(event_id: str, cents: int = 1000) -> dict[str, Any]:
    order = {"order_id": f"o-{event_id}", "address": "1 Main St", "total_cents": cents}
    return {"id": event_id, "placed_at": f"{DAY}T09:30:00Z", "order": order}


def policy(effect: str, action: str) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    stack = local.deploy(template, AlarmTopicArn="arn:aws:sns:us-east-1:123456789012:alerts")
    sqs, sns, iam = local.client("sqs"), local.client("sns"), local.client("iam")
    names = stack.resources
    # The local IAM has an action of its own for PublishBatch; on AWS it is sns:Publish.
    batch = policy("Allow", "sns:PublishBatch")
    iam.put_role_policy(RoleName=local.role(names["Publish"]), PolicyName="batch", PolicyDocument=batch)

    def publish(*events: dict[str, Any]) -> str:
        """The error that the publisher's caller sees, if any."""
        answer = local.client("lambda").invoke(
            FunctionName=stack.outputs["PublishFunction"], Payload=json.dumps({"events": events})
        )
        return str(json.loads(answer["Payload"].read())["errorMessage"]) if "FunctionError" in answer else ""

    def records(table: str, prefix: str = "") -> list[str]:
        pages = local.client("dynamodb").get_paginator("scan").paginate(TableName=names[table], ConsistentRead=True)
        return sorted(item["id"]["S"] for page in pages for item in page["Items"] if item["id"]["S"].startswith(prefix))

    def counted() -> tuple[int, int]:
        found = local.client("dynamodb").get_item(TableName=names["Revenue"], Key={"id": {"S": f"day#{DAY}"}})
        day = found.get("Item", {"orders": {"N": "0"}, "cents": {"N": "0"}})
        return int(day["orders"]["N"]), int(day["cents"]["N"])

    def depth(queue: str) -> int:
        wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = sqs.get_queue_attributes(QueueUrl=names[queue], AttributeNames=wanted)["Attributes"]
        return sum(int(attributes[name]) for name in wanted)

    def idle(*queues: str) -> bool:
        return not any(depth(queue) for queue in queues or QUEUES)

    def arn(queue: str) -> str:
        found = sqs.get_queue_attributes(QueueUrl=names[queue], AttributeNames=["QueueArn"])["Attributes"]
        return str(found["QueueArn"])

    def buries(queue: str) -> str:
        """Where SNS keeps what a queue refuses: the local one drops it, so the scenario sends it there itself."""
        redrive = sns.get_subscription_attributes(SubscriptionArn=names[f"{queue}Subscription"])["Attributes"]
        target = json.loads(redrive["RedrivePolicy"])["deadLetterTargetArn"]
        return str(sqs.get_queue_url(QueueName=target.rsplit(":", 1)[-1])["QueueUrl"])

    def move(dlq: str, queue: str) -> None:
        """As a move task does: it takes a queue's own DLQ, and moves all of it."""
        own = sqs.get_queue_attributes(QueueUrl=names[queue], AttributeNames=["RedrivePolicy"])["Attributes"]
        target = json.loads(own["RedrivePolicy"])["deadLetterTargetArn"]
        if dlq != sqs.get_queue_url(QueueName=target.rsplit(":", 1)[-1])["QueueUrl"]:
            return  # refused
        while messages := sqs.receive_message(QueueUrl=dlq, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.send_message(QueueUrl=names[queue], MessageBody=message["Body"])
                sqs.delete_message(QueueUrl=dlq, ReceiptHandle=message["ReceiptHandle"])

    def retry_after(seconds: int) -> None:
        """So that nobody waits the template's 360 seconds for a retry."""
        for queue in QUEUES:
            sqs.set_queue_attributes(QueueUrl=names[queue], Attributes={"VisibilityTimeout": str(seconds)})

    retry_after(20)  # on a busy machine a call may take longer than the handlers wait for it
    say("12 orders, and all of them again")
    orders = [placed(f"e-{n}") for n in range(10)] + [placed("limit", 50_000), placed("above", 50_001)]
    errors = [publish(*orders), publish(*orders)]
    seen(idle)
    shipped, total = len(records("Shipments")), sum(each["order"]["total_cents"] for each in orders)
    yield Outcome(
        "12 orders, published twice",
        f"{shipped} shipped, {counted()[0]} counted",
        "each subscriber acts once on each",
        errors == ["", ""] and shipped == 12 and counted() == (12, total),
    )
    yield Outcome(
        "totals of 50000 and 50001 among them",
        f"invoiced: {', '.join(records('Invoices'))}",
        "only what is above 50000",
        records("Invoices") == ["above"],
    )

    say("an order too large for SNS, between two others")
    error = publish(placed("small-1"), placed("large") | {"note": "x" * 262_144}, placed("small-2"))
    seen(lambda: len(records("Shipments", "small")) == 2 and idle())
    yield Outcome(
        "an order too large for SNS, between two others",
        f"{len(records('Shipments', 'small'))} shipped, error {error or 'none'}",
        "HTTP 200 hides no loss",
        "large" in error and "small" not in error and len(records("Shipments", "small")) == 2,
    )

    say("an order that neither shipping's queue nor invoicing's takes from SNS, and one redrive after the other")
    sums, refused = counted(), json.dumps(placed("refused", 60_000))
    for queue in ("ToShip", "ToInvoice"):
        sqs.send_message(QueueUrl=buries(queue), MessageBody=refused)
    steps = []
    for queue in ("ToShip", "ToInvoice"):
        move(buries(queue), queue)
        seen(idle)
        steps.append((records("Shipments", "refused"), records("Invoices", "refused")))
    alone = steps == [(["refused"], []), (["refused"], ["refused"])] and counted() == sums
    yield Outcome(
        "an order that 2 of 3 queues refuse, then moved",
        "first shipped, then invoiced" if alone else f"shipped, invoiced: {steps}, counted {counted()[0] - sums[0]}",
        "a redrive reaches one subscriber only",
        alone,
    )

    say("text that is no order")
    retry_after(2)
    sns.publish(TopicArn=stack.outputs["TopicArn"], Message="ship it!")
    seen(lambda: depth("ToShipDlq") and depth("ToCountDlq") and idle())
    found = [sqs.receive_message(QueueUrl=names[dlq]).get("Messages", []) for dlq in ("ToShipDlq", "ToCountDlq")]
    dead = [message["Body"] for messages in found for message in messages]
    yield Outcome(
        "text that is no order",
        f"in {len(dead)} DLQs; {depth('ToInvoiceDlq')} behind the filter",
        "what a filter drops is seen elsewhere, body intact",
        dead == ["ship it!"] * 2 and depth("ToInvoiceDlq") == 0,
    )

    say("an order from another topic of the account")
    retry_after(4)
    stranger = sns.create_topic(Name="stranger")["TopicArn"]
    sns.subscribe(TopicArn=stranger, Protocol="sqs", Endpoint=arn("ToShip"), Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=stranger, Message=json.dumps(placed("forged")))
    publish(placed("genuine"))
    seen(lambda: records("Shipments", "genuine") and idle())
    forged = records("Shipments", "forged")
    yield Outcome(
        "an order from another topic of the account",
        "shipped" if forged else "not delivered",
        "the queues take from one topic only",
        not forged,
    )

    say("shipping loses its permission")
    denial = policy("Deny", "dynamodb:PutItem")
    iam.put_role_policy(RoleName=local.role(names["Ship"]), PolicyName="outage", PolicyDocument=denial)
    before, began = counted()[0], time.monotonic()
    publish(*(placed(f"late-{n}", 60_000) for n in range(15)))
    seen(lambda: counted()[0] == before + 15 and idle("ToInvoice", "ToCount"))
    seconds, waiting, invoiced = time.monotonic() - began, depth("ToShip"), len(records("Invoices", "late"))
    yield Outcome(
        "15 orders while shipping fails",
        f"{invoiced} invoiced, {counted()[0] - before} counted in {seconds:.1f} s; {waiting} wait",
        "the others neither wait nor lose",
        invoiced == waiting == counted()[0] - before == 15,
    )
    iam.delete_role_policy(RoleName=local.role(names["Ship"]), PolicyName="outage")
    say("shipping has its permission back")
    seen(idle)
    late = len(records("Shipments", "late"))
    yield Outcome(
        "the same 15 once shipping works",
        f"{late} shipped",
        "nothing is lost",
        late == 15 and depth("ToShipDlq") == 1,  # the text
    )
