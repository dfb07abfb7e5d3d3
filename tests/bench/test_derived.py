"""What is filled into a sample that was made up: names of keys, objects of a bucket, attributes, generated classes."""

import gzip
import hashlib
import io
import json
import re
import zipfile
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from trials.deliveries.history import Answer, Delivery
from trials.deliveries.parcels import lay_objects, settled
from trials.deliveries.records import content_of
from trials.project import Kind, Source, sources
from trials.project.effects import calls_nothing
from trials.project.sources import Route, sources_of
from trials.samples import samples
from trials.samples.derive import filled, guess
from trials.samples.javascript.shapes import FORMATS
from trials.samples.made import CLAIMS, made
from trials.samples.python import of_handler
from trials.samples.python.models import VALUES as MODELS
from trials.samples.reads import EACH, JSON, Reads
from trials.samples.refused.observation import VALUES
from trials.samples.sample import WITH_KEY, Sample
from trials.template import Model
from trials.verdicts import Promise, Verdict
from trials.verdicts.keys import unusual_key
from trials.wiring import wiring

RECORD = ("Records", EACH)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("age", 1),
        ("orderCount", 1),
        ("unit_price", 1),
        ("phoneNumber", "+15555550100"),
        ("callbackUrl", "https://example.test/trial"),
        ("isActive", True),
        ("customerEmail", "trial@example.com"),
        ("country", "DE"),
        ("message", "trial-1"),
        ("OldImage", "trial-1"),
        ("pageToken", "trial-1"),
        ("account", "trial-1"),
        ("description", "trial-1"),
        ("action", "trial-1"),
        ("format", "trial-1"),
        ("resizeMode", "trial-1"),
    ],
)
def test_a_key_is_guessed_by_its_words_and_not_by_what_they_hold(name: str, value: Any) -> None:
    assert guess(name, None) == value


def test_what_one_reads_as_a_list_and_another_as_an_object_keeps_the_envelope() -> None:
    source = Source(Kind.BUS, "Work", "Rule")
    reads = Reads(paths={("detail",), (EACH, EACH), ("detail", "id"), ("source", "name"), ("detail", EACH)})
    sample = filled(made({"Resources": {}}, source), source, reads)

    assert sample.payload["detail-type"] == "Trial"
    assert (sample.payload["detail"], sample.payload["source"]) == ({"id": "trial-1"}, "trial")


def test_a_message_of_which_nothing_is_known_may_be_a_list() -> None:
    source = Source(Kind.QUEUE, "Work", "Jobs", "Jobs")
    reads = Reads(paths={(*RECORD, "body", JSON, EACH, "sku")})

    assert json.loads(filled(Sample('{"id": "trial-1"}', "made up"), source, reads).payload) == [{"sku": "trial-1"}]


def test_a_message_gets_the_attributes_that_the_code_compares() -> None:
    source = Source(Kind.QUEUE, "Work", "Jobs", "Jobs")
    place = (*RECORD, "messageAttributes", "HttpMethod", "stringValue")
    reads = Reads(paths={place, place[:-1], (*RECORD, "messageAttributes", "Tenant")}, values={place: "POST"})
    sample = filled(Sample('{"id": "trial-1"}', "made up"), source, reads)

    assert {name: each["StringValue"] for name, each in sample.attributes.items()} == {
        "HttpMethod": "POST",
        "Tenant": "trial-1",
    }
    assert sample.origin == "made up, with what the code reads"


GENERATED = """
class Changed(object):
    _types = {'order_id': 'str', 'cents': 'int', 'buyer': 'Buyer'}
    _attribute_map = {'order_id': 'orderId', 'cents': 'cents', 'buyer': 'buyer'}
class Buyer(object):
    _types = {'name': 'str'}
    _attribute_map = {'name': 'name'}
class AWSEvent(object):
    _types = {'detail': 'Changed', 'detail_type': 'str'}
    _attribute_map = {'detail': 'detail', 'detail_type': 'detail-type'}
"""
HANDLER = """
from schema.changed.model import AWSEvent
from schema.changed.marshaller import Marshaller
def handler(event, context):
    return Marshaller.unmarshall(event, AWSEvent).detail
"""


