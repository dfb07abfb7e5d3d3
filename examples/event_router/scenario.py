"""Orders at every edge of the rules, published twice, one that no consumer understands, and a replay."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from trials.local_aws import LocalAws, Outcome, seen

ORDERS = [
    {"order_id": "plain", "country": "US", "total": 10},
    {"order_id": "just-below", "country": "US", "total": 999.99},
    {"order_id": "at-limit", "country": "US", "total": 1000},
    {"order_id": "suspicious", "country": "US", "total": 10, "email": "eve@mail.example"},
    {"order_id": "embargoed", "country": "XX", "total": 10},
    {"order_id": "embargoed-and-large", "country": "ZZ", "total": 5000},
    {"order_id": "held", "country": "US", "total": 10, "held": True},
    {"order_id": "from-nowhere", "total": 10},
    *({"order_id": f"more-{n}", "country": "DE", "total": 20} for n in range(6)),
]
SHIPPED = {"plain", "just-below", "at-limit", "suspicious", *(f"more-{n}" for n in range(6))}
ONCE = sorted(SHIPPED)
REVIEWED = {"at-limit", "suspicious", "embargoed", "embargoed-and-large", "held", "from-nowhere"}


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    stack = local.deploy(template, AlarmTopicArn="arn:aws:sns:us-east-1:123456789012:alerts")
    events, sqs, out = local.client("events"), local.client("sqs"), stack.outputs
    dynamodb, table = local.client("dynamodb"), out["ShipmentsTable"]

    bus = events.describe_event_bus(Name=out["BusName"])["Arn"]
    # MiniStack has archives, but not as a resource of a template.
    archive = events.create_archive(ArchiveName=stack.name, EventSourceArn=bus)["ArchiveArn"]

    def publish() -> None:
        payload = json.dumps({"orders": ORDERS}).encode()
        answer = local.client("lambda").invoke(FunctionName=out["PublishFunction"], Payload=payload)
        assert "FunctionError" not in answer, answer["Payload"].read()

    def shipped() -> list[str]:
        """The order of each shipment, twice if it has two."""
        items = dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]
        return sorted(item["order_id"]["S"] for item in items)

    def receive(queue: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in messages]
        return found

    say("14 orders at the edges of the rules, in requests of ten at most")
    publish()
    seen(lambda: len(shipped()) >= len(SHIPPED))
    reviews = receive(out["ReviewsUrl"])
    asked = {each["detail"]["data"]["order_id"] for each in reviews}
    yield Outcome("14 orders", f"{len(shipped())} shipped", "10 are for shipping, no other", shipped() == ONCE)
    yield Outcome("the same 14", f"{len(asked)} to review", "large, suspicious or not shipped", asked == REVIEWED)
    neither = {str(each["order_id"]) for each in ORDERS} - {*shipped(), *asked}
    left = f"{', '.join(sorted(neither)) or 'none'} left over"
    yield Outcome("one of them without a country", left, "no order falls between two rules", not neither)

    say("the producer publishes all of them again")
    publish()
    again = receive(out["ReviewsUrl"])
    ids = {each["detail"]["metadata"]["event_id"] for each in reviews}
    same = {each["detail"]["metadata"]["event_id"] for each in again} == ids and not {e["id"] for e in again} & {
        e["id"] for e in reviews
    }
    yield Outcome("all 14 again", f"{len(shipped())} shipments", "a repeat ships nothing", shipped() == ONCE)
    yield Outcome("the events' ids", "ours equal, the bus's new" if same else "differ", "a repeat can be told", same)

    say("an event of a version that no consumer knows")
    detail = {"metadata": {"event_id": "placed-v9", "version": 9}, "data": {"order_id": "v9", "country": "US"}}
    envelope = {"source": "shop.orders", "detail-type": "OrderPlaced", "detail": detail}
    local.client("lambda").invoke(  # asynchronously, as the bus does; from the bus MiniStack calls without retries
        FunctionName=out["ShipFunction"], InvocationType="Event", Payload=json.dumps(envelope).encode()
    )
    kept = seen(lambda: receive(out["UndeliveredUrl"]))
    whole = [each["requestPayload"]["detail"] for each in kept] == [detail]
    yield Outcome("an unknown version", f"{len(kept)} kept, whole" if whole else "not kept", "nothing is lost", whole)

    say("a shipment is lost; the archive is replayed")
    dynamodb.delete_item(TableName=table, Key={"event_id": {"S": "placed-plain"}})
    now = datetime.now(UTC)
    events.start_replay(
        ReplayName=stack.name,
        EventSourceArn=archive,
        EventStartTime=now - timedelta(hours=1),
        EventEndTime=now + timedelta(hours=1),
        Destination={"Arn": bus},
    )
    back = seen(lambda: set(shipped()) >= SHIPPED)
    lost = "the lost one is back" if back else "the lost one is not back"
    yield Outcome("a replay of the archive", lost, "only what is missing is done", shipped() == ONCE)
