"""State machines as sources: what is made of a definition, what it is started with, and what its tasks are told."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bench.test_own import run
from botocore.exceptions import ClientError

from support.executions import execute
from trials.local_aws.outside import StandIn
from trials.machines import playing
from trials.machines.calling import Calls, named
from trials.machines.definition import ASK, MOST_RETRIES, Task, asking, beyond, forward, tasks
from trials.machines.faults import UNMENTIONED, faults, of_tasks
from trials.machines.history import Attempt, Ending, Fault, Play, Setting, Started, Way
from trials.machines.inputs import inputs
from trials.machines.results import answers
from trials.machines.starts import setting
from trials.machines.trying import Trying
from trials.project import Kind, Source
from trials.project.deployable import deployable
from trials.project.supplied import of_file
from trials.samples import Sample
from trials.samples.reads import Reads
from trials.samples.sample_files import SampleFile
from trials.template import Model, read_template
from trials.waves import feeders
from trials.world import Difference

INVOKE = "arn:aws:states:::lambda:invoke"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:work"


def task(resource: str = INVOKE, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "End": True, **more}


def machine(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


# ---- the definition


def test_every_task_asks_with_what_it_would_call_with_and_nothing_waits() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 99, "IntervalSeconds": 60}]
    inner = machine(Put=task("arn:aws:states:::dynamodb:putItem", Parameters={"TableName": "t", "Item.$": "$.i"}))
    plain = machine(
        Call=task(FUNCTION, Retry=retry, TimeoutSeconds=9, Next="Wait"),
        Wait={"Type": "Wait", "SecondsPath": "$.s", "Next": "Each"},
        Each={"Type": "Map", "ItemProcessor": inner, "Next": "Both"},
        Both={"Type": "Parallel", "Branches": [inner], "End": True},
    )
    asked = asking(plain, "Flow", "q")["States"]

    assert asked["Call"]["Resource"] == ASK
    assert asked["Call"]["Parameters"]["MessageBody"] | {"token.$": "", "input.$": ""} == {
        **{"machine": "Flow", "state": "Call", "resource": FUNCTION, "arguments.$": "$", "token.$": "", "input.$": ""}
    }
    assert "TimeoutSeconds" not in asked["Call"]
    assert asked["Call"]["Retry"][0] == {**retry[0], "MaxAttempts": MOST_RETRIES, "IntervalSeconds": 0}
    assert asked["Wait"] == {"Type": "Wait", "Seconds": 0, "Next": "Each"}
    for put in (asked["Each"]["ItemProcessor"]["States"]["Put"], asked["Both"]["Branches"][0]["States"]["Put"]):
        assert put["Parameters"]["MessageBody"]["arguments"] == {"TableName": "t", "Item.$": "$.i"}
    assert plain["States"]["Call"]["Resource"] == FUNCTION


def test_the_engine_of_the_local_aws_asks_for_each_attempt_of_a_definition_in_jsonpath() -> None:
    retry = [{"ErrorEquals": ["Lambda.TooManyRequestsException"], "MaxAttempts": 1}]
    put = machine(Put=task("arn:aws:states:::dynamodb:putItem", Parameters={"Item": {"id": {"S.$": "$.sku"}}}))
    plain = machine(
        Score=task(
            Parameters={"FunctionName": FUNCTION, "Payload.$": "$.order"},
            Retry=retry,
            Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.why", "Next": "Tell"}],
            ResultSelector={"points.$": "$.Payload.points"},
            ResultPath="$.score",
            Next="Wait",
        ),
        Wait={"Type": "Wait", "Seconds": 86_400, "Next": "Each"},
        Each={"Type": "Map", "ItemsPath": "$.rows", "ItemProcessor": put, "ResultPath": None, "Next": "Tell"},
        Tell=task(FUNCTION),
    )
    plain["States"]["Score"].pop("End")
    asked, given = asking(plain, "Flow", "q"), {"order": {"id": 1}, "rows": [{"sku": "a"}]}
    refused = "Lambda.TooManyRequestsException"

    well = execute(asked, given, {"human": [refused, {"Payload": {"points": 3}}, {}, {}]})
    assert [each["state"] for each in well.messages] == ["Score", "Score", "Put", "Tell"]
    assert well.messages[0]["arguments"] == {"FunctionName": FUNCTION, "Payload": {"id": 1}}
    assert well.messages[2]["arguments"] == {"Item": {"id": {"S": "a"}}}
    assert well.messages[3]["arguments"] == {**given, "score": {"points": 3}}
    assert {json.dumps(each["input"]) for each in well.messages} == {json.dumps(given)}
    assert (well.status, set(well.waits)) == ("SUCCEEDED", {0})

    caught = execute(asked, given, {"human": [refused, refused, {}]})
    assert [each["state"] for each in caught.messages] == ["Score", "Score", "Tell"]
    assert caught.messages[2]["arguments"]["why"]["Error"] == refused


@pytest.mark.parametrize("place", ["machine", "state"])
def test_a_task_in_jsonata_asks_in_jsonata(place: str) -> None:
    spoken = {"QueryLanguage": "JSONata"}
    body: dict[str, Any] = {"Arguments": {"FunctionName": "f", "Payload": "{% $states.input %}"}}
    changed = machine(Call={**task(), **body, **(spoken if place == "state" else {})})
    changed |= spoken if place == "machine" else {}
    message = asking(changed, "Flow", "q")["States"]["Call"]["Arguments"]["MessageBody"]

    assert message["arguments"] == body["Arguments"]
    assert message["token"] == "{% $states.context.Task.Token %}"


def test_what_the_local_aws_passes_over_is_named() -> None:
    both = {"Type": "Parallel", "Branches": [machine(A=task())], "Output": {}}

    assert list(beyond(machine(Both=both) | {"QueryLanguage": "JSONata"})) == [
        "Output of the Parallel state Both in JSONata"
    ]
    assert list(beyond(machine(Call=task(Assign={"a.$": "$.a"})))) == ["Assign of the state Call in JSONPath"]
    assert not list(beyond(machine(Call=task(Assign={"a": 1})) | {"QueryLanguage": "JSONata"}))


def test_only_what_needs_no_failure_lies_ahead() -> None:
    whole = machine(
        A=task(Next="B", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Undo"}]),
        B={"Type": "Choice", "Choices": [{"Next": "C"}], "Default": "D"},
        C={"Type": "Parallel", "Branches": [machine(E=task())], "End": True},
        D=task(),
        Undo=task(),
    )

    assert forward(whole) == {"A", "B", "C", "D", "E"}


# ---- the faults

REFUSED = [{"ErrorEquals": ["SoldOut", "Gone"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"]}]


def test_errors_that_are_handled_alike_are_tried_once_and_those_around_a_task_count() -> None:
    each = machine(Call=task(Retry=REFUSED))
    around = {"Type": "Map", "ItemProcessor": each, "Catch": [{"ErrorEquals": ["Closed"], "Next": "X"}]}
    (call,) = tasks(machine(Each=around))

    assert call.errors == ["SoldOut", "Closed"]
    assert call.mentions("Gone")
    assert not call.mentions("States.ALL")


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        (task(FUNCTION), "Sandbox.Timedout"),
        (task(FUNCTION, TimeoutSeconds=3), "States.Timeout"),
        (task("arn:aws:states:::sqs:sendMessage"), "SQS.SdkClientException"),
        (task("arn:aws:states:::sqs:sendMessage.waitForTaskToken"), "States.Timeout"),
        (task("arn:aws:states:::aws-sdk:dynamodb:query"), "DynamoDB.SdkClientException"),
    ],
)
def test_a_task_loses_its_answer_by_the_error_that_its_kind_has(body: dict[str, Any], lost: str) -> None:
    done = Play(Fault(), Ending("SUCCEEDED"), (Attempt("Call", effects=(Difference("table T", [], [1]),)),))
    listed = list(of_tasks(done, {"Call": Task("Call", body["Resource"], body)}))

    assert [each.way for each in listed] == [Way.ONCE, Way.FOR_GOOD, Way.UNKNOWN_ONCE, Way.UNKNOWN]
    assert listed[1].error == UNMENTIONED
    assert {each.error for each in listed[2:]} == {lost}


@pytest.mark.parametrize(("clock", "unknown"), [({}, []), ({"TimeoutSeconds": 9}, ["States.Timeout"] * 2)])
def test_no_service_throttles_an_activity_and_only_a_clock_ends_the_wait_for_its_worker(
    clock: dict[str, Any], unknown: list[str]
) -> None:
    body = task("arn:aws:states:us-east-1:123456789012:activity:approvals", **clock)
    done = Play(Fault(), Ending("SUCCEEDED"), (Attempt("Ask", stood_in=True),))
    listed = list(of_tasks(done, {"Ask": Task("Ask", body["Resource"], body)}))

    assert [each.error for each in listed] == [UNMENTIONED, *unknown]
    assert listed[0].way is Way.FOR_GOOD


def test_a_task_that_changes_nothing_has_no_unknown_outcome() -> None:
    done = Play(Fault(), Ending("SUCCEEDED"), (Attempt("Call"),))

    assert [each.way for each in faults(done, {"Call": Task("Call", INVOKE)})] == [Way.ONCE, Way.FOR_GOOD]


def test_of_many_faults_those_that_tell_most_come_first() -> None:
    done = Play(Fault(), Ending("SUCCEEDED"), (Attempt("One"), Attempt("Two", stood_in=True)))
    known = {name: Task(name, INVOKE, task(Retry=REFUSED)) for name in ("One", "Two")}

    assert [(each.state, each.way, each.error == "SoldOut") for each in faults(done, known)] == [
        *[(name, way, False) for name in ("One", "Two") for way in (Way.ONCE, Way.FOR_GOOD)],
        *[("Two", Way.UNKNOWN_ONCE, False), ("Two", Way.UNKNOWN, False)],
        *[("One", Way.FOR_GOOD, True), ("Two", Way.FOR_GOOD, True)],
    ]


# ---- what a task is told


@pytest.mark.parametrize(
    ("log", "message", "error"),
    [
        (
            ["Traceback (most recent call last):", '  File "/app.py", line 3', "stock.OutOfStock: mug"],
            "mug",
            "OutOfStock",
        ),
        (["ValueError: a", "During handling", "KeyError: 'id'"], "'id'", "KeyError"),
        (["CardDeclined: no", "    at handler (/var/task/app.js:3:9)"], "no", "CardDeclined"),
        (["OutOfStock"], "", "OutOfStock"),
        (["nothing to see"], "mug", ""),
    ],
)
def test_an_error_of_a_function_is_called_by_its_class(log: list[str], message: str, error: str) -> None:
    assert named(log, message) == error


class Functions:
    """Stands in for Lambda: each function raises."""

    def invoke(self, **_: Any) -> dict[str, Any]:
        raised = {"errorType": "Runtime.HandlerError", "errorMessage": "mug"}
        payload = SimpleNamespace(read=lambda: json.dumps(raised).encode())
        return {"Payload": payload, "FunctionError": "Unhandled", "LogResult": "c3RvY2suT3V0T2ZTdG9jazogbXVn"}


@pytest.fixture
def calls() -> Iterator[Calls]:
    with StandIn() as outside:
        local = SimpleNamespace(client=lambda _: Functions())
        stack = SimpleNamespace(resources={"Work": "work"})
        project = SimpleNamespace(model=SimpleNamespace(durable=set()))
        stage: Any = SimpleNamespace(local=local, stack=stack, outside=outside, project=project)
        yield Calls(stage, {"Score": {"points": 11}})


def test_the_error_of_a_function_reaches_the_machine_as_lambda_sends_it(calls: Calls) -> None:
    for resource, arguments in ((FUNCTION, {}), (INVOKE, {"FunctionName": f"{FUNCTION}:live"})):
        done = calls.do("Call", resource, arguments)
        assert done.error == "OutOfStock"
        assert json.loads(done.cause) == {"errorType": "OutOfStock", "errorMessage": "mug"}


def test_a_durable_function_is_called_by_the_version_that_its_task_names(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, plain = list[dict[str, Any]](), Functions.invoke

    def invoke(self: Functions, **given: Any) -> dict[str, Any]:
        asked.append(given)
        return plain(self)

    monkeypatch.setattr(Functions, "invoke", invoke)
    for durable in (set[str](), {"Work"}):
        calls.stage.project.model.durable = durable
        calls.do("Call", INVOKE, {"FunctionName": f"{FUNCTION}:live"})

    assert [each.get("Qualifier") for each in asked] == [None, "live"]


def test_what_a_function_was_first_invoked_with_is_kept(calls: Calls) -> None:
    for number in (1, 2):
        calls.do("Call", INVOKE, {"FunctionName": FUNCTION, "Payload": {"id": number}})

    assert list(calls.handed.values()) == [{"id": 1}]


def test_a_function_that_is_not_here_is_stood_in_for_and_its_call_is_recorded(calls: Calls) -> None:
    done = calls.do("Score", INVOKE, {"FunctionName": "elsewhere", "Payload": {"id": 1}})

    assert (done.result, done.stood_in) == ({"StatusCode": 200, "Payload": {"points": 11}}, True)
    assert calls.recorded == [{"state": "Score", "called": "function elsewhere", "with": {"id": 1}}]


def test_a_service_that_is_not_here_is_stood_in_for(calls: Calls) -> None:
    done = calls.do("Read", "arn:aws:states:::aws-sdk:textract:detectDocumentText", {"Document": {}})

    assert (done.result, done.stood_in) == ({}, True)
    assert calls.recorded[0]["called"] == "aws-sdk:textract:detectDocumentText"


class Lacking:
    """A local AWS whose state machines do not know an operation that its Lambda has, or has not."""

    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal
        self.meta = SimpleNamespace(service_model=SimpleNamespace(service_id="Lambda"))

    def test_state(self, **_: Any) -> dict[str, str]:
        cause = "aws-sdk:lambda:listFunctions is not yet implemented in MiniStack"
        return {"status": "FAILED", "error": "States.Runtime", "cause": cause}

    def list_functions(self, **asked: Any) -> dict[str, Any]:
        if self.refusal:
            raise ClientError({"Error": {"Code": self.refusal, "Message": "no"}}, "ListFunctions")
        return {"Functions": [{"FunctionName": "a"}], "asked": asked, "ResponseMetadata": {}}


@pytest.mark.parametrize(
    ("refusal", "result", "error"),
    [
        ("", {"Functions": [{"FunctionName": "a"}], "asked": {"MaxItems": 1}}, ""),
        ("ResourceNotFoundException", None, "Lambda.ResourceNotFoundException"),
        ("InvalidAction", {}, ""),  # which is stood in for
    ],
)
def test_an_operation_that_only_the_local_state_machines_lack_is_called(
    calls: Calls, refusal: str, result: Any, error: str
) -> None:
    calls.stage.local = SimpleNamespace(client=lambda _: Lacking(refusal))  # type: ignore[assignment]

    done = calls.do("List", "arn:aws:states:::aws-sdk:lambda:listFunctions", {"Marker": None, "MaxItems": 1})

    assert (done.result, done.error, done.stood_in) == (result, error, refusal == "InvalidAction")


def test_a_worker_of_an_activity_is_stood_in_for(calls: Calls) -> None:
    done = calls.do("Score", "arn:aws:states:us-east-1:123456789012:activity:scores", {"id": 1})

    assert (done.result, done.stood_in) == ({"points": 11}, True)
    assert calls.recorded == [{"state": "Score", "called": "activity scores", "with": {"id": 1}}]


@pytest.mark.parametrize(
    ("key", "answer", "kept"),
    [
        ({"sku": {"S": "a"}}, {}, True),
        ({"sku": {"S": "a"}}, {"Item": {"sku": {"S": "a"}}}, False),
        ({"sku": {"S": None}}, {}, False),  # where the input's path leads nowhere
    ],
)
def test_only_a_read_of_a_named_item_that_is_not_there_is_kept(calls: Calls, key: Any, answer: Any, kept: bool) -> None:
    states = SimpleNamespace(test_state=lambda **_: {"status": "SUCCEEDED", "output": json.dumps(answer)})
    calls.stage.local = SimpleNamespace(client=lambda _: states)  # type: ignore[assignment]
    asked = {"TableName": "stock", "Key": key}
    calls.do("Read", "arn:aws:states:::dynamodb:getItem", asked)

    assert calls.in_vain == ([("Read", asked)] if kept else [])


def test_an_http_task_asks_the_stand_in_for_outside_services(calls: Calls) -> None:
    asked = {"ApiEndpoint": "https://pay.example/charges", "Method": "POST", "RequestBody": {"cents": 3}}
    done = calls.do("Pay", "arn:aws:states:::http:invoke", asked)
    calls.stage.outside.down = True
    refused = calls.do("Pay", "arn:aws:states:::http:invoke", asked)

    assert done.result["StatusCode"] == 200
    assert refused.error == "States.Http.StatusCode.503"
    assert calls.stage.outside.records() == [
        {"method": "POST", "host": "pay.example", "path": "/charges", "key": "", "body": {"cents": 3}}
    ]


def test_a_stand_in_answers_with_what_the_definition_reads_of_it() -> None:
    whole = machine(
        Score=task(ResultSelector={"points.$": "$.Payload.points"}, ResultPath="$.score"),
        Ask=task("arn:aws:states:::sqs:sendMessage.waitForTaskToken", ResultPath="$.answer"),
        Enough={
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.answer.approved", "BooleanEquals": True, "Next": "X"},
                {"Variable": "$.score.points", "NumericGreaterThan": 10, "Next": "X"},
            ],
        },
        Next=task("arn:aws:states:::glue:startJobRun", QueryLanguage="JSONata", Output="{% $states.result.JobRunId %}"),
    )

    assert answers(whole) == {"Score": {"points": 11}, "Ask": {"approved": True}, "Next": {"JobRunId": "trial-1"}}


def test_answers_of_tasks_are_supplied_by_state() -> None:
    assert of_file({"tasks": [{"state": "Ask", "answer": {"booked": True}}]}, {}).tasks == {"Ask": {"booked": True}}
    wrongs: list[Any] = [{}, [{"state": "Ask"}], [{"state": 1, "answer": 2}], [{"state": "a", "answer": 1, "x": 2}]]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="tasks"):
            of_file({"tasks": wrong}, {})


STOCK = """
Resources:
  Stock:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: sku, AttributeType: S }]
      KeySchema: [{ AttributeName: sku, KeyType: HASH }]
  Taken: { Type: AWS::SQS::Queue }
  Flow:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/elsewhere
      Definition:
        StartAt: Read
        States:
          Read:
            Type: Task
            Resource: arn:aws:states:::dynamodb:getItem
            Parameters: { TableName: !Ref Stock, Key: { sku: { S.$: $.sku } } }
            ResultSelector: { left.$: $.Item.left.N }
            ResultPath: $.stock
            Next: Enough
          Enough:
            Type: Choice
            Choices: [{ Variable: $.stock.left, StringGreaterThanEqualsPath: $.asked, Next: Take }]
            Default: None
          Take:
            Type: Task
            Resource: arn:aws:states:::sqs:sendMessage
            Parameters: { QueueUrl: !Ref Taken, MessageBody.$: $.sku }
            End: true
          None: { Type: Fail, Error: SoldOut }
