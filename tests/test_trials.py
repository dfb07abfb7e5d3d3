"""The trials of a reader's own project: what they find, what they must not claim, and what they never touch."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.mistakes import Seed, seeds, sow
from support.seeds import caught, harvest
from trials import stage as trials
from trials.local_aws import LocalAws
from trials.local_aws.outside import Asked
from trials.project import Sample, Source, deployable, fill, made, read, samples, served, sources, value_for
from trials.report import Report
from trials.stage import Answer, Delivered, Finding, Records, Reference, StandIn, reported, successor
from trials.template import read_template
from trials.world import Difference, differences, noise, tellable

ROOT = Path(__file__).resolve().parent.parent
RUN = [sys.executable, str(ROOT / "examples" / "run.py")]


# ---- what is found in a template


def template(tmp_path: Path, text: str) -> dict[str, Any]:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    return read_template(path)


PLAIN = """
Resources:
  Work: { Type: AWS::Lambda::Function, Properties: { Runtime: python3.14, Code: { ZipFile: pass } } }
  Jobs: { Type: AWS::SQS::Queue }
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: { EventSourceArn: !GetAtt Jobs.Arn, FunctionName: !Ref Work, BatchSize: 5 }
  Told: { Type: AWS::SNS::Topic }
  Heard:
    Type: AWS::SNS::Subscription
    Properties: { TopicArn: !Ref Told, Protocol: lambda, Endpoint: !GetAtt Work.Arn }
  Placed:
    Type: AWS::Events::Rule
    Properties: { EventPattern: { source: [shop] }, Targets: [{ Id: a, Arn: !GetAtt Work.Arn }] }
  Nightly:
    Type: AWS::Scheduler::Schedule
    Properties: { ScheduleExpression: rate(1 day), Target: { Arn: !GetAtt Work.Arn } }
"""


def test_sources_are_found_in_plain_cloudformation(tmp_path: Path) -> None:
    found = {(each.kind, each.origin, each.function) for each in sources(template(tmp_path, PLAIN))}

    assert found == {
        ("queue", "Jobs", "Work"),
        ("topic", "Told", "Work"),
        ("bus", "", "Work"),
        ("schedule", "", "Work"),
    }


@pytest.mark.parametrize(
    ("example", "kinds"),
    [
        ("queue_worker", ["queue"]),
        ("event_router", ["bus"]),
        ("stream_processor", ["stream"]),
        ("rest_api", ["http"]),
        ("fan_out", ["queue"] * 3),
        ("event_store", ["table"]),
        ("saga", ["task"] * 5),
    ],
)
def test_every_source_of_an_example_is_found(example: str, kinds: list[str]) -> None:
    found = read(ROOT / "examples" / example, "http://127.0.0.1:9")

    assert sorted(each.kind for each in found.sources if each.kind != "schedule") == kinds
    assert found.left_out == {}


def machine(properties: str = "", **states: Any) -> str:
    definition = json.dumps({"States": states})
    return f"""
Resources:
  Work: {{ Type: AWS::Serverless::Function, Properties: {{ Runtime: python3.14, CodeUri: . }} }}
  Orders:
    Type: AWS::Serverless::StateMachine
    Properties: {{ Definition: {definition}, DefinitionSubstitutions: {{ Fn: !GetAtt Work.Arn }}{properties} }}