def test_a_class_that_the_schema_registry_generated_says_what_the_event_holds(tmp_path: Path) -> None:
    for name in ("changed", "other"):
        (tmp_path / "schema" / name).mkdir(parents=True)
    (tmp_path / "schema" / "changed" / "model.py").write_text(GENERATED)
    (tmp_path / "schema" / "other" / "model.py").write_text(GENERATED.replace("orderId", "otherId"))
    (tmp_path / "schema" / "changed" / "marshaller.py").write_text("def unmarshall(data, kind):\n    data[0]['x']\n")
    (tmp_path / "app.py").write_text(HANDLER)
    source = Source(Kind.BUS, "Work", "Rule", pattern={"source": ["shop"]})
    reads = of_handler(tmp_path, "app.handler")

    detail = filled(made({"Resources": {}}, source), source, reads).payload["detail"]
    assert detail == {"orderId": "trial-1", "cents": 1, "buyer": {"name": "trial-1"}}


FILTER = {"S3Key": {"Rules": [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}]}}


@pytest.mark.parametrize("form", ["event", "configuration"])
def test_an_object_has_the_key_that_its_notification_asks_for(form: str) -> None:
    bucket: dict[str, Any] = {"Type": "AWS::S3::Bucket"}
    work: dict[str, Any] = {"Type": "AWS::Serverless::Function", "Properties": {}}
    if form == "event":
        asked = {"Bucket": {"Ref": "Files"}, "Events": "s3:ObjectCreated:*", "Filter": FILTER}
        work["Properties"]["Events"] = {"Put": {"Type": "S3", "Properties": asked}}
    else:
        told = {"Event": "s3:ObjectCreated:*", "Function": {"Fn::GetAtt": ["Work", "Arn"]}, "Filter": FILTER}
        bucket["Properties"] = {"NotificationConfiguration": {"LambdaConfigurations": [told]}}
    (source,) = sources({"Resources": {"Files": bucket, "Work": work}})
    key = unquote_plus(made({"Resources": {}}, source).payload["Records"][0]["s3"]["object"]["key"])

    assert (key[:3], key[-4:]) == ("in/", ".jpg")
    assert {"+", " ", "ü"} <= set(key)


@pytest.mark.parametrize(
    ("key", "begins"),
    [
        ("a.PDF", b"%PDF-1.4"),
        ("a/b.JPG", b"\x89PNG\r\n\x1a\n"),
        ("a.csv", b"id,name\n"),
        ("a.json", b'{"id": '),
        ("a", b'{"id": '),
        ("a.txt", b"trial-1"),
    ],
)
def test_an_object_holds_what_its_ending_promises(key: str, begins: bytes) -> None:
    assert content_of(key).startswith(begins)


def test_a_packed_object_can_be_unpacked() -> None:
    assert json.loads(gzip.decompress(content_of("a.json.gz"))) == {"id": "trial-1"}


def test_an_object_can_be_of_another_kind_than_its_key_says() -> None:
    with zipfile.ZipFile(io.BytesIO(content_of("a", ".zip"))) as packed:
        assert json.loads(packed.read("trial-1.json")) == {"id": "trial-1"}
    assert content_of("a", ".zip") == content_of("b.txt", ".zip")
    assert content_of("a.txt", ".pdf").startswith(b"%PDF")


def test_a_table_has_as_many_columns_as_are_wanted_and_no_empty_row() -> None:
    assert content_of("a.csv") == b"id,name\ntrial-1,trial"
    assert content_of("a.csv", ".csv4") == b"id,name,column_3,column_4\ntrial-1,1,1,1"


