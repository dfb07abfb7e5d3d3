"""Kinesis batches as Lambda repeats them from the checkpoint: nothing skipped, nothing overwritten by what is older."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.harness import environment, graded, items, reported, table, text
from support.handlers import Context
from trials.local_aws import LocalAws

THROTTLED = {"code": "ProvisionedThroughputExceededException"}
START = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898


def record(position: int, data: bytes) -> dict[str, Any]:
    number = str(START + position)
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "p",
            "sequenceNumber": number,
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": 1795420100.1,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000006:{number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/any",
        "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/prices",
    }


def price(sku: str, version: int, cents: int) -> bytes:
    return json.dumps({"sku": sku, "version": version, "cents": cents}).encode()


@graded
def grade(answer: Path, aws: LocalAws) -> Iterator[str]:
    text(answer, "app.py")
    name = table(aws, sku="S")
    with environment(answer, aws, PRICES_TABLE=name) as here:
        app = here.load("app")
        unknown: set[str] = set()

        def deliver(*data: bytes) -> int | None:
            """From which position on Lambda would repeat the batch; None if it would not."""
            batch = [record(position, each) for position, each in enumerate(data)]
            try:
                failures = reported(app.handler({"Records": batch}, Context()))
            except Exception:
                return 0
            numbers = [each["kinesis"]["sequenceNumber"] for each in batch]
            if any(each not in numbers for each in failures):
                unknown.update(failures)
                return 0  # as Lambda does then
            return min((numbers.index(each) for each in failures), default=None)

        def prices() -> dict[str, int]:
            return {item["sku"]: int(item["cents"]) for item in items(aws, name)}

        if deliver(price("mug", 1, 100), price("cup", 1, 200), price("mug", 2, 300)) is not None:
            yield "a batch without a fault is not done"
        if prices() != {"mug": 300, "cup": 200}:
            yield f"the newest prices are {prices()}"
        deliver(price("mug", 1, 100), price("mug", 2, 300))
        deliver(price("mug", 1, 100))
        if prices()["mug"] != 300:
            yield "an older price that is delivered again overwrites the newer one"

        checkpoint = deliver(price("a", 1, 1), price("b", 1, 1), b"not JSON", price("c", 1, 1))
        if unknown:
            yield f"reports {unknown.pop()}, which is no sequence number of the batch"
        elif checkpoint != 2:
            skipped = checkpoint is None
            yield f"a bad record at 2: {'skipped' if skipped else f'the batch is repeated from {checkpoint}'}"
        if not {"a", "b"} <= prices().keys():
            yield "what stands before a bad record is not kept"

        aws.fault(service="dynamodb", error=THROTTLED, times=1000)
        checkpoint = deliver(price("d", 1, 1), price("e", 1, 1))
        aws.clear_faults()
        if checkpoint != 0:
            yield "a table that throttles loses prices"
        if deliver(price("d", 1, 1), price("e", 1, 1)) is not None or not {"d", "e"} <= prices().keys():
            yield "what was throttled is not kept when it comes again"
