"""What eda-patterns.md says beyond the examples: outbox, versions, order in a batch, patterns, webhooks."""

import importlib
import json
import re
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import botocore.loaders
import botocore.session
import pytest
from botocore.stub import Stubber

from references import order_placed, ordered
from support.documents import ROOT, Fence, fences
from support.handlers import Context, Died, failed, sqs_event
from support.streams import deliver
from support.templates import findings
from trials.local_aws import LocalAws
from trials.template import read_template

HERE = Path(__file__).parent
REFERENCE = ROOT / "references" / "eda-patterns.md"
THROTTLED = {"code": "ProvisionedThroughputExceededException"}


class Shop:
    """The outbox's table with its stream, and a bus whose events end in a queue."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        table = {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            },
        }
        bus = {"Type": "AWS::Events::EventBus", "Properties": {"Name": {"Fn::Sub": "${AWS::StackName}"}}}
        queue = {"Type": "AWS::SQS::Queue"}
        resources = {"Orders": table, "Bus": bus, "Heard": queue, "Unpublished": queue}
        self.stack = aws.create("outbox", {"Resources": resources})
        self.table, self.bus, self.queue = (self.stack.resources[name] for name in ("Orders", "Bus", "Heard"))
        heard = aws.client("sqs").get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]
        events = aws.client("events")
        pattern = json.dumps({"source": ["shop.orders"]})
        events.put_rule(Name="all", EventBusName=self.bus, EventPattern=pattern)
        events.put_targets(Rule="all", EventBusName=self.bus, Targets=[{"Id": "q", "Arn": heard["QueueArn"]}])

    def stream(self) -> dict[str, Any]:
        """What the table's stream holds, as the mapping delivers it."""
        streams = self.aws.client("dynamodbstreams")
        arn = self.aws.client("dynamodb").describe_table(TableName=self.table)["Table"]["LatestStreamArn"]
        records: list[dict[str, Any]] = []
        for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            start = streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )
            records += streams.get_records(ShardIterator=start["ShardIterator"])["Records"]
        return json.loads(json.dumps({"Records": records}, default=datetime.timestamp))

    def set_aside(self) -> list[Any]:
        """What was set aside since the last look."""
        return self._taken(self.stack.resources["Unpublished"])

    def items(self) -> set[str]:
        found = self.aws.client("dynamodb").scan(TableName=self.table, ConsistentRead=True)["Items"]
        return {item["id"]["S"] for item in found}

    def heard(self) -> list[str]:
        """The ids of the events that consumers got since the last look."""
        return [str(each["detail"]["metadata"]["event_id"]) for each in self._taken(self.queue)]

    def _taken(self, url: str) -> list[Any]:
        sqs, found = self.aws.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found


@pytest.fixture
def shop(aws: LocalAws) -> Shop:
    return Shop(aws)


