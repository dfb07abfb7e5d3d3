"""What serverless-patterns.md quotes: an API that stores before it answers, a breaker that environments share."""

import copy
import importlib
import importlib.util
import json
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import quote_plus
from uuid import uuid4

import pytest
import time_machine
from aws_lambda_powertools.utilities.data_classes import S3Event, S3EventBridgeNotificationEvent
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from support import templates
from support.handlers import Context, failed, sqs_event
from trials.local_aws import ACCOUNT, REGION, LocalAws, wait_for
from trials.template import read_template

HERE = Path(__file__).parent
BREAKER_QUEUE, NOW = HERE / "breaker_queue.yaml", 1_795_420_140.0
STORAGE_FIRST = HERE / "storage_first.yaml"
HOSTILE = '{"note": "AT&T 1+1=2 100% \'ok\' \\u00e9", "x": "&DelaySeconds=900&MessageBody=other"}'


class StorageFirst:
    """The REST API of the template on the local AWS, its queue and what came back."""

    def __init__(self, aws: LocalAws, **changes: Any) -> None:
        template = copy.deepcopy(read_template(STORAGE_FIRST))
        resources = template["Resources"]
        template["Resources"] = {name: each for name, each in resources.items() if name not in ("HttpApi", "Send")}
        for key, value in changes.items():
            resources["Post"]["Properties"]["Integration"][key] = value
        self._stack = aws.create("storage-first", template)
        self._url = f"{aws.endpoint}/restapis/{self._stack.resources['Api']}/live/_user_request_/orders"
        self._sqs = aws.client("sqs")
        self.queue = self._stack.resources["Orders"]

    def post(self, body: str, kind: str = "application/json", signed: bool = True) -> int:
        request = AWSRequest("POST", self._url, {"Content-Type": kind}, body.encode())
        if signed:
            SigV4Auth(Credentials(ACCOUNT, "local"), "execute-api", REGION).add_auth(request)
        given = urllib.request.Request(self._url, body.encode(), dict(request.headers.items()))
        try:
            with urllib.request.urlopen(given, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def stored(self) -> list[str]:
        found = self._sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        return [message["Body"] for message in found.get("Messages", [])]

    def remove_queue(self) -> None:
        self._sqs.delete_queue(QueueUrl=self.queue)


def test_the_linter_has_nothing_to_say_about_storage_first() -> None:
    assert templates.findings(STORAGE_FIRST) == []
    assert [wide for each in templates.statements(STORAGE_FIRST) for wide in templates.wildcards(each)] == []


def test_what_the_caller_sent_is_what_the_queue_holds(aws: LocalAws) -> None:
    api = StorageFirst(aws)

    for body in (HOSTILE, "a&Action=PurgeQueue", "é+ü"):
        assert api.post(body) == 202
        assert api.stored() == [body]


def test_without_encoding_the_caller_writes_the_request_to_sqs(aws: LocalAws) -> None:
    raw = {"application/json": "Action=SendMessage&MessageBody=$input.body"}
    api = StorageFirst(aws, RequestTemplates=raw)

    assert api.post('{"n":"AT&T 1+1"}') == 202
    assert api.post("o-1&MessageBody=o-2") == 202
    assert api.stored() == ['{"n":"AT', "o-2"]


def test_nobody_enqueues_without_a_signature(aws: LocalAws) -> None:
    api = StorageFirst(aws)

    assert api.post('{"order": "o-1"}', signed=False) == 403
    assert api.stored() == []


def test_only_the_content_type_of_the_template_gets_through(aws: LocalAws) -> None:
    api = StorageFirst(aws)

    assert api.post("Action=SendMessage&MessageBody=forged", "text/plain") == 415
    assert api.stored() == []


def test_another_content_type_would_be_a_request_of_the_callers_own(aws: LocalAws) -> None:
    api = StorageFirst(aws, PassthroughBehavior="WHEN_NO_MATCH")

    assert api.post("Action=SendMessage&MessageBody=forged", "text/plain") == 202
    assert api.stored() == ["forged"]


def test_what_sqs_refuses_is_not_answered_with_success(aws: LocalAws) -> None:
    api = StorageFirst(aws)
    api.remove_queue()

    assert api.post('{"order": "o-1"}') == 500


def test_with_one_response_for_everything_a_lost_order_is_a_success(aws: LocalAws) -> None:
    api = StorageFirst(aws, IntegrationResponses=[{"StatusCode": "202"}])
    api.remove_queue()

    assert api.post('{"order": "o-1"}') == 202


@pytest.fixture
def breaker(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A fresh copy of the breaker with a table of its own."""
    table = f"breakers-{time.monotonic_ns()}"
    aws.client("dynamodb").create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    monkeypatch.setenv("BREAKERS_TABLE", table)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.function_endpoint)
    spec = importlib.util.spec_from_file_location("circuit_breaker", HERE / "circuit_breaker.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Partner:
    """The dependency: counts who asked, and is unwell while told so."""

    def __init__(self, breaker: ModuleType) -> None:
        self._breaker, self.well, self.asked = breaker, False, 0
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self.asked += 1
        if not self.well:
            raise self._breaker.Unwell
        return "paid"

    def tried(self) -> str:
        """What a caller sees of one attempt."""
        try:
            return str(self._breaker.call("partner", self))
        except (self._breaker.Unwell, self._breaker.Open) as error:
            return type(error).__name__


def later(breaker: ModuleType, pauses: float = 1.01) -> time_machine.travel:
    return time_machine.travel(time.time() + pauses * breaker.PAUSE)


def opened(breaker: ModuleType) -> Partner:
    partner = Partner(breaker)
    assert {partner.tried() for _ in range(breaker.FAILURES)} == {"Unwell"}
    partner.asked = 0
    return partner


def test_after_failures_in_a_row_nobody_asks(breaker: ModuleType) -> None:
    partner = opened(breaker)
    partner.well = True

    assert [partner.tried() for _ in range(3)] == ["Open"] * 3
    assert partner.asked == 0


def test_a_success_between_failures_starts_the_count_anew(breaker: ModuleType) -> None:
    partner = Partner(breaker)
    for _ in range(3):
        for well in [False] * (breaker.FAILURES - 1) + [True]:
            partner.well = well
            assert partner.tried() == ("paid" if well else "Unwell")


def test_past_the_pause_one_caller_of_many_is_the_probe(breaker: ModuleType) -> None:
    partner = opened(breaker)
    start = threading.Barrier(8)

    def attempt(_: int) -> str:
        start.wait()
        return partner.tried()

    with later(breaker), ThreadPoolExecutor(8) as pool:
        seen = sorted(pool.map(attempt, range(8)))

    assert seen == ["Open"] * 7 + ["Unwell"]
    assert partner.asked == 1


def test_a_probe_that_succeeds_closes_it_for_all(breaker: ModuleType) -> None:
    partner = opened(breaker)
    partner.well = True

    with later(breaker):
        assert [partner.tried() for _ in range(3)] == ["paid"] * 3
        partner.well = False
        assert partner.tried() == "Unwell"
        partner.well = True
        assert partner.tried() == "paid"


def test_a_probe_that_fails_or_dies_costs_one_pause(breaker: ModuleType) -> None:
    partner = opened(breaker)
    with later(breaker):
        assert [partner.tried(), partner.tried()] == ["Unwell", "Open"]
    with later(breaker, 2.1):
        breaker.admit("partner")  # and its environment is gone
        assert partner.tried() == "Open"
    partner.well = True
    with later(breaker, 3.2):
        assert partner.tried() == "paid"


def test_a_success_that_began_before_it_opened_does_not_close_it(breaker: ModuleType) -> None:
    partner = Partner(breaker)
    assert partner.tried() == "Unwell"

    def slow() -> str:
        assert {partner.tried() for _ in range(breaker.FAILURES - 1)} == {"Unwell"}
        return "late"

    assert breaker.call("partner", slow) == "late"
    assert partner.tried() == "Open"


def test_a_refused_request_says_nothing_about_the_dependency(breaker: ModuleType) -> None:
    def refuse() -> None:
        raise ValueError("card declined")

    for _ in range(breaker.FAILURES + 1):
        with pytest.raises(ValueError, match="declined"):
            breaker.call("partner", refuse)
    partner = Partner(breaker)
    partner.well = True

    assert partner.tried() == "paid"


def test_a_healthy_dependency_costs_one_read_and_no_write(breaker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "update", lambda *_: pytest.fail("wrote"))
    partner = Partner(breaker)
    partner.well = True

    assert partner.tried() == "paid"


@pytest.mark.parametrize("operation", ["GetItem", "UpdateItem"])
def test_an_outage_of_the_table_hides_neither_answer_nor_error(
    breaker: ModuleType, aws: LocalAws, operation: str
) -> None:
    partner = Partner(breaker)
    assert partner.tried() == "Unwell"
    for well in (False, True):
        aws.fault(
            service="dynamodb", operation=operation, error={"code": "InternalServerError", "status": 500}, times=2
        )
        partner.well = well

        assert partner.tried() == ("paid" if well else "Unwell")


class Pressed:
    """The queue of breaker_queue.yaml by SQS's rules, its mapping, which takes a minute to stop, and the partner."""

    def __init__(self, breaker: ModuleType, monkeypatch: pytest.MonkeyPatch, orders: int) -> None:
        monkeypatch.setitem(sys.modules, "circuit_breaker", breaker)
        monkeypatch.syspath_prepend(str(HERE))
        for name in ("QUEUE_URL", "MAPPING_ID", "PARTNER_URL"):
            monkeypatch.setenv(name, name.lower())
        monkeypatch.delitem(sys.modules, "breaker_queue", raising=False)
        self.code = importlib.import_module("breaker_queue")
        monkeypatch.setattr(self.code, "lambda_", self)
        monkeypatch.setattr(self.code, "sqs", self)
        monkeypatch.setattr(self.code, "partner", self)
        policy = read_template(BREAKER_QUEUE)["Resources"]["Orders"]["Properties"]
        self.receives, self.visibility = policy["RedrivePolicy"]["maxReceiveCount"], policy["VisibilityTimeout"]
        self.queue = {f"m-{n}": [0, 0.0] for n in range(orders)}  # receives, and when it is visible
        self.dead: list[str] = []
        self.now, self.well, self.state, self.stops, self.asked = NOW, True, "Enabled", 0.0, 0

    def get_event_source_mapping(self, **_: str) -> dict[str, str]:
        return {"State": self.state}

    def update_event_source_mapping(self, Enabled: bool, **_: str) -> None:  # noqa: N803
        self.state, self.stops = ("Enabled" if Enabled else "Disabled"), self.now + 60

    def change_message_visibility(self, ReceiptHandle: str, VisibilityTimeout: int, **_: str) -> None:  # noqa: N803
        self.queue[ReceiptHandle][1] = self.now + VisibilityTimeout

    def request(self, *_: Any, **__: Any) -> SimpleNamespace:
        self.asked += 1
        return SimpleNamespace(status=200 if self.well else 503)

    def receive(self) -> None:
        for name, (receives, visible) in list(self.queue.items()):
            if visible > self.now or (self.state == "Disabled" and self.now >= self.stops):
                continue
            if receives == self.receives:
                del self.queue[name]
                self.dead.append(name)
                continue
            self.queue[name] = [receives + 1, self.now + self.visibility]
            if not failed(self.code.work(sqs_event("{}", handles=[name]), Context())):
                del self.queue[name]

    def run(self, minutes: int, valve: bool = True) -> None:
        with time_machine.travel(self.now, tick=False) as clock:
            for _ in range(minutes * 2):
                clock.move_to(self.now, tick=False)
                self.receive()
                if valve and self.now % 60 == 0:
                    self.code.valve({}, Context())
                self.now += 30


@pytest.mark.e2e
@pytest.mark.parametrize("valve", [True, False], ids=["with the valve", "without it"])
def test_only_with_the_valve_no_message_is_given_up_however_long_the_outage(
    breaker: ModuleType, monkeypatch: pytest.MonkeyPatch, valve: bool
) -> None:
    shop = Pressed(breaker, monkeypatch, orders=12)
    shop.well = False
    shop.run(30, valve)
    assert (shop.dead == []) is valve
    if valve:
        assert max(receives for receives, _ in shop.queue.values()) <= 2
        assert shop.asked < 60  # the health check each minute, and what failed before it opened

        shop.well = True
        shop.run(10)
        assert (shop.queue, shop.dead, shop.state) == ({}, [], "Enabled")


def test_a_mapping_that_changes_is_left_alone_until_the_next_minute(
    breaker: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Pressed(breaker, monkeypatch, orders=0)
    for state in ("Enabling", "Disabling", "Updating", "Enabled"):
        shop.state = state
        shop.run(1)
        assert shop.state == state


@pytest.mark.e2e
def test_a_deployment_does_not_open_what_the_valve_has_shut() -> None:
    resources = read_template(BREAKER_QUEUE)["Resources"]

    assert templates.findings(BREAKER_QUEUE) == []
    assert "Enabled" not in resources["OrdersToWork"]["Properties"]
    assert resources["EachMinute"]["Properties"]["ScheduleExpression"] == "rate(1 minute)"


def played(aws: LocalAws, states: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """How an execution of these JSONata states ends."""
    machines = aws.client("stepfunctions")
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    role = f"arn:aws:iam::{ACCOUNT}:role/none"
    machine = machines.create_state_machine(name=str(uuid4()), roleArn=role, definition=json.dumps(definition))
    execution = machines.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps(given))

    def ended() -> Any:
        found = machines.describe_execution(executionArn=execution["executionArn"])
        return found if found["status"] != "RUNNING" else None

    return dict(wait_for("the execution", ended))


@pytest.mark.e2e
@pytest.mark.parametrize("hits", [0, 1, 2])
def test_a_jsonata_filter_is_a_list_only_with_brackets(aws: LocalAws, hits: int) -> None:
    items = {"items": [{"kind": "a"}] * hits + [{"kind": "b"}]}
    bare, listed = (
        played(aws, {"Filter": {"Type": "Pass", "Output": f"{{% {query} %}}", "End": True}}, items)
        for query in ("$states.input.items[kind='a']", "[$states.input.items[kind='a']]")
    )

    assert json.loads(listed["output"]) == [{"kind": "a"}] * hits
    if hits == 0:
        assert bare["error"] == "States.QueryEvaluationError"
    else:
        assert json.loads(bare["output"]) == ({"kind": "a"} if hits == 1 else [{"kind": "a"}] * 2)


def test_output_sees_a_variable_as_the_state_found_it(aws: LocalAws) -> None:
    count = {"Type": "Pass", "Assign": {"n": "{% $n + 1 %}"}, "Output": "{% $n %}"}
    states = {
        "Begin": {"Type": "Pass", "Assign": {"n": 1}, "Next": "Count"},
        "Count": {**count, "Next": "Tell"},
        "Tell": {"Type": "Pass", "Output": "{% [$states.input, $n] %}", "End": True},
    }

    assert json.loads(played(aws, states, {})["output"]) == [1, 2]


# Events as they arrive


@pytest.mark.parametrize("key", ["a b.csv", "a+b.csv", "50%25.csv", "grün.csv"])
def test_the_key_of_a_notification_of_s3_is_decoded_once(key: str) -> None:
    event = S3Event({"Records": [{"s3": {"object": {"key": quote_plus(key)}}}]})

    assert event.object_key == key


def test_powertools_decodes_a_key_that_eventbridge_did_not_encode() -> None:
    """Should it stop to do so, the row of the reference that warns of it goes."""
    event = S3EventBridgeNotificationEvent({"detail": {"object": {"key": "a+b.csv"}}})

    assert event.detail.object.key == "a b.csv"
