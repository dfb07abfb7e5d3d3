"""What nobody can read is set aside at once, while an outage still loses no price and an old one replaces no newer one.

canary-0f6c91a3-aws-serverless-eda: not for training
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.happenings import kinesis_record, sequence, streamed
from evals.harness import intercepted, reported, text
from evals.scoring import Checks, Severity
from evals.system import System
from support.streams import deliver as repeated
from support.templates import findings
from trials.local_aws import LocalAws

CHECKS = Checks()
SECONDS_A_RECORD = 0.02
SLOWER = {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slower"}}


def deployed(answer: Path, aws: LocalAws) -> System:
    return System(answer, aws, OnCallTopicArn="arn:aws:sns:us-east-1:123456789012:t")


def records(*prices: tuple[str, int, int] | str) -> list[dict[str, Any]]:
    texts = [
        one if isinstance(one, str) else json.dumps(dict(zip(("sku", "version", "cents"), one, strict=True)))
        for one in prices
    ]
    return [kinesis_record(number, text.encode()) for number, text in enumerate(texts)]


def deliver(system: System, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What comes again."""
    numbers = [sequence(record) for record in batch]
    try:
        failures = reported(system.call(streamed(system, "Kinesis").function.name, {"Records": batch}))
    except Exception:
        return batch
    positions = [numbers.index(number) if number in numbers else 0 for number in failures]
    return batch[min(positions) :] if positions else []


def prices(system: System) -> dict[str, int]:
    return {item["sku"]: int(item["cents"]) for item in system.items("Prices")}


@CHECKS(Severity.ASKED)
def batches_are_larger(answer: Path, aws: LocalAws) -> Iterator[str]:
    text(answer, "CHANGES.md")
    system = deployed(answer, aws)
    size = int(streamed(system, "Kinesis").only("BatchSize") or 100)
    if size < 500:
        yield f"batches hold {size} records"
    left = deliver(system, records(("mug", 1, 500), ("cup", 1, 300), ("mug", 2, 400)))
    if left or prices(system) != {"mug": 400, "cup": 300}:
        yield f"after three changes the prices are {prices(system)}"


@CHECKS(Severity.ASKED)
def what_nobody_can_read_pages_nobody(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    left = deliver(system, records(("mug", 1, 500), "not JSON", ("cup", 1, 300)))
    if left or prices(system) != {"mug": 500, "cup": 300}:
        yield f"with an unreadable record {len(left)} of three come again, the prices are {prices(system)}"


@CHECKS(Severity.LOSES)
def what_nobody_can_read_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    function = streamed(system, "Kinesis").function.name
    with system.running(function) as run:
        given_up = repeated(lambda *call: run(call[0]) or {"batchItemFailures": []}, records(("mug", 1, 500), "x"), 1)
    kept = [body for name in system.of_kind("AWS::SQS::Queue") for body in system.messages(name)]
    objects = [aws.client("s3").list_objects_v2(Bucket=system.id(name)) for name in system.of_kind("AWS::S3::Bucket")]
    if not given_up and not kept and not any(listing.get("KeyCount") for listing in objects):
        yield "an unreadable record leaves nothing but a line in the log"


@CHECKS(Severity.LOSES)
def an_outage_loses_no_price(answer: Path, aws: LocalAws) -> Iterator[str]:
    def refused(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if "Item" in operation and "cup" in str(parameters):
            raise ClientError(SLOWER, operation)  # type: ignore[arg-type]
        return really()

    system = deployed(answer, aws)
    batch = records(("mug", 1, 500), ("cup", 1, 300), ("jug", 1, 900))
    with intercepted(refused):
        left = deliver(system, batch)
    deliver(system, left)
    if prices(system) != {"mug": 500, "cup": 300, "jug": 900}:
        yield f"the table was throttled for a while: {len(left)} of three come again, the prices are {prices(system)}"


@CHECKS(Severity.BLOCKS)
def what_the_table_never_takes_holds_up_none(answer: Path, aws: LocalAws) -> Iterator[str]:
    def refused(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if "Item" in operation and "cup" in str(parameters):
            raise ClientError(SLOWER, operation)  # type: ignore[arg-type]
        return really()

    for place in (0, 1):
        wanted = [("mug", 1, 500), ("jug", 1, 900), ("pot", 1, 700)]
        wanted.insert(place, ("cup", 1, 300))
        system = deployed(answer, aws)
        with intercepted(refused), system.running(streamed(system, "Kinesis").function.name) as run:
            repeated(lambda *call: run(call[0]) or {"batchItemFailures": []}, records(*wanted), 1)
        if prices(system) != {"mug": 500, "jug": 900, "pot": 700}:
            yield f"beside price {place}, which the table never takes, these are kept: {prices(system)}"


@CHECKS(Severity.DOUBLES)
def an_old_price_replaces_no_newer_one(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    deliver(system, records(("mug", 2, 400)))
    deliver(system, records(("mug", 1, 500)))
    if prices(system) != {"mug": 400}:
        yield f"a price that comes late makes {prices(system)}"


@CHECKS(Severity.DOUBLES)
def a_batch_ends_within_its_timeout(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    mapping = streamed(system, "Kinesis")
    seconds = int(mapping.only("BatchSize") or 100) * SECONDS_A_RECORD
    if seconds > 0.7 * int(system.properties(mapping.function.name).get("Timeout", 3)):
        yield f"a full batch takes {seconds:.0f} s as a rule, which is nearly the timeout or above it"


@CHECKS(Severity.BLOCKS)
def the_stream_is_bounded(answer: Path, aws: LocalAws) -> Iterator[str]:
    wanted = ("E", "SAM", "W9203", "W9204", "W9205")
    yield from (each for each in findings(answer / "template.yaml") if each.startswith(wanted))


@CHECKS(Severity.HIDES)
def somebody_is_called_when_prices_are_late(answer: Path, aws: LocalAws) -> Iterator[str]:
    alarms = deployed(answer, aws).of_kind("AWS::CloudWatch::Alarm").values()
    if not [one for one in alarms if "IteratorAge" in str(one.get("MetricName")) and one.get("AlarmActions")]:
        yield "nobody is called any more when prices are late"


@CHECKS(Severity.HIDES)
def the_user_is_told(answer: Path, aws: LocalAws) -> Iterator[str]:
    said = text(answer, "CHANGES.md")
    if not re.search(r"throttl|outage|transient|unavailab|DynamoDB", said, re.IGNORECASE):
        yield "CHANGES.md does not say why not every error is passed over"


@CHECKS(Severity.LOSES)
def the_role_allows_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    deliver(system, records(("mug", 1, 500), "not JSON"))
    yield from system.denied()
