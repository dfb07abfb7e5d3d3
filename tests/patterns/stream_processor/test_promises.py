"""The newest price stands, whatever comes twice, late or again, and a bad record delays only itself."""

import base64
import itertools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.documents import ROOT
from support.handlers import Context, Died, Example, event, failed
from trials.local_aws import LocalAws
from trials.template import read_template

ALARMS = "arn:aws:sns:us-east-1:123456789012:alerts"
THROTTLED = {"code": "ProvisionedThroughputExceededException"}
BAD = [
    "",
    "{",
    "null",
    "\x00\xff",
    '{"sku": "a"}',
    '{"sku": "a", "cents": "1", "version": 1}',
    '{"sku": "", "cents": 1, "version": 1}',
    '{"sku": "a", "cents": -1, "version": 1}',
    '{"sku": "a", "cents": 1, "version": 1.5}',
]


@pytest.fixture
def shop(example: Callable[..., Example]) -> Example:
    return example("stream_processor", AlarmTopicArn=ALARMS)


@pytest.fixture
def app(shop: Example) -> ModuleType:
    return shop.environment()


def change(sku: str, version: int) -> str:
    return json.dumps({"sku": sku, "cents": version * 100, "version": version})


def batch(*data: str, first: int = 1) -> dict[str, Any]:
    """A Kinesis batch as the event source mapping delivers it; sequence numbers count up from `first`."""
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": "key",
                    "sequenceNumber": str(number),
                    "data": base64.b64encode(each.encode()).decode(),
                    "approximateArrivalTimestamp": 1795420100.5,
                },
                "eventSource": "aws:kinesis",
                "eventID": f"shardId-000000000000:{number}",
                "eventName": "aws:kinesis:record",
                "awsRegion": "us-east-1",
                "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/PriceChanges",
            }
            for number, each in enumerate(data, start=first)
        ]
    }


def prices(shop: Example) -> dict[str, int]:
    items = shop.aws.client("dynamodb").scan(TableName=shop.stack.resources["Prices"], ConsistentRead=True)["Items"]
    return {item["sku"]["S"]: int(item["version"]["N"]) for item in items}


def deliver(handler: Callable[[dict[str, Any], Any], Any], records: list[dict[str, Any]], attempts: int) -> list[str]:
    """What Lambda does with a batch under this template's mapping, as documented; returns what it discards.

    An error halves the batch and costs no attempt while it can be halved; a reported sequence number checkpoints
    there and retries the rest; a single record that spent its attempts goes to the on-failure destination.
    """
    discarded: list[str] = []
    todo = [(records, attempts)]
    while todo:
        part, left = todo.pop(0)
        try:
            answer = failed(handler({"Records": part}, Context()))
        except Exception:
            if len(part) > 1:
                middle = len(part) // 2
                todo[:0] = [(part[:middle], left), (part[middle:], left)]
            elif left:
                todo.insert(0, (part, left - 1))
            else:
                discarded += [record["kinesis"]["sequenceNumber"] for record in part]
            continue
        if answer:
            lowest = min(answer, key=int)
            rest = list(itertools.dropwhile(lambda record: record["kinesis"]["sequenceNumber"] != lowest, part))  # noqa: B023
            todo.insert(0, (rest, left))
    return discarded


def test_the_sample_event_is_kept(app: ModuleType, shop: Example, context: Context) -> None:
    assert failed(app.handler(event(shop.folder), context)) == []
    assert prices(shop) == {"mug-blue": 3}


def test_the_same_batch_twice_changes_nothing(app: ModuleType, shop: Example, context: Context) -> None:
    records = batch(change("a", 1), change("a", 2), change("b", 1))

    assert [failed(app.handler(records, context)) for _ in range(2)] == [[], []]
    assert prices(shop) == {"a": 2, "b": 1}


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])), ids=str)
def test_in_whatever_order_they_come_the_newest_stands(
    app: ModuleType, shop: Example, context: Context, order: tuple[int, ...]
) -> None:
    for version in order:
        app.handler(batch(change("a", version)), context)

    assert prices(shop) == {"a": 3}


def test_of_two_prices_with_one_version_the_first_stands(app: ModuleType, shop: Example, context: Context) -> None:
    other = json.dumps({"sku": "a", "cents": 1, "version": 1})
    app.handler(batch(change("a", 1), other), context)

    (item,) = shop.aws.client("dynamodb").scan(TableName=shop.stack.resources["Prices"])["Items"]
    assert item["cents"]["N"] == "100"


