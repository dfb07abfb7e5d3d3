"""How two worlds are compared: what is noise, what is a difference, and what a receiver can tell as a repeat."""

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from trials.local_aws import ACCOUNT, LocalAws, Stack
from trials.project.integrations import TABLES
from trials.world import (
    Difference,
    differences,
    mailed,
    noise,
    services,
    snapshot,
    tellable,
    without_envelope,
)
from trials.world.account import account, asked_of_others
from trials.world.compare import is_time
from trials.world.snapshot import Probes, named, parsed


def test_ids_and_times_that_change_with_every_run_are_no_difference() -> None:
    first = {"table T": [{"id": "a", "at": "2026-11-23T08:00:00Z", "total": "1"}]}
    second = {"table T": [{"id": "b", "at": "2026-11-23T08:00:09Z", "total": "1"}]}

    assert differences(first, second, noise(first, second)) == []
    assert differences(first, second, set()) != []


def test_a_counter_that_moved_is_a_difference_although_ids_are_noise() -> None:
    first, second = {"table T": [{"id": "a", "n": "1"}]}, {"table T": [{"id": "b", "n": "1"}]}
    (found,) = differences(first, {"table T": [{"id": "c", "n": "2"}]}, noise(first, second))

    assert "n 1 → 2" in str(found)


def test_a_record_more_or_less_is_a_difference_although_all_of_it_is_noise() -> None:
    first, second = {"queue Q": [{"id": "a"}]}, {"queue Q": [{"id": "b"}]}
    noisy = noise(first, second)

    assert [len(each.new) for each in differences(first, {"queue Q": [{"id": "c"}, {"id": "d"}]}, noisy)] == [1]
    assert [len(each.gone) for each in differences(first, {"queue Q": []}, noisy)] == [1]


@pytest.mark.parametrize(
    ("place", "again", "told"),
    [
        ("queue Q", {"id": "o-1"}, True),
        ("topic T", {"id": "o-1"}, True),
        ("bus default", {"id": "o-1"}, True),
        ("machine M", {"id": "o-1"}, True),
        ("queue Q", {"id": "o-2"}, False),
        ("table T", {"id": "o-1"}, False),
        ("bucket B", {"id": "o-1"}, False),
        ("outside", {"id": "o-1", "method": "POST", "key": ""}, False),
        ("outside", {"id": "o-1", "method": "POST", "key": "k"}, True),
        ("outside", {"id": "o-1", "method": "PUT", "key": ""}, True),
        ("service pinpoint", {"id": "o-1", "operation": "SendMessages", "key": ""}, False),
        ("service location", {"id": "o-1", "operation": "UpdateTracker", "key": ""}, True),
        ("service mediaconvert", {"id": "o-1", "operation": "CreateJob", "key": "k"}, True),
    ],
)
def test_only_an_equal_message_can_be_told_as_a_repeat(place: str, again: dict[str, str], told: bool) -> None:
    before = {place: [{**again, "id": "o-1"}]}

    assert tellable(Difference(place, [], [again]), before) is told


def test_what_a_service_that_is_not_here_was_asked_to_do_stands_in_the_world_under_the_stack_s_own_names() -> None:
    class Asked:
        def sent(self) -> list[dict[str, Any]]:
            request = {"Role": "on-stage-1-Role-ABC"}
            return [{"service": "mediaconvert", "operation": "CreateJob", "key": "", "request": request}]

    stack = Stack("on-stage-1", {}, {"Role": "on-stage-1-Role-ABC"}, {})

    assert asked_of_others(Asked(), stack) == {  # type: ignore[arg-type]
        "service mediaconvert": [{"operation": "CreateJob", "key": "", "request": {"Role": "<Role>"}}]
    }


def test_what_took_something_away_is_no_repeat() -> None:
    assert not tellable(Difference("queue Q", [{"id": "o-1"}], [{"id": "o-1"}]), {"queue Q": [{"id": "o-1"}]})


