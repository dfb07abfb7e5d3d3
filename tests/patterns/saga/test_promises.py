"""An order is reserved, charged and booked, or nothing of it remains; whoever asked knows why, or a human does."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError
from saga.scenario import ORDER, Partners
from urllib3.exceptions import HTTPError

from support.environments import IN_PYTHON, LANGUAGES, HandlerError, fails_as
from support.executions import Run, execute
from support.handlers import Context, Died, Example, event, references
from support.templates import findings
from trials.local_aws import LocalAws
from trials.template import read_template

FOLDER = Path(__file__).resolve().parents[3] / "examples" / "saga"
DEFINITION = json.loads((FOLDER / "statemachine.asl.json").read_text())
TEMPLATE = read_template(FOLDER / "template.yaml")
THROTTLED = {"code": "ProvisionedThroughputExceededException"}

FORWARD = ["ReserveStock", "ChargeCard", "BookShipment"]
UNDOS = {"ReserveStock": "ReleaseStock", "ChargeCard": "RefundCard"}  # a booking has none
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
REFUSED = [(step, error) for step in FORWARD for error in REFUSALS[step]]
CHARGED = {"charge_id": "ch-1"}
MINUTES = 10  # until an order is booked, undone, or in front of a human


# The definition, executed with the exact error names that AWS would report.


def run(rounds: int = 0, /, **answers: Any) -> Run:
    """An execution whose functions answer so; the rest do what is asked of them."""
    definition = json.loads(re.sub(r"\$\{(\w+)\}", r"\1", json.dumps(DEFINITION)))
    return execute(definition, ORDER, {"ChargeCard": [CHARGED], **answers}, rounds)


def undone(run: Run) -> set[str]:
    return set(run.path) - set(FORWARD)


def undos(*steps: str) -> set[str]:
    return {UNDOS[step] for step in steps if step in UNDOS}


def test_an_order_that_meets_no_failure_is_undone_nowhere() -> None:
    done = run()

    assert (done.status, done.path, done.messages) == ("SUCCEEDED", FORWARD, [])


@pytest.mark.parametrize("step", FORWARD)
def test_each_step_gets_the_whole_order_and_its_id(step: str) -> None:
    assert dict(run().calls)[step] == {**ORDER, "order_id": "o-1"}


@pytest.mark.parametrize(("step", "error"), REFUSED)
def test_a_refusal_at_the_first_attempt_undoes_the_steps_before_it_and_not_the_refused_one(
    step: str, error: str
) -> None:
    refused = run(**{step: [error]})

    assert refused.tries(step) == 1
    assert undone(refused) == undos(*FORWARD[: FORWARD.index(step)])
    assert (refused.status, refused.error, refused.cause) == ("FAILED", f"Undone.{error}", f"why {error}")
    assert refused.messages == []


@pytest.mark.parametrize(("step", "error"), REFUSED[:-1])
@pytest.mark.parametrize("first", ["Sandbox.Timedout", "States.Timeout", "ConnectionError"])
def test_a_refusal_after_an_attempt_whose_outcome_is_unknown_undoes_the_refused_step_too(
    step: str, error: str, first: str
) -> None:
    refused = run(**{step: [first, error]})

    assert refused.tries(step) == 2
    assert undone(refused) == undos(*FORWARD[: FORWARD.index(step) + 1])
    assert (refused.status, refused.error) == ("FAILED", f"Undone.{error}")


@pytest.mark.parametrize("step", FORWARD[:-1])
@pytest.mark.parametrize("error", TRANSIENT)
def test_a_step_that_keeps_failing_and_all_before_it_are_undone_and_the_caller_reads_why(step: str, error: str) -> None:
    failed = run(**{step: [error]})

    assert failed.tries(step) == 4
    assert undone(failed) == undos(*FORWARD[: FORWARD.index(step) + 1])
    assert (failed.status, failed.error, failed.cause) == ("FAILED", f"Undone.{error}", f"why {error}")


@pytest.mark.parametrize("step", FORWARD)
@pytest.mark.parametrize("error", TRANSIENT)
def test_a_fault_that_passes_costs_one_more_attempt(step: str, error: str) -> None:
    done = run(**{step: [error, CHARGED]})

    assert (done.status, done.tries(step), undone(done)) == ("SUCCEEDED", 2, set())


UNKNOWN = [[error] for error in TRANSIENT] + [["States.Timeout", "AddressRejected"]]


@pytest.mark.parametrize("answers", UNKNOWN, ids=" then ".join)
@pytest.mark.parametrize("booked", [True, False])
def test_a_booking_of_which_nobody_knows_is_asked_about_and_goes_on_or_back_as_the_human_says(
    answers: list[str], booked: bool
) -> None:
    asked = run(BookShipment=answers, human=[{"booked": booked}])

    (message,) = asked.messages
    assert message["failure"] == {"Error": answers[-1], "Cause": f"why {answers[-1]}"}
    assert message.keys() == {"execution", "failure", "ask", "token"}
    assert (asked.status, undone(asked)) == (("SUCCEEDED", set()) if booked else ("FAILED", set(UNDOS.values())))
    assert booked or asked.error == f"Undone.{answers[-1]}"


@pytest.mark.parametrize("answer", [{}, None, {"booked": "no"}, []], ids=str)
def test_an_answer_that_says_neither_is_asked_again(answer: Any) -> None:
    asked = run(BookShipment=["ConnectionError"], human=[answer, {"booked": True}])

    assert (asked.status, len(asked.messages), undone(asked)) == ("SUCCEEDED", 2, set())


def test_a_question_that_nobody_answers_ends_neither_done_nor_undone() -> None:
    forgotten = run(BookShipment=["ConnectionError"], human=["States.Timeout"])

    assert (forgotten.status, forgotten.error, undone(forgotten)) == ("FAILED", "States.Timeout", set())
    assert len(forgotten.messages) == 1


@pytest.mark.parametrize(("undo", "step"), [("RefundCard", "charge"), ("ReleaseStock", "stock")])
def test_an_undo_that_keeps_failing_is_told_while_it_is_tried_and_ends_with_the_orders_own_failure(
    undo: str, step: str
) -> None:
    mended = run(2, BookShipment=["AddressRejected"], **{undo: ["ConnectionError"] * 10 + [None]})

    assert [(each["undo"], each["failure"]["Error"], each["trouble"]["Error"]) for each in mended.messages] == [
        (step, "AddressRejected", "ConnectionError")
    ] * 2
    assert mended.tries(undo) == 11
    assert (mended.status, mended.error, mended.cause) == ("FAILED", "Undone.AddressRejected", "why AddressRejected")


@pytest.mark.parametrize("undo", UNDOS.values())
def test_an_undo_that_never_works_neither_ends_nor_holds_up_the_other(undo: str) -> None:
    stuck = run(5, BookShipment=["AddressRejected"], **{undo: ["ConnectionError"]})

    (other,) = set(UNDOS.values()) - {undo}
    assert stuck.error == "StillTrying"
    assert stuck.tries(undo) == 30
    assert stuck.tries(other) == 1
    assert len(stuck.messages) == 6


def test_an_undo_is_tried_on_even_if_nobody_can_be_told() -> None:
    refunds = ["ConnectionError"] * 5 + [None]
    mended = run(1, BookShipment=["AddressRejected"], queue=["SQS.AccessDenied"], RefundCard=refunds)

    assert (mended.error, mended.tries("RefundCard")) == ("Undone.AddressRejected", 6)


def test_what_a_step_answered_is_kept_for_its_undo_and_for_the_human() -> None:
    stuck = run(1, BookShipment=["AddressRejected"], RefundCard=["ConnectionError"] * 5 + [None])

    assert dict(stuck.calls)["RefundCard"] == {"order_id": "o-1", "charge_id": "ch-1"}
    assert stuck.messages[0]["charge_id"] == "ch-1"


def test_the_undo_of_a_step_whose_answer_was_lost_gets_the_orders_id() -> None:
    assert dict(run(ChargeCard=["ConnectionError"]).calls)["RefundCard"] == {"order_id": "o-1", "charge_id": ""}


def tasks(states: dict[str, Any] = DEFINITION["States"]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, state in states.items():
        found |= {name: state} if state["Type"] == "Task" else {}
        found |= tasks(state["ItemProcessor"]["States"]) if state["Type"] == "Map" else {}
    return found


def longest(state: dict[str, Any]) -> float:
    """The seconds that a task may take with all its attempts, and with the longest delays between them."""
    last = state["Retry"][-1]
    delays = [min(last["BackoffRate"] ** n, last["MaxDelaySeconds"]) for n in range(last["MaxAttempts"])]
    return float(state["TimeoutSeconds"] * (1 + last["MaxAttempts"]) + sum(delays))


def test_in_ten_minutes_an_order_is_booked_undone_or_in_front_of_a_human() -> None:
    every = tasks()
    forward = sum(longest(every[step]) for step in FORWARD)
    undoing = max(longest(every[undo]) for undo in UNDOS.values()) + longest(every["TellThatUndoFails"])

    assert (forward, undoing) == (3 * 107, 140 + 33)
    assert forward + undoing <= MINUTES * 60
    assert "In ten minutes" in DEFINITION["Comment"]


def test_an_undo_is_tried_for_as_long_as_its_history_has_room() -> None:
    """A round writes 27 events or fewer for each of two undos, of 25,000; then the execution fails and is reported."""
    wait = DEFINITION["States"]["Undo"]["ItemProcessor"]["States"]["WaitForMending"]

    assert wait["Seconds"] * (25_000 / (27 * 2)) >= 7 * 86_400


def test_executions_are_traced_and_logged_without_the_order() -> None:
    machine = TEMPLATE["Resources"]["PlaceOrder"]["Properties"]

    assert machine["Tracing"] == {"Enabled": True}
    assert machine["Logging"]["Level"] == "ERROR"
    assert machine["Logging"]["IncludeExecutionData"] is False


def test_every_retry_grows_within_a_bound_and_is_spread() -> None:
    assert tasks().keys() == {*FORWARD, *UNDOS.values(), "TellThatUndoFails", "AskWhetherBooked"}
    for state in tasks().values():
        last = state["Retry"][-1]
        assert last["ErrorEquals"] == ["States.ALL"]
        assert last["BackoffRate"] > 1
        assert last["MaxDelaySeconds"] <= state["TimeoutSeconds"]
        assert last["JitterStrategy"] == "FULL"


def test_a_step_is_dead_before_it_is_undone_and_no_clock_ends_the_whole() -> None:
    assert "TimeoutSeconds" not in DEFINITION
    assert {tasks()[name]["TimeoutSeconds"] for name in (*FORWARD, *UNDOS.values())} == {25}
    assert TEMPLATE["Globals"]["Function"]["Timeout"] < 25


def test_a_name_runs_once_and_the_marks_of_its_steps_never_expire() -> None:
    """A step that comes late, or a second execution of the name, must find them."""
    assert TEMPLATE["Resources"]["PlaceOrder"]["Properties"]["Type"] == "STANDARD"
    assert "TimeToLiveSpecification" not in TEMPLATE["Resources"]["Steps"]["Properties"]


@IN_PYTHON
def test_each_refusal_that_is_not_retried_is_one_that_the_code_raises(shop: Example, stock: ModuleType) -> None:
    named = {step: state["Retry"][0]["ErrorEquals"] for step, state in tasks().items() if step in FORWARD}

    assert named == REFUSALS
    partner = shop.environment("partner")
    raised = [partner.CardDeclined, partner.AddressRejected, stock.OutOfStock, ValidationError]
    assert {each.__name__ for each in raised} == {name for names in named.values() for name in names}


def test_the_machine_may_invoke_exactly_the_functions_it_names() -> None:
    machine = TEMPLATE["Resources"]["PlaceOrder"]["Properties"]
    functions = {*FORWARD, *UNDOS.values()}
    granted = {each["Action"]: each for each in machine["Policies"][0]["Statement"] if each["Resource"] != "*"}

    assert {state["Arguments"].get("FunctionName", "${HalfDone}") for state in tasks().values()} == {
        f"${{{each}}}" for each in {*functions, "HalfDone"}
    }
    assert {name: references(value) for name, value in machine["DefinitionSubstitutions"].items()} == {
        name: {name} for name in {*functions, "HalfDone"}
    }
    assert references(granted.pop("lambda:InvokeFunction")) == functions
    assert references(granted.pop("sqs:SendMessage")) == {"HalfDone"}
    assert granted == {}


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


def test_that_human_reads_which_executions_and_what_the_rule_cannot_tell_is_kept() -> None:
    (target,) = TEMPLATE["Resources"]["EndedHalfDone"]["Properties"]["Targets"]
    told = target["InputTransformer"]
    paths = {f"<{name}>": json.dumps(path) for name, path in told["InputPathsMap"].items()}

    assert target["Arn"] == {"Fn::GetAtt": ["HalfDone", "Arn"]}
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["Unreported", "Arn"]}}
    assert json.loads(re.sub("<.+?>", lambda found: paths[found[0]], told["InputTemplate"])) == {
        "execution": "$.detail.executionArn",
        "status": "$.detail.status",
    }


@pytest.mark.parametrize(
    ("queue", "rules"), [("HalfDone", {"EndedHalfDone"}), ("Unreported", {"EndedHalfDone", "SweepHourly"})]
)
def test_only_those_rules_may_write_to_a_queue_of_half_done_orders(queue: str, rules: set[str]) -> None:
    properties = TEMPLATE["Resources"][f"{queue}Policy"]["Properties"]
    (grant,) = [each for each in properties["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]

    assert properties["Queues"] == [{"Ref": queue}]
    assert grant["Principal"] == {"Service": "events.amazonaws.com"}
    assert (grant["Action"], grant["Resource"]) == ("sqs:SendMessage", {"Fn::GetAtt": [queue, "Arn"]})
    assert grant["Condition"].keys() == {"ArnEquals"}
    assert references(grant["Condition"]["ArnEquals"]["aws:SourceArn"]) == rules


def test_both_queues_keep_their_messages_for_as_long_as_a_question_is_open() -> None:
    asked = tasks()["AskWhetherBooked"]

    for queue in ("HalfDone", "Unreported"):
        assert TEMPLATE["Resources"][queue]["Properties"]["MessageRetentionPeriod"] == asked["TimeoutSeconds"]


@pytest.mark.parametrize(
    ("metric", "of"),
    [
        ("ApproximateNumberOfMessagesVisible", "HalfDone"),
        ("ApproximateNumberOfMessagesVisible", "Unreported"),
        ("ExecutionsTimedOut", "PlaceOrder"),
        ("ExecutionsAborted", "PlaceOrder"),
        ("Errors", "Sweep"),
    ],
)
def test_one_half_done_order_is_enough_for_an_alarm(metric: str, of: str) -> None:
    alarms = [each["Properties"] for each in TEMPLATE["Resources"].values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    (alarm,) = [each for each in alarms if each["MetricName"] == metric and references(each["Dimensions"]) == {of}]

    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]
    assert alarm["TreatMissingData"] == ("breaching" if of == "Sweep" else "notBreaching")


# What starts an order, and what looks for those that nobody was told of.


ANY_ROLE = "arn:aws:iam::123456789012:role/any"


@pytest.fixture
def machine(aws: LocalAws, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A state machine that waits, so that its executions run until they are stopped."""
    waits = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}}
    name = re.sub(r"\W", "-", request.node.name)[-80:]
    arn = aws.client("stepfunctions").create_state_machine(name=name, definition=json.dumps(waits), roleArn=ANY_ROLE)
    monkeypatch.setenv("STATE_MACHINE", arn["stateMachineArn"])
    return str(arn["stateMachineArn"])