@pytest.fixture
def outbox(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("ORDERS_TABLE", shop.table)
    monkeypatch.setenv("BUS_NAME", shop.bus)
    monkeypatch.setenv("UNPUBLISHED_QUEUE", shop.stack.resources["Unpublished"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", shop.aws.function_endpoint)
    return importlib.reload(importlib.import_module("references.outbox"))


def refuse(outbox: ModuleType, monkeypatch: pytest.MonkeyPatch, **codes: str) -> None:
    """The bus answers 200, and takes all but some orders' events."""
    put_events = outbox.events.put_events

    def code(entry: dict[str, Any]) -> str | None:
        return codes.get(json.loads(entry["Detail"])["data"]["order_id"])

    def partly(Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        taken = [each for each in Entries if not code(each)]
        answers = iter(put_events(Entries=taken)["Entries"] if taken else [])
        result = [next(answers) if each in taken else {"ErrorCode": code(each)} for each in Entries]
        return {"FailedEntryCount": len(Entries) - len(taken), "Entries": result}

    monkeypatch.setattr(outbox.events, "put_events", partly)


def test_an_event_outlives_the_death_of_the_function_that_wrote_it(
    outbox: ModuleType, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = outbox.dynamodb.transact_write_items

    def write_then_die(**given: Any) -> None:
        write(**given)
        raise Died

    monkeypatch.setattr(outbox.dynamodb, "transact_write_items", write_then_die)
    with pytest.raises(Died):
        outbox.place("o-1", 500)

    assert failed(outbox.publish(shop.stream(), Context())) == []
    assert shop.heard() == ["placed-o-1"]


def test_order_and_event_are_written_both_or_neither(outbox: ModuleType, shop: Shop, aws: LocalAws) -> None:
    aws.fault(service="dynamodb", operation="TransactWriteItems", error=THROTTLED, times=3)
    with pytest.raises(outbox.dynamodb.exceptions.ProvisionedThroughputExceededException):
        outbox.place("o-1", 500)
    assert shop.items() == set()

    assert outbox.place("o-1", 500)
    assert shop.items() == {"order#o-1", "event#o-1"}


def test_an_order_placed_again_tells_nobody_again(outbox: ModuleType, shop: Shop) -> None:
    assert outbox.place("o-1", 500)
    assert not outbox.place("o-1", 500)

    outbox.publish(shop.stream(), Context())

    assert shop.heard() == ["placed-o-1"]


@pytest.mark.parametrize("code", ["InternalFailure", "ThrottlingException"])
def test_what_the_bus_refuses_within_a_200_is_delivered_again(
    outbox: ModuleType, shop: Shop, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    for number in range(12):
        outbox.place(f"o{number:02}", 500)
    stream = shop.stream()
    with monkeypatch.context() as refusing:
        refuse(outbox, refusing, o05=code)
        (again,) = failed(outbox.publish(stream, Context()))
    heard = set(shop.heard())
    assert "placed-o05" not in heard

    numbers = [record["dynamodb"]["SequenceNumber"] for record in stream["Records"]]
    rest = {"Records": stream["Records"][numbers.index(again) :]}  # a stream delivers all from there again
    assert failed(outbox.publish(rest, Context())) == []

    assert heard | set(shop.heard()) == {f"placed-o{number:02}" for number in range(12)}
    assert shop.set_aside() == []


def codes(kind: str) -> list[str]:
    """The codes of a refused entry that AWS's own model calls retryable, or not."""
    model: Any = botocore.session.get_session().get_service_model("events").shape_for("PutEventsResultEntry")
    retryable, rest = model.members["ErrorCode"].documentation.split("Non-retryable errors include")
    text = {"retryable": retryable, "not retryable": rest}[kind]
    return re.findall(r"<code>\s*(?:<a [^>]*>)?(\w+)", text)


def test_exactly_what_the_model_calls_retryable_is_tried_again(outbox: ModuleType) -> None:
    assert set(codes("retryable")) == outbox.RETRYABLE
    assert len(codes("not retryable")) >= 7


def test_what_the_bus_refuses_for_ever_is_set_aside_and_holds_up_nobody(
    outbox: ModuleType, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = {f"o{number:02}": code for number, code in enumerate([*codes("not retryable"), "OfTomorrow"])}
    orders = [*refused, "o98", "o99"]
    for order in orders:
        outbox.place(order, 500)
    stream = shop.stream()
    with monkeypatch.context() as refusing:
        refuse(outbox, refusing, **refused)
        assert failed(outbox.publish(stream, Context())) == []
    assert sorted(shop.heard()) == ["placed-o98", "placed-o99"]

    aside = shop.set_aside()
    assert sorted(each["refused"][0] for each in aside) == sorted(refused.values())

    for each in aside:  # the cause is mended, and the function invoked with what the messages hold
        assert failed(outbox.publish(each, Context())) == []
    assert sorted(shop.heard()) == [f"placed-{order}" for order in refused]


def test_what_is_refused_for_ever_behind_what_may_pass_waits_for_it(
    outbox: ModuleType, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in ("o0", "o1", "o2"):
        outbox.place(each, 500)
    stream = shop.stream()
    refuse(outbox, monkeypatch, o1="InternalFailure", o2="MalformedDetail")

    (again,) = failed(outbox.publish(stream, Context()))
    numbers = [each["dynamodb"]["SequenceNumber"] for each in stream["Records"]]
    assert "o1" in json.dumps(stream["Records"][numbers.index(again)])
    assert shop.set_aside() == []


def test_what_may_pass_at_the_front_is_an_error_so_that_lambda_halves_the_batch(
    outbox: ModuleType, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in ("o0", "o1", "o2"):
        outbox.place(each, 500)
    events = [each for each in shop.stream()["Records"] if "event" in each["dynamodb"]["NewImage"]]
    refuse(outbox, monkeypatch, o1="ThrottlingException")

    assert deliver(outbox.publish, events, attempts=3) == [events[1]["dynamodb"]["SequenceNumber"]]
    assert set(shop.heard()) == {"placed-o0", "placed-o2"}


def test_what_cannot_be_set_aside_is_not_lost(
    outbox: ModuleType, shop: Shop, aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.place("o0", 500)
    stream = shop.stream()
    refuse(outbox, monkeypatch, o0="MalformedDetail")
    aws.fault(service="sqs", operation="SendMessage", error={"code": "ServiceUnavailable", "status": 503}, times=3)
    with pytest.raises(outbox.sqs.exceptions.ClientError):
        outbox.publish(stream, Context())

    assert failed(outbox.publish(stream, Context())) == []
    assert len(shop.set_aside()) == 1


@pytest.mark.parametrize(("notes", "sizes"), [(["x" * 390_000] * 5, [2, 2, 1]), (["ü" * 190_000] * 3, [2, 1])])
def test_a_request_stays_below_a_megabyte(
    outbox: ModuleType, monkeypatch: pytest.MonkeyPatch, notes: list[str], sizes: list[int]
) -> None:
    asked: list[list[Any]] = []

    def takes(Entries: list[Any]) -> dict[str, Any]:  # noqa: N803
        asked.append(Entries)
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in Entries]}

    monkeypatch.setattr(outbox.events, "put_events", takes)
    images = [{"event": {"S": json.dumps({"note": note}, ensure_ascii=False)}} for note in notes]
    records = [
        {"eventName": "INSERT", "dynamodb": {"SequenceNumber": str(n), "NewImage": image}}
        for n, image in enumerate(images)
    ]
    assert failed(outbox.publish({"Records": records}, Context())) == []

    assert [len(each) for each in asked] == sizes
    total = [sum(len(each["Detail"].encode()) for each in entries) for entries in asked]
    assert max(total) < 1_000_000


def test_the_outbox_template_lints_outlasts_an_outage_and_keeps_what_it_gives_up() -> None:
    template = HERE / "outbox.yaml"
    resources = read_template(template)["Resources"]
    function = resources["Publish"]["Properties"]
    mapping = function["Events"]["Stream"]["Properties"]

    assert findings(template) == []
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BisectBatchOnFunctionError"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping.get("MaximumRetryAttempts", -1) == -1, "a count may end before the outage does"
    assert 0 < mapping["MaximumRecordAgeInSeconds"] < 86_400
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["Unpublished", "Arn"]}
    assert json.loads(mapping["FilterCriteria"]["Filters"][0]["Pattern"])["eventName"] == ["INSERT"]
    assert resources["StreamStuck"]["Properties"]["MetricName"] == "IteratorAge"
    assert set(function["Environment"]["Variables"]) == {"ORDERS_TABLE", "BUS_NAME", "UNPUBLISHED_QUEUE"}


def test_an_event_that_expires_is_not_published_again(outbox: ModuleType, shop: Shop) -> None:
    outbox.place("o-1", 500)
    outbox.publish(shop.stream(), Context())
    shop.heard()

    shop.aws.client("dynamodb").delete_item(TableName=shop.table, Key={"id": {"S": "event#o-1"}})
    stream = shop.stream()
    removed = {"Records": [each for each in stream["Records"] if each["eventName"] == "REMOVE"]}
    assert len(removed["Records"]) == 1
    outbox.publish(removed, Context())

    assert shop.heard() == []


@pytest.mark.parametrize(
    ("version", "data"),
    [
        (1, {"order_id": "o-1", "total": "12.30"}),
        (2, {"order_id": "o-1", "cents": 1230, "currency": "USD"}),
        (2, {"order_id": "o-1", "cents": 1230, "currency": "USD", "coupon": "added later"}),
    ],
)
def test_a_reader_of_the_newest_version_reads_all_before_it(version: int, data: dict[str, Any]) -> None:
    read = order_placed.read(version, data)

    assert read == order_placed.OrderPlaced(order_id="o-1", cents=1230, currency="USD")


@pytest.mark.parametrize("version", [0, 3])
def test_a_version_nobody_knows_is_refused_whole(version: int) -> None:
    with pytest.raises(ValueError, match=f"version {version}"):
        order_placed.read(version, {"order_id": "o-1", "cents": 1, "currency": "USD"})


def handle(*messages: str) -> list[str]:
    """The answer to a FIFO batch; a message is its group and whether it fails."""
    batch = sqs_event(*messages)
    for record in batch["Records"]:
        record["attributes"]["MessageGroupId"] = record["body"].split()[0]
    module: Any = ordered
    return failed(module.handler(batch, Context()))


@pytest.fixture
def booked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The messages that were booked."""
    done: list[str] = []

    def book(record: dict[str, Any]) -> None:
        if "fails" in record["body"]:
            raise ConnectionError
        done.append(record["messageId"])

    monkeypatch.setattr(ordered, "book", book)
    return done


def test_a_failure_in_a_fifo_batch_holds_back_its_group_and_no_other(booked: list[str]) -> None:
    assert handle("a", "b", "a fails", "b", "a") == ["m-2", "m-4"]
    assert booked == ["m-0", "m-1", "m-3"]


def test_a_fifo_batch_that_failed_whole_is_an_answer_not_an_error(booked: list[str]) -> None:
    assert handle("a fails", "a") == ["m-0", "m-1"]
    assert booked == []


PATTERNS = [fence for fence in fences(REFERENCE) if fence.language == "json" and not fence.address]
STATED = re.compile(r"`(\{.*?\})`")


@pytest.mark.parametrize("fence", PATTERNS, ids=str)
def test_a_pattern_matches_what_the_text_behind_it_says(aws: LocalAws, fence: Fence) -> None:
    """The details before "but not" match, and those after it do not."""
    behind = "\n".join(REFERENCE.read_text().splitlines()[fence.last + 1 :]).strip().partition("\n\n")[0]
    matched, refused = (STATED.findall(part) for part in behind.split("but not"))

    assert matched
    assert refused
    for detail in matched + refused:
        event = {"source": "shop", "detail-type": "OrderPlaced", "detail": json.loads(detail)}
        whole = {"id": "1", "account": "1", "time": "2026-11-23T00:00:00Z", "region": "us-east-1", "resources": []}
        found = aws.client("events").test_event_pattern(EventPattern=fence.text, Event=json.dumps(event | whole))
        assert found["Result"] == (detail in matched), detail


def test_there_is_a_pattern() -> None:
    assert PATTERNS


def test_the_request_for_a_webhook_source_is_one_that_aws_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    arn = "arn:aws:events:us-east-1:123456789012:event-busv2/shop/abcdefghijklmnopqrstuvwxy"
    monkeypatch.setenv("BUS_ARN", arn)
    monkeypatch.setenv("ROLE_ARN", "arn:aws:iam::123456789012:role/webhook")
    source = importlib.import_module("references.webhook_source")
    url = "https://webhook.test/1"
    asked: list[Any] = []
    answer = {"EventSourceDetails": {"WebhookDetails": {"WebhookUrl": url}}}
    with Stubber(source.bus) as stub:
        source.bus.meta.events.register("provide-client-params.*", lambda params, **_: asked.append(params))
        stub.add_response("create_event_source", answer)  # its own model validates request and answer
        assert source.create("carrier") == url

    signed = asked[0]["Configuration"]["WebhookEventsConfiguration"]["AuthConfiguration"]["HmacAuthConfiguration"]
    assert signed.keys() >= {"TimestampHttpHeader", "MessageIdHttpHeader"}, "required by this composition"
    shapes = botocore.loaders.Loader().load_service_model("eventbridgev2", "service-2")["shapes"]
    enums = {"Algorithm": "WebhookHmacAlgorithm", "Encoding": "WebhookHmacEncoding"}
    enums |= {"SignedMessageComposition": "WebhookSignedMessageComposition", "SecretEncoding": "WebhookSecretEncoding"}
    for member, shape in enums.items():
        assert signed[member] in shapes[shape]["enum"]


def test_ses_takes_no_idempotency_key() -> None:
    shapes = botocore.loaders.Loader().load_service_model("sesv2", "service-2")["shapes"]

    assert "FromEmailAddress" in shapes["SendEmailRequest"]["members"]
    assert [
        name
        for name, member in shapes["SendEmailRequest"]["members"].items()
        if member.get("idempotencyToken") or "Token" in name or "Idempoten" in name
    ] == []
