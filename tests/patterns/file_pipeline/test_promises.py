"""A list is imported once, as it was checked, and the newest wins; what nobody can read is set aside unread."""

import io
import itertools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import botocore.exceptions
import pytest
from botocore.client import BaseClient
from file_pipeline.scenario import HEADER, price_list
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patterns.file_pipeline.faults import LIST, ROW, imports, machine
from support.documents import ROOT
from support.handlers import Context, Example, event
from support.subjects import ALARMS
from trials.template import read_template

RESOURCES = read_template(ROOT / "examples" / "file_pipeline" / "template.yaml")["Resources"]
KEY = "acme.csv"
OLD, NEW, NEWEST = ("0" * 31 + digit for digit in "9AB")
OTHER = price_list("mug,1200,EUR")


@pytest.fixture
def shop(example: Callable[..., Example], monkeypatch: pytest.MonkeyPatch) -> Example:
    made = example("file_pipeline", **ALARMS)
    monkeypatch.setenv("STATE_MACHINE", machine(made))
    return made


@pytest.fixture
def check(shop: Example) -> ModuleType:
    return shop.environment("check")


@pytest.fixture
def price(shop: Example) -> ModuleType:
    return shop.environment("price")


def put(shop: Example, body: bytes = LIST, key: str = KEY, sequencer: str = "1", **more: Any) -> dict[str, Any]:
    """Upload a file; its event, as EventBridge delivers it."""
    etag = shop.aws.client("s3").put_object(Bucket=shop.stack.resources["Incoming"], Key=key, Body=body, **more)["ETag"]
    told = {"key": key, "size": len(body), "etag": etag.strip('"'), "sequencer": sequencer}
    return {**event(shop.folder), "detail": {"object": told}}


def kept(shop: Example, where: str) -> dict[str, bytes]:
    """What lies under a prefix of Files, by the key of the upload."""
    s3, bucket = shop.aws.client("s3"), shop.stack.resources["Files"]
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=f"{where}/").get("Contents", [])]
    bodies = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
    return {key.removeprefix(f"{where}/").rpartition("/")[0]: body for key, body in bodies.items()}


def prices(shop: Example) -> dict[tuple[str, str], int]:
    found = shop.aws.client("dynamodb").scan(TableName=shop.stack.resources["Prices"])["Items"]
    return {(each["list"]["S"], each["sku"]["S"]): int(each["cents"]["N"]) for each in found}


def row(cents: str = "990", version: str = NEW, key: str = KEY, **other: Any) -> dict[str, Any]:
    return {"list": key, "version": version, "correlation_id": "c-1", "row": {**ROW, "cents": cents, **other}}


def counted(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The names of the metrics that were printed, of the service that the alarms watch."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    assert {each["service"] for each in lines} <= {"prices"}
    return [metric["Name"] for each in lines for metric in each["_aws"]["CloudWatchMetrics"][0]["Metrics"]]


# The check, before anything else reads the file.


def test_the_sample_event_is_imported_from_a_copy_of_what_was_uploaded(check: ModuleType, shop: Example) -> None:
    told = event(shop.folder)["detail"]["object"]
    put(shop, key=told["key"])
    check.handler(event(shop.folder), Context())

    (given_to_the_machine,) = imports(shop)
    version = told["sequencer"].zfill(32)
    assert given_to_the_machine == {
        **{"list": told["key"], "version": version, "file": f"checked/{told['key']}/{version}"},
        "correlation_id": event(shop.folder)["id"],
    }
    assert kept(shop, "checked") == {told["key"]: LIST}


@pytest.mark.parametrize("key", ["a b.csv", "a+b.csv", "a%2Bb.csv", "100%.csv", "ä/日本.csv", "a//b.csv"])
def test_a_key_is_taken_as_it_comes(check: ModuleType, shop: Example, key: str) -> None:
    check.handler(put(shop, key=key), Context())

    assert [each["list"] for each in imports(shop)] == [key]
    assert kept(shop, "checked") == {key: LIST}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # a module, which no example changes
@given(one=st.integers(0, 16**20), other=st.integers(0, 16**20), form=st.sampled_from("xX"))
def test_versions_compare_as_the_numbers_that_sequencers_are(
    check: ModuleType, one: int, other: int, form: str
) -> None:
    first, second = (
        check.Upload(key="k", size=1, etag="e", sequencer=format(number, text)).version
        for number, text in ((one, form), (other, "X"))
    )
    assert (first < second, first == second) == (one < other, one == other)


def test_an_event_that_comes_again_under_another_id_starts_nothing(check: ModuleType, shop: Example) -> None:
    told = put(shop)
    for number in range(3):
        check.handler({**told, "id": f"e-{number}"}, Context())

    assert [each["correlation_id"] for each in imports(shop)] == ["e-0"]


def test_one_event_in_eight_environments_at_once_is_one_import(shop: Example) -> None:
    told, environments = put(shop), [shop.environment("check") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda module: module.handler(told, Context()), environments))

    assert len(imports(shop)) == 1


