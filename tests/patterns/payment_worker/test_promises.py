"""No card is charged twice; what nobody can know is parked, seen and ended by a human; nothing is lost on the way."""

import http.client
import io
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
import time_machine
import urllib3
from payment_worker.scenario import POISON, Provider, payment, verdict

from support.handlers import Context, Died, Example, event, failed, sqs_event
from trials.local_aws import LocalAws
from trials.template import read_template

ALARMS = "arn:aws:sns:us-east-1:123456789012:alerts"
THROTTLED = {"code": "ProvisionedThroughputExceededException"}
RETURNS = 361  # seconds until the message of a dead attempt is visible again
PAID, TOKEN = sqs_event(payment("p-1")), "tok_visa"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(latency=0) as stub:
        yield stub


@pytest.fixture
def bank(example: Callable[..., Example], provider: Provider) -> Example:
    return example("payment_worker", ProviderUrl=provider.url, AlarmTopicArn=ALARMS)


@pytest.fixture
def app(bank: Example) -> ModuleType:
    return bank.environment()


@pytest.fixture
def template(bank: Example) -> dict[str, Any]:
    return dict(read_template(bank.folder / "template.yaml")["Resources"])


def in_seconds(seconds: float) -> time_machine.travel:
    """The functions' clock, moved on."""
    return time_machine.travel(time.time() + seconds)


def entry(bank: Example, payment_id: str = "p-1") -> dict[str, Any]:
    """The payment's record; empty if there is none."""
    key = {"payment_id": {"S": payment_id}}
    found = bank.aws.client("dynamodb").get_item(TableName=bank.stack.resources["Ledger"], Key=key, ConsistentRead=True)
    return {name: next(iter(value.values())) for name, value in found.get("Item", {}).items()}


def state(bank: Example, payment_id: str = "p-1") -> str | None:
    return entry(bank, payment_id).get("state")


def listed(bank: Example, unsettled: str) -> list[str]:
    found = bank.aws.client("dynamodb").query(
        TableName=bank.stack.resources["Ledger"],
        IndexName="Unsettled",
        KeyConditionExpression="unsettled = :state",
        ExpressionAttributeValues={":state": {"S": unsettled}},
    )
    return [item["payment_id"]["S"] for item in found["Items"]]


def sent(bank: Example) -> list[str]:
    """The bodies of the messages that wait in the queue, received."""
    found = bank.aws.client("sqs").receive_message(QueueUrl=bank.stack.resources["Payments"], MaxNumberOfMessages=10)
    return [message["Body"] for message in found.get("Messages", [])]


def resolve(bank: Example, payment_id: str, word: str, found: str = "ch-1") -> dict[str, Any]:
    answer = bank.environment("resolve").handler(verdict(payment_id, word, found), Context())
    assert isinstance(answer, dict)
    return answer


def deliver(bank: Example, given: dict[str, Any] = PAID, later: float = 0) -> list[str]:
    """To a new environment; what it reports as failed."""
    with in_seconds(later):
        return failed(bank.environment().handler(given, Context()))


def dies(owner: Any, name: str, monkeypatch: pytest.MonkeyPatch, *, first: bool = False) -> None:
    """The environment is lost right after what is called so, or right before it."""
    does = getattr(owner, name)

    def last(*given: Any, **named: Any) -> Any:
        if not first:
            does(*given, **named)
        raise Died

    monkeypatch.setattr(owner, name, last)


def dead(bank: Example, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any] = PAID) -> None:
    """An attempt that claimed the payment and died before it called."""
    doomed = bank.environment()
    dies(doomed.ledger, "claim", monkeypatch)
    with pytest.raises(Died):
        doomed.handler(given, Context())


def test_the_sample_event_is_charged(app: ModuleType, bank: Example, provider: Provider, context: Context) -> None:
    assert failed(app.handler(event(bank.folder), context)) == []
    assert provider.charges == {"p-1001": 1}
    assert state(bank, "p-1001") == "DONE"
    assert "ch-p-1001" in entry(bank, "p-1001")["what"]


