"""A request for what is not there is made again with an item under its key, and only then."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from trials.deliveries.history import Answer, Delivery
from trials.faults import once
from trials.faults.once import Try, mended, not_found, with_its_items
from trials.faults.otherwise import about_oneself
from trials.local_aws import LocalAws
from trials.moment import DAY, LATER, NOW, TEXT, iso
from trials.project import Kind, Source
from trials.project.sources import Route
from trials.samples.dates import LONG_AGO, TO_COME, at_another_time
from trials.samples.derive import item
from trials.samples.lookups import Lookup, lookups, wanted_items
from trials.samples.made import made
from trials.samples.reads import JSON, Reads
from trials.samples.refused import Refusal
from trials.samples.sample import Sample
from trials.samples.shape import Shape
from trials.samples.stored import attribute, taken
from trials.samples.ways import Looked
from trials.verdicts import unproved

GET = Source(Kind.HTTP, "Work", "Work.Get", route=Route("GET", "/orders/{orderId}"))
LIST = Source(Kind.HTTP, "Work", "Work.List", route=Route("GET", "/orders"))


def test_an_item_has_the_path_s_names_in_its_key_and_what_a_body_would_hold() -> None:
    reads = Reads(paths={("body", JSON, "sku"), ("body", JSON, "price"), ("body", JSON, "a", "b"), ("headers", "x")})

    assert item({"order_id": "S", "pk": "S", "year": "N"}, {"year": "2026", "orderId": "7"}, reads) == {
        "order_id": {"S": "7"},
        "pk": {"S": "2026"},
        "year": {"N": "2026"},
        "sku": {"S": "trial-1"},
        "price": {"N": "1"},
    }
    assert item({"id": "S"}, {}, None) == {"id": {"S": "trial-1"}}


def fared(source: Source, status: int) -> Try:
    sample = made({"Resources": {}}, source)
    answer = Delivery(answers=[Answer({"statusCode": status})])
    return Try(sample, answer, [], [], {}, refused=str(status), names={"orders-1": "Orders"})


@pytest.mark.parametrize(
    ("source", "status", "looked", "lacks"),
    [
        (GET, 404, False, True),
        (GET, 500, True, True),  # it did not expect to find nothing
        (GET, 500, False, False),
        (GET, 400, True, False),
        (LIST, 404, True, False),
        (GET, 200, True, False),
    ],
)
def test_only_a_request_whose_path_names_what_is_not_there_lacks_an_item(
    source: Source, status: int, looked: bool, lacks: bool
) -> None:
    tried = replace(fared(source, status), calls=[("dynamodb", "GetItem")] if looked else [])

    assert not_found(tried if status >= 400 else replace(tried, refused=""), source) is lacks


class OneTable:
    """Stands in for a stage whose one table has the keys `pk` and `sk`, and a function that asks it for an item."""

    def __init__(self) -> None:
        self.seeds: list[Any] = []
        self.laid: list[Any] = []
        self.project = self.stack = self
        self.resources = {"Orders": "orders-9"}  # of a later world than that of the try
        self.passed_on: dict[str, Sample] = {}
        self.known: Reads | None = None

        self.classes: dict[str, Shape] = {}

    def reads(self, _: str) -> Reads | None:
        return self.known

    def made_of(self, _: str, name: str) -> Shape | None:
        return self.classes.get(name)

    def declared(self) -> dict[str, dict[str, str]]:
        return self.keys()

    def keys(self) -> dict[str, dict[str, str]]:
        return {"Orders": {"pk": "S", "sk": "S"}}

    def code(self, _: str) -> tuple[Any, str, str]:
        return None, "", ""

    written = code


PUT = {"pk": {"S": "ORDER#7"}, "sk": {"S": "HEAD"}, "order_id": {"S": "7/a"}, "cents": {"N": "5"}}


@pytest.mark.parametrize("payload", ["1.0", "2.0"])
def test_a_request_asks_first_for_what_another_stored(monkeypatch: pytest.MonkeyPatch, payload: str) -> None:
    stage: Any = OneTable()
    stage.passed_on = {"table Orders": Sample(PUT, "another")}
    monkeypatch.setattr(once, "deliveries", lambda _, source, sample: replace(fared(source, 200), sample=sample))
    source = replace(GET, route=Route("GET", "/orders/{orderId}/lines/{line}", payload))

    first = next(with_its_items(stage, source, fared(source, 404)))
    assert (stage.seeds, first.sample.origin.partition(", ")[2]) == (
        [("Orders", PUT)],
        "with what another request stored",
    )
    event = first.sample.payload
    assert event["pathParameters"] == {"orderId": "7/a", "line": "1"}
    assert event.get("rawPath", event.get("path")) == "/orders/7/a/lines/1"


@pytest.mark.parametrize(
    ("name", "value"),
    [("orderId", "7"), ("order-id", "7"), ("id", "7"), ("price", "5"), ("sku", ""), ("customerId", "")],
)
def test_a_path_names_an_item_by_an_attribute_that_is_called_alike(name: str, value: str) -> None:
    assert attribute({"order_id": {"S": "7"}, "price": {"N": "5"}, "tags": {"SS": ["a"]}}, name) == value


ASKED = [Lookup("GetItem", "orders-1", {"Key": {"pk": {"S": "ORDER#1"}, "sk": {"S": "HEAD"}}})]
READ = [("dynamodb", "GetItem")]


@pytest.mark.parametrize(
    ("method", "looked", "calls", "origins"),
    [
        ("PUT", ASKED, READ, ["with the item that it looks for", "with an item of that key in each table"]),
        ("PUT", [], READ, ["with an item of that key in each table"]),
        (
            "PUT",
            [Lookup("GetItem", "elsewhere", {"Key": {"pk": {"S": "1"}}})],
            READ,
            ["with an item of that key in each table"],
        ),
        (
            "PUT",
            ASKED,
            [("dynamodb", "UpdateItem")],
            ["with the item that it looks for", "with an item of that key in each table"],
        ),
        ("PUT", ASKED, [], []),  # with the item it did less: it took the work for done
        ("GET", ASKED, [], ["with the item that it looks for", "with an item of that key in each table"]),
    ],
)
def test_a_request_comes_again_with_the_items_that_it_may_miss(
    monkeypatch: pytest.MonkeyPatch, method: str, looked: list[Lookup], calls: list[tuple[str, str]], origins: list[str]
) -> None:
    stage: Any = OneTable()
    seeded: list[Any] = []

    def again(stage: Any, source: Source, sample: Sample) -> Try:
        seeded.append(stage.seeds)
        return replace(fared(source, 200), sample=sample, refused="", calls=calls)

    monkeypatch.setattr(once, "deliveries", again)
    source = replace(GET, route=Route(method, "/orders/{orderId}"))
    tries = list(with_its_items(stage, source, replace(fared(source, 404), looked=looked, calls=READ)))

    assert [each.sample.origin.partition(", ")[2] for each in tries] == origins
    if looked is ASKED:
        assert seeded[0] == [("Orders", ASKED[0].request["Key"])]


def test_the_item_of_whoever_asks_lies_beside_the_next_that_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first item must name the sender; only then is the second one asked for."""
    stage: Any = OneTable()
    reads = Reads(items={"createdBy"})
    stage.known = reads
    second = Lookup("GetItem", "orders-1", {"Key": {"pk": {"S": "LINE#1"}, "sk": {"S": "HEAD"}}})
    context = {"authorizer": {"claims": {"sub": "u-7"}}}

    def again(stage: Any, source: Source, sample: Sample) -> Try:
        owned = all(seed.get("createdBy") == {"S": "u-7"} for _, seed in stage.seeds)
        both = len(stage.seeds) == 2
        looked = [replace(each, table="orders-9") for each in ([*ASKED, second] if owned else ASKED)]
        tried = replace(fared(source, 404), sample=sample, calls=READ, looked=looked, names={"orders-9": "Orders"})
        return replace(tried, refused="" if owned and both else "404")

    monkeypatch.setattr(once, "deliveries", again)
    tried = replace(fared(GET, 404), looked=ASKED, calls=READ)
    tried.sample.payload["requestContext"] = context
    good = [each for each in with_its_items(stage, GET, tried) if not each.refused]

    assert [each.sample.origin.partition(", ")[2] for each in good] == [
        "with the item that it looks for, as one of whoever asks"
    ]