"""


@pytest.mark.e2e
def test_an_item_that_a_task_reads_in_vain_is_laid_with_what_the_definition_reads_of_it(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(STOCK)
    outcome = json.loads(run(str(tmp_path), "--json").stdout)

    told = {row["trial"]: row["happened"] for row in outcome["findings"]}
    assert [row["status"] for row in outcome["sources"]] == ["delivered"], told
    assert "with the item that it reads" in told["once"]
    assert "queue Taken: 1 more" in told["once"]


def test_an_execution_that_fails_on_an_unverified_sender_is_played_again(monkeypatch: pytest.MonkeyPatch) -> None:
    endings, known = iter(("FAILED", "SUCCEEDED", "FAILED")), iter((True, False))
    trying = Trying.__new__(Trying)
    trying.stage = SimpleNamespace(learn_senders=lambda: next(known))  # type: ignore[assignment]
    trying.name, trying.answers = "Flow", {}
    played = lambda *_: SimpleNamespace(play=SimpleNamespace(ending=Ending(next(endings))))  # noqa: E731
    monkeypatch.setattr("trials.machines.trying.play", played)

    assert trying.played(Sample({}, "made up"), Fault()).play.ending.status == "SUCCEEDED"
    assert trying.played(Sample({}, "made up"), Fault()).play.ending.status == "FAILED"


# ---- the template around it

TEMPLATE = """
Resources:
  Work: {{ Type: AWS::Serverless::Function, Properties: {{ {function} }} }}
  Flow:
    Type: AWS::Serverless::StateMachine
    Properties: {{ Definition: {{ StartAt: A, States: {{ A: {{ Type: Succeed }} }} }}, {machine} }}
  Other: {{ Type: {other} }}
