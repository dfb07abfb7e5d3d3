"""Price changes in order, between garbage, repeated, late and read twice, through a real stream."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trials.local_aws import LocalAws, Outcome, seen


def change(sku: str, version: int) -> str:
    return json.dumps({"sku": sku, "cents": version * 100, "version": version})


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    stack = local.deploy(template, AlarmTopicArn="arn:aws:sns:us-east-1:123456789012:alerts")
    kinesis, functions, table = local.client("kinesis"), local.client("lambda"), stack.outputs["PricesTable"]
    stream, mapping = stack.outputs["StreamName"], stack.outputs["MappingId"]

    def send(*changes: tuple[str, str]) -> None:
        records = [{"PartitionKey": key, "Data": data.encode()} for key, data in changes]
        refused = kinesis.put_records(StreamName=stream, Records=records)["FailedRecordCount"]
        assert refused == 0, "a producer sends the refused entries again; the local stream refuses none"

    def prices() -> dict[str, int]:
        items = local.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
        return {item["sku"]["S"]: int(item["version"]["N"]) for item in items}

    def set_aside() -> int:
        found = local.client("s3").list_objects_v2(Bucket=stack.outputs["DiscardedBucket"], Prefix="unreadable/")
        return int(found["KeyCount"])

    def processed(marker: str) -> dict[str, int]:
        """Every product's version once a last record, one for each shard's key, has come through, or is overdue."""
        send(*((sku, change(f"{marker}-{sku}", 1)) for sku in skus))
        seen(lambda: all(f"{marker}-{sku}" in prices() for sku in skus))
        return {sku: version for sku, version in prices().items() if sku in skus}

    skus = [f"sku-{n}" for n in range(5)]
    say("five products, twenty price changes each, all interleaved")
    send(*((sku, change(sku, version)) for version in range(1, 21) for sku in skus))
    newest = dict.fromkeys(skus, 20)
    found = processed("first")
    yield Outcome(
        "100 changes of 5 prices", f"version {sorted(set(found.values()))} kept", "the last one stands", found == newest
    )

    say("between further changes, what nobody can read")
    garbage = [("sku-0", "{"), ("sku-1", "null"), ("sku-2", '{"sku": "sku-2", "cents": "1"}')]
    send(*garbage, *((sku, change(sku, 21)) for sku in skus))
    newest = dict.fromkeys(skus, 21)
    found = processed("readable")
    aside = f"{set_aside()} set aside, version {sorted(set(found.values()))} kept"
    yield Outcome("3 unreadable among 8", aside, "garbage holds up nobody", (set_aside(), found) == (3, newest))

    say("the producer sends some again, and some late")
    send(*((sku, change(sku, version)) for version in (20, 19, 7) for sku in skus))
    found = processed("again")
    yield Outcome(
        "15 repeated or late ones", f"version {sorted(set(found.values()))} kept", "older never wins", found == newest
    )

    say("the whole stream is read again from its start")
    before: dict[str, Any] = prices()
    unreadable = set_aside()
    old = functions.get_event_source_mapping(UUID=mapping)
    functions.delete_event_source_mapping(UUID=mapping)
    functions.create_event_source_mapping(
        EventSourceArn=old["EventSourceArn"],
        FunctionName=stack.outputs["FunctionName"],
        StartingPosition="TRIM_HORIZON",
        BatchSize=100,
    )
    processed("replayed")
    unchanged = {sku: version for sku, version in prices().items() if not sku.startswith("replayed-")} == before
    yield Outcome(
        "a replay of everything",
        f"{'no price' if unchanged else 'prices'} changed, {set_aside() - unreadable} more set aside",
        "harmless",
        unchanged and set_aside() == unreadable,
    )