def test_a_pdf_has_a_page_of_text_and_a_table_between_lines() -> None:
    paper = content_of("a.pdf").decode()

    places = re.findall(r"^(\d{10}) 00000 n", paper, re.MULTILINE)
    assert [paper[int(place) :].split(" obj")[0] for place in places] == [f"{number} 0" for number in range(1, 6)]
    (drawn,) = re.findall(r"/Length (\d+)>>\nstream\n(.*?)\nendstream", paper, re.DOTALL)
    assert int(drawn[0]) == len(drawn[1])
    assert (drawn[1].count(" l S"), drawn[1].count(" Tj ET")) == (8, 9)


@pytest.mark.parametrize(("name", "images"), [("MODIFY", {"NewImage", "OldImage"}), ("REMOVE", {"OldImage"})])
def test_a_record_of_a_table_is_first_the_change_that_the_code_asks_for(name: str, images: set[str]) -> None:
    source = Source(Kind.TABLE, "Work", "Changes", "Items")
    reads = Reads(paths={(*RECORD, "eventName")}, values={(*RECORD, "eventName"): name})
    found = [each.payload for each in samples({"Resources": {}}, [], source, {}, reads)]

    assert [each["eventName"] for each in found] == [name, "INSERT"]
    assert {key for key in found[0]["dynamodb"] if key.endswith("Image")} == images


def test_a_record_s_key_is_that_of_its_item() -> None:
    source = Source(Kind.TABLE, "Work", "Changes", "Items")
    at = (*RECORD, "dynamodb", "NewImage", "id", "S")
    first, *_ = samples({"Resources": {}}, [], source, {}, Reads(paths={at}, values={at: "ORDER#trial-1"}))

    assert first.payload["dynamodb"]["Keys"] == {"id": {"S": "ORDER#trial-1"}}


CALLED_BY_ROLE: dict[str, dict[str, Any]] = {
    "AWS::ApiGatewayV2::Route": {"Target": {"Fn::Join": ["/", ["integrations", {"Ref": "Joined"}]]}},
    "AWS::Events::Rule": {
        "EventPattern": {"source": ["a"]},
        "Targets": [{"Id": "a", "Arn": {"Fn::GetAtt": ["Work", "Arn"]}}],
    },
    "AWS::ApiGateway::Method": {"Integration": {"Uri": {"Fn::GetAtt": ["Work", "Arn"]}, "Type": "AWS_PROXY"}},
}


@pytest.mark.parametrize("kind", CALLED_BY_ROLE)
@pytest.mark.parametrize("role", [True, False])
def test_a_caller_that_takes_on_a_role_needs_no_permission(kind: str, role: bool) -> None:
    joined: dict[str, Any] = {"IntegrationUri": {"Fn::GetAtt": ["Work", "Arn"]}, "IntegrationType": "AWS_PROXY"}
    way = deepcopy(CALLED_BY_ROLE[kind])
    where, name = {
        "AWS::ApiGatewayV2::Route": (joined, "CredentialsArn"),
        "AWS::Events::Rule": (way, "RoleArn"),
        "AWS::ApiGateway::Method": (way.get("Integration", {}), "Credentials"),
    }[kind]
    if role:
        where[name] = "arn:aws:iam::123456789012:role/caller"
    resources = {
        "Work": {"Type": "AWS::Lambda::Function", "Properties": {}},
        "Joined": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": joined},
        "Way": {"Type": kind, "Properties": way},
    }
    template = Model({"Resources": resources}, Path("template.yaml"))
    (source,) = sources_of(template)

    assert bool(list(wiring(template, source))) is not role


@pytest.mark.parametrize("name", ["Files", "theirs"])
def test_the_object_of_a_notification_lies_there_before_it_comes(name: str) -> None:
    source = Source(Kind.BUCKET, "Work", "Work.Put", "Files")
    event = json.loads(json.dumps(made({"Resources": {}}, source).payload).replace('"Files"', f'"{name}"'))
    stage: Any = Placed()
    lay_objects(stage, source, Sample(event, "made up"))

    assert stage.keys == ["trial/a b+ü.csv"]