"""
RULE = "AWS::Events::Rule, Properties: { EventPattern: { source: [shop], detail: { id: [a] } }, Targets: [%s] }"
PIPE = (
    "AWS::Pipes::Pipe, Properties: { Target: !Ref Flow, TargetParameters: { StepFunctionStateMachineParameters: %s } }"
)
CALLS = "Environment: { Variables: { FLOW: !Ref Flow } }"
API = "AWS::ApiGateway::Method, Properties: { Integration: { Uri: x/%s, Credentials: !Ref Flow } }"
NOTHING = "AWS::SQS::Queue"


def model(
    tmp_path: Path, function: str = "Handler: a.b", machine: str = "Type: STANDARD", other: str = NOTHING
) -> Model:
    (tmp_path / "template.yaml").write_text(TEMPLATE.format(function=function, machine=machine, other=other))
    return Model(read_template(tmp_path / "template.yaml"), tmp_path / "template.yaml")


def around(tmp_path: Path, **given: str) -> Setting:
    found = model(tmp_path, **given)
    return setting(found, found.resources["Flow"])


@pytest.mark.parametrize(
    ("given", "started"),
    [
        ({}, Started.UNKNOWN),
        ({"other": RULE % "{ Id: a, Arn: !Ref Flow }"}, Started.ALONE),
        ({"machine": "Events: { E: { Type: Schedule, Properties: { Schedule: rate(1 day) } } }"}, Started.ALONE),
        ({"function": CALLS}, Started.BY_CODE),
        ({"function": CALLS, "other": RULE % "{ Id: a, Arn: !Ref Flow }"}, Started.BY_CODE),
        ({"other": PIPE % "{ InvocationType: REQUEST_RESPONSE }"}, Started.WAITED_FOR),
        ({"other": PIPE % "{ InvocationType: FIRE_AND_FORGET }"}, Started.ALONE),
        ({"other": API % "StartSyncExecution", "machine": "Type: EXPRESS"}, Started.WAITED_FOR),
        ({"other": API % "StartExecution", "machine": "Type: EXPRESS"}, Started.ALONE),
        ({"other": API % "StartExecution"}, Started.BY_CODE),  # its client may ask how it ended
    ],
)
def test_who_waits_for_an_execution_is_read_from_the_template(
    tmp_path: Path, given: dict[str, str], started: Started
) -> None:
    assert around(tmp_path, **given).started is started


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("Type: EXPRESS", False),
        ("Type: EXPRESS, Logging: { Level: 'OFF' }", False),
        ("Type: EXPRESS, Logging: { Level: ERROR }", True),
        ("Type: EXPRESS, Logging: { Level: !Ref Level }", None),
    ],
)
def test_whether_a_failure_is_logged_is_read_from_the_template(tmp_path: Path, said: str, logged: bool | None) -> None:
    assert around(tmp_path, machine=said).logged is logged


ALARM = (
    "AWS::CloudWatch::Alarm, Properties: { MetricName: %s, Dimensions: [{ Name: StateMachineArn, Value: !Ref Flow }] }"
)
STATUS = (
    "AWS::Events::Rule, Properties: { EventPattern: { source: [aws.states], detail: { status: [%s] } }, Targets: [] }"
)


@pytest.mark.parametrize(
    ("other", "watched"),
    [
        (ALARM % "ExecutionsFailed", True),
        (ALARM % "ExecutionThrottled", False),
        (STATUS % "FAILED", True),
        (STATUS % "SUCCEEDED", False),
    ],
)
def test_what_tells_of_failed_executions_is_found(tmp_path: Path, other: str, watched: bool) -> None:
    assert around(tmp_path, other=other).watchers == (("Other",) if watched else ())


ABSENT = """
Resources:
  Gone: { Type: AWS::Serverless::Function, Properties: { Runtime: java21, Handler: a, CodeUri: . } }
  Runs:
    Type: AWS::IAM::Role
    DependsOn: [Gone]
    Properties: { Policies: [{ PolicyDocument: { Statement: [{ Resource: !GetAtt Gone.Arn }] } }] }
  Flow:
    Type: AWS::Serverless::StateMachine
    Properties:
      Role: !GetAtt Runs.Arn
      Policies: [{ LambdaInvokePolicy: { FunctionName: !Ref Gone } }]
      DefinitionSubstitutions: { Gone: !GetAtt Gone.Arn, Live: !Sub "${Gone.Arn}:live" }
      Definition: { StartAt: A, States: { A: { Type: Succeed } } }
  Calls: { Type: AWS::Lambda::Permission, Properties: { FunctionName: !Ref Gone } }
