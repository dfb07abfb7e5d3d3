"""An order is reserved, charged and booked, or nothing of it remains; whoever asked knows why."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError
from saga.scenario import ORDER, Partners, configure

from support.handlers import Context, Died, Example, event, references
from support.templates import findings
from trials.local_aws import LocalAws, wait_for
from trials.template import read_template

FOLDER = Path(__file__).resolve().parents[3] / "examples" / "saga"
DEFINITION = json.loads((FOLDER / "statemachine.asl.json").read_text())
TEMPLATE = read_template(FOLDER / "template.yaml")
THROTTLED = {"code": "ProvisionedThroughputExceededException"}

FORWARD = ["ReserveStock", "ChargeCard", "BookShipment"]
BACKWARD = ["CancelShipment", "RefundCard", "ReleaseStock"]
REFUSALS = {
    "ReserveStock": ["OutOfStock", "ValidationError"],
    "ChargeCard": ["CardDeclined"],
    "BookShipment": ["AddressRejected"],
}
TRANSIENT = [  # Lambda's own, as AWS recommends to retry, then what our code and ASL raise
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "States.Timeout",
    "States.TaskFailed",
    "States.Permissions",
    "ConnectionError",
    "ReadTimeoutError",
]
FAILURES = [(step, error) for step in FORWARD for error in [*REFUSALS[step], *TRANSIENT]]


# The definition, executed with the exact error names that AWS would report.


class Run:
    """One finished execution: how it ended, which states it entered, and how often each was tried."""

    def __init__(self, local: LocalAws, arn: str) -> None:
        states = local.client("stepfunctions")
        end: Any = wait_for(f"{arn} to end", lambda: closed(states.describe_execution(executionArn=arn)))
        self.status, self.error, self.cause = end["status"], end.get("error", ""), end.get("cause", "")
        self.path: list[str] = []
        self.tries: dict[str, int] = {}
        for found in states.get_execution_history(executionArn=arn, maxResults=1000)["events"]:
            if found["type"] == "TaskStateEntered":
                self.path.append(found["stateEnteredEventDetails"]["name"])
            elif found["type"] == "TaskScheduled":
                self.tries[self.path[-1]] = self.tries.get(self.path[-1], 0) + 1


def closed(execution: dict[str, Any]) -> dict[str, Any] | None:
    return execution if execution["status"] != "RUNNING" else None


@pytest.fixture(scope="session")
def ran(server: LocalAws) -> dict[str, Run]:
    """Every failure at every state, run at once; the keys are the case's failing states and errors."""
    cases = {"": {}, **{f"{step} {error}": {step: error} for step, error in FAILURES}}
    cases |= {f"stuck {state}": {"BookShipment": "AddressRejected", state: "ConnectionError"} for state in BACKWARD}
    errors = {error for failing in cases.values() for error in failing.values()}
    responses: dict[str, Any] = {error: {"0": {"Throw": {"Error": error, "Cause": f"why {error}"}}} for error in errors}
    responses["done"] = {"0": {"Return": {"StatusCode": 200, "Payload": None}}}
    plan = {
        f"case-{number}": {state: failing.get(state, "done") for state in [*FORWARD, *BACKWARD]}
        for number, failing in enumerate(cases.values())
    }
    states = server.client("stepfunctions")
    machine = states.create_state_machine(
        name="saga-definition", definition=json.dumps(DEFINITION), roleArn="arn:aws:iam::123456789012:role/any"
    )["stateMachineArn"]
    mock = {"StateMachines": {"saga-definition": {"TestCases": plan}}, "MockedResponses": responses}
    configure(server, _sfn_mock_config=mock, _SFN_WAIT_SCALE=0)
    try:
        arns = [
            states.start_execution(stateMachineArn=f"{machine}#{case}", name=case, input="{}")["executionArn"]
            for case in plan
        ]
        return dict(zip(cases, [Run(server, arn) for arn in arns], strict=True))
    finally:
        configure(server, _sfn_mock_config={}, _SFN_WAIT_SCALE=0.02)


def test_an_order_that_meets_no_failure_is_undone_nowhere(ran: dict[str, Run]) -> None:
    assert (ran[""].status, ran[""].path) == ("SUCCEEDED", FORWARD)


