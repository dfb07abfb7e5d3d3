"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

import copy
import json
import time
from itertools import groupby
from typing import Any

from kept_events.scenario import history

from support.faults import Stage, Subject
from support.handlers import Example
from support.subjects import NOTHING, SHOP, fields_broken, sample
from trials.local_aws import seen

TRUSTED = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def happened(_: Stage) -> dict[str, Any]:
    events = [event for order in ("o-1", "o-2", "o-3") for event in history(order, 10, 20, 30)]
    return {"correlation_id": "c-1", "events": events}


def bus_of(shop: Example) -> dict[str, str]:
    return {"EventBusArn": shop.stack.resources["Shop"]}


def to_queue(shop: Example, name: str, **more: Any) -> tuple[str, str]:
    """A subscriber with a queue of its own: the subscriber's ARN and the queue's URL."""
    iam, sqs, bus = (shop.aws.client(service) for service in ("iam", "sqs", "eventbridgev2"))
    own = f"{shop.stack.name}-{name}"
    url = sqs.create_queue(QueueName=own)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    role = iam.create_role(RoleName=own, AssumeRolePolicyDocument=TRUSTED)["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName=own, PolicyName="send", PolicyDocument=policy)
    how = {"TargetArn": queue, "RoleArn": role}
    made = bus.create_subscriber(**bus_of(shop), Name=name, InvokeConfiguration=how, **more)
    return made["SubscriberArn"], url


def taken(shop: Example, queue: str, until: int = 0) -> list[Any]:
    """What is in a queue once that many messages are, taken out of it."""
    found: list[Any] = []

    def arrived() -> bool:
        asked = {"QueueUrl": queue, "MaxNumberOfMessages": 10}
        for message in shop.aws.client("sqs").receive_message(**asked).get("Messages", []):
            shop.aws.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            found.append(json.loads(message["Body"]))
        return len(found) >= until

    seen(arrived, 20)
    return found


def kept(shop: Example) -> list[dict[str, Any]]:
    """What the bus keeps, in the order of each group, read as a new subscriber reads it: up to a last event of ours."""
    bus, name = shop.aws.client("eventbridgev2"), f"probe-{time.time_ns()}"
    point = {"StartingPosition": "POINT_IN_TIME", "PointInTimeConfiguration": {"PointType": "HORIZON"}}
    arn, queue = to_queue(shop, name, Type="FIFO", Transformer={"Type": "WITH_METADATA"}, **point)
    bus.put_events(**bus_of(shop), Entries=[{"Source": "probe", "DetailType": "End", "Detail": "{}"}])
    found: list[Any] = []

    def whole() -> bool:
        found.extend(taken(shop, queue))
        return any(each["Data"]["source"] == "probe" for each in found)

    seen(whole, 20)
    bus.delete_subscriber(SubscriberArn=arn)
    events = [
        (each["SystemMetadata"]["EventGroupId"], each["Data"]["detail-type"], each["Data"]["detail"])
        for each in found
        if each["Data"]["source"] != "probe"
    ]
    groups = groupby(sorted(events, key=lambda event: event[0]), key=lambda event: event[0])
    return [{"group": group, "events": [[kind, detail] for _, kind, detail in of_one]} for group, of_one in groups]


def unreadable(stage: Stage) -> list[Any]:
    """Anything but one whole event; also a list of events, which Lambda gets unless MaxBatchSize is 1."""
    whole = stage.subject.event(stage)
    broken = [{}, [whole], "text", 7, whole["Data"], {**whole, "SystemMetadata": {}}]
    for where, key, wrong in (
        (("Data",), "detail-type", "OrderEaten"),
        (("Data", "detail"), "metadata", None),
        (("Data", "detail", "metadata"), "number", 0),
        (("Data", "detail", "metadata"), "number", "1"),
        (("Data", "detail", "metadata"), "number", True),
        (("Data", "detail", "metadata"), "version", 2),
        (("Data", "detail", "data"), "order_id", ""),
        (("Data", "detail", "data"), "cents", -1),
        (("Data", "detail", "data"), "cents", 10.5),
    ):
        broken.append(copy.deepcopy(whole))
        place = broken[-1]
        for step in where:
            place = place[step]
        place[key] = wrong
    return broken


def subscribed(stage: Stage) -> None:
    stage.memory["subscriber"], _ = to_queue(stage.shop, "track", Type="FIFO")


def read_again(stage: Stage) -> dict[str, Any]:
    bus = stage.shop.aws.client("eventbridgev2").describe_event_bus(**bus_of(stage.shop))
    since = bus["StorageConfiguration"]["RetentionWindowStartTime"]
    return {"do": "READ_AGAIN", "by": "ana", "since": since.isoformat()}


def readers(stage: Stage) -> list[Any]:
    found = stage.shop.aws.client("eventbridgev2").list_subscribers(**bus_of(stage.shop))["Subscribers"]
    return [[each["Name"].split("-2")[0], each["State"]] for each in found]


SUBJECTS = [
    Subject(
        "kept_events",
        "Publish",
        "publish.handler",
        happened,
        lambda _: [*NOTHING, {"events": [{"order_id": "o-1"}]}],
        more=lambda stage: kept(stage.shop),
        **SHOP,
    ),
    Subject("kept_events", "Track", "track.handler", sample, unreadable, sets_aside="queue Missed", **SHOP),
    Subject(
        "kept_events",
        "Operate",
        "operate.handler",
        read_again,
        fields_broken,
        before=subscribed,
        variables=lambda stage: {"SUBSCRIBER_ARN": stage.memory["subscriber"]},
        more=readers,
        **SHOP,
    ),
]
