"""The newest price stands, whatever comes twice, late or again; garbage delays nobody, an outage loses nothing."""

import base64
import itertools
import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.documents import ROOT
from support.environments import IN_PYTHON, LANGUAGES, HandlerError
from support.handlers import Context, Died, Example, event, failed
from support.streams import deliver
from trials.local_aws import LocalAws
from trials.template import read_template

RESOURCES = read_template(ROOT / "examples" / "stream_processor" / "template.yaml")["Resources"]
SERVICE = RESOURCES["KeepPrices"]["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
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
    json.dumps({"sku": "a", "cents": 10**38, "version": 1}),
    json.dumps({"sku": "a", "cents": 1, "version": 10**38}),
]


@pytest.fixture(params=LANGUAGES)
def shop(request: pytest.FixtureRequest, example: Callable[..., Example]) -> Example:
    return example("stream_processor", request.param, AlarmTopicArn=ALARMS)


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


def unreadable(shop: Example) -> dict[str, Any]:
    """What was set aside, by key."""
    s3, bucket = shop.aws.client("s3"), shop.stack.resources["Discarded"]
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys}


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


def test_what_nobody_can_read_is_set_aside_at_once_and_holds_up_nobody(
    app: ModuleType, shop: Example, context: Context
) -> None:
    records = batch(*BAD, change("a", 1), "{", change("b", 1))

    assert failed(app.handler(records, context)) == []

    assert prices(shop) == {"a": 1, "b": 1}
    numbers = [*range(1, len(BAD) + 1), len(BAD) + 2]
    kept = unreadable(shop)
    assert set(kept) == {f"unreadable/{number}.json" for number in numbers}
    for number in numbers:
        each = kept[f"unreadable/{number}.json"]
        assert json.loads(each["payload"]) == {"Records": [records["Records"][number - 1]]}
        assert re.search(r'validation error|SyntaxError|TypeError|"code": ', each["error"])


def test_what_is_read_can_be_written_up_to_the_largest_number(app: ModuleType, shop: Example, context: Context) -> None:
    """A number that DynamoDB refuses would be no garbage and no outage: its lane would wait for a day."""
    largest = {"sku": "x" * 64, "cents": 10**12, "version": 10**15}

    assert failed(app.handler(batch(json.dumps(largest)), context)) == []
    assert prices(shop) == {"x" * 64: 10**15}


def test_a_repeat_of_what_nobody_can_read_is_the_same_object(app: ModuleType, shop: Example, context: Context) -> None:
    for _ in range(3):
        assert failed(app.handler(batch("{", change("a", 1)), context)) == []

    assert list(unreadable(shop)) == ["unreadable/1.json"]


def test_what_cannot_be_set_aside_stops_the_batch_and_is_not_lost(
    app: ModuleType, shop: Example, aws: LocalAws, context: Context
) -> None:
    aws.fault(service="s3", operation="PutObject", error={"code": "SlowDown", "status": 503}, times=6)
    records = batch("{", change("a", 1))
    with pytest.raises((ClientError, HandlerError)):
        app.handler(records, context)
    assert failed(app.handler(batch(change("b", 1), "{", change("a", 1)), context)) == ["2"]
    assert prices(shop) == {"b": 1}

    assert failed(app.handler(records, context)) == []
    assert list(unreadable(shop)) == ["unreadable/1.json"]
    assert prices(shop) == {"a": 1, "b": 1}


def test_the_alarm_counts_what_was_set_aside(
    app: ModuleType, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    alarm = RESOURCES["Unreadable"]["Properties"]
    app.handler(batch("{", "null", change("a", 1)), context)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert len(lines) == 2
    for line in lines:
        (emitted,) = line["_aws"]["CloudWatchMetrics"]
        assert emitted["Namespace"] == alarm["Namespace"]
        assert [each["Name"] for each in emitted["Metrics"]] == [alarm["MetricName"]]
        assert emitted["Dimensions"] == [[each["Name"] for each in alarm["Dimensions"]]]
        assert [line[each["Name"]] for each in alarm["Dimensions"]] == [SERVICE]
        assert line[alarm["MetricName"]] in (1, [1])  # Powertools for TypeScript, and for Python
    assert [each["Value"] for each in alarm["Dimensions"]] == [SERVICE]
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 0)