class EachWorldAnew:
    """Stands in for a stage whose topic holds another notification in each new world, before anything is delivered."""

    databases = ()

    def __init__(self) -> None:
        self.worlds = 0
        self.local = self.project = self.stack = self
        self.resources = {"Orders": "orders-1"}

    def code(self, _: str) -> tuple[Path, str, str]:
        return Path("nowhere"), "", ""

    def fresh(self, elsewhere: bool = False) -> None:  # noqa: ARG002
        self.worlds += 1

    def now(self) -> dict[str, Any]:
        return {"topic Told": [{"id": self.worlds}]}

    world = now

    def fault(self, **_: Any) -> None: ...

    def faulted(self) -> list[Any]:
        return []

    lookups = made_up = missing = faulted

    def learn_senders(self) -> bool:
        return False


def test_a_world_is_compared_with_the_empty_one_that_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "lay_objects", lambda *_: None)
    monkeypatch.setattr(once, "deliver", lambda *_: Delivery(answers=[Answer({})]))
    stage: Any = EachWorldAnew()

    tried = once.deliveries(stage, GET, made({"Resources": {}}, GET))
    assert (tried.empty, len(tried.worlds)) == (tried.worlds[0], 2)
    assert tried.names == {"orders-1": "Orders"}


NAMED = {"ExpressionAttributeNames": {"#p": "pk"}, "ExpressionAttributeValues": {":p": {"S": "A#1"}, ":s": {"S": "B#"}}}