@pytest.mark.parametrize(("step", "error"), FAILURES)
def test_a_failed_step_and_all_before_it_are_undone_backwards_and_the_caller_reads_why(
    ran: dict[str, Run], step: str, error: str
) -> None:
    """The failed step too: its last error is no proof that an earlier attempt, cut off, had no effect."""
    run, done = ran[f"{step} {error}"], FORWARD.index(step) + 1

    assert run.path == FORWARD[:done] + BACKWARD[-done:]
    assert (run.status, run.error, run.cause) == ("FAILED", f"Undone.{error}", f"why {error}")
    assert run.tries[step] == (1 if error in REFUSALS[step] else 5)


@pytest.mark.parametrize("state", BACKWARD)
def test_a_compensation_that_keeps_failing_ends_the_execution_at_itself_where_a_redrive_resumes(
    ran: dict[str, Run], state: str
) -> None:
    run = ran[f"stuck {state}"]

    assert run.path[-1] == state
    assert (run.status, run.error, run.tries[state]) == ("FAILED", "ConnectionError", 31)


def tasks() -> dict[str, dict[str, Any]]:
    return {name: state for name, state in DEFINITION["States"].items() if state["Type"] == "Task"}


def test_executions_are_traced_and_logged_without_the_order() -> None:
    machine = TEMPLATE["Resources"]["PlaceOrder"]["Properties"]

    assert machine["Tracing"] == {"Enabled": True}
    assert machine["Logging"]["Level"] == "ERROR"
    assert machine["Logging"]["IncludeExecutionData"] is False


def test_every_retry_grows_within_a_bound_and_is_spread() -> None:
    assert tasks().keys() == {*FORWARD, *BACKWARD}
    for state in tasks().values():
        last = state["Retry"][-1]
        assert last["ErrorEquals"] == ["States.ALL"]
        assert last["BackoffRate"] > 1
        assert last["MaxDelaySeconds"] >= 10
        assert last["JitterStrategy"] == "FULL"


def test_a_step_is_dead_before_it_is_undone_and_no_clock_ends_the_whole() -> None:
    assert "TimeoutSeconds" not in DEFINITION
    assert {state["TimeoutSeconds"] for state in tasks().values()} == {30}
    assert TEMPLATE["Globals"]["Function"]["Timeout"] < 30


def test_a_name_runs_once_and_the_marks_of_its_steps_never_expire() -> None:
    """A step that comes late, or a second execution of the name, must find them."""
    assert TEMPLATE["Resources"]["PlaceOrder"]["Properties"]["Type"] == "STANDARD"
    assert "TimeToLiveSpecification" not in TEMPLATE["Resources"]["Steps"]["Properties"]


def test_each_refusal_that_is_not_retried_is_one_that_the_code_raises(shop: Example, stock: ModuleType) -> None:
    named = {step: state["Retry"][0]["ErrorEquals"] for step, state in tasks().items() if step in FORWARD}

    assert named == REFUSALS
    partner = shop.environment("partner")
    raised = [partner.CardDeclined, partner.AddressRejected, stock.OutOfStock, ValidationError]
    assert {each.__name__ for each in raised} == {name for names in named.values() for name in names}


def test_the_machine_may_invoke_exactly_the_functions_it_names() -> None:
    machine = TEMPLATE["Resources"]["PlaceOrder"]["Properties"]
    functions = {name for name, each in TEMPLATE["Resources"].items() if each["Type"] == "AWS::Serverless::Function"}
    invoke = [each for each in machine["Policies"][0]["Statement"] if each["Action"] == "lambda:InvokeFunction"]

    assert {state["Arguments"]["FunctionName"] for state in tasks().values()} == {f"${{{each}}}" for each in functions}
    assert {name: references(value) for name, value in machine["DefinitionSubstitutions"].items()} == {
        name: {name} for name in functions
    }
    assert references(invoke) == functions