def of(sku: str) -> dict[str, Any]:
    """The writes of one product's price, refused as often as the SDK tries."""
    return {"service": "dynamodb", "operation": "PutItem", "body": f"Item.sku.S == '{sku}'", "error": THROTTLED}


def test_a_failure_in_the_middle_is_reported_and_nothing_after_it_is_done(
    app: ModuleType, shop: Example, aws: LocalAws, context: Context
) -> None:
    aws.fault(**of("bad"), times=3)
    records = batch(change("a", 1), change("bad", 1), change("b", 1))

    assert failed(app.handler(records, context)) == ["2"]
    assert prices(shop) == {"a": 1}


def test_a_failure_at_the_front_is_an_error_so_that_lambda_halves_the_batch(
    app: ModuleType, aws: LocalAws, context: Context
) -> None:
    aws.fault(**of("bad"), times=3)

    with pytest.raises((ClientError, HandlerError)):
        app.handler(batch(change("bad", 1), change("a", 1)), context)


@pytest.mark.parametrize("position", range(4))
def test_wherever_a_record_stands_that_always_fails_only_it_is_given_up(
    app: ModuleType, shop: Example, aws: LocalAws, position: int
) -> None:
    """A fault of ours, not garbage: when the mapping gives up at last, by age, its neighbours are long done."""
    aws.fault(**of("bad"), times=10_000)
    data = [change(sku, 1) for sku in "abc"]
    data.insert(position, change("bad", 1))

    assert deliver(app.handler, batch(*data)["Records"], attempts=2) == [str(position + 1)]
    assert prices(shop) == {"a": 1, "b": 1, "c": 1}


@pytest.mark.e2e
def test_an_outage_of_any_length_within_the_age_delays_and_loses_nothing(
    app: ModuleType, shop: Example, aws: LocalAws
) -> None:
    """Retries that are not counted outlast it; counted ones, however many, give good data up."""
    records = batch(change("a", 1), change("b", 1), change("a", 2))["Records"]
    outage: dict[str, Any] = {"service": "dynamodb", "operation": "PutItem", "error": THROTTLED, "times": 3 * 30}
    aws.fault(**outage)
    assert deliver(app.handler, records, attempts=10) == ["1", "2"]
    aws.clear_faults()
    assert prices(shop) != {"a": 2, "b": 1}

    aws.fault(**outage)
    assert deliver(app.handler, records, attempts=10**9) == []
    assert prices(shop) == {"a": 2, "b": 1}
    assert unreadable(shop) == {}


def test_reporting_instead_of_raising_would_never_isolate_a_bad_record_at_the_front() -> None:
    """Why the handler raises: a partial answer that names the first record hands the same batch out again."""
    seen: list[int] = []

    def reports(event: dict[str, Any], _: Context) -> dict[str, Any]:
        seen.append(len(event["Records"]))
        return {"batchItemFailures": [{"itemIdentifier": "1"}]}

    discarded = deliver(reports, batch("{", change("a", 1), change("b", 1))["Records"], attempts=10)

    assert seen == [3] * 11
    assert discarded == ["1", "2", "3"], "with its neighbours, which nobody ever tried"


def test_a_table_that_throttles_only_delays(app: ModuleType, shop: Example, aws: LocalAws) -> None:
    aws.fault(service="dynamodb", operation="PutItem", error=THROTTLED, times=3)  # as often as the SDK tries

    discarded = deliver(app.handler, batch(change("a", 1), change("b", 1))["Records"], attempts=2)

    assert discarded == []
    assert prices(shop) == {"a": 1, "b": 1}


@IN_PYTHON
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