"""


def test_a_machine_is_deployed_without_a_function_that_cannot_run_here(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(ABSENT)
    kept, left_out = deployable(read_template(tmp_path / "template.yaml"), tmp_path, [])
    flow = kept["Resources"]["Flow"]["Properties"]

    assert left_out.keys() == {"Gone", "Calls"}
    arn = "arn:aws:lambda:us-east-1:123456789012:function:Gone"
    assert flow["DefinitionSubstitutions"] == {"Gone": arn, "Live": {"Fn::Sub": f"{arn}:live"}}
    assert flow["Policies"] == [{"LambdaInvokePolicy": {"FunctionName": "Gone"}}]
    assert kept["Resources"]["Runs"]["DependsOn"] == []


# ---- the input


def chosen(
    found: Model, definition: Any, files: tuple[SampleFile, ...] = (), passed: Sample | None = None, reads: Any = None
) -> list[Sample]:
    return inputs(found, found.resources["Flow"], definition, list(files), passed, lambda _: reads)


READS = machine(
    Check={
        "Type": "Choice",
        "Choices": [
            {"Variable": "$.kind", "StringEquals": "paid", "Next": "Call"},
            {"Variable": "$.cents", "NumericGreaterThan": 5, "Next": "Call"},
        ],
    },
    Call=task(
        Parameters={"FunctionName": FUNCTION, "Payload.$": "$.order"},
        Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.why", "Next": "Later"}],
        OutputPath="$.Payload",
        Next="Later",
    ),
    Comment="no state",
    Later=task(
        Parameters={"FunctionName": FUNCTION, "Payload": {"mail.$": "$.mail", "all.$": "$$.Execution.Input.sku"}}
    ),
)


def test_an_input_holds_what_the_definition_and_its_first_functions_read(tmp_path: Path) -> None:
    code = Reads(paths={("order_id",)}, values={("order_id",): "o-7"})
    (made,) = chosen(model(tmp_path), READS, reads=code)

    assert made.payload == {
        **{"id": "trial-1", "kind": "paid", "cents": 6, "order": {"order_id": "o-7"}, "sku": "trial-1"}
    }  # the mail is read of what Call answered


@pytest.mark.parametrize(
    ("rules", "value"),
    [
        ([{"Variable": "$.state", "StringEquals": "FAILED", "Next": "A"}], "trial-1"),
        ([{"Variable": "$.state", "BooleanEquals": False, "Next": "Reject"}], True),
        (
            [
                {"Variable": "$.state", "StringEquals": "LATE", "Next": "JobFailed"},
                {"Variable": "$.state", "StringEquals": "DONE", "Next": "A"},
            ],
            "DONE",
        ),
    ],
)
def test_an_input_leads_past_what_sounds_like_a_failure(tmp_path: Path, rules: list[Any], value: Any) -> None:
    choice = {"Type": "Choice", "Choices": rules, "Default": "A"}

    assert chosen(model(tmp_path), machine(Is=choice, A=task()))[0].payload["state"] == value


def test_two_paths_that_are_compared_hold_what_is_equal(tmp_path: Path) -> None:
    rule = {"Variable": "$.stock.left", "StringGreaterThanEqualsPath": "$.asked", "Next": "A"}
    read = task("arn:aws:states:::dynamodb:getItem", ResultSelector={"left.$": "$.Item.left.N"}, ResultPath="$.stock")
    del read["End"]
    enough = {"Type": "Choice", "Choices": [rule], "Default": "Fail"}
    whole = machine(Read={**read, "Next": "Enough"}, Enough=enough, A=task(), Fail={"Type": "Fail"})

    assert chosen(model(tmp_path), whole)[0].payload["asked"] == "1"
    assert answers(whole)["Read"] == {"Item": {"left": {"N": "1"}}}


def test_in_jsonata_an_input_holds_what_is_read_and_compared(tmp_path: Path) -> None:
    spoken = machine(
        A=task(Arguments={"FunctionName": FUNCTION, "Payload": {"id": "{% $states.context.Execution.Input.a.b %}"}}),
        B={
            "Type": "Choice",
            "Choices": [{"Condition": "{% $states.context.Execution.Input.way = 'air' %}", "Next": "A"}],
        },
    )

    assert chosen(model(tmp_path), spoken | {"QueryLanguage": "JSONata"})[0].payload == {
        **{"id": "trial-1", "a": {"b": "trial-1"}, "way": "air"}
    }


def test_the_items_of_a_map_are_filled_too(tmp_path: Path) -> None:
    each = {"Type": "Map", "ItemsPath": "$.rows", "ItemProcessor": machine(Put=task(Parameters={"key.$": "$.sku"}))}

    assert chosen(model(tmp_path), machine(Each=each))[0].payload == {"id": "trial-1", "rows": [{"sku": "trial-1"}]}


@pytest.mark.parametrize(
    ("parameters", "read"),
    [
        ({"Item": {"total": {"N.$": "$.total"}}}, {"total": "1"}),
        ({"Item": {"paid": {"BOOL.$": "$.paid"}}}, {"paid": True}),
        ({"Item": {"total": {"N.$": "States.JsonToString($.order.total)"}}}, {"order": {"total": 1}}),
        ({"Item": {"total": {"N.$": "States.Format('{}', $$.Execution.Input.total)"}}}, {"total": 1}),
        ({"Of.$": "States.Format('{} {}', $.a.sku, $$.Execution.Input.b)"}, {"a": {"sku": "trial-1"}, "b": "trial-1"}),
        ({"Text.$": "States.Format('{} rows', States.ArrayLength($.rows))"}, {"rows": ["trial-1"]}),
        ({"Next.$": "States.MathAdd($.step, 1)"}, {"step": 1}),
        ({"Order.$": "States.StringToJson($.body)"}, {"body": '{"id": "trial-1"}'}),
        ({"Text.$": "States.Format('costs $.nothing', $.sku)"}, {"sku": "trial-1"}),
    ],
)  # fmt: skip
def test_an_input_holds_what_an_intrinsic_function_or_an_attribute_of_dynamodb_needs(
    tmp_path: Path, parameters: Any, read: Any
) -> None:
    put = task("arn:aws:states:::dynamodb:putItem", Parameters=parameters)

    (made,) = chosen(model(tmp_path), machine(Put=put))
    assert {key: value for key, value in made.payload.items() if key != "id"} == read


def test_the_projects_own_event_comes_first_then_what_a_function_passed_then_what_starts_it(tmp_path: Path) -> None:
    ruled = model(tmp_path, other=RULE % "{ Id: a, Arn: !Ref Flow, InputPath: $.detail }")
    own = SampleFile("events/Flow.json", [{"id": "own"}])
    passed = Sample({"id": "passed"}, "passed on by another function")

    assert [each.payload for each in chosen(ruled, machine(A=task()), (own,), passed)] == [{"id": "own"}]
    assert chosen(ruled, machine(A=task()), passed=passed) == [passed]
    assert chosen(ruled, machine(A=task()))[0].payload == {"id": "a"}


@pytest.mark.parametrize("asked", ["Target: !Ref Flow", "Enrichment: !Ref Flow, Target: !Ref Work"])
def test_a_pipe_starts_a_machine_with_a_batch(tmp_path: Path, asked: str) -> None:
    pipe = f"AWS::Pipes::Pipe, Properties: {{ Source: !Ref Q, {asked} }} }}\n  Q: {{ Type: AWS::SQS::Queue"
    piped = model(tmp_path, other=pipe)
    (record,) = chosen(piped, machine(A=task(Parameters={"a.$": "$.a"})))[0].payload

    assert (record["messageId"], record["eventSource"]) == ("trial-1", "aws:sqs")


def test_a_machine_waits_for_the_functions_that_may_start_it(tmp_path: Path) -> None:
    project: Any = SimpleNamespace(body=model(tmp_path, function=CALLS).body)
    starter, flow = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs"), Source(Kind.MACHINE, "Flow", "Flow")

    assert feeders(project, flow, [starter, flow]) == [starter]


def test_the_functions_of_a_machine_wait_for_what_it_hands_them(tmp_path: Path) -> None:
    project: Any = SimpleNamespace(body=model(tmp_path, function=CALLS).body)
    flow = Source(Kind.MACHINE, "Flow", "Flow")
    step = Source(Kind.TASK, "Work", "Flow.Work", "Flow")

    assert feeders(project, step, [step, flow]) == [flow]
    assert feeders(project, step, [step]) == []


def test_an_execution_that_goes_round_without_a_task_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 5))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    stopped: list[str] = []
    states = SimpleNamespace(
        describe_execution=lambda **_: {"status": "RUNNING"},
        stop_execution=lambda **asked: stopped.append(asked["executionArn"]),
    )
    stage: Any = SimpleNamespace(local=SimpleNamespace(client=lambda _: states))
    prompter: Any = SimpleNamespace(last=0, open={}, at_work=0, attempts=[])

    assert playing.ended(stage, prompter, "arn", {}) == Ending("TRYING")
    assert stopped == ["arn"]
    assert next(clock) < playing.LONGEST