def test_json_within_texts_is_compared_by_its_content() -> None:
    assert parsed({"Message": '{"a": "[1, 2]"}', "text": "{no JSON"}) == {"Message": {"a": [1, 2]}, "text": "{no JSON"}


def test_a_text_nested_too_deep_to_read_is_compared_as_it_stands() -> None:
    assert parsed("[" * 100_000) == "[" * 100_000


def test_what_the_bus_puts_on_every_copy_is_no_content() -> None:
    event = {"id": "1", "time": "now", "source": "shop", "detail-type": "Placed", "detail": {"a": 1}}

    assert without_envelope(event) == {"source": "shop", "detail-type": "Placed", "detail": {"a": 1}}
    assert without_envelope({"id": "1"}) == {"id": "1"}


def test_what_comes_through_a_topic_or_a_rule_into_a_queue_is_equal_when_it_is_sent_again() -> None:
    """The message id of the topic and the event id of the bus are new each time; what was sent is not."""

    def notification(number: int) -> dict[str, Any]:
        return {"Type": "Notification", "MessageId": str(number), "TopicArn": "t", "Message": "a", "Signature": "s"}

    assert without_envelope(notification(1)) == without_envelope(notification(2)) == {"TopicArn": "t", "Message": "a"}
    assert without_envelope({"Type": "Notification"}) == {"Type": "Notification"}


def test_physical_names_are_told_by_their_logical_ones() -> None:
    stack = Stack("trial-7", {}, {"Jobs": "trial-7-Jobs-AB12", "Api": "a1"}, {})
    world: dict[str, list[Any]] = {"queue Out": [{"from": "arn:aws:sqs:eu:1:trial-7-Jobs-AB12", "of": "trial-7"}]}

    assert named(world, stack) == {"queue Out": [{"from": "arn:aws:sqs:eu:1:<Jobs>", "of": "<stack>"}]}


@pytest.mark.parametrize("value", [10**400, -(10**400), float("nan"), float("inf"), "1" * 400], ids=repr)
def test_a_number_that_is_too_large_is_no_time(value: object) -> None:
    assert not is_time(value)