@pytest.mark.parametrize(
    ("operation", "request_", "items"),
    [
        ("UpdateItem", {"Key": {"pk": {"S": "a"}, "sk": {"S": "2"}}}, [{"pk": {"S": "a"}, "sk": {"S": "2"}}]),
        (
            "Query",
            {**NAMED, "KeyConditionExpression": "#p = :p AND begins_with(sk, :s)"},
            [{"pk": {"S": "A#1"}, "sk": {"S": "B#"}}],
        ),
        (
            "Query",
            {**NAMED, "KeyConditionExpression": "#p = :p AND sk BETWEEN :s AND :t"},
            [{"pk": {"S": "A#1"}, "sk": {"S": "B#"}}],
        ),
        (
            "Query",  # of an index: its own key is not the table's
            {**NAMED, "KeyConditionExpression": "mail = :p", "IndexName": "by-mail"},
            [{"mail": {"S": "A#1"}, "pk": {"S": "trial-1"}, "sk": {"S": "trial-1"}}],
        ),
        (
            "Query",
            {**NAMED, "KeyConditionExpression": "pk = :p", "FilterExpression": "#p = :s AND mail = :s AND n <> :s"},
            [{"pk": {"S": "A#1"}, "sk": {"S": "trial-1"}, "mail": {"S": "B#"}}],
        ),
        (
            "UpdateItem",
            {
                **NAMED,
                "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}},
                "ConditionExpression": "attribute_exists(pk) AND mail = :s AND pk <> :p",
            },
            [{"pk": {"S": "a"}, "sk": {"S": "b"}, "mail": {"S": "B#"}}],
        ),
        (
            "Scan",
            {
                "ExpressionAttributeValues": {":n": {"N": "7"}, ":d": {"S": "2026-03-01"}, ":t": {"S": "m"}},
                "FilterExpression": "due <= :d AND ends > :d AND begins < :d AND tries < :n AND size > :n "
                "AND name > :t AND state IN (:t, :d) AND contains(tags, :t)",
            },
            [
                {
                    "pk": {"S": "trial-1"},
                    "sk": {"S": "trial-1"},
                    "due": {"S": "2026-03-01"},
                    "ends": {"S": "2026-03-02"},
                    "begins": {"S": "2026-02-28"},
                    "tries": {"N": "6"},
                    "size": {"N": "8"},
                    "name": {"S": "m0"},
                    "state": {"S": "m"},
                    "tags": {"S": "m"},
                }
            ],
        ),
        (
            "Scan",
            {"FilterExpression": "attribute_exists(mail) AND attribute_not_exists(#p)", **NAMED},
            [{"pk": {"S": "trial-1"}, "sk": {"S": "trial-1"}, "mail": {"S": "trial@example.com"}}],
        ),
        ("Scan", {}, [{"pk": {"S": "trial-1"}, "sk": {"S": "trial-1"}}]),
        (
            "Scan",
            {**NAMED, "FilterExpression": "mail = :s"},
            [{"pk": {"S": "trial-1"}, "sk": {"S": "trial-1"}, "mail": {"S": "B#"}}],
        ),
        ("Query", {"KeyConditionExpression": "pk = :p"}, []),
        ("GetItem", {}, []),
    ],
)
def test_a_lookup_says_which_item_is_missed(operation: str, request_: dict[str, Any], items: list[Any]) -> None:
    asked = lookups({"TableName": "orders-1", **request_}, operation)
    found = wanted_items(asked, {"orders-1": "Orders"}, {"Orders": {"pk": "S", "sk": "S"}})

    assert found == [("Orders", each) for each in items]