def test_a_payment_that_comes_again_is_charged_once(app: ModuleType, provider: Provider, context: Context) -> None:
    for _ in range(3):
        assert failed(app.handler(PAID, context)) == []

    assert provider.calls["p-1"] == 1


def test_twice_at_once_is_one_call(bank: Example, provider: Provider) -> None:
    environments = [bank.environment() for _ in range(8)]
    start = threading.Barrier(len(environments))

    def at_once(app: ModuleType) -> list[str]:
        start.wait()
        return failed(app.handler(PAID, Context()))

    with ThreadPoolExecutor(len(environments)) as pool:
        answers = list(pool.map(at_once, environments))

    assert provider.calls["p-1"] == 1
    assert [] in answers
    assert deliver(bank) == []
    assert provider.calls["p-1"] == 1
    assert state(bank) == "DONE"


def test_the_copy_of_a_payment_that_is_being_charged_waits_and_takes_nothing(
    bank: Example, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead(bank, monkeypatch)  # for all that a copy can see, it lives until its deadline
    before = entry(bank)

    assert deliver(bank, later=60) == ["m-0"]  # not deleted: should the holder die, this message finds that out

    assert entry(bank) == before
    assert not provider.calls


def test_a_claim_outlives_its_invocation_and_ends_before_its_message_is_back(
    app: ModuleType, bank: Example, template: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    timeout, began = template["Charge"]["Properties"]["Timeout"], time.time()
    dead(bank, monkeypatch)

    claimed = int(entry(bank)["deadline"]) - began

    assert app.MARGIN >= 30
    assert timeout + app.MARGIN - 1 <= claimed < template["Payments"]["Properties"]["VisibilityTimeout"]


POINTS = {
    "before the claim": ("ledger.claim", True, "DONE", 1),
    "after the claim": ("ledger.claim", False, "UNKNOWN", 0),
    "in the call, before the provider has it": ("provider.request", True, "UNKNOWN", 0),
    "in the call, once it is charged": ("provider.request", False, "UNKNOWN", 1),
    "after the call, before its record": ("ledger.note", True, "UNKNOWN", 1),
    "after the record, before the answer": ("ledger.note", False, "DONE", 1),
}


@pytest.mark.e2e
@pytest.mark.parametrize(("where", "first", "ends", "charges"), POINTS.values(), ids=POINTS)
def test_a_death_at_any_point_charges_once_or_is_parked_until_a_human_ends_it(
    bank: Example,
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    first: bool,
    ends: str,
    charges: int,
) -> None:
    doomed = bank.environment()
    owner = doomed.ledger if where.startswith("ledger") else doomed.charge.__globals__["provider"]
    dies(owner, where.partition(".")[2], monkeypatch, first=first)
    with pytest.raises(Died):
        doomed.handler(PAID, Context())

    for _ in range(3):
        assert deliver(bank, later=RETURNS) == []
    assert (state(bank), provider.charges["p-1"]) == (ends, charges)
    assert listed(bank, "UNKNOWN") == (["p-1"] if ends == "UNKNOWN" else [])

    if ends == "UNKNOWN":
        resolve(bank, "p-1", "DONE" if provider.charges["p-1"] else "RETRY")
        for body in sent(bank):
            assert deliver(bank, sqs_event(body)) == []
    assert (state(bank), provider.charges["p-1"]) == ("DONE", 1)
    assert listed(bank, "UNKNOWN") == []


def test_a_death_between_being_turned_away_and_giving_the_claim_back_is_parked(
    bank: Example, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.busy = True
    doomed = bank.environment()
    dies(doomed.ledger, "release", monkeypatch, first=True)
    with pytest.raises(Died):
        doomed.handler(PAID, Context())

    provider.busy = False

    assert deliver(bank, later=RETURNS) == []
    assert (state(bank), provider.calls["p-1"]) == ("UNKNOWN", 1)


@pytest.mark.parametrize("first", [True, False])
def test_a_death_while_parking_is_parked_by_the_next(
    bank: Example, provider: Provider, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    dead(bank, monkeypatch)
    doomed = bank.environment()
    dies(doomed.ledger, "note", monkeypatch, first=first)
    with in_seconds(RETURNS), pytest.raises(Died):
        doomed.handler(PAID, Context())

    assert deliver(bank, later=2 * RETURNS) == []
    assert state(bank) == "UNKNOWN"
    assert not provider.calls


def test_a_claim_whose_answer_was_lost_is_found_to_be_ours(
    app: ModuleType, provider: Provider, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = app.ledger.table.put_item
    monkeypatch.setattr(app.ledger.table, "put_item", lambda **given: (put(**given), put(**given)))  # as the SDK does

    assert failed(app.handler(PAID, context)) == []
    assert provider.charges["p-1"] == 1


ANSWERS = {
    **dict.fromkeys((200, 201), "DONE"),
    **dict.fromkeys((402, 422), "REFUSED"),
    **dict.fromkeys((202, 301, 400, 404, 408, 409, 425, 500, 502, 503, 504), "UNKNOWN"),
}


@pytest.mark.parametrize(("status", "ends"), ANSWERS.items())
def test_an_answer_is_recorded_for_what_it_says_and_never_asked_for_again(
    app: ModuleType, bank: Example, provider: Provider, monkeypatch: pytest.MonkeyPatch, status: int, ends: str
) -> None:
    answer = mock.Mock(return_value=(status, {"said": "so"}))
    monkeypatch.setattr(provider, "reply", answer)

    for _ in range(2):
        assert failed(app.handler(PAID, Context())) == []

    assert state(bank) == ends
    assert answer.call_count == 1
    assert listed(bank, "UNKNOWN") == (["p-1"] if ends == "UNKNOWN" else [])


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_call_that_was_turned_away_is_made_again_and_charged_once(
    app: ModuleType,
    bank: Example,
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
    context: Context,
    status: int,
) -> None:
    with monkeypatch.context() as away:
        away.setattr(provider, "reply", lambda _: (status, {}))
        assert failed(app.handler(PAID, context)) == ["m-0"]
    assert entry(bank) == {}

    assert failed(app.handler(PAID, context)) == []
    assert provider.charges["p-1"] == 1


def test_a_provider_that_cannot_be_reached_is_called_again(
    app: ModuleType, bank: Example, provider: Provider, monkeypatch: pytest.MonkeyPatch, context: Context
) -> None:
    with monkeypatch.context() as away:
        away.setitem(app.charge.__globals__, "PROVIDER", "http://127.0.0.1:9")
        assert failed(app.handler(PAID, context)) == ["m-0"]
    assert entry(bank) == {}

    assert failed(app.handler(PAID, context)) == []
    assert provider.charges["p-1"] == 1


@pytest.mark.parametrize("answer", ["cut off", "too late"])
def test_an_answer_that_never_comes_is_parked_at_once_and_told(
    app: ModuleType,
    bank: Example,
    template: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
) -> None:
    if answer == "too late":
        monkeypatch.setitem(
            app.charge.__globals__["provider"].connection_pool_kw, "timeout", urllib3.Timeout(connect=5, read=0.05)
        )
    with Provider(latency=0.5 if answer == "too late" else 0) as slow:
        monkeypatch.setitem(app.charge.__globals__, "PROVIDER", slow.url)
        for _ in range(2):
            assert failed(app.handler(sqs_event(payment("lost-1")), Context())) == []
        calls = slow.calls["lost-1"]

    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    alarm = template["Unknown"]["Properties"]
    assert (state(bank, "lost-1"), calls) == ("UNKNOWN", 1)
    assert [each[alarm["MetricName"]] for each in told] == [[1.0], [1.0]]  # by each delivery that finds it
    (dimension,) = alarm["Dimensions"]
    assert dimension["Value"] == {"Ref": "ServiceName"}
    assert {each[dimension["Name"]] for each in told} == {os.environ["POWERTOOLS_SERVICE_NAME"]} == {"payments"}


def test_no_connection_is_kept_that_could_die_while_the_environment_is_frozen(
    app: ModuleType, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = mock.Mock(wraps=http.client.HTTPConnection.putheader)
    monkeypatch.setattr(http.client.HTTPConnection, "putheader", lambda *given: put(*given))

    app.handler(PAID, context)

    headers = [call.args[1:] for call in put.call_args_list]
    assert ("Connection", "close") in headers


@pytest.mark.parametrize("body", [*POISON.values(), "", "null", "[]", payment("p-1", attempt=0), payment("")])
def test_what_is_no_payment_charges_nothing_and_waits_no_time(
    app: ModuleType, bank: Example, provider: Provider, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    assert failed(app.handler(sqs_event(body), Context())) == ["m-0"]
    assert waits(app, monkeypatch, sqs_event(body)) == [0]
    assert not provider.calls
    assert entry(bank) == {}


def waits(app: ModuleType, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]) -> list[int]:
    """For how long the message is put away, at most."""
    delays: list[int] = []
    monkeypatch.setattr(app.random, "randint", lambda _, high: high)
    monkeypatch.setattr(
        app.sqs,
        "change_message_visibility",
        lambda VisibilityTimeout, **_: delays.append(VisibilityTimeout),  # noqa: N803
    )
    app.handler(given, Context())
    return delays


def test_no_card_is_in_the_log(app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(app.logger.registered_handler, "stream", log)
    for body in (json.dumps({"card": TOKEN, "payment_id": "p-1"}), payment("lost-1")):
        app.handler(sqs_event(body), Context())

    assert "not settled" in log.getvalue()
    assert "outcome unknown" in log.getvalue()
    assert TOKEN not in log.getvalue()


def test_a_used_id_with_another_amount_or_card_is_refused_and_changes_nothing(
    app: ModuleType, bank: Example, provider: Provider, monkeypatch: pytest.MonkeyPatch, context: Context
) -> None:
    app.handler(PAID, context)
    before = entry(bank)

    for body in (payment("p-1", cents=1), payment("p-1", card="tok_other")):
        assert failed(app.handler(sqs_event(body), context)) == ["m-0"]
        assert waits(app, monkeypatch, sqs_event(body)) == [0]

    assert entry(bank) == before
    assert provider.calls["p-1"] == 1


@pytest.mark.e2e
def test_the_shortest_pauses_outlast_four_hours_and_the_longest_end_before_retention(
    app: ModuleType, template: dict[str, Any], provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.busy = True
    random = mock.Mock(return_value=1)
    monkeypatch.setattr(app.random, "randint", random)
    monkeypatch.setattr(app.sqs, "change_message_visibility", lambda **_: None)

    for receive in range(1, template["Payments"]["Properties"]["RedrivePolicy"]["maxReceiveCount"]):
        app.handler(sqs_event(payment("p-1"), receives=receive), Context())

    bounds = [call.args for call in random.call_args_list]
    assert sum(low for low, _ in bounds) == 14_460 >= 4 * 3600
    assert sum(high for _, high in bounds) < 345_600 / 2  # of four days, the default


@pytest.mark.parametrize(
    ("operation", "ends", "calls"), [("PutItem", None, 0), ("UpdateItem", "CLAIMED", 1), ("DeleteItem", "CLAIMED", 1)]
)
def test_a_ledger_that_throttles_never_leads_to_a_second_call(
    app: ModuleType, bank: Example, aws: LocalAws, provider: Provider, operation: str, ends: str | None, calls: int
) -> None:
    provider.busy = operation == "DeleteItem"
    aws.fault(service="dynamodb", operation=operation, error=THROTTLED, times=3)  # as often as the SDK tries
    assert failed(app.handler(PAID, Context())) == ["m-0"]
    assert (state(bank), provider.calls["p-1"]) == (ends, calls)

    provider.busy = False
    assert deliver(bank, later=RETURNS) == []
    assert state(bank) == ("UNKNOWN" if calls else "DONE")
    assert provider.calls["p-1"] == 1


def test_a_ledger_that_throttles_the_second_to_come_only_delays_it(
    app: ModuleType, aws: LocalAws, provider: Provider, context: Context
) -> None:
    app.handler(PAID, context)
    aws.fault(service="dynamodb", operation="GetItem", error=THROTTLED, times=3)

    assert failed(app.handler(PAID, context)) == ["m-0"]
    assert failed(app.handler(PAID, context)) == []
    assert provider.calls["p-1"] == 1


def test_a_queue_that_refuses_the_pause_changes_nothing_else(
    app: ModuleType, bank: Example, aws: LocalAws, provider: Provider, context: Context
) -> None:
    aws.fault(service="sqs", operation="ChangeMessageVisibility", error={"code": "InternalError", "status": 500})
    provider.busy = True

    assert failed(app.handler(PAID, context)) == ["m-0"]
    assert entry(bank) == {}


def parked(bank: Example, payment_id: str = "lost-1") -> None:
    assert deliver(bank, sqs_event(payment(payment_id))) == []
    assert state(bank, payment_id) == "UNKNOWN"


@pytest.mark.parametrize("word", ["DONE", "REFUSED"])
def test_a_humans_word_ends_it_and_says_whose_it_is(bank: Example, provider: Provider, word: str) -> None:
    parked(bank)

    for _ in range(2):
        assert resolve(bank, "lost-1", word, "ch-7")["state"] == word

    assert entry(bank, "lost-1")["what"] == "ana: ch-7"
    assert listed(bank, "UNKNOWN") == sent(bank) == []
    assert deliver(bank, sqs_event(payment("lost-1"))) == []
    assert provider.calls["lost-1"] == 1


def test_a_retry_is_one_call_however_often_it_is_asked_for(bank: Example, provider: Provider) -> None:
    parked(bank, "limbo-1")
    for _ in range(2):
        assert resolve(bank, "limbo-1", "RETRY", "no charge")["state"] == "UNKNOWN"
    bodies = sent(bank)
    assert [json.loads(body)["attempt"] for body in bodies] == [2, 2]

    for body in [*bodies, payment("limbo-1")]:
        assert deliver(bank, sqs_event(body)) == []

    assert (provider.calls["limbo-1"], provider.charges["limbo-1"]) == (2, 1)
    assert state(bank, "limbo-1") == "DONE"


def test_a_retry_that_dies_is_parked_again_and_its_copies_call_nobody(
    bank: Example, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    parked(bank, "limbo-1")
    again = sqs_event(payment("limbo-1", attempt=2))
    dead(bank, monkeypatch, again)

    assert deliver(bank, sqs_event(payment("limbo-1"))) == ["m-0"]  # the copy of the first waits too
    for body in (again, sqs_event(payment("limbo-1"))):
        assert deliver(bank, body, later=RETURNS) == []
    assert (state(bank, "limbo-1"), provider.calls["limbo-1"]) == ("UNKNOWN", 1)

    resolve(bank, "limbo-1", "RETRY")
    assert [json.loads(body)["attempt"] for body in sent(bank)] == [3]


def test_a_death_before_a_retry_is_sent_leaves_it_parked(bank: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    parked(bank, "limbo-1")
    doomed = bank.environment("resolve")
    dies(doomed.ledger, "judge", monkeypatch)

    with pytest.raises(Died):
        doomed.handler(verdict("limbo-1", "RETRY", "no charge"), Context())

    assert listed(bank, "UNKNOWN") == ["limbo-1"]
    assert sent(bank) == []


def test_a_retry_that_is_turned_away_leaves_no_way_for_a_copy_of_the_attempt_before(
    bank: Example, provider: Provider
) -> None:
    """Else the copy could charge, lose the answer, and the retry would charge again without a human's word."""
    parked(bank)
    resolve(bank, "lost-1", "RETRY")
    (retry,) = sent(bank)
    calls = provider.calls["lost-1"]
    provider.busy = True
    assert deliver(bank, sqs_event(retry)) == ["m-0"]
    provider.busy = False

    assert deliver(bank, sqs_event(payment("lost-1"))) == []
    assert (state(bank, "lost-1"), provider.calls["lost-1"]) == ("UNKNOWN", calls + 1)
    assert deliver(bank, sqs_event(retry)) == []
    assert provider.calls["lost-1"] == calls + 2


@pytest.mark.parametrize("word", ["REFUSED", "RETRY"])
def test_what_the_provider_said_is_not_contradicted(bank: Example, word: str) -> None:
    deliver(bank)
    before = entry(bank)

    with pytest.raises(Exception, match="p-1 is DONE"):
        resolve(bank, "p-1", word)

    assert entry(bank) == before
    assert sent(bank) == []


def test_only_a_dead_claim_is_judged(bank: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    dead(bank, monkeypatch)
    with pytest.raises(Exception, match="p-1 is CLAIMED"):
        resolve(bank, "p-1", "DONE")

    assert listed(bank, "CLAIMED") == ["p-1"]  # where one shows that no message will find any more
    with in_seconds(RETURNS):
        assert resolve(bank, "p-1", "DONE")["state"] == "DONE"
    assert listed(bank, "CLAIMED") == []


def test_a_word_on_a_payment_that_nobody_knows_makes_none(bank: Example) -> None:
    for word in ("DONE", "REFUSED", "RETRY"):
        with pytest.raises(KeyError):
            resolve(bank, "p-9", word)

    assert entry(bank, "p-9") == {}
    assert sent(bank) == []


def test_an_attempt_that_comes_too_late_writes_over_nothing(bank: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    late = bank.environment()
    note = late.ledger.note

    def parked_meanwhile(*given: Any) -> None:
        assert deliver(bank, later=RETURNS) == []
        resolve(bank, "p-1", "REFUSED", "nothing there yet")
        note(*given)

    monkeypatch.setattr(late.ledger, "note", parked_meanwhile)

    assert failed(late.handler(PAID, Context())) == ["m-0"]
    assert entry(bank)["what"] == "ana: nothing there yet"


def test_nothing_in_the_ledger_expires_or_goes_with_the_stack(template: dict[str, Any]) -> None:
    ledger = template["Ledger"]

    assert "TimeToLiveSpecification" not in ledger["Properties"]
    assert ledger["DeletionPolicy"] == ledger["UpdateReplacePolicy"] == "Retain"
    assert ledger["Properties"]["DeletionProtectionEnabled"]
    assert ledger["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]


def test_who_resolves_can_neither_claim_nor_forget(template: dict[str, Any]) -> None:
    allowed = {
        name: {
            action
            for statement in template[name]["Properties"]["Policies"][0]["Statement"]
            for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        }
        for name in ("Charge", "Resolve")
    }

    assert allowed["Resolve"] == {"dynamodb:GetItem", "dynamodb:UpdateItem", "sqs:SendMessage"}
    assert "sqs:SendMessage" not in allowed["Charge"]


def test_alarms_tell_of_unknown_outcomes_of_dead_letters_and_of_payments_that_wait(template: dict[str, Any]) -> None:
    alarms = [each["Properties"] for each in template.values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    watched = {each["MetricName"]: each["Dimensions"][0]["Value"] for each in alarms}

    assert all(each["AlarmActions"] for each in alarms)
    assert watched == {
        "PaymentUnknown": {"Ref": "ServiceName"},
        "PaymentDelayed": {"Ref": "ServiceName"},
        "ApproximateNumberOfMessagesVisible": {"Fn::GetAtt": ["PaymentsDlq", "QueueName"]},
        "ApproximateAgeOfOldestMessage": {"Fn::GetAtt": ["Payments", "QueueName"]},
    }


def test_an_invocation_has_one_payment_and_the_provider_no_more_calls_than_it_allows(template: dict[str, Any]) -> None:
    mapping = template["Charge"]["Properties"]["Events"]["Payments"]["Properties"]

    assert mapping["BatchSize"] == 1
    assert mapping["ScalingConfig"]["MaximumConcurrency"] <= 5


def test_an_outage_is_told_while_it_is_being_outlasted(
    app: ModuleType, provider: Provider, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app.sqs, "change_message_visibility", lambda **_: None)
    provider.busy = True

    for receives in (1, 7, 8, 9, 39):
        for body in (payment("p-1"), "poison"):
            app.handler(sqs_event(body, receives=receives), Context())

    told = [line for line in capsys.readouterr().out.splitlines() if "PaymentDelayed" in line]
    assert len(told) == 3  # of the payment only: poison is told of by the DLQ
