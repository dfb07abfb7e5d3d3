"""A loan ends as it should whatever dies on the way, waits for people in time, and is never paid out twice."""

import importlib
import json
import logging
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import boto3
import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from durable_workflow.scenario import Partners, loan
from pydantic import ValidationError

from support.documents import ROOT
from support.durable import BEGIN, Death, Execution
from support.handlers import Context, event
from support.templates import translated
from trials.template import read_template

FOLDER = ROOT / "examples" / "durable_workflow"
TEMPLATE = read_template(FOLDER / "template.yaml")["Resources"]
DAY = 86_400


@pytest.fixture
def partners() -> Iterator[Partners]:
    with Partners(latency=0) as stub:
        yield stub


class Shop:
    """The example's modules, and the messages that a person reads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, partners: Partners) -> None:
        self._monkeypatch = monkeypatch
        self.workflow = "arn:aws:lambda:us-east-1:123456789012:function:Workflow:live"
        for name, value in {
            "PARTNERS_URL": partners.url,
            "APPROVALS_URL": "approvals",
            "APPROVAL_SECONDS": str(3 * DAY),
            "WITHDRAWAL_SECONDS": str(DAY),
            "WORKFLOW": self.workflow,
            "POWERTOOLS_SERVICE_NAME": "loans",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.syspath_prepend(str(FOLDER))
        self.messages: list[dict[str, Any]] = []
        self._loaded: ModuleType | None = None

    def load(self, name: str) -> ModuleType:
        logging.root.manager.loggerDict.pop("loans", None)  # it writes to the output of the test before
        for module in ("loan", "start", "decide", "workflow"):
            self._monkeypatch.delitem(sys.modules, module, raising=False)
        loaded = importlib.import_module(name)
        if name == "workflow":
            sent = mock.Mock(**{"send_message.side_effect": lambda **message: self.messages.append(message)})
            self._monkeypatch.setattr(loaded, "sqs", sent)
        return loaded

    def begin(self, loan_id: str = "l-1", approved: bool | None = True, death: Death | None = None) -> Execution:
        """An execution in which a person decides, or does not."""
        self._loaded = self._loaded or self.load("workflow")
        begun = Execution(self._loaded.handler, loan(loan_id), loan_id, death=death)

        def decide(callback_id: str) -> None:
            if approved is not None:
                assert begun.answer(callback_id, json.dumps({"approved": approved}))

        begun.person = decide
        return begun


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, partners: Partners) -> Shop:
    return Shop(monkeypatch, partners)


def ended(execution: Execution) -> Any:
    return json.loads(execution.result)["loan"] if execution.status == "SUCCEEDED" else execution.status


def test_a_loan_is_paid_out_after_its_waits_by_three_invocations(shop: Shop, partners: Partners) -> None:
    execution = shop.begin()

    execution.play()

    assert ended(execution) == "paid"
    assert partners.paid == {"l-1": 1}
    assert execution.invocations == 3  # to the person, to the end of the withdrawal, to the payout
    assert partners.asked["PUT", "/scores/l-1"] == partners.asked["GET", "/withdrawals/l-1"] == 1
    assert execution.clock.now() == BEGIN + timedelta(days=1)


@pytest.mark.e2e
@pytest.mark.parametrize("kept", [False, True], ids=["before", "after"])
def test_a_death_at_any_checkpoint_is_survived_and_never_pays_twice(shop: Shop, partners: Partners, kept: bool) -> None:
    """Only between the start and the end of the payout does nobody know, and then a person is told."""
    undisturbed = shop.begin("l-0")
    undisturbed.play()
    assert len(set(undisturbed.updates)) > 20
    for number, update in enumerate(sorted(set(undisturbed.updates)), 1):
        loan_id = f"l-{number}"
        death = Death(update, kept)
        execution = shop.begin(loan_id, death=death)

        execution.play()

        assert update in death.beside, "it never died"
        assert execution.invocations > undisturbed.invocations
        if ("STEP START payout" if kept else "STEP SUCCEED payout") in death.beside:
            assert ended(execution) == "FAILED"
            assert "STEP FAIL payout" in execution.updates
            assert partners.paid[loan_id] <= 1
        else:
            assert (ended(execution), partners.paid[loan_id]) == ("paid", 1)


@pytest.mark.e2e
@pytest.mark.parametrize("nth", range(1, 7))
def test_a_death_after_any_answer_of_a_partner_is_survived_and_never_pays_twice(
    shop: Shop, partners: Partners, nth: int
) -> None:
    execution = shop.begin()
    workflow = sys.modules["workflow"]
    request, calls = workflow.partners.request, iter(range(1, 100))

    def answer_then_die(*given: Any, **named: Any) -> Any:
        reply = request(*given, **named)
        if next(calls) == nth:
            execution.die()
        return reply

    with mock.patch.object(workflow.partners, "request", answer_then_die):
        execution.play()

    assert partners.paid == {"l-1": 1}
    assert ended(execution) == ("FAILED" if nth == 6 else "paid")
    assert sum(partners.asked.values()) <= 8  # what had been asked, and what was under way beside it


@pytest.mark.e2e
def test_a_death_after_a_person_was_asked_asks_again_with_the_same_id(shop: Shop) -> None:
    execution = shop.begin(death=Death("STEP SUCCEED approval submitter", kept=False))

    execution.play()

    assert ended(execution) == "paid"
    first, second = (json.loads(each["MessageBody"]) for each in shop.messages)
    assert first == second


def test_what_changes_meanwhile_is_read_once_and_kept(shop: Shop, partners: Partners) -> None:
    """Each invocation would see another score, and another answer whether the customer withdrew."""
    execution = shop.begin()
    execution.invoke()
    partners.poor = True
    execution.play()

    assert ended(execution) == "paid"


def test_nobody_decides_and_the_loan_expires_on_time_whoever_answers_later(shop: Shop, partners: Partners) -> None:
    execution = shop.begin(approved=None)
    execution.play()

    assert ended(execution) == "expired"
    assert execution.clock.now() == BEGIN + timedelta(days=3)
    (message,) = shop.messages
    assert not execution.answer(json.loads(message["MessageBody"])["callback_id"], '{"approved": true}')
    assert partners.paid == {}
    assert not any(path.startswith("/papers") for _, path in partners.asked)


@pytest.mark.parametrize(
    ("loan_id", "approved", "withdrawn", "wanted"),
    [
        ("poor-1", True, False, "rejected"),
        ("l-1", False, False, "declined"),
        ("l-1", True, True, "withdrawn"),
        ("blocked-1", True, False, "refused"),
    ],
)
def test_a_loan_that_is_not_wanted_is_not_paid(
    shop: Shop, partners: Partners, loan_id: str, approved: bool, withdrawn: bool, wanted: str
) -> None:
    partners.withdrawn = {loan_id} if withdrawn else set()
    execution = shop.begin(loan_id, approved)
    execution.play()

    assert ended(execution) == wanted
    assert partners.paid == {}
    drawn_up = any(path.startswith("/papers") for _, path in partners.asked)
    assert drawn_up == (wanted == "refused")


@pytest.mark.e2e
def test_an_outage_of_eighty_minutes_is_outlasted_and_a_longer_one_is_told(shop: Shop, partners: Partners) -> None:
    with mock.patch("random.random", return_value=0.0):  # the shortest pauses that may be
        execution = shop.begin()
        partners.broken["/scores/l-1"] = 19
        execution.play()
        assert ended(execution) == "paid"
        waited = execution.clock.now() - BEGIN - timedelta(days=1)
        assert timedelta(minutes=80) <= waited < timedelta(hours=2)

        partners.broken["/scores/l-2"] = 20
        given_up = shop.begin("l-2")
        given_up.play()
    assert ended(given_up) == "FAILED"
    assert partners.paid == {"l-1": 1}


@pytest.mark.parametrize("answer", ["lost", 503])
def test_a_payout_without_an_answer_is_not_made_again_and_fails_the_execution(
    shop: Shop, partners: Partners, answer: Any
) -> None:
    partners.lost = {"l-1"} if answer == "lost" else set()
    partners.broken["/payouts"] = 0 if answer == "lost" else 1
    execution = shop.begin()
    execution.play()

    assert ended(execution) == "FAILED"
    assert partners.asked["POST", "/payouts"] == 1


@pytest.mark.e2e
def test_papers_are_drawn_up_two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with Partners(latency=0.1) as slow:
        execution = Shop(monkeypatch, slow).begin()
        execution.play()

    assert ended(execution) == "paid"
    assert slow.busiest == 2
    assert sum(count for (_, path), count in slow.asked.items() if path.startswith("/papers/")) == 3


def test_lines_of_earlier_invocations_are_not_written_again(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.begin().play()

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["message"] for line in lines] == ["scoring", "paying"]
    assert {line["correlation_id"] for line in lines} == {"l-1"}


def test_other_code_would_fail_an_execution_that_runs(shop: Shop, tmp_path: Path, monkeypatch: Any) -> None:
    """Why a version is pinned and kept: this one asks for the score a second time, under another name."""
    execution = shop.begin()
    execution.invoke()
    changed = (FOLDER / "workflow.py").read_text().replace('"score", patient', '"rating", patient')
    (tmp_path / "changed.py").write_text(changed)
    monkeypatch.syspath_prepend(str(tmp_path))
    execution.handler = importlib.import_module("changed").handler

    execution.wait()
    execution.play()

    assert ended(execution) == "FAILED"
    assert "rating" in execution.result.message


# ---- the functions around it


class Functions:
    """Lambda's documented rule for names, for Start; an id that is closed, for Decide."""

    def __init__(self) -> None:
        self.started: dict[str, str] = {}
        self.decided: dict[str, str] = {}
        self.asked: list[dict[str, Any]] = []
        self.exceptions = boto3.client("lambda").exceptions

    def invoke(self, **asked: Any) -> None:
        self.asked.append(asked)
        payload = self.started.setdefault(asked["DurableExecutionName"], asked["Payload"])
        if payload != asked["Payload"]:
            raise self.exceptions.DurableExecutionAlreadyStartedException({}, "Invoke")

    def send_durable_execution_callback_success(self, **asked: Any) -> None:
        if asked["CallbackId"] in self.decided:
            raise self.exceptions.CallbackTimeoutException({}, "SendDurableExecutionCallbackSuccess")
        self.decided[asked["CallbackId"]] = asked["Result"]