@pytest.mark.parametrize("name", ["Idempotency-Key", "authorization"])
def test_a_request_s_key_binds_only_code_that_reads_it(name: str) -> None:
    source = Source(Kind.HTTP, "Work", "Work.Post", route=Route("POST", "/orders"))
    first, *_ = samples({"Resources": {}}, [], source, {}, Reads(paths={("headers", name)}))

    assert first.origin.endswith(WITH_KEY) is (name == "Idempotency-Key")


def told_by_a_bucket(through_topic: bool) -> dict[str, Any]:
    """A bucket that tells a queue, or a topic whose subscriber the queue is."""
    end = {"Ref": "Told"} if through_topic else {"Fn::GetAtt": ["Jobs", "Arn"]}
    told = {"Event": "s3:ObjectCreated:*", "Topic" if through_topic else "Queue": end, "Filter": FILTER}
    key = "TopicConfigurations" if through_topic else "QueueConfigurations"
    subscription = {"TopicArn": {"Ref": "Told"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Jobs", "Arn"]}}
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"NotificationConfiguration": {key: [told]}}}
    resources = {"Files": bucket, "Jobs": {"Type": "AWS::SQS::Queue"}, "Told": {"Type": "AWS::SNS::Topic"}}
    if through_topic:
        resources["Heard"] = {"Type": "AWS::SNS::Subscription", "Properties": subscription}
    return {"Resources": resources}


class Placed:
    """Stands in for a stage with one bucket, and keeps the keys of what was put into it."""

    ending = ""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.local = self.stack = self.project = self
        self.types, self.resources = {"Files": "AWS::S3::Bucket"}, {"Files": "files-1"}

    def values(self) -> dict[str, str]:
        return {"FilesName": "files-1", "Stage": "test"}

    def client(self, _: str) -> "Placed":
        return self

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        return {"Contents": [{"Key": each} for each in self.keys if each.startswith(request["Prefix"])]}

    def put_object(self, **request: Any) -> None:
        self.keys.append(request["Key"])


def test_an_object_that_lies_there_is_not_put_there_again_by_the_delivery() -> None:
    """Its bucket would tell of it a second time, as if the function had done that."""
    source = Source(Kind.BUCKET, "Work", "Work.Put", "Files")
    stage: Any = Placed()
    stage.keys.append("trial/a b+ü.csv.old")
    sample = made({"Resources": {}}, source)
    for _ in range(2):
        lay_objects(stage, source, sample)
        settled(stage, {"detail": {"bucket": {"name": "Files"}, "object": {"key": "a"}}})

    assert stage.keys[1:] == ["trial/a b+ü.csv", "a"]


@pytest.mark.parametrize("through_topic", [True, False])
def test_what_a_bucket_tells_a_queue_is_the_message_and_its_object_is_there(through_topic: bool) -> None:
    source = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")
    stage: Any = Placed()
    message = settled(stage, made(told_by_a_bucket(through_topic), source).payload)
    inner = json.loads(json.loads(message)["Message"]) if through_topic else json.loads(message)

    assert inner["Records"][0]["s3"]["bucket"]["name"] == "files-1"
    assert stage.keys == ["in/trial/a b+ü.jpg"]


@pytest.mark.parametrize("bucket", ["Files", "FilesName"])
def test_an_event_of_s3_on_the_bus_is_of_an_object_that_is_there(bucket: str) -> None:
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [{"Ref": bucket}]}},
    }
    stage: Any = Placed()
    event = settled(stage, made({"Resources": {}}, Source(Kind.BUS, "Work", "Rule", pattern=pattern)).payload)

    told = event["detail"]["object"]
    assert event["detail"]["bucket"]["name"] == "files-1"
    assert stage.keys == ["trial/a b+ü.csv"]
    assert told["etag"] == hashlib.md5(content_of(told["key"]), usedforsecurity=False).hexdigest()
    assert told["sequencer"]