def test_what_the_bucket_holds_is_replayed_by_invoking_the_function_with_its_payload(
    app: ModuleType, shop: Example, context: Context
) -> None:
    """Lambda's own object and ours alike, however late; a replay of what still cannot be read changes nothing."""
    app.handler(batch(change("a", 5)), context)
    late = json.dumps(batch(change("a", 4), change("b", 1), "{", first=900))
    by_lambda: dict[str, Any] = {"KinesisBatchInfo": {}, "payload": late}
    assert failed(app.handler(json.loads(by_lambda["payload"]), context)) == []
    assert prices(shop) == {"a": 5, "b": 1}

    (ours,) = unreadable(shop).values()
    assert failed(app.handler(json.loads(ours["payload"]), context)) == []
    assert list(unreadable(shop)) == ["unreadable/902.json"]


def test_the_function_may_write_where_it_sets_aside_and_nowhere_else_in_the_bucket(
    app: ModuleType, shop: Example, context: Context
) -> None:
    app.handler(batch("{"), context)
    (policy,) = RESOURCES["KeepPrices"]["Properties"]["Policies"]
    (bucket,) = [each for each in policy["Statement"] if each["Action"].startswith("s3:")]

    assert (bucket["Action"], bucket["Resource"]) == ("s3:PutObject", {"Fn::Sub": "${Discarded.Arn}/unreadable/*"})
    assert all(key.startswith("unreadable/") for key in unreadable(shop))


def test_the_mapping_outlasts_an_outage_halves_reports_and_keeps_what_it_gives_up() -> None:
    mapping = RESOURCES["KeepPrices"]["Properties"]["Events"]["Stream"]["Properties"]

    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BisectBatchOnFunctionError"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping.get("MaximumRetryAttempts", -1) == -1, "a count may end before the outage does"
    retention = RESOURCES["PriceChanges"]["Properties"]["RetentionPeriodHours"] * 3600
    assert 4 * 3600 <= mapping["MaximumRecordAgeInSeconds"] < retention
    assert mapping["DestinationConfig"]["OnFailure"]["Type"] == "S3"
    assert mapping["MetricsConfig"] == {"Metrics": ["EventCount"]}  # without them the alarm has nothing to count


@IN_PYTHON
def test_two_lanes_keep_up_with_400_records_a_second_at_5_ms_a_write(
    app: ModuleType, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the section says of throughput, from this handler and this template: writes follow one another."""
    written: list[int] = []
    busy = threading.Lock()

    def keep(change: Any) -> None:
        assert busy.acquire(blocking=False), "two writes of a lane at once"
        written.append(change.version)
        busy.release()

    monkeypatch.setattr(app, "keep", keep)
    mapping = RESOURCES["KeepPrices"]["Properties"]["Events"]["Stream"]["Properties"]
    size, lanes = mapping["BatchSize"], mapping["ParallelizationFactor"]
    app.handler(batch(*(change("a", version) for version in range(1, size + 1))), context)

    assert written == list(range(1, size + 1))
    seconds = len(written) * 0.005
    assert lanes * size / seconds == 400
    assert 5 * size / seconds == 1000


def test_alarms_tell_of_a_stuck_lane_long_before_it_gives_up_and_of_what_it_gave_up() -> None:
    stuck, given_up = (RESOURCES[name]["Properties"] for name in ("StreamStuck", "DiscardedRecords"))
    mapping = RESOURCES["KeepPrices"]["Properties"]["Events"]["Stream"]["Properties"]

    assert (stuck["MetricName"], stuck["Statistic"]) == ("IteratorAge", "Maximum")
    assert stuck["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "KeepPrices"}}]
    assert stuck["Threshold"] * 4 <= mapping["MaximumRecordAgeInSeconds"] * 1000
    assert (given_up["MetricName"], given_up["Threshold"]) == ("OnFailureDestinationDeliveredEventCount", 0)
    assert stuck["AlarmActions"] == given_up["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]