"""


CALL = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": "${Fn}"}}
TWICE = [{"ErrorEquals": ["Down"], "MaxAttempts": 9}, {"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]


@pytest.mark.parametrize(
    ("state", "properties", "found"),
    [
        ({**CALL, "Retry": TWICE}, "", [("task", 2)]),
        ({"Type": "Task", "Resource": "${Fn}", "Retry": TWICE}, "", [("task", 2)]),
        ({**CALL, "Retry": [{"ErrorEquals": ["Lambda.ServiceException"]}]}, "", [("task", 1)]),
        ({"Type": "Map", "ItemProcessor": {"States": {"Each": {**CALL, "Retry": TWICE}}}}, "", [("task", 2)]),
        (CALL, ", Type: EXPRESS", [("task", 1)]),
        ({**CALL, "Arguments": "{% $states.input %}", "Retry": TWICE}, "", []),
        (CALL, "", [("other", None)]),
        ({**CALL, "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 0}]}, "", [("other", None)]),
        ({**CALL, "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "Retry": TWICE}, "", []),
    ],
)
def test_what_a_state_machine_calls_is_tried_if_it_may_call_it_again(
    tmp_path: Path, state: dict[str, Any], properties: str, found: list[tuple[str, int | None]]
) -> None:
    body = template(tmp_path, machine(properties, Step=state))

    assert [(each.kind, each.settings.get("Attempts")) for each in sources(body)] == found


WORK = {"Fn::GetAtt": ["Work", "Arn"]}
BEGINS = '{"States": {"Step": {"Type": "Task", "Retry": [{"ErrorEquals": ["States.ALL"]}], "Resource": "'
INVOKE = [BEGINS, "arn:", {"Ref": "AWS::Partition"}, ':states:::lambda:invoke", "Parameters": {"FunctionName": "']


@pytest.mark.parametrize(
    "text",
    [
        {"Fn::Join": ["", [*INVOKE, WORK, '"}}}}']]},
        {"Fn::Sub": BEGINS + '${Work.Arn}"}}}'},
        {"Fn::Sub": [BEGINS + '${Called}"}}}', {"Called": WORK}]},
    ],
    ids=["joined", "substituted", "substituted from a map"],
)
def test_the_calls_of_a_state_machine_in_plain_cloudformation_are_found(text: dict[str, Any]) -> None:
    resources = {
        "Work": {"Type": "AWS::Lambda::Function", "Properties": {}},
        "Orders": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": text}},
    }

    assert [str(each) for each in sources({"Resources": resources})] == ["task Orders → Work"]


SYNTHESISED = {
    "Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap"}},
    "Rules": {"CheckBootstrapVersion": {"Assertions": []}},
    "Resources": {
        "CDKMetadata": {"Type": "AWS::CDK::Metadata"},
        "Jobs": {"Type": "AWS::SQS::Queue"},
        "Work": {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Runtime": "python3.14", "Handler": "app.handler", "Code": {"S3Bucket": "b", "S3Key": "k"}},
            "Metadata": {"aws:asset:path": "asset.1", "aws:asset:property": "Code"},
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": ["Jobs", "Arn"]},
                "FunctionName": {"Ref": "Work"},
            },
        },
    },
}


def test_a_synthesised_template_is_taken_with_its_assets(tmp_path: Path) -> None:
    (tmp_path / "cdk.out").mkdir()
    (tmp_path / "cdk.out" / "Shop.template.json").write_text(json.dumps(SYNTHESISED))
    found = read(tmp_path, "http://127.0.0.1:9")

    assert found.folder == tmp_path
    assert [str(each) for each in found.sources] == ["queue Jobs → Work"]
    assert found.left_out == {"CDKMetadata": "only tells CDK's version"}
    assert (found.parameters, found.body.get("Rules")) == ({}, None)


def test_what_is_not_python_is_left_out_by_name_and_reason(tmp_path: Path) -> None:
    text = PLAIN.replace("python3.14", "nodejs24.x")
    body, left_out = deployable(template(tmp_path, text), tmp_path, [])

    assert left_out["Work"] == "runtime nodejs24.x: only Python is packaged"
    assert left_out["Mapping"] == "refers to what is left out"
    assert set(body["Resources"]) == {"Jobs", "Told"}


def test_a_function_whose_code_is_not_here_is_left_out(tmp_path: Path) -> None:
    text = "Resources: { F: { Type: AWS::Serverless::Function, Properties: { Runtime: python3.14, CodeUri: a.zip } } }"
    _, left_out = deployable(template(tmp_path, text), tmp_path, [])

    assert left_out == {"F": "its code, a.zip, is no folder here"}


INCLUDING = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Ours:
    Type: AWS::Serverless::Api
    Properties: { DefinitionBody: { Fn::Transform: { Name: AWS::Include, Parameters: { Location: ./api.yaml } } } }
  Theirs:
    Type: AWS::Serverless::Api
    Properties: { DefinitionBody: { Fn::Transform: { Name: AWS::Include, Parameters: { Location: s3://b/api.yaml } } } }
  Jobs: { Type: AWS::SQS::Queue }
"""