def test_what_names_no_bucket_of_the_stack_stays_as_it_is() -> None:
    stage: Any = Placed()
    for payload in ('{"bucket": {"name": "other"},  "object": {"key": "a"}}', "no JSON {", {"bucket": 1, "object": {}}):
        assert settled(stage, payload) == payload
    assert stage.keys == []


@pytest.mark.parametrize(("package", "nothing"), [("aws-lambda", True), ("@aws-lambda-powertools/parameters", False)])
def test_types_and_loggers_of_lambda_call_nothing(tmp_path: Path, package: str, nothing: bool) -> None:
    (tmp_path / "app.ts").write_text(f"import {{ Handler }} from '{package}';\nexport const handler = console.log;\n")

    assert calls_nothing(tmp_path, "app.handler", "nodejs24.x") is nothing


@pytest.mark.parametrize("form", ["bucket", "queue", "topic", "bus"])
def test_code_that_does_not_decode_a_key_is_given_a_plain_one_next(form: str) -> None:
    body = told_by_a_bucket(through_topic=form == "topic")
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"]}
    source = {
        "bucket": Source(Kind.BUCKET, "Work", "Work.Put", "Files"),
        "bus": Source(Kind.BUS, "Work", "Rule", pattern=pattern),
    }.get(form, Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs"))
    first, second = samples(body, [], source, {})[:2]
    stage: Any = Placed()
    for each in (first, second):
        settled(stage, json.loads(json.dumps(each.payload).replace('"trial"', '"Files"')))

    assert ["trial/a b+ü" in key for key in stage.keys] == [True, False]
    assert second.unusual == first.payload


def test_an_event_of_s3_without_a_kind_is_of_an_object_in_the_bucket_that_tells_the_bus() -> None:
    telling = {"NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}}
    files = {"Type": "AWS::S3::Bucket", "Properties": telling}
    body = {"Resources": {"Other": {"Type": "AWS::S3::Bucket"}, "Files": files}}
    event = made(body, Source(Kind.BUS, "Work", "Rule", pattern={"source": ["aws.s3"]})).payload

    assert event["detail-type"] == "Object Created"
    assert event["detail"]["bucket"]["name"] == "Files"


NOT_THERE = "An error occurred (NoSuchKey) when calling the GetObject operation: The specified key does not exist."


@pytest.mark.parametrize(
    ("error", "kept", "promise"),
    [
        (NOT_THERE, [], Promise.LOST),
        (NOT_THERE, ["queue Dead"], Promise.BLOCKED),
        ("An error occurred (404) when calling the HeadObject operation: Not Found", [], Promise.LOST),
        ("ValueError: no price in the name", [], None),
    ],
)
def test_a_key_that_is_not_found_is_told_by_where_its_event_ends(
    error: str, kept: list[str], promise: Promise | None
) -> None:
    judgement = unusual_key(Delivery(answers=[Answer(error=error)], failures=1), [], kept)
    assert judgement.promise is promise


@pytest.mark.parametrize(
    ("log", "done", "verdict"),
    [
        ([NOT_THERE], True, Verdict.HELD),  # it looked for the key as it came, then decoded
        ([NOT_THERE], False, Verdict.BROKEN),  # who swallows the error reports the event as done
        ([NOT_THERE], None, Verdict.UNPROVED),
        ([], None, Verdict.HELD),
        ([], False, Verdict.UNPROVED),
    ],
)
def test_a_key_that_is_not_found_is_lost_where_the_error_is_swallowed(
    log: list[str], done: bool | None, verdict: Verdict
) -> None:
    assert unusual_key(Delivery(answers=[Answer({})]), log, [], done).verdict is verdict


def test_a_made_up_address_is_one_that_validators_take() -> None:
    """Joi asks for a domain that is delegated, email-validator refuses the reserved ones: `.test` is neither."""
    values = {guess("email", None), VALUES["email"], FORMATS["email"], MODELS["EmailStr"], CLAIMS["email"]}

    assert {str(value).rsplit(".", 1)[-1] for value in values} == {"com"}