def ends(execution: str, status: str, error: str | None = None) -> dict[str, Any]:
    """An execution as Step Functions lists and describes it."""
    return {"executionArn": execution, "status": status, "stopDate": datetime.now(UTC), "error": error}


def test_an_order_is_started_once_under_its_id(shop: Example, machine: str, aws: LocalAws) -> None:
    started = [shop.environment("start").handler(order(), Context()) for _ in range(3)]

    arn = machine.replace(":stateMachine:", ":execution:") + ":o-1"
    assert started == [{"execution": arn}] * 3
    assert json.loads(aws.client("stepfunctions").describe_execution(executionArn=arn)["input"]) == ORDER


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("status", "other", "conflict"),
    [
        ("RUNNING", {}, False),
        ("SUCCEEDED", {}, False),
        ("FAILED", {}, True),
        ("TIMED_OUT", {}, True),
        ("ABORTED", {}, True),
        ("RUNNING", {"quantity": 2}, True),
        ("SUCCEEDED", {"quantity": 2}, True),
    ],
)
@IN_PYTHON
def test_a_name_that_is_taken_is_success_only_if_the_same_order_runs_or_is_done(
    shop: Example, monkeypatch: pytest.MonkeyPatch, status: str, other: dict[str, Any], conflict: bool
) -> None:
    """`ExecutionAlreadyExists` says that the input differs or that the execution is closed, and not which."""
    start = shop.environment("start")
    start.handler(order(), Context())
    describe = start.states.describe_execution
    monkeypatch.setattr(start.states, "describe_execution", lambda **asked: {**describe(**asked), "status": status})

    with pytest.raises(start.OrderConflict, match=f"o-1 is {status}") if conflict else nullcontext():
        start.handler(order(**other), Context())