def test_what_must_not_be_there_is_left_out_and_an_index_s_keys_are_put_in() -> None:
    condition = {"FilterExpression": "attribute_not_exists(sent)", "IndexName": "by-day"}
    asked = lookups({"TableName": "orders-1", **condition}, "Scan")
    more = {"sent": {"S": "trial-1"}, "day": {"S": DAY}, "pk": {"S": "other"}}
    declared = {"Orders": {"pk": "S", "day": "S", "rank": "N"}}

    ((_, laid),) = wanted_items(asked, {"orders-1": "Orders"}, {"Orders": {"pk": "S"}}, more, declared)
    assert laid == {"pk": {"S": "trial-1"}, "day": {"S": DAY}, "rank": {"N": "1"}}


@pytest.mark.parametrize(("days", "day"), [(LONG_AGO, timedelta(LONG_AGO)), (TO_COME, timedelta(TO_COME))])
def test_dates_of_an_item_are_moved_in_the_form_that_they_have(days: int, day: timedelta) -> None:
    line = {"M": {"deadline": {"S": DAY}, "ttl": {"N": "1"}, "cents": {"N": "1"}}}
    before = {
        "at": {"S": TEXT},
        "lines": {"L": [line]},
        "name": {"S": "2026"},
        "x": {"BOOL": True},
    }
    then = NOW + day

    moved = at_another_time(before, days)
    inner = moved["lines"]["L"][0]["M"]
    assert moved["at"] == {"S": iso(then)}
    assert inner["deadline"] == {"S": f"{then:%Y-%m-%d}"}
    assert int(inner["ttl"]["N"]) == then.timestamp()
    assert (inner["cents"], moved["name"], moved["x"]) == ({"N": "1"}, {"S": "2026"}, {"BOOL": True})


SCHEDULE = Source(Kind.SCHEDULE, "F", "F.Daily")


def test_what_a_schedule_looks_for_is_of_other_times_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stage: Any = OneTable()
    stage.known = Reads(items={"lines"}, inside={("{item}", "lines", "[]", "due_date")})
    looked = [Lookup("Scan", "orders-1")]
    laid: list[str] = []

    def again(stage: Any, source: Source, sample: Sample) -> Try:
        laid.append(stage.seeds[0][1]["lines"]["L"][0]["M"]["due_date"]["S"][:10])
        return replace(fared(source, 200), sample=sample, refused="", calls=READ, mute=True)

    monkeypatch.setattr(once, "deliveries", again)
    mute = replace(fared(SCHEDULE, 200), refused="", mute=True, looked=looked, calls=READ)
    tries = list(with_its_items(stage, SCHEDULE, mute))

    assert [each.sample.origin.partition(", ")[2] for each in tries] == [
        "with the item that it looks for",
        "with the item that it looks for, of long ago",
        "with the item that it looks for, of tomorrow",
        "with the item that it looks for, of a time to come",
    ]
    assert laid == sorted(laid, key=lambda day: (day != f"{LATER:%Y-%m-%d}", day))