def with_functions(shop: Shop, name: str) -> tuple[Any, Functions]:
    loaded: Any = shop.load(name)
    loaded.functions = Functions()
    return loaded, loaded.functions


def test_a_loan_is_started_once_however_its_json_was_written(shop: Shop) -> None:
    start, functions = with_functions(shop, "start")
    whole = event(FOLDER)

    for asked in (whole, whole, dict(reversed(whole.items()))):
        assert start.handler(asked, Context()) == {"started": "l-1001"}

    assert len(functions.started) == 1
    assert {each["InvocationType"] for each in functions.asked} == {"Event"}
    assert {each["FunctionName"] for each in functions.asked} == {shop.workflow}


def test_another_loan_under_a_used_id_is_a_conflict(shop: Shop) -> None:
    start, functions = with_functions(shop, "start")
    start.handler(event(FOLDER), Context())

    with pytest.raises(start.LoanConflict):
        start.handler(event(FOLDER) | {"cents": 1}, Context())
    assert json.loads(functions.started["l-1001"]) == event(FOLDER)


@pytest.mark.parametrize(
    "wrong",
    [
        {"loan_id": "a b"},
        {"loan_id": "x" * 65},
        {"loan_id": ""},
        {"cents": 0},
        {"cents": "5"},
        {"more": 1},
        {"customer": ""},
    ],
    ids=str,
)
def test_what_is_no_loan_starts_nothing_and_pays_nothing(shop: Shop, partners: Partners, wrong: Any) -> None:
    start, functions = with_functions(shop, "start")
    with pytest.raises(ValidationError):
        start.handler(event(FOLDER) | wrong, Context())
    execution = Execution(shop.load("workflow").handler, json.dumps(event(FOLDER) | wrong))
    execution.play()

    assert functions.started == {}
    assert ended(execution) == "FAILED"
    assert sum(partners.asked.values()) == 0