def test_an_overwritten_file_is_imported_by_its_own_event_and_not_by_the_older(
    check: ModuleType, shop: Example
) -> None:
    older, newer = put(shop, LIST, sequencer="1"), put(shop, OTHER, sequencer="2")
    for told in (newer, older):
        check.handler(told, Context())

    assert [int(each["version"], 16) for each in imports(shop)] == [2]
    assert kept(shop, "checked") == {KEY: OTHER}


@pytest.mark.parametrize("after", range(3))
@pytest.mark.parametrize("meanwhile", ["overwritten", "deleted"])
def test_a_file_that_changes_between_two_calls_is_imported_as_checked_or_not_at_all(
    shop: Example, monkeypatch: pytest.MonkeyPatch, after: int, meanwhile: str
) -> None:
    told, check = put(shop), shop.environment("check")
    ask, calls = getattr(BaseClient, "_make_api_call"), itertools.count()  # noqa: B009

    def change_meanwhile(client: Any, operation: str, request: Any) -> Any:
        if operation in ("GetObject", "CopyObject") and next(calls) == after:
            monkeypatch.setattr(BaseClient, "_make_api_call", ask)
            if meanwhile == "overwritten":
                put(shop, b"unchecked\n")
            else:
                shop.aws.client("s3").delete_object(Bucket=shop.stack.resources["Incoming"], Key=KEY)
        return ask(client, operation, request)

    monkeypatch.setattr(BaseClient, "_make_api_call", change_meanwhile)
    check.handler(told, Context())

    assert next(calls) > after
    assert (kept(shop, "checked"), kept(shop, "quarantine"), imports(shop)) == ({}, {}, [])