def test_an_item_is_of_the_class_that_its_table_is_called_after_or_whose_key_comes_first() -> None:
    week = Shape(inner={"week_id": Shape(), "block_id": Shape()})
    classes = {"Week": week, "Block": Shape(inner={"title": Shape(), "block_id": Shape()})}
    keys = {"BlocksTable": {"block_id": "S"}, "Storage": {"week_id": "S"}}
    looked = Looked([], {}, {**keys, "Other": {"block_id": "S"}}, {}, None, classes)

    assert looked.fitted("BlocksTable", {}).keys() == {"title", "block_id"}
    assert looked.fitted("Storage", {}).keys() == week.inner.keys()
    assert looked.fitted("Other", {}).keys() == week.inner.keys()  # in both it is the second


def test_each_item_leads_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    stage: Any = OneTable()
    stage.known = Reads(items={"next"})
    third = [Lookup("GetItem", "orders-1", {"Key": {"pk": {"S": f"{at}"}, "sk": {"S": "HEAD"}}}) for at in range(3)]

    def again(stage: Any, source: Source, sample: Sample) -> Try:
        count = len(stage.seeds)
        tried = replace(fared(source, 404), sample=sample, calls=READ, looked=third[: count + 1])
        return replace(tried, refused="" if count == 3 else "404")

    monkeypatch.setattr(once, "deliveries", again)
    first = next(with_its_items(stage, GET, replace(fared(GET, 404), looked=third[:1], calls=READ)))

    assert not first.refused


def test_a_request_about_oneself_is_mended_as_any_other() -> None:
    own, put = "u-7", replace(GET, route=Route("PUT", "/users/{userId}"))

    def again(sample: Sample) -> Try:
        if sample.payload["pathParameters"]["userId"] != own:
            return replace(fared(put, 403), sample=sample)
        error = "User.__init__() got an unexpected keyword argument 'id'" if "id" in sample.payload["body"] else ""
        tried = replace(fared(put, 500), sample=sample, said=Refusal((error,)), judgement=unproved("refused"))
        return replace(tried, refused=error)

    tried = fared(put, 403)
    tried.sample.payload["requestContext"] = {"authorizer": {"claims": {"sub": own}}}

    assert not about_oneself(put, tried, again, lambda other: mended(again, other, put)).refused


def test_an_item_comes_again_with_what_the_request_says_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stage: Any = OneTable()
    line, sku = ("{item}", "lines", "[]", "line"), ("{item}", "sku")
    same = {line: ("pathParameters", "orderId"), sku: ("body", JSON, "skus", "[]")}
    stage.known = Reads(items={"lines", "sku"}, inside={line}, same=same)
    laid: list[Any] = []

    def again(stage: Any, source: Source, sample: Sample) -> Try:
        laid.append({name: value for name, value in stage.seeds[0][1].items() if name in ("lines", "sku")})
        return replace(fared(source, 200), sample=sample, refused="", calls=READ)

    monkeypatch.setattr(once, "deliveries", again)
    tried = replace(fared(GET, 404), looked=ASKED, calls=READ)
    tried.sample.payload["body"] = '{"skus": ["a-7"]}'
    tries = list(with_its_items(stage, GET, tried))

    assert tries[1].sample.origin.endswith("with the item that it looks for, that holds what the request says")
    assert laid[0] == {"lines": {"L": [{"M": {"line": {"S": "trial-1"}}}]}, "sku": {"S": "trial-1"}}
    assert laid[1] == {"lines": {"L": [{"M": {"line": {"S": "1"}}}]}, "sku": {"S": "a-7"}}


def test_an_item_of_which_a_class_is_made_has_what_that_takes_and_is_of_whoever_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The class refuses what it does not know; the object's owner is called as no owner is."""
    stage: Any = OneTable()
    stage.known = Reads(items={"colour", "role"})
    fields = {"pk": Shape(), "sk": Shape(), "athlete_id": Shape(), "state": Shape(value="open")}
    stage.classes = {"Block": Shape(inner={**fields, "notes": Shape(optional=True)})}

    def again(stage: Any, source: Source, sample: Sample) -> Try:
        ((_, held),) = stage.seeds
        error = "Block.__init__() got an unexpected keyword argument 'colour'" if "colour" in held else ""
        tried = replace(fared(source, 404), sample=sample, calls=READ, looked=ASKED, said=Refusal((error,)))
        good = held.keys() == fields.keys() and held["state"] == {"S": "open"} and held["athlete_id"] == {"S": "u-7"}
        return replace(tried, refused="" if good else error or "403")

    monkeypatch.setattr(once, "deliveries", again)
    tried = replace(fared(GET, 404), looked=ASKED, calls=READ)
    tried.sample.payload["requestContext"] = {"authorizer": {"claims": {"sub": "u-7"}}}

    first, *others = with_its_items(stage, GET, tried)
    assert first.refused == "403"  # the class took the item
    assert not others[-2].refused
    assert others[-2].sample.origin.endswith("with the item that it looks for, as one of whoever asks")