def test_concurrent_batches_of_one_product_keep_the_newest(shop: Example) -> None:
    environments = [shop.environment() for _ in range(4)]
    versions = [list(range(start, 41, 4)) for start in (1, 2, 3, 4)]

    def run(app: ModuleType, mine: list[int]) -> list[str]:
        return failed(app.handler(batch(*(change("a", version) for version in mine)), Context()))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, environments, versions)) == [[], [], [], []]

    assert prices(shop) == {"a": 40}


def test_a_failure_in_the_middle_is_reported_and_nothing_after_it_is_done(
    app: ModuleType, shop: Example, context: Context
) -> None:
    records = batch(change("a", 1), "{", change("b", 1))

    assert failed(app.handler(records, context)) == ["2"]
    assert prices(shop) == {"a": 1}


@pytest.mark.parametrize("data", BAD, ids=repr)
def test_a_bad_record_at_the_front_is_an_error_so_that_lambda_halves_the_batch(
    app: ModuleType, context: Context, data: str
) -> None:
    with pytest.raises(ValueError, match="validation error"):
        app.handler(batch(data, change("a", 1)), context)


@pytest.mark.e2e
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 12), bad=st.sets(st.integers(0, 11), max_size=3))
def test_wherever_the_bad_records_are_only_they_are_discarded(
    app: ModuleType, shop: Example, size: int, bad: set[int]
) -> None:
    bad = {position for position in bad if position < size}
    run = next(RUNS)
    data = ["{" if position in bad else change(f"{run}-{position}", 1) for position in range(size)]

    discarded = deliver(app.handler, batch(*data)["Records"], attempts=2)

    assert discarded == [str(position + 1) for position in sorted(bad)]
    kept = {sku for sku in prices(shop) if sku.startswith(f"{run}-")}
    assert kept == {f"{run}-{position}" for position in range(size) if position not in bad}


RUNS = itertools.count()


def test_reporting_instead_of_raising_would_never_isolate_a_bad_record_at_the_front() -> None:
    """Why the handler raises: a partial answer that names the first record hands the same batch out again."""
    seen: list[int] = []

    def reports(event: dict[str, Any], _: Context) -> dict[str, Any]:
        seen.append(len(event["Records"]))
        if len(seen) == 20:
            raise Died
        return {"batchItemFailures": [{"itemIdentifier": "1"}]}

    with pytest.raises(Died):
        deliver(reports, batch("{", change("a", 1), change("b", 1))["Records"], attempts=10)

    assert seen == [3] * 20


def test_a_table_that_throttles_only_delays(app: ModuleType, shop: Example, aws: LocalAws) -> None:
    aws.fault(service="dynamodb", operation="PutItem", error=THROTTLED, times=3)  # as often as the SDK tries

    discarded = deliver(app.handler, batch(change("a", 1), change("b", 1))["Records"], attempts=2)

    assert discarded == []
    assert prices(shop) == {"a": 1, "b": 1}


def test_a_death_after_the_write_repeats_it_harmlessly(shop: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    doomed, records = shop.environment(), batch(change("a", 1), change("a", 2))
    keep = doomed.keep

    def keep_then_die(each: Any) -> None:
        keep(each)
        raise Died

    monkeypatch.setattr(doomed, "keep", keep_then_die)
    with pytest.raises(Died):
        doomed.handler(records, Context())
    assert prices(shop) == {"a": 1}

    assert failed(shop.environment().handler(records, Context())) == []
    assert prices(shop) == {"a": 2}


def test_what_was_discarded_may_be_sent_again_much_later(app: ModuleType, shop: Example, context: Context) -> None:
    """The bucket keeps the whole invocation, so its records can be put on the stream again."""
    app.handler(batch(change("a", 5)), context)

    assert failed(app.handler(batch(change("a", 4), change("b", 1), first=900), context)) == []
    assert prices(shop) == {"a": 5, "b": 1}


def test_the_mapping_is_bounded_halves_reports_and_keeps_what_it_gives_up() -> None:
    resources = read_template(ROOT / "examples" / "stream_processor" / "template.yaml")["Resources"]
    mapping = resources["KeepPrices"]["Properties"]["Events"]["Stream"]["Properties"]

    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BisectBatchOnFunctionError"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert 0 < mapping["MaximumRetryAttempts"] <= 100
    retention = resources["PriceChanges"]["Properties"]["RetentionPeriodHours"] * 3600
    assert 0 < mapping["MaximumRecordAgeInSeconds"] < retention
    assert mapping["DestinationConfig"]["OnFailure"]["Type"] == "S3"
    assert mapping["MetricsConfig"] == {"Metrics": ["EventCount"]}  # without them the alarm has nothing to count