def test_the_first_decision_counts_and_no_other(shop: Shop) -> None:
    decide, functions = with_functions(shop, "decide")
    asked = {"loan_id": "l-1", "callback_id": "aGVsbG8=", "approved": True}

    answers = [decide.handler(asked | {"approved": each}, Context())["counted"] for each in (True, True, False)]

    assert answers == [True, False, False]
    assert functions.decided == {"aGVsbG8=": '{"approved": true}'}


@pytest.mark.parametrize("wrong", [{"approved": "yes"}, {"approved": None}, {"callback_id": "../x"}, {"loan_id": ""}])
def test_what_is_no_decision_reaches_no_loan(shop: Shop, wrong: Any) -> None:
    decide, functions = with_functions(shop, "decide")
    with pytest.raises(ValidationError):
        decide.handler({"loan_id": "l-1", "callback_id": "aGVsbG8=", "approved": True} | wrong, Context())
    assert functions.decided == {}


# ---- the template


def test_an_execution_has_time_for_its_waits_and_for_an_outage_of_each_step() -> None:
    workflow = TEMPLATE["Workflow"]["Properties"]
    parameters = read_template(FOLDER / "template.yaml")["Parameters"]
    waits = parameters["ApprovalSeconds"]["Default"] + parameters["WithdrawalSeconds"]["Default"]
    longest = sum(min(900, 2 * 2**attempt) for attempt in range(19))  # of the pauses of a step
    steps = 4  # score, approval, withdrawn and the papers, which are drawn up side by side, two and then one
    assert workflow["DurableConfig"]["ExecutionTimeout"] > waits + (steps + 1) * longest
    assert workflow["Timeout"] >= 8 * 6  # every call of an execution, if nothing waits