def test_two_worlds_with_numbers_that_are_too_large_are_compared() -> None:
    assert differences({"queue Q": [{"n": 10**400}]}, {"queue Q": [{"n": 10**400}]}, set()) == []
    assert differences({"queue Q": [{"n": 10**400}]}, {"queue Q": [{"n": 1}]}, set()) != []


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_of_any_type_shows_its_items(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """CDK's TableV2 makes a global table, of one region too."""
    monkeypatch.setitem(snapshot.__globals__, "queued", lambda _: {})
    pages = SimpleNamespace(paginate=lambda **asked: [{"Items": [{"id": {"S": asked["TableName"]}}]}])
    local: Any = SimpleNamespace(client=lambda _: SimpleNamespace(get_paginator=lambda _: pages))

    assert snapshot(local, Stack("on-stage", {}, {"Orders": "one"}, {}, {"Orders": kind})) == {
        "table Orders": [{"id": "one"}]
    }


def test_a_queue_shows_what_was_sent_to_it_through_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    def bodies(number: int) -> dict[str, list[str]]:
        return {
            "reviews": [json.dumps({"id": str(number), "detail-type": "Held", "source": "shop", "detail": {"n": 1}})]
        }

    stack = Stack("on-stage", {}, {"Reviews": "http://local/reviews"}, {}, {"Reviews": "AWS::SQS::Queue"})
    worlds = []
    for number in (1, 2):
        monkeypatch.setitem(snapshot.__globals__, "queued", lambda _, number=number: bodies(number))
        worlds.append(snapshot(None, stack))  # type: ignore[arg-type]

    assert worlds[0] == worlds[1]
    assert worlds[0]["queue Reviews"] == [{"source": "shop", "detail-type": "Held", "detail": {"n": 1}}]


def test_the_same_mail_sent_twice_is_two_equal_ones_and_no_repeat_that_a_reader_can_tell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mail = {"Source": "shop@shop.test", "To": ["ana@shop.test"], "Subject": "Your order"}
    sent = [{**mail, "MessageId": f"id-{number}", "Timestamp": 1e9 * number} for number in (1, 2)]
    monkeypatch.setitem(mailed.__globals__, "inspected", lambda *_: {"000000000000": sent})

    first, second = mailed(None, Stack("on-stage", {}, {}, {}))  # type: ignore[arg-type]

    assert first == second == mail
    (difference,) = differences({"mails": [mail]}, {"mails": [mail, mail]}, set())
    assert (difference.new, tellable(difference, {"mails": [mail]})) == ([mail], False)


class Recorder:
    """Stands in for every client: keeps the pattern of each rule."""

    def __init__(self) -> None:
        self.patterns: list[Any] = []

    def __getattr__(self, operation: str) -> Any:
        def asked(**request: Any) -> dict[str, Any]:
            if "EventPattern" in request:
                self.patterns.append(json.loads(request["EventPattern"]))
            return {"EventBuses": [], "QueueUrl": "queue"}

        return asked


@pytest.mark.parametrize(("source", "heard"), [("shop", True), ("aws.states", False), ("aws.s3", False)])
def test_what_aws_itself_tells_on_a_bus_is_no_effect(source: str, heard: bool) -> None:
    """An execution or an object is seen where it is, and such an event comes when it likes."""
    recorder = Recorder()
    local: Any = SimpleNamespace(client=lambda _: recorder)
    Probes(local, Stack("s", {}, {}, {}))
    (pattern,) = recorder.patterns
    barred = [test["anything-but"]["prefix"] for test in pattern.get("source", [])]

    assert any(source.startswith(each) for each in barred) is not heard


def test_a_body_that_is_nested_without_end_stays_a_text() -> None:
    """As it lies in a dead-letter queue: no fault of the world."""
    assert parsed('{"body": "[1]"}') == {"body": [1]}
    assert parsed("[" * 5000) == "[" * 5000


class Pages:
    """A client whose paginator hands out one page."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def __getattr__(self, name: str) -> Any:
        return lambda **_: self.answers[name]

    def get_paginator(self, name: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: [self.answers[name]])


def test_jobs_and_users_of_the_account_belong_to_the_world_where_the_template_names_their_service() -> None:
    user = {"Username": "ana", "UserStatus": "CONFIRMED", "Attributes": [{"Name": "sub", "Value": "1"}]}
    clients = {
        "transcribe": Pages(list_transcription_jobs={"TranscriptionJobSummaries": [{"TranscriptionJobName": "call"}]}),
        "cognito-idp": Pages(list_users={"Users": [user]}),
    }
    stack = Stack("on-stage", {}, {"Pool": "eu-west-1_pool"}, {}, {"Pool": "AWS::Cognito::UserPool"})
    local: Any = SimpleNamespace(client=clients.__getitem__)

    policy = {"Action": ["transcribe:StartTranscriptionJob", "cognito-idp:AdminCreateUser"]}
    assert account(local, stack, services({"Resources": policy})) == {
        "transcription jobs": [{"name": "call"}],
        "users Pool": [{"name": "ana", "status": "CONFIRMED", "attributes": {}}],
    }
    assert account(local, stack, services({"Resources": {"Type": "AWS::SQS::Queue"}})) == {}


@pytest.mark.e2e
def test_what_code_schedules_stays_in_the_world_of_a_trial_when_it_is_due(tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    with LocalAws(faults=True, outside_ca=authority) as local:
        target = {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:due", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/scheduler"}
        local.client("scheduler").create_schedule(
            Name="due",
            ScheduleExpression="at(2020-01-01T00:00:00)",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target=target,
        )
        time.sleep(11)  # MiniStack looks for what is due every ten seconds

        assert [each["Name"] for each in local.client("scheduler").list_schedules()["Schedules"]] == ["due"]