def swept(shop: Example, monkeypatch: pytest.MonkeyPatch, *executions: dict[str, Any]) -> list[dict[str, str]]:
    """What is in HalfDone after the sweep has looked at these executions, the newest end first."""
    sweep = shop.environment("sweep")

    class Listing:
        def paginate(self, statusFilter: str, **_: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
            for each in executions:
                yield {"executions": [each] if each["status"] == statusFilter else []}

    by_arn = {each["executionArn"]: each for each in executions}
    monkeypatch.setattr(sweep.states, "get_paginator", lambda _: Listing())
    monkeypatch.setattr(sweep.states, "describe_execution", lambda executionArn: by_arn[executionArn])  # noqa: N803
    sweep.handler({}, Context())
    queue = {"QueueUrl": shop.stack.resources["HalfDone"], "MaxNumberOfMessages": 10}
    return [json.loads(each["Body"]) for each in shop.aws.client("sqs").receive_message(**queue).get("Messages", [])]


@pytest.mark.usefixtures("machine")
@IN_PYTHON
def test_the_sweep_tells_of_every_end_but_done_and_undone(shop: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    told = swept(
        shop,
        monkeypatch,
        ends("undone", "FAILED", "Undone.CardDeclined"),
        ends("question", "FAILED", "States.Timeout"),
        ends("history", "FAILED"),
        ends("late", "TIMED_OUT", "Undone.never"),
        ends("stopped", "ABORTED"),
    )

    assert sorted((each["execution"], each["status"]) for each in told) == [
        ("history", "FAILED"),
        ("late", "TIMED_OUT"),
        ("question", "FAILED"),
        ("stopped", "ABORTED"),
    ]


@pytest.mark.usefixtures("machine")
@IN_PYTHON
def test_the_sweep_looks_further_back_than_to_the_run_before(shop: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    ended_at = {"new": 1, "two runs ago": 119, "old": 181}
    executions = [
        {**ends(name, "ABORTED"), "stopDate": datetime.now(UTC) - timedelta(minutes=minutes)}
        for name, minutes in ended_at.items()
    ]

    assert {each["execution"] for each in swept(shop, monkeypatch, *executions)} == {"new", "two runs ago"}
    assert TEMPLATE["Resources"]["SweepHourly"]["Properties"]["ScheduleExpression"] == "rate(1 hour)"


def test_the_sweep_finds_what_the_service_itself_lists(shop: Example, machine: str, aws: LocalAws) -> None:
    states = aws.client("stepfunctions")
    arn = states.start_execution(stateMachineArn=machine, name="o-1")["executionArn"]
    states.stop_execution(executionArn=arn)

    shop.environment("sweep").handler({}, Context())

    queue = {"QueueUrl": shop.stack.resources["HalfDone"], "MaxNumberOfMessages": 10}
    (message,) = aws.client("sqs").receive_message(**queue)["Messages"]
    assert json.loads(message["Body"]) == {"execution": arn, "status": "ABORTED"}


# The steps, against real tables and partners that forget nothing.


@pytest.fixture
def partners() -> Iterator[Partners]:
    with Partners() as stub:
        yield stub


@pytest.fixture(params=LANGUAGES)
def shop(request: pytest.FixtureRequest, example: Callable[..., Example], partners: Partners) -> Example:
    shop = example("saga", request.param, **partners.parameters)
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
    """A step that asks a partner, and its compensation, if there is one; `fresh` gives it in another environment."""

    what: str
    do: Callable[..., Any]
    undo: Callable[..., None]
    module: ModuleType
    fresh: Callable[[], "Step"]


def partner_step(shop: Example, monkeypatch: pytest.MonkeyPatch, partners: Partners, do: str) -> Step:
    what = {"charge": "charges", "book": "shipments"}[do]
    monkeypatch.setenv("PARTNER_URL", f"{partners.url}/{what}")
    module = shop.environment("partner")
    return Step(
        what, getattr(module, do), module.refund, module, partial(partner_step, shop, monkeypatch, partners, do)
    )


@pytest.fixture(params=["charge", "book"])
def step(shop: Example, monkeypatch: pytest.MonkeyPatch, partners: Partners, request: pytest.FixtureRequest) -> Step:
    return partner_step(shop, monkeypatch, partners, request.param)


@pytest.fixture
def charge(shop: Example, monkeypatch: pytest.MonkeyPatch, partners: Partners) -> Step:
    return partner_step(shop, monkeypatch, partners, "charge")


UNDO = {"order_id": "o-1", "charge_id": ""}


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
            except Exception as error:
                if type(error).__name__ != "TransactionCanceledException":
                    raise  # two met in the table: the state machine tries again

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


@IN_PYTHON
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
    with fails_as("ValidationError"):
        stock.reserve(order(**bad), Context())
    stock.release({"order_id": "o-1"}, Context())

    assert available(shop) == 10


def test_pieces_are_given_back_once_and_can_not_be_held_again(stock: ModuleType, shop: Example) -> None:
    stock.reserve(order(quantity=4), Context())
    for _ in range(3):
        stock.release({"order_id": "o-1"}, Context())
    assert available(shop) == 10

    with fails_as("TransactionCanceledException"):
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

    with fails_as("TransactionCanceledException"):
        stock.reserve(order(), Context())
    assert available(shop) == 10


@pytest.mark.parametrize("after", [False, True])
@IN_PYTHON
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


def test_a_step_and_its_compensation_may_each_come_twice(charge: Step, partners: Partners) -> None:
    for _ in range(2):
        charge.do(order(), Context())
    assert list(partners.kept[charge.what]) == ["o-1"]

    for _ in range(2):
        charge.undo(UNDO, Context())
    assert partners.kept[charge.what] == {}


def test_a_refund_names_the_partners_own_id_of_the_charge_if_its_answer_came(charge: Step, partners: Partners) -> None:
    paid = charge.do(order(), Context())
    charge.undo({"order_id": "o-1", **paid}, Context())

    assert paid == {"charge_id": "charges-o-1"}
    assert partners.named == {"o-1": "charges-o-1"}


def test_a_booking_may_come_twice(step: Step, partners: Partners) -> None:
    for _ in range(2):
        step.do(order(), Context())

    assert list(partners.kept[step.what]) == ["o-1"]


def test_a_step_done_eight_times_at_once_is_done_once(step: Step, shop: Example, partners: Partners) -> None:
    name = {"charges": "charge", "shipments": "book"}[step.what]
    raised = at_once(8, shop, "partner", lambda each, _: getattr(each, name)(order(), Context()))

    assert raised == [None] * 8
    assert list(partners.kept[step.what]) == ["o-1"]


def test_a_step_and_its_compensation_at_once_leave_nothing_behind(
    charge: Step, shop: Example, partners: Partners
) -> None:
    names = ["charge", "refund"]

    at_once(8, shop, "partner", lambda each, turn: getattr(each, names[turn % 2])(order(charge_id=""), Context()))

    assert partners.kept[charge.what] == {}


def test_a_compensation_of_what_never_began_asks_nobody_and_forbids_it(charge: Step, partners: Partners) -> None:
    charge.undo(UNDO, Context())

    with fails_as("ConditionalCheckFailedException"):
        charge.do(order(), Context())
    assert partners.asked == []


@IN_PYTHON
def test_a_step_overtaken_on_its_way_is_refused_by_the_partner(
    charge: Step, partners: Partners, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last gap, which no record of ours can close: the partner must refuse a PUT that comes after its DELETE."""
    request = charge.module.http.request

    def slow(method: str, url: str, **more: Any) -> Any:
        if method == "PUT":
            charge.undo(UNDO, Context())
        return request(method, url, **more)

    monkeypatch.setattr(charge.module.http, "request", slow)

    with pytest.raises(ConnectionError):
        charge.do(order(), Context())
    assert [method for method, *_ in partners.asked] == ["DELETE", "PUT"]
    assert partners.kept[charge.what] == {}


@pytest.mark.parametrize("after", [False, True])
@IN_PYTHON
def test_a_death_around_the_call_is_undone_like_a_success(
    charge: Step, partners: Partners, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    request = charge.module.http.request

    def die(*given: Any, **more: Any) -> None:
        if after:
            request(*given, **more)
        raise Died

    monkeypatch.setattr(charge.module.http, "request", die)
    with pytest.raises(Died):
        charge.do(order(), Context())
    assert len(partners.kept[charge.what]) == after

    charge.fresh().undo(UNDO, Context())

    assert partners.kept[charge.what] == {}
    assert partners.times("DELETE", charge.what, "o-1") == 1


@pytest.mark.parametrize("after", [False, True])
@IN_PYTHON
def test_a_death_around_the_undoing_leaves_it_to_the_next_attempt(
    charge: Step, partners: Partners, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    charge.do(order(), Context())
    request = charge.module.http.request

    def die(*given: Any, **more: Any) -> None:
        if after:
            request(*given, **more)
        raise Died

    monkeypatch.setattr(charge.module.http, "request", die)
    with pytest.raises(Died):
        charge.undo(UNDO, Context())

    charge.fresh().undo(UNDO, Context())

    assert partners.kept[charge.what] == {}


def test_an_answer_that_is_lost_is_an_error_and_the_retry_changes_nothing(charge: Step, partners: Partners) -> None:
    for method, act in (("PUT", charge.do), ("DELETE", charge.undo)):
        partners.lost[method, charge.what, "o-1"] = 1
        with pytest.raises((HTTPError, HandlerError)):
            act(order(charge_id=""), Context())
        act(order(charge_id=""), Context())
        assert len(partners.kept[charge.what]) == (method == "PUT")


def test_a_refusal_has_the_name_that_the_state_machine_knows(step: Step, partners: Partners) -> None:
    for status in (400, 402, 409, 422):
        partners.answers["PUT", step.what, "o-1"] = status
        with pytest.raises(Exception, match=str(status)) as raised:
            step.do(order(), Context())
        assert raised.typename in REFUSALS["ChargeCard" if step.what == "charges" else "BookShipment"]


def test_an_answer_that_may_change_is_not_taken_for_a_refusal(step: Step, partners: Partners) -> None:
    for status in (301, 401, 403, 404, 408, 410, 429, 500, 503):
        partners.answers["PUT", step.what, "o-1"] = status
        with fails_as("ConnectionError", "Error", match=str(status)):
            step.do(order(), Context())


def test_a_compensation_that_is_refused_is_not_taken_for_done(charge: Step, partners: Partners) -> None:
    charge.do(order(), Context())
    for status in (301, 400, 402, 409, 410, 422, 500):
        partners.answers["DELETE", charge.what, "o-1"] = status
        with fails_as("ConnectionError", "Error", match=str(status)):
            charge.undo(UNDO, Context())


def test_a_table_that_throttles_delays_a_step_before_anybody_is_asked(
    charge: Step, aws: LocalAws, partners: Partners
) -> None:
    aws.fault(service="dynamodb", operation="PutItem", error=THROTTLED, times=3)  # as often as the SDK tries
    with fails_as(THROTTLED["code"]):
        charge.do(order(), Context())
    assert partners.asked == []

    charge.do(order(), Context())
    assert list(partners.kept[charge.what]) == ["o-1"]


@pytest.mark.parametrize("operation", ["UpdateItem", "TransactWriteItems"])
def test_a_table_that_throttles_delays_the_giving_back(
    stock: ModuleType, shop: Example, aws: LocalAws, operation: str
) -> None:
    stock.reserve(order(), Context())
    aws.fault(service="dynamodb", operation=operation, error=THROTTLED, times=3)
    with fails_as(THROTTLED["code"]):
        stock.release({"order_id": "o-1"}, Context())

    stock.release({"order_id": "o-1"}, Context())

    assert available(shop) == 10