def test_a_loan_starts_nothing_for_as_long_as_lambda_can_know_it() -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", "AWS::Lambda::Function").schema
    longest = schema["definitions"]["DurableConfig"]["properties"]["RetentionPeriodInDays"]["maximum"]
    assert TEMPLATE["Workflow"]["Properties"]["DurableConfig"]["RetentionPeriodInDays"] == longest


def test_it_is_invoked_by_an_alias_and_a_version_outlives_its_successor() -> None:
    made = translated(FOLDER / "template.yaml")["Resources"]
    (version,) = [each for each in made.values() if each["Type"] == "AWS::Lambda::Version"]
    assert version["DeletionPolicy"] == "Retain"
    assert TEMPLATE["Start"]["Properties"]["Environment"]["Variables"]["WORKFLOW"] == {"Ref": "WorkflowAliaslive"}
    assert made["WorkflowAliaslive"]["Properties"]["Name"] == "live"
    assert TEMPLATE["Workflow"]["Properties"]["AutoPublishAliasAllProperties"] is True


def test_what_failed_is_kept_and_somebody_hears_of_it() -> None:
    workflow, alarm = TEMPLATE["Workflow"]["Properties"], TEMPLATE["FailedLoans"]["Properties"]
    assert workflow["DeadLetterQueue"] == {"Type": "SQS", "TargetArn": {"Fn::GetAtt": ["Failed", "Arn"]}}
    (dimension,) = alarm["Dimensions"]
    assert dimension["Value"] == {"Fn::GetAtt": ["Failed", "QueueName"]}
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")


def test_a_decision_may_be_sent_to_the_executions_of_every_version() -> None:
    """Which is what they are named by: the function's own ARN, or its alias, would match none."""
    (policy,) = TEMPLATE["Decide"]["Properties"]["Policies"]
    (statement,) = policy["Statement"]
    assert statement["Action"] == "lambda:SendDurableExecutionCallbackSuccess"
    assert statement["Resource"] == {"Fn::Sub": "${Workflow.Arn}:*"}


def test_no_message_asks_a_person_who_would_be_too_late() -> None:
    default = read_template(FOLDER / "template.yaml")["Parameters"]["ApprovalSeconds"]["Default"]
    assert TEMPLATE["Approvals"]["Properties"]["MessageRetentionPeriod"] == default