def test_a_file_that_is_another_one_for_a_moment_is_not_passed_for_it(
    shop: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, check, ask = put(shop, LIST[:-1]), shop.environment("check"), getattr(BaseClient, "_make_api_call")  # noqa: B009
    bodies = {"GetObject": LIST, "CopyObject": LIST[:-1]}  # what lies there when it is asked for

    def change_meanwhile(client: Any, operation: str, request: Any) -> Any:
        if body := bodies.pop(operation, None):
            place = {"Bucket": shop.stack.resources["Incoming"], "Key": KEY, "Body": body}
            ask(shop.aws.client("s3"), "PutObject", place)
        return ask(client, operation, request)

    monkeypatch.setattr(BaseClient, "_make_api_call", change_meanwhile)
    check.handler(told, Context())
    monkeypatch.undo()

    assert "GetObject" not in bodies
    assert (kept(shop, "checked"), imports(shop)) == ({}, [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        price_list(),
        price_list().replace(b"\n", b"\r\n"),
        LIST.replace(b"cents", b"price"),
        b"\xef\xbb\xbf" + LIST,
        b"\n" + LIST,
        LIST.replace(b"sku,cents,currency", b'"sku","cents","currency"'),
        LIST[:-1],
        LIST[:-5],
        b"\x00" * 2000,
        b"PK\x03\x04" + LIST,
    ],
    ids=repr,
)
def test_what_is_no_list_or_was_cut_off_is_set_aside_told_and_not_imported(
    check: ModuleType, shop: Example, body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    check.handler(put(shop, body), Context())

    assert kept(shop, "quarantine") == {KEY: body}
    assert (kept(shop, "checked"), imports(shop)) == ({}, [])
    assert counted(capsys) == [RESOURCES["SetAside"]["Properties"]["MetricName"]]


def test_lines_may_end_as_in_windows(check: ModuleType, shop: Example) -> None:
    check.handler(put(shop, LIST.replace(b"\n", b"\r\n")), Context())

    assert len(imports(shop)) == 1


def test_of_a_large_file_only_its_ends_are_read(
    check: ModuleType, shop: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, get, read = put(shop, price_list(*["mug,990,EUR"] * 100_000)), check.s3.get_object, []

    def ranged(**request: Any) -> Any:
        answer = get(**request)
        body = answer["Body"].read()
        read.append(len(body))
        return {**answer, "Body": io.BytesIO(body)}

    monkeypatch.setattr(check.s3, "get_object", ranged)
    check.handler(told, Context())

    assert read == [1024, 1]
    assert len(imports(shop)) == 1


def test_a_forbidden_file_is_an_error_and_not_one_that_was_overtaken(check: ModuleType, shop: Example) -> None:
    told = put(shop)
    shop.aws.fault(service="s3", operation="GetObject", error={"code": "AccessDenied", "status": 403}, times=10)

    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        check.handler(told, Context())


def test_the_tags_of_a_partner_stay_behind(check: ModuleType, shop: Example) -> None:
    """To copy them would need two more permissions, and a file with tags would be refused without them."""
    check.handler(put(shop, Tagging="team=acme"), Context())

    s3, bucket = shop.aws.client("s3"), shop.stack.resources["Files"]
    (copy,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert s3.get_object_tagging(Bucket=bucket, Key=copy["Key"])["TagSet"] == []


# One row, which may come twice, at once and late.


ORDERS = sorted(set(itertools.permutations([OLD, NEW, NEWEST, NEW])))


@pytest.mark.e2e
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "".join(each[-1] for each in order))
def test_in_whatever_order_lists_come_the_newest_price_stays(
    price: ModuleType, shop: Example, order: tuple[str, ...]
) -> None:
    cents = {OLD: "100", NEW: "200", NEWEST: "300"}
    answers = [price.handler(row(cents[version], version), Context()) for version in order]

    assert answers == [{}] * 4
    assert prices(shop) == {(KEY, "mug"): 300}


def test_eight_versions_at_once_leave_the_newest(shop: Example) -> None:
    environments = [(shop.environment("price"), format(number, "032X")) for number in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda pair: pair[0].handler(row(str(int(pair[1])), pair[1]), Context()), environments))

    assert answers == [{}] * 8
    assert prices(shop) == {(KEY, "mug"): 8}


def test_each_list_has_its_own_price_of_a_product(price: ModuleType, shop: Example) -> None:
    """Sequencers of two keys say nothing of their order."""
    for key, cents in (("a.csv", "100"), ("b.csv", "200")):
        price.handler(row(cents, key=key), Context())

    assert prices(shop) == {("a.csv", "mug"): 100, ("b.csv", "mug"): 200}


@pytest.mark.parametrize("second", [{"cents": "991"}, {"currency": "USD"}], ids=str)
def test_of_two_prices_in_one_list_the_second_is_refused_and_not_taken_for_late(
    price: ModuleType, shop: Example, second: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert price.handler(row("990"), Context()) == {}
    refused = price.handler(row(**{"cents": "990", **second}), Context())

    assert "two prices" in refused["refused"]
    assert prices(shop) == {(KEY, "mug"): 990}
    assert counted(capsys) == [RESOURCES["RefusedRows"]["Properties"]["MetricName"]]


@pytest.mark.parametrize(
    "columns",
    [
        {"cents": "9", "currency": "90"},  # of `mug,9,90,EUR`: what a row has too much is left out
        {"currency": ""},  # of `mug,990`: what it lacks is empty
        *({"cents": text} for text in ("", "-1", "9.90", "1e3", " 990", "1_000", "٩٩٠", "9" * 10, "free")),
        *({"sku": text} for text in ("", "m" * 65, "mug\n", "müg")),
        {"currency": "eur"},
    ],
    ids=str,
)
def test_a_row_that_is_no_price_is_refused_told_and_changes_nothing(
    price: ModuleType, shop: Example, columns: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "refused" in price.handler(row(**{"cents": "990", **columns}), Context())

    assert prices(shop) == {}
    assert counted(capsys) == [RESOURCES["RefusedRows"]["Properties"]["MetricName"]]


def test_a_table_that_throttles_is_an_error_and_no_refusal(price: ModuleType, shop: Example) -> None:
    error = {"code": "ProvisionedThroughputExceededException"}
    shop.aws.fault(service="dynamodb", operation="PutItem", error=error, times=10)

    with pytest.raises(botocore.exceptions.ClientError, match="ProvisionedThroughputExceeded"):
        price.handler(row(), Context())


def test_the_columns_of_a_row_are_those_that_the_check_demands(check: ModuleType, price: ModuleType) -> None:
    assert HEADER.encode() == check.HEADER
    assert list(price.Row.model_fields) == HEADER.split(",")