@pytest.mark.parametrize(("mistake", "found"), [({}, 0), ({"ResultPath": "$.step"}, 1)], ids=["none", "JSONPath"])
def test_the_definition_is_valid(mistake: dict[str, str], found: int, tmp_path: Path) -> None:
    states = {**DEFINITION["States"], "ChargeCard": {**DEFINITION["States"]["ChargeCard"], **mistake}}
    properties = {"RoleArn": "arn:aws:iam::123456789012:role/any", "Definition": {**DEFINITION, "States": states}}
    machine = {"Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}}
    (template := tmp_path / "template.json").write_text(json.dumps(machine))

    of_the_service = [rule for each in findings(template) if (rule := each.split()[0])[1] != "9"]  # 9 is ours
    assert of_the_service == ["E3601"] * found


@pytest.mark.parametrize(
    ("end", "noticed"),
    [
        ({"status": "FAILED", "error": "ConnectionError"}, True),
        ({"status": "FAILED", "error": "States.Runtime"}, True),
        ({"status": "FAILED", "error": "States.DataLimitExceeded"}, True),
        ({"status": "FAILED"}, True),
        ({"status": "TIMED_OUT", "error": None}, True),
        ({"status": "ABORTED", "error": None}, True),
        ({"status": "FAILED", "error": "Undone.CardDeclined"}, False),
        ({"status": "SUCCEEDED", "error": None}, False),
        ({"status": "RUNNING", "error": None}, False),
    ],
    ids=lambda value: "-".join(str(each) for each in value.values()) if isinstance(value, dict) else None,
)
def test_a_human_hears_of_orders_that_are_neither_done_nor_undone(
    aws: LocalAws, end: dict[str, Any], noticed: bool
) -> None:
    pattern = TEMPLATE["Resources"]["EndedHalfDone"]["Properties"]["EventPattern"]
    pattern["detail"]["stateMachineArn"] = ["arn:machine"]
    change = {
        "id": "1",
        "account": "123456789012",
        "region": "us-east-1",
        "time": "2026-11-23T09:00:00Z",
        "resources": [],
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"stateMachineArn": "arn:machine", **end},
    }
    answer = aws.client("events").test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(change))

    assert answer["Result"] is noticed


def test_that_human_reads_which_executions_to_redrive() -> None:
    assert TEMPLATE["Resources"]["EndedHalfDone"]["Properties"]["Targets"] == [
        {"Id": "HalfDone", "Arn": {"Fn::GetAtt": ["HalfDone", "Arn"]}, "InputPath": "$.detail.executionArn"}
    ]