def test_a_batch_of_keys_is_an_item_for_each_and_a_table_may_be_named_by_its_arn() -> None:
    keys = [{"pk": {"S": each}, "sk": {"S": "x"}} for each in ("a", "b", "a")]
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/orders-1"
    asked = lookups({"RequestItems": {arn: {"Keys": keys}, "other": {"Keys": keys}}}, "BatchGetItem")

    found = wanted_items(asked, {"orders-1": "Orders"}, {"Orders": {"pk": "S", "sk": "S"}})
    assert found == [("Orders", keys[0]), ("Orders", keys[1])]


def make_table(aws: LocalAws, name: str) -> None:
    aws.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def of_a_function(aws: LocalAws, region: str = "us-east-1") -> Any:
    """A client as functions have one, whose calls meet faults."""
    keys: dict[str, Any] = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    return boto3.client("dynamodb", endpoint_url=aws.function_endpoint, region_name=region, **keys)


@pytest.mark.parametrize("partly", [False, True])
def test_what_a_function_looks_for_is_noted_and_its_calls_arrive_whole(aws: LocalAws, partly: bool) -> None:
    table = f"orders-{partly}"
    make_table(aws, table)
    function = of_a_function(aws)
    if partly:
        aws.refuse_partly()
    function.put_item(TableName=table, Item={"id": {"S": "1"}})

    assert function.get_item(TableName=table, Key={"id": {"S": "1"}})["Item"] == {"id": {"S": "1"}}
    asked = {"TableName": table, "Key": {"id": {"S": "1"}}}
    assert aws.lookups()[-1] == {"operation": "GetItem", "request": asked}
    aws.clear_faults()
    assert aws.lookups() == []


def test_of_a_batch_the_entry_is_refused_that_somebody_would_miss(aws: LocalAws) -> None:
    make_table(aws, "done")
    function = of_a_function(aws)
    put, delete = {"PutRequest": {"Item": {"id": {"S": "1"}}}}, {"DeleteRequest": {"Key": {"id": {"S": "2"}}}}
    aws.refuse_partly()

    answer = function.batch_write_item(RequestItems={"done": [put, delete]})
    assert answer["UnprocessedItems"] == {"done": [put]}
    assert function.batch_write_item(RequestItems={"done": [delete]})["UnprocessedItems"] == {"done": [delete]}


def test_code_that_names_its_region_finds_the_stack_s_tables(aws: LocalAws) -> None:
    make_table(aws, "users")
    function = of_a_function(aws, "ap-northeast-1")

    function.put_item(TableName="users", Item={"id": {"S": "1"}})
    assert aws.client("dynamodb").scan(TableName="users")["Items"] == [{"id": {"S": "1"}}]


def test_nothing_is_laid_under_a_key_of_another_type() -> None:
    asked = [Lookup("GetItem", "orders-1", {"Key": {"pk": {"M": {}}, "sk": {"S": "HEAD"}}})]

    assert wanted_items(asked, {"orders-1": "Orders"}, {"Orders": {"pk": "S", "sk": "S"}}) == []


@pytest.mark.parametrize(
    ("item", "laid"),
    [
        ({"id": {"S": "a"}, "day": {"S": "x"}, "sku": {"S": "b"}}, {"id": {"S": "a"}, "sku": {"S": "b"}}),
        ({"id": {"N": "1"}, "sku": {"S": "b"}}, {}),
        ({"sku": {"S": "b"}}, {}),
    ],
)
def test_an_item_is_laid_only_with_its_table_s_own_key(item: dict[str, Any], laid: dict[str, Any]) -> None:
    types = [{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "day", "AttributeType": "N"}]
    table = {"AttributeDefinitions": types, "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}

    assert taken(item, table) == laid