def test_what_a_template_includes_is_taken_from_beside_it_or_left_out(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text("openapi: 3.0.1\npaths: { /orders: { uri: !Sub '${Jobs.Arn}' } }\n")
    body, left_out = deployable(template(tmp_path, INCLUDING), tmp_path, [])

    assert body["Resources"]["Ours"]["Properties"]["DefinitionBody"] == {
        "openapi": "3.0.1",
        "paths": {"/orders": {"uri": {"Fn::Sub": "${Jobs.Arn}"}}},
    }
    assert left_out == {"Theirs": "a part of it is made by a macro, or included from elsewhere"}


ONE_FILE = (
    "Resources: { F: { Type: AWS::Serverless::Function, Properties: { Runtime: python3.14, CodeUri: src/a.py } } }"
)


def test_a_function_of_one_file_is_packaged_with_its_folder(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").touch()
    body, left_out = deployable(template(tmp_path, ONE_FILE), tmp_path, [])

    assert (body["Resources"]["F"]["Properties"]["CodeUri"], left_out) == ("src", {})


@pytest.mark.parametrize(
    ("requirement", "newer"),
    [
        ("boto3==1.26.137", True),
        ("botocore<1.30", True),
        ("boto3==1.28.0", False),
        ("boto3>=1.20", False),
        ("boto3", False),
    ],
)
def test_an_sdk_that_cannot_find_the_local_aws_is_taken_newer(tmp_path: Path, requirement: str, newer: bool) -> None:
    """Its calls would go to AWS, fail, and make the trials say of the function what is not so."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "requirements.txt").write_text(f"{requirement}\nhttpx==0.28.1\n")
    template(tmp_path, ONE_FILE.replace("src/a.py", "src"))
    project = read(tmp_path, "http://127.0.0.1:9")

    assert bool(project.newer) is newer
    assert [note for note in project.notes if requirement in note] == [
        f"{requirement} of src can only call AWS itself: a newer one is packaged"
    ] * newer


def test_uv_is_told_of_newer_packages_only_while_it_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OVERRIDE", "mine.txt")
    with trials.overridden(["boto3>=1.28"]):
        assert Path(os.environ["UV_OVERRIDE"]).read_text() == "boto3>=1.28"
    with trials.overridden([]):
        assert os.environ["UV_OVERRIDE"] == "mine.txt"
    assert os.environ["UV_OVERRIDE"] == "mine.txt"


def test_a_date_in_a_template_stays_text(tmp_path: Path) -> None:
    assert template(tmp_path, "Resources: { A: { Version: 2012-10-17 } }")["Resources"]["A"] == {
        "Version": "2012-10-17"
    }


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("CarrierUrl", {"Type": "String"}, "http://127.0.0.1:9"),
        ("AlarmTopicArn", {"Type": "String"}, "arn:aws:sns:us-east-1:123456789012:trial"),
        ("Stage", {"Type": "String", "AllowedValues": ["dev", "prod"]}, "dev"),
        ("Size", {"Type": "Number", "MinValue": 7}, "7"),
        ("Name", {"Type": "String", "MinLength": 8}, "trialxxx"),
        ("Account", {"Type": "String", "AllowedPattern": "[0-9]+"}, "12345678"),
    ],
)
def test_a_parameter_without_default_gets_a_value_of_its_kind(name: str, parameter: dict[str, Any], value: str) -> None:
    assert value_for(name, parameter, "http://127.0.0.1:9") == value


@pytest.mark.parametrize(
    ("pattern", "event"),
    [
        ({"source": ["shop"]}, {"source": "shop"}),
        ({"detail": {"total": [{"numeric": [">", 5, "<=", 6]}]}}, {"detail": {"total": 5.5}}),
        ({"detail": {"total": [{"numeric": [">=", 1000]}]}}, {"detail": {"total": 1000}}),
        ({"detail": {"held": [{"exists": False}], "id": [{"exists": True}]}}, {"detail": {"id": "trial"}}),
        ({"detail": {"country": [{"anything-but": ["XX"]}]}}, {"detail": {"country": "trial"}}),
        ({"detail": {"key": [{"prefix": "in/"}]}}, {"detail": {"key": "in/trial"}}),
        ({"a": ["b"], "$or": [{"c": [1]}, {"d": [2]}]}, {"a": "b", "c": 1}),
    ],
)
def test_an_event_made_from_a_pattern_is_let_through(pattern: dict[str, Any], event: dict[str, Any]) -> None:
    assert fill(pattern) == event


def test_a_message_is_made_from_the_filter_of_its_mapping() -> None:
    criteria = {"Filters": [{"Pattern": '{"body": {"kind": ["order"]}}'}]}
    source = Source("queue", "Work", "Work.Jobs", "Jobs", {"FilterCriteria": criteria})

    assert json.loads(made({"Resources": {}}, source).payload) == {"kind": "order"}


def test_each_record_of_a_sample_batch_is_a_sample(tmp_path: Path) -> None:
    records = [{"eventSource": "aws:sqs", "body": str(n)} for n in range(2)]
    (tmp_path / "event.json").write_text(json.dumps({"Records": records}))
    template(tmp_path, PLAIN)
    project = read(tmp_path, "http://127.0.0.1:9")
    (queue,) = [each for each in project.sources if each.kind == "queue"]

    assert [each.payload for each in samples(project, queue, {})] == ["0", "1"]


NIGHTLY = Source(
    "schedule", "Work", "Work.Nightly", "", {"Input": '{"id": "a", "at": "<aws.scheduler.scheduled-time>"}'}
)


def test_a_schedule_s_own_input_is_its_sample_with_its_time_filled_in(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text('{"action": "of another function"}')
    template(tmp_path, PLAIN)
    (sample,) = samples(read(tmp_path, "http://127.0.0.1:9"), NIGHTLY, {})

    assert (sample.origin, sample.payload["id"]) == ("the schedule's input", "a")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(sample.payload["at"])).total_seconds()) < 60


def test_what_stands_behind_an_api_is_given_what_was_asked_of_it(tmp_path: Path) -> None:
    """The function that takes the request may refuse it here, for a signature or a token that has expired."""
    request = {"requestContext": {"http": {"method": "POST", "path": "/hooks"}}, "body": '{"id": "e-1"}'}
    (tmp_path / "event.json").write_text(json.dumps(request))
    template(tmp_path, PLAIN)
    project = read(tmp_path, "http://127.0.0.1:9")

    body, whole, made_up = (each.payload for each in samples(project, QUEUE, {}))
    assert (json.loads(body), json.loads(whole), json.loads(made_up)) == ({"id": "e-1"}, request, {"id": "trial-1"})
    assert [each.payload for each in samples(project, QUEUE, {"Jobs": "passed on"})] == ["passed on"]


@pytest.mark.parametrize(
    ("path", "asked", "fits"),
    [
        ("/orders/{id}", "/orders/7", True),
        ("/orders/{id}", "/orders/7/lines", False),
        ("/{proxy+}", "/orders/7/lines", True),
        ("/orders", "/", False),
    ],
)
def test_a_sample_is_matched_to_its_route(path: str, asked: str, fits: bool) -> None:
    source = Source("http", "F", "F.Get", "", {"Path": path, "Method": "GET"})

    assert served(source, "GET", asked) is fits


# ---- how two worlds are compared


def test_ids_and_times_that_change_with_every_run_are_no_difference() -> None:
    first = {"table T": [{"id": "a", "at": "2026-11-23T08:00:00Z", "total": "1"}]}
    second = {"table T": [{"id": "b", "at": "2026-11-23T08:00:09Z", "total": "1"}]}

    assert differences(first, second, noise(first, second)) == []
    assert differences(first, second, set()) != []


def test_a_counter_that_moved_is_a_difference_although_ids_are_noise() -> None:
    first, second = {"table T": [{"id": "a", "n": "1"}]}, {"table T": [{"id": "b", "n": "1"}]}
    (found,) = differences(first, {"table T": [{"id": "c", "n": "2"}]}, noise(first, second))

    assert "n 1 → 2" in str(found)


@pytest.mark.parametrize(
    ("place", "again", "told"),
    [
        ("queue Q", {"id": "o-1"}, True),
        ("queue Q", {"id": "o-2"}, False),
        ("table T", {"id": "o-1"}, False),
        ("outside", {"id": "o-1", "method": "POST", "key": ""}, False),
        ("outside", {"id": "o-1", "method": "POST", "key": "k"}, True),
    ],
)
def test_only_an_equal_message_can_be_told_as_a_repeat(place: str, again: dict[str, str], told: bool) -> None:
    before = {place: [{**again, "id": "o-1"}]}

    assert tellable(Difference(place, [], [again]), before) is told


# ---- how batches of a stream are retried


def records(numbers: int, **settings: Any) -> Records:
    stage = type("Stage", (), {"stack": type("Stack", (), {"resources": {}})})
    payloads = [{"data_text": str(n), "partitionKey": "k"} for n in range(numbers)]
    return Records(stage, Source("stream", "F", "F.S", "S", settings), payloads)  # type: ignore[arg-type]


def drive(parcel: Records, handler: Callable[[list[str]], Answer]) -> list[list[str]]:
    """The data of each batch that is delivered until nothing is left."""
    seen = []
    while (event := parcel.event()) is not None:
        numbers = [each["kinesis"]["sequenceNumber"][-1] for each in event["Records"]]
        seen.append(numbers)
        answer = handler(numbers)
        parcel.settle(parcel.failed(answer), bool(answer.error))
    return seen


def refuses(bad: str) -> Callable[[list[str]], Answer]:
    return lambda numbers: Answer(error="bad") if bad in numbers else Answer()


def test_an_error_halves_a_batch_until_the_bad_record_is_alone() -> None:
    parcel = records(4, MaximumRetryAttempts=1, BisectBatchOnFunctionError=True)
    seen = drive(parcel, refuses("3"))

    assert seen == [["1", "2", "3", "4"], ["1", "2"], ["3", "4"], ["3"], ["3"], ["4"]]
    assert (parcel.discarded, parcel.stuck) == (1, "")


def test_without_halving_the_whole_batch_is_given_up() -> None:
    parcel = records(2, MaximumRetryAttempts=1)
    drive(parcel, refuses("1"))

    assert parcel.discarded == 2


def test_retries_without_a_limit_stop_the_shard() -> None:
    parcel = records(2)
    drive(parcel, refuses("1"))

    assert "shard stands still" in parcel.stuck


def test_a_reported_number_is_where_the_next_batch_begins() -> None:
    parcel = records(3, MaximumRetryAttempts=0, FunctionResponseTypes=["ReportBatchItemFailures"])
    first = True

    def handler(_: list[str]) -> Answer:
        nonlocal first
        second = parcel.event()["Records"][-2]["kinesis"]["sequenceNumber"]
        failures, first = [{"itemIdentifier": second}] if first else [], False
        return Answer({"batchItemFailures": failures})

    assert drive(parcel, handler) == [["1", "2", "3"], ["2", "3"]]


def test_a_table_record_is_named_by_its_sequence_number() -> None:
    record = trials.table_record({"eventName": "INSERT", "dynamodb": {"Keys": {}}}, 7, "arn")

    assert trials.sequence_number(record) == record["dynamodb"]["SequenceNumber"] == "7".zfill(20)


@pytest.mark.parametrize(
    ("types", "body", "failed"),
    [
        (["ReportBatchItemFailures"], {"batchItemFailures": [{"itemIdentifier": "b"}]}, ["b"]),
        (["ReportBatchItemFailures"], {"batchItemFailures": [{"itemIdentifier": ""}]}, ["a", "b"]),
        (["ReportBatchItemFailures"], None, []),
        ([], {"batchItemFailures": [{"itemIdentifier": "b"}]}, []),
    ],
)
def test_failures_count_only_if_the_mapping_reads_them(types: list[str], body: Any, failed: list[str]) -> None:
    assert reported(Answer(body), {"FunctionResponseTypes": types}, ["a", "b"]) == failed


# ---- how messages of a queue are settled


class Deleted(Exception):
    """What SQS says of a message that is no longer there."""


def test_a_function_may_delete_and_return_its_messages_itself() -> None:
    def gone(**_: Any) -> None:
        raise Deleted

    parcel = trials.Messages.__new__(trials.Messages)
    parcel._messages = [{"MessageId": name, "ReceiptHandle": name} for name in ("done", "failed")]
    parcel._url = "queue"
    errors = type("Exceptions", (), {"ClientError": Deleted})
    parcel._sqs = type("Sqs", (), {"exceptions": errors, "delete_message": gone, "change_message_visibility": gone})

    parcel.settle(["failed"], error=False)


@pytest.mark.parametrize(
    ("changed", "stuck"),
    [({}, True), ({"MessageId": "1"}, False), ({"Body": "tries: 2"}, False), ({"MessageAttributes": {"n": 1}}, False)],
)
def test_a_message_that_its_function_sends_anew_unchanged_is_stuck(changed: dict[str, Any], stuck: bool) -> None:
    """It gets a new id each time; one that is received again keeps its own, and a change may count."""
    parcel = trials.Messages.__new__(trials.Messages)
    parcel._rounds, parcel._sent, parcel._seen, parcel._redriven = 0, [trials.POISON], set(), True
    parcel._most = trials.ROUNDS
    made: list[dict[str, Any]] = []

    def receive() -> list[Any]:
        made.append({"MessageId": str(len(made)), "Body": trials.POISON, **changed})
        return made[-1:]

    parcel._receive, parcel._record = receive, lambda message: message  # type: ignore[method-assign]
    while parcel.event():
        pass

    assert (len(made), bool(parcel.stuck)) == (trials.ROUNDS, stuck)


# ---- verdicts: broken only for what was seen


QUEUE = Source("queue", "Work", "Work.Jobs", "Jobs")
HTTP = Source("http", "Api", "Api.Post", "", {"Path": "/", "Method": "POST"})
ONCE = {"table T": [{"id": "a", "n": "1"}]}


def reference(payload: Any = "{}", world: dict[str, list[Any]] | None = None) -> Reference:
    return Reference(Sample(payload, "event.json"), ONCE if world is None else world, set(), [])


def test_a_repeat_that_changes_nothing_holds() -> None:
    assert trials.repeated(QUEUE, ONCE, ONCE, reference(), "")[0] == "held"


def test_a_repeat_that_counts_again_is_doubled() -> None:
    assert trials.repeated(QUEUE, ONCE, {"table T": [{"id": "a", "n": "2"}]}, reference(), "")[:2] == (
        "broken",
        "doubled",
    )


def test_a_repeat_that_is_refused_is_not_called_broken() -> None:
    assert trials.repeated(QUEUE, ONCE, ONCE, reference(), "Duplicate")[0] == "unknown"


@pytest.mark.parametrize(("headers", "verdict"), [({}, "unknown"), ({"Idempotency-Key": "k"}, "broken")])
def test_a_repeated_post_is_broken_only_if_it_has_an_idempotency_key(headers: dict[str, str], verdict: str) -> None:
    payload = {"httpMethod": "POST", "headers": headers}
    found = trials.repeated(HTTP, ONCE, {"table T": [*ONCE["table T"], {"id": "b", "n": "1"}]}, reference(payload), "")

    assert found[0] == verdict


POISON = {"queue Dlq": [trials.POISON]}


@pytest.mark.parametrize(
    ("result", "world", "broken"),
    [
        (Delivered(failures=1), {**ONCE, **POISON}, ""),
        (Delivered(failures=1), {"queue Dlq": [trials.POISON, {"id": "a"}]}, "blocked"),
        (Delivered(failures=1), {**ONCE, "queue Dlq": [trials.POISON, {"id": "a"}]}, "blocked"),
        (Delivered(failures=4, stuck="no dlq"), {**ONCE, "queue Jobs": [trials.POISON]}, "lost"),
        (Delivered(), ONCE, "silent"),
    ],
)
def test_what_became_of_a_malformed_message(result: Delivered, world: dict[str, list[Any]], broken: str) -> None:
    verdict, found, *_ = trials.after_poison(QUEUE, result, reference(), world)

    assert found == broken
    assert verdict == ("broken" if broken else "held")


def test_a_malformed_message_that_is_kept_elsewhere_is_not_called_lost() -> None:
    """The function sends it on to a queue of its own and refuses it all the same."""
    result = Delivered(failures=4, stuck="it comes back")
    verdict, broken, happened, _ = trials.after_poison(
        QUEUE, result, reference(), {**ONCE, "queue Jobs": [trials.POISON], "queue Fatal": [trials.POISON]}
    )

    assert (verdict, broken) == ("unknown", "")
    assert "kept in queue Fatal" in happened


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("the local AWS lets nothing out: api.shop.example", "api.shop.example"),
        (
            'Could not connect to the endpoint URL: "https://sqs.us-east-1.amazonaws.com/"',
            "sqs.us-east-1.amazonaws.com",
        ),
        ('Could not connect to the endpoint URL: "http://127.0.0.1:4566/"', ""),
        ("ValueError: no order_id", ""),
    ],
)
def test_a_function_that_could_not_reach_something_is_not_called_broken(
    monkeypatch: pytest.MonkeyPatch, line: str, place: str
) -> None:
    """What it then loses may be due to that alone."""
    stack = type("Stack", (), {"resources": {"Work": "w", "Jobs": "j"}})
    stage = type("Stage", (), {"stack": stack, "lines": lambda *_: [line], "remember": lambda *_: None})()
    stage.project, stage.passed_on = None, {}
    monkeypatch.setattr(trials, "samples", lambda *_: [Sample("{}", "made up")])
    monkeypatch.setattr(trials, "undisturbed", lambda *_: (reference(), ""))
    monkeypatch.setattr(trials, "TRIALS", {"malformed": lambda *_: iter([("broken", "lost", "gone", [])])})
    _, found = trials.try_source(stage, QUEUE, lambda _: None)

    assert (found.verdict, found.broken) == (("unknown", "") if place else ("broken", "lost"))
    assert place in found.happened


@pytest.mark.parametrize(("told", "verdict"), [({"paid": True}, "broken"), ({"paid": False}, "unknown")])
def test_a_state_machine_may_read_a_failure_from_what_is_returned(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, bool], verdict: str
) -> None:
    task = Source("task", "Work", "Orders.Work", "Orders", {"Attempts": 3})
    good = Reference(Sample({}, "event.json"), ONCE, set(), [], Answer({"paid": True}))
    stage: Any = type("Stage", (), {"world": lambda _: {"table T": []}})()
    monkeypatch.setattr(trials, "deliver", lambda *_, **__: Delivered(answers=[Answer(told)]))

    assert trials.recovered(stage, task, good, "the outside service", lambda: None)[0] == verdict


STREAM = Source("stream", "Work", "Work.S", "S", {"DestinationConfig": {"OnFailure": {}}})


def test_a_good_record_that_was_done_and_then_given_up_too_is_not_called_blocked() -> None:
    """A partial answer retries from the malformed one on: what follows is done each time, and discarded with it."""
    both = Delivered(failures=3, discarded=2)

    assert trials.after_poison(STREAM, both, reference(), ONCE)[0] == "held"
    assert trials.after_poison(STREAM, both, reference(world={"table T": []}), {"table T": []})[0] == "unknown"
    assert trials.after_poison(STREAM, both, reference(), {"table T": []})[:2] == ("broken", "blocked")


def test_only_a_client_reads_the_status_that_a_function_returns() -> None:
    """Lambda takes whatever an asynchronous event returns for done: it is not sent again."""
    refusal = Answer({"statusCode": 500, "body": "no score"})

    assert trials.Request({}).failed(refusal) == ["all"]
    assert trials.Parcel({}).failed(refusal) == []


@pytest.mark.parametrize(
    ("status", "world", "broken"),
    [
        (500, {"table T": []}, "silent"),
        (500, {"queue Refused": [{"detail": {"trial-poison": True}}]}, ""),
        (200, {"table T": []}, ""),
    ],
)
def test_an_event_refused_by_a_status_alone_is_gone(status: int, world: dict[str, list[Any]], broken: str) -> None:
    bus = Source("bus", "Work", "Placed")
    verdict, found, *_ = trials.alone(bus, Delivered(answers=[Answer({"statusCode": status})]), world)

    assert (verdict, found) == ("broken" if broken else "unknown", broken)


def test_a_function_that_leaves_no_trace_of_a_good_event_is_not_called_silent() -> None:
    assert trials.after_poison(QUEUE, Delivered(), reference(world={"table T": []}), {"table T": []})[0] == "unknown"


@pytest.mark.parametrize(
    ("payload", "newer"),
    [
        ('{"sku": "a", "cents": 9, "version": 3}', '{"sku": "a", "cents": 10, "version": 4}'),
        ('{"sku": "a", "cents": 9}', None),
        ("no JSON", None),
        ({"detail": {"seq": 1}}, {"detail": {"seq": 2}}),
    ],
)
def test_a_successor_is_made_only_of_what_has_a_version(payload: Any, newer: Any) -> None:
    assert successor(payload) == newer


def test_the_stand_in_for_outside_services_remembers_what_changes_something() -> None:
    outside = StandIn()
    outside.reply(Asked("GET", "/", "", None))
    outside.reply(Asked("POST", "/book", "k", {"id": 1}))
    outside.down = True

    assert outside.reply(Asked("POST", "/book", "k", {}))[0] == 503
    assert outside.records() == [{"method": "POST", "path": "/book", "key": "k", "body": {"id": 1}}]


@pytest.mark.parametrize(
    ("verdict", "level", "broken"),
    [("held", "Warning", False), ("unknown", "Warning", False), ("broken", "", True), ("held", "Error", True)],
)
def test_only_what_is_broken_fails_a_build(verdict: str, level: str, broken: bool) -> None:
    finding = Finding("queue", "twice", verdict, "")

    assert Report("t", lint=[{"level": level}], findings=[finding]).broken is broken


@pytest.mark.parametrize(
    ("findings", "level", "code"),
    [([Finding("queue", "twice", "unknown", "")], "", 0), ([], "Warning", 2), ([], "Error", 1)],
)
def test_a_project_of_which_nothing_was_tried_has_not_passed(findings: list[Finding], level: str, code: int) -> None:
    assert Report("t", lint=[{"level": level}], findings=findings).exit_code == code


# ---- the command


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *arguments],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.e2e
def test_a_folder_without_a_template_is_one_clear_line(tmp_path: Path) -> None:
    refused = run(str(tmp_path))

    assert refused.returncode == 2
    assert f"run.py: {tmp_path} holds no template.yaml" in refused.stderr
    assert "Traceback" not in refused.stderr


TELLTALE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Jobs: { Type: AWS::SQS::Queue }
  Seen:
    Type: AWS::Serverless::SimpleTable
  Rare: { Type: AWS::Braket::QuantumTask }
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.14
      Handler: index.handler
      Environment: { Variables: { TABLE: !Ref Seen } }
      Events: { Jobs: { Type: SQS, Properties: { Queue: !GetAtt Jobs.Arn } } }
      InlineCode: |
        import os, socket, boto3
        def handler(event, context):
            try:
                socket.create_connection(("192.0.2.1", 443), 2)
                out = "reached the network"
            except Exception as error:
                out = str(error)
            told = {k: {"S": v} for k, v in os.environ.items() if k.startswith("AWS_") and v}
            item = {"id": {"S": "seen"}, "out": {"S": out}, **told}
            boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item=item)
"""


@pytest.mark.e2e
def test_neither_an_account_nor_the_network_can_be_reached(tmp_path: Path) -> None:
    """The function writes down every AWS variable it has, and what came of a connection to the outside."""
    (tmp_path / "template.yaml").write_text(TELLTALE)
    (tmp_path / "config").write_text("[profile production]\naws_access_key_id = AKIAREAL\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    account = {
        "AWS_PROFILE": "production",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SESSION_TOKEN": "secret-token",
        "AWS_ENDPOINT_URL": "https://production.example.com",
    }

    done = run(str(tmp_path), "--json", **account)
    found = json.loads(done.stdout)
    once = next(each for each in found["findings"] if each["trial"] == "once")

    (seen,) = [each for each in once["details"] if each.startswith("table Seen")]
    assert "1 more" in seen
    assert "the local AWS lets nothing out: 192.0.2.1" in done.stdout
    assert not [word for word in ("production", "secret-token", "AKIAREAL") if word in done.stdout + done.stderr]
    assert "Rare" in found["left_out"]
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert {each["trial"]: each["broken"] for each in found["findings"]}["malformed"] == "silent"
    assert done.returncode == 1


def test_every_seeded_fault_still_fits_its_example(tmp_path: Path) -> None:
    for number, seed in enumerate(seeds()):
        sow(seed, tmp_path / str(number))

    examples = [path.parent.name for path in (ROOT / "examples").glob("*/template.yaml")]
    assert Counter(seed.example for seed in seeds()) == dict.fromkeys(examples, 3)
    assert len({str(seed) for seed in seeds()}) == len(seeds())


@pytest.mark.e2e
@pytest.mark.parametrize("seed", [seed for seed in seeds() if seed.example == "rest_api"][:1], ids=str)
def test_a_seeded_fault_is_found_and_nothing_else_is_claimed(tmp_path: Path, seed: Seed) -> None:
    with LocalAws(faults=True) as local:
        findings = harvest(local, sow(seed, tmp_path))

    assert caught(seed, findings)
    assert {each.broken for each in findings if each.broken} == {seed.broken}