def test_that_rule_and_nobody_else_may_write_to_the_queue_of_half_done_orders() -> None:
    statements = TEMPLATE["Resources"]["HalfDonePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (grant,) = [each for each in statements if each["Effect"] == "Allow"]

    assert grant["Principal"] == {"Service": "events.amazonaws.com"}
    assert (grant["Action"], grant["Resource"]) == ("sqs:SendMessage", {"Fn::GetAtt": ["HalfDone", "Arn"]})
    assert grant["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["EndedHalfDone", "Arn"]}}}


# The steps, against real tables and partners that forget nothing.


@pytest.fixture
def partners() -> Iterator[Partners]:
    with Partners() as stub:
        yield stub


@pytest.fixture
def shop(example: Callable[..., Example], partners: Partners) -> Example:
    shop = example("saga", **partners.parameters)
    fill(shop, mug=10)
    return shop


@pytest.fixture
def stock(shop: Example) -> ModuleType:
    return shop.environment("stock")


def fill(shop: Example, **pieces: int) -> None:
    for sku, number in pieces.items():
        item = {"sku": {"S": sku}, "available": {"N": str(number)}}
        shop.aws.client("dynamodb").put_item(TableName=shop.stack.resources["Stock"], Item=item)


def available(shop: Example, sku: str = "mug") -> int:
    table, key = shop.stack.resources["Stock"], {"sku": {"S": sku}}
    found = shop.aws.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)
    return int(found["Item"]["available"]["N"])


def steps(shop: Example) -> list[Any]:
    table = shop.stack.resources["Steps"]
    return list(shop.aws.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"])


def order(order_id: str = "o-1", **other: Any) -> dict[str, Any]:
    return {**ORDER, "order_id": order_id, **other}


@dataclass
class Step:
    """A step that asks a partner, and its compensation; `fresh` gives the same in another environment."""

    what: str
    do: Callable[..., None]
    undo: Callable[..., None]
    module: ModuleType
    fresh: Callable[[], "Step"]


def partner_step(shop: Example, monkeypatch: pytest.MonkeyPatch, partners: Partners, do: str, undo: str) -> Step:
    what = {"charge": "charges", "book": "shipments"}[do]
    monkeypatch.setenv("PARTNER_URL", f"{partners.url}/{what}")
    module = shop.environment("partner")
    fresh = partial(partner_step, shop, monkeypatch, partners, do, undo)
    return Step(what, getattr(module, do), getattr(module, undo), module, fresh)


@pytest.fixture(params=[("charge", "refund"), ("book", "cancel")], ids=["charge", "book"])
def step(shop: Example, monkeypatch: pytest.MonkeyPatch, partners: Partners, request: pytest.FixtureRequest) -> Step:
    return partner_step(shop, monkeypatch, partners, *request.param)


def test_the_sample_event_suits_every_step(stock: ModuleType, step: Step, shop: Example, partners: Partners) -> None:
    stock.reserve(event(shop.folder), Context())
    step.do(event(shop.folder), Context())

    wanted = {"charges": {"cents": 2400, "card": "tok-1"}, "shipments": {"address": "1 Main St"}}
    assert available(shop) == 8
    assert partners.kept[step.what] == {"o-1001": wanted[step.what]}


def test_pieces_are_held_once_however_often_they_are_reserved(stock: ModuleType, shop: Example) -> None:
    for _ in range(3):
        stock.reserve(order(quantity=4), Context())

    assert available(shop) == 6


def test_an_attempt_that_took_the_last_pieces_is_no_reason_to_refuse_the_next_attempt(
    stock: ModuleType, shop: Example
) -> None:
    for _ in range(2):
        stock.reserve(order(quantity=10), Context())

    assert available(shop) == 0


def at_once(number: int, shop: Example, module: str, act: Callable[[ModuleType, int], Any]) -> list[Exception | None]:
    """What `act` raised in each of several environments that all begin together."""
    environments, start = [shop.environment(module) for _ in range(number)], threading.Barrier(number)

    def run(index: int) -> Exception | None:
        start.wait()
        try:
            act(environments[index], index)
        except Exception as error:
            return error
        return None

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


def test_one_order_reserved_twice_at_once_holds_its_pieces_once(shop: Example) -> None:
    at_once(8, shop, "stock", lambda stock, _: stock.reserve(order(quantity=2), Context()))

    assert available(shop) == 8


def test_eight_orders_at_once_for_three_pieces_are_three_holds(shop: Example) -> None:
    fill(shop, mug=3)

    def insist(stock: ModuleType, index: int) -> None:
        while True:
            try:
                return stock.reserve(order(f"o-{index}"), Context())
            except stock.db.exceptions.TransactionCanceledException:
                continue  # two met in the table: the state machine tries again

    raised = at_once(8, shop, "stock", insist)

    assert sorted(type(error).__name__ for error in raised) == ["NoneType"] * 3 + ["OutOfStock"] * 5
    assert (available(shop), len(steps(shop))) == (0, 3)


@pytest.mark.parametrize("wanted", [{"quantity": 11}, {"sku": "unicorn"}])
def test_pieces_that_are_not_there_are_refused_and_leave_no_trace(
    stock: ModuleType, shop: Example, wanted: dict[str, Any]
) -> None:
    with pytest.raises(stock.OutOfStock):
        stock.reserve(order(**wanted), Context())

    assert (available(shop), steps(shop)) == (10, [])


def test_two_orders_that_meet_in_the_table_are_not_out_of_stock(
    stock: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    canceled = stock.db.exceptions.TransactionCanceledException
    reasons = {"Error": {"Code": "x"}, "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}]}

    def meet(**_: Any) -> None:
        raise canceled(reasons, "TransactWriteItems")

    monkeypatch.setattr(stock.db, "transact_write_items", meet)

    with pytest.raises(canceled):
        stock.reserve(order(), Context())


BAD = [{"quantity": 0}, {"quantity": -5}, {"cents": 0}, {"cents": 12.5}, {"sku": ""}, {"card": None}, {"address": 7}]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_malformed_order_is_refused_by_the_first_step_and_can_be_undone(
    stock: ModuleType, shop: Example, bad: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        stock.reserve(order(**bad), Context())
    stock.release({"order_id": "o-1"}, Context())

    assert available(shop) == 10


def test_pieces_are_given_back_once_and_can_not_be_held_again(stock: ModuleType, shop: Example) -> None:
    stock.reserve(order(quantity=4), Context())
    for _ in range(3):
        stock.release({"order_id": "o-1"}, Context())
    assert available(shop) == 10

    with pytest.raises(stock.db.exceptions.TransactionCanceledException):
        stock.reserve(order(quantity=4), Context())
    assert available(shop) == 10


def test_pieces_given_back_twice_at_once_are_given_back_once(stock: ModuleType, shop: Example) -> None:
    stock.reserve(order(quantity=4), Context())

    at_once(8, shop, "stock", lambda each, _: each.release({"order_id": "o-1"}, Context()))
    stock.release({"order_id": "o-1"}, Context())

    assert available(shop) == 10


def test_a_reservation_and_its_release_at_once_leave_nothing_held(stock: ModuleType, shop: Example) -> None:
    at_once(8, shop, "stock", lambda each, turn: (each.reserve if turn % 2 else each.release)(order(), Context()))
    stock.release({"order_id": "o-1"}, Context())  # as the state machine retries what met another in the table

    assert available(shop) == 10


def test_a_reservation_that_comes_after_its_release_holds_nothing(stock: ModuleType, shop: Example) -> None:
    stock.release({"order_id": "o-1"}, Context())

    with pytest.raises(stock.db.exceptions.TransactionCanceledException):
        stock.reserve(order(), Context())
    assert available(shop) == 10


@pytest.mark.parametrize("after", [False, True])
def test_a_death_around_the_giving_back_neither_loses_pieces_nor_makes_more(
    stock: ModuleType, shop: Example, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    stock.reserve(order(quantity=4), Context())
    doomed = shop.environment("stock")
    write = doomed.db.transact_write_items

    def die(**request: Any) -> None:
        if after:
            write(**request)
        raise Died

    monkeypatch.setattr(doomed.db, "transact_write_items", die)
    with pytest.raises(Died):
        doomed.release({"order_id": "o-1"}, Context())

    stock.release({"order_id": "o-1"}, Context())

    assert available(shop) == 10


def test_a_step_and_its_compensation_may_each_come_twice(step: Step, partners: Partners) -> None:
    for _ in range(2):
        step.do(order(), Context())
    assert list(partners.kept[step.what]) == ["o-1"]

    for _ in range(2):
        step.undo({"order_id": "o-1"}, Context())
    assert partners.kept[step.what] == {}


def test_a_step_done_eight_times_at_once_is_done_once(step: Step, shop: Example, partners: Partners) -> None:
    raised = at_once(8, shop, "partner", lambda each, _: getattr(each, step.do.__name__)(order(), Context()))

    assert raised == [None] * 8
    assert list(partners.kept[step.what]) == ["o-1"]


def test_a_step_and_its_compensation_at_once_leave_nothing_behind(
    step: Step, shop: Example, partners: Partners
) -> None:
    names = [step.do.__name__, step.undo.__name__]

    at_once(8, shop, "partner", lambda each, turn: getattr(each, names[turn % 2])(order(), Context()))

    assert partners.kept[step.what] == {}


def test_a_compensation_of_what_never_began_asks_nobody_and_forbids_it(step: Step, partners: Partners) -> None:
    step.undo({"order_id": "o-1"}, Context())

    with pytest.raises(step.module.steps.meta.client.exceptions.ConditionalCheckFailedException):
        step.do(order(), Context())
    assert partners.asked == []


def test_a_step_overtaken_on_its_way_is_refused_by_the_partner(
    step: Step, partners: Partners, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last gap, which no record of ours can close: the partner must refuse a PUT that comes after its DELETE."""
    request = step.module.http.request

    def slow(method: str, url: str, **more: Any) -> Any:
        if method == "PUT":
            step.undo({"order_id": "o-1"}, Context())
        return request(method, url, **more)

    monkeypatch.setattr(step.module.http, "request", slow)

    with pytest.raises(ConnectionError):
        step.do(order(), Context())
    assert [method for method, *_ in partners.asked] == ["DELETE", "PUT"]
    assert partners.kept[step.what] == {}


@pytest.mark.parametrize("after", [False, True])
def test_a_death_around_the_call_is_undone_like_a_success(
    step: Step, partners: Partners, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    request = step.module.http.request

    def die(*given: Any, **more: Any) -> None:
        if after:
            request(*given, **more)
        raise Died

    monkeypatch.setattr(step.module.http, "request", die)
    with pytest.raises(Died):
        step.do(order(), Context())
    assert len(partners.kept[step.what]) == after

    step.fresh().undo({"order_id": "o-1"}, Context())

    assert partners.kept[step.what] == {}
    assert partners.times("DELETE", step.what, "o-1") == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_death_around_the_undoing_leaves_it_to_the_next_attempt(
    step: Step, partners: Partners, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    step.do(order(), Context())
    request = step.module.http.request

    def die(*given: Any, **more: Any) -> None:
        if after:
            request(*given, **more)
        raise Died

    monkeypatch.setattr(step.module.http, "request", die)
    with pytest.raises(Died):
        step.undo({"order_id": "o-1"}, Context())

    step.fresh().undo({"order_id": "o-1"}, Context())

    assert partners.kept[step.what] == {}


def test_an_answer_that_is_lost_is_an_error_and_the_retry_changes_nothing(step: Step, partners: Partners) -> None:
    for method, act in (("PUT", step.do), ("DELETE", step.undo)):
        partners.lost[method, step.what, "o-1"] = 1
        with pytest.raises(step.module.urllib3.exceptions.HTTPError):
            act(order(), Context())
        act(order(), Context())
        assert len(partners.kept[step.what]) == (method == "PUT")


def test_a_refusal_has_the_name_that_the_state_machine_knows(step: Step, partners: Partners) -> None:
    for status in (400, 402, 409, 422):
        partners.answers["PUT", step.what, "o-1"] = status
        with pytest.raises(Exception, match=str(status)) as raised:
            step.do(order(), Context())
        assert raised.typename in REFUSALS["ChargeCard" if step.what == "charges" else "BookShipment"]


def test_an_answer_that_may_change_is_not_taken_for_a_refusal(step: Step, partners: Partners) -> None:
    for status in (301, 401, 403, 404, 408, 410, 429, 500, 503):
        partners.answers["PUT", step.what, "o-1"] = status
        with pytest.raises(ConnectionError, match=str(status)):
            step.do(order(), Context())


def test_a_compensation_that_is_refused_is_not_taken_for_done(step: Step, partners: Partners) -> None:
    step.do(order(), Context())
    for status in (301, 400, 402, 409, 410, 422, 500):
        partners.answers["DELETE", step.what, "o-1"] = status
        with pytest.raises(ConnectionError, match=str(status)):
            step.undo({"order_id": "o-1"}, Context())


def test_a_table_that_throttles_delays_a_step_before_anybody_is_asked(
    step: Step, aws: LocalAws, partners: Partners
) -> None:
    aws.fault(service="dynamodb", operation="PutItem", error=THROTTLED, times=3)  # as often as the SDK tries
    with pytest.raises(step.module.steps.meta.client.exceptions.ProvisionedThroughputExceededException):
        step.do(order(), Context())
    assert partners.asked == []

    step.do(order(), Context())
    assert list(partners.kept[step.what]) == ["o-1"]


@pytest.mark.parametrize("operation", ["UpdateItem", "TransactWriteItems"])
def test_a_table_that_throttles_delays_the_giving_back(
    stock: ModuleType, shop: Example, aws: LocalAws, operation: str
) -> None:
    stock.reserve(order(), Context())
    aws.fault(service="dynamodb", operation=operation, error=THROTTLED, times=3)
    with pytest.raises(stock.db.exceptions.ClientError):
        stock.release({"order_id": "o-1"}, Context())

    stock.release({"order_id": "o-1"}, Context())

    assert available(shop) == 10
