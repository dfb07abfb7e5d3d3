"""A function at its reserved concurrency, and a message to connections of which one is gone."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trials.bench import the_faults
from trials.deliveries.deliver import deliver
from trials.deliveries.history import Answer, Delivery, History, Reference
from trials.deliveries.parcels import Parcel
from trials.faults import Trial
from trials.faults.connections import one_is_gone
from trials.local_aws.outside import Asked, StandIn
from trials.project import Kind, Source
from trials.project.limits import overrun
from trials.project.source import Route
from trials.samples import Sample
from trials.template import Model, read_template
from trials.verdicts import Judgement, Promise, Verdict, held
from trials.verdicts.connections import broadcast
from trials.verdicts.limits import throttled_once
from trials.verdicts.partial import for_good, for_now
from trials.world import World

QUEUE = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")
GRAVES = frozenset({"queue Dlq"})
NOTHING: World = {"table T": [], "queue Dlq": []}
BURIED: World = {**NOTHING, "queue Dlq": [{"id": "a"}]}
HELD, UNPROVED, BLOCKED = (Verdict.HELD, None), (Verdict.UNPROVED, None), (Verdict.BROKEN, Promise.BLOCKED)


def word(judgement: Judgement) -> tuple[Verdict, Promise | None]:
    return judgement.verdict, judgement.promise


def limit(tmp_path: Path, function: str = "", mapping: str = "", queue: str = "") -> int:
    text = f"""
Resources:
  Jobs: {{ Type: AWS::SQS::Queue, Properties: {{ {queue} }} }}
  Work:
    Type: AWS::Serverless::Function
    Properties:
      {{ {function} Events: {{ Jobs: {{ Type: SQS, Properties: {{ {mapping} Queue: !GetAtt Jobs.Arn }} }} }} }}
"""
    (tmp_path / "template.yaml").write_text(text)
    return overrun(Model(read_template(tmp_path / "template.yaml")), QUEUE)


@pytest.mark.parametrize(
    ("function", "mapping", "queue", "reserved"),
    [
        ("ReservedConcurrentExecutions: 10,", "", "", 10),
        ("ReservedConcurrentExecutions: 10,", "ScalingConfig: { MaximumConcurrency: 20 },", "", 10),
        ("ReservedConcurrentExecutions: 10,", "ScalingConfig: { MaximumConcurrency: 10 },", "", 0),
        ("ReservedConcurrentExecutions: !Ref Most,", "", "", 0),  # what it may become is not known
        ("ReservedConcurrentExecutions: 10,", "ScalingConfig: { MaximumConcurrency: !Ref Most },", "", 0),
        ("ReservedConcurrentExecutions: 10,", "ProvisionedPollerConfig: { MaximumPollers: 2 },", "", 0),
        ("ReservedConcurrentExecutions: 10,", "", "FifoQueue: true", 0),  # its groups decide
        ("ReservedConcurrentExecutions: 0,", "", "", 0),  # it is switched off
        ("", "", "", 0),
    ],
)
def test_a_queue_may_ask_for_more_than_is_reserved(
    tmp_path: Path, function: str, mapping: str, queue: str, reserved: int
) -> None:
    assert limit(tmp_path, function, mapping, queue) == reserved


@pytest.mark.parametrize(
    ("delivery", "after", "told"),
    [
        (Delivery(), BURIED, BLOCKED),
        (Delivery(answers=[Answer()]), NOTHING, HELD),
        (Delivery(answers=[Answer(error="x")], failures=1), BURIED, UNPROVED),  # refused by itself
    ],
)
def test_a_good_message_is_not_buried_before_its_function_saw_it(
    delivery: Delivery, after: World, told: tuple[Verdict, Promise | None]
) -> None:
    assert word(throttled_once(History("at its limit", delivery, NOTHING, after), GRAVES, 10)) == told


def test_a_receive_that_is_throttled_counts_and_reaches_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    invoked: list[Any] = []

    class Stage:
        def invoke(self, function: str, event: Any) -> Answer:
            invoked.append((function, event))
            return Answer()

    monkeypatch.setattr("trials.deliveries.deliver.parcel", lambda *_: Parcel({"id": 1}, attempts=2))
    fared = deliver(Stage(), QUEUE, [Sample("{}", "")], throttled=1)  # type: ignore[arg-type]

    assert (len(invoked), len(fared.answers), fared.failures) == (1, 1, 0)
    assert deliver(Stage(), QUEUE, [Sample("{}", "")], throttled=2).answers == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "source",
    [QUEUE, Source(Kind.HTTP, "Talk", "Talk", "Api", route=Route("POST", "/say"))],
    ids=str,
)
def test_what_is_no_message_of_a_websocket_has_no_connections(source: Source) -> None:
    """No stage is touched."""
    assert list(one_is_gone(SimpleNamespace(), source, Reference(Sample("{}", "")))) == []  # type: ignore[arg-type]


def noting(name: str, ran: list[str]) -> Trial:
    """A trial that only notes that it ran."""

    def run(*_: object) -> Iterator[Judgement]:
        ran.append(name)
        yield from ()

    return Trial(name, run)


@pytest.mark.parametrize("unheard", [True, False])
def test_an_answer_that_nobody_gets_shows_nothing_under_a_fault(monkeypatch: pytest.MonkeyPatch, unheard: bool) -> None:
    """Where nothing lies, a `$disconnect` whose delete is refused leaves what it leaves otherwise."""
    ran: list[str] = []
    monkeypatch.setattr("trials.faults.ALL", (noting("throttled", ran),))
    gone = Source(Kind.HTTP, "Talk", "R", "Api", route=Route("", "$disconnect", websocket=True, unheard=unheard))
    reference = Reference(Sample({}, "made up"), answer=Answer({"statusCode": 200}))

    list(the_faults(SimpleNamespace(thorough=False), gone, reference, held("")))  # type: ignore[arg-type]

    assert ran == ([] if unheard else ["throttled"])


def test_a_request_that_only_reads_is_throttled_and_tried_in_no_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr("trials.faults.ALL", tuple(noting(name, ran) for name in ("twice", "malformed", "throttled")))
    asked = Source(Kind.HTTP, "List", "R", "Api", route=Route("GET", "/orders"))
    reference = Reference(Sample({"httpMethod": "GET"}, "made up"), answer=Answer({"statusCode": 200, "body": "[]"}))

    list(the_faults(SimpleNamespace(thorough=False), asked, reference, held("")))  # type: ignore[arg-type]

    assert ran == ["throttled"]


@pytest.mark.parametrize(
    ("some", "told"),
    [(["b", "c"], HELD), (["c", "b"], HELD), (["a", "b", "c"], HELD), ([], BLOCKED), (["b"], BLOCKED)],
)
def test_a_connection_that_is_gone_keeps_nothing_from_the_others(
    some: list[str], told: tuple[Verdict, Promise | None]
) -> None:
    assert word(broadcast(["a", "b", "c"], some, Answer(error="GoneException: gone"))) == told


def test_a_connection_that_has_ended_is_answered_as_aws_answers() -> None:
    service = StandIn()
    service.gone = "L0SM9cOFvHcCIhw="
    posts = [Asked("POST", f"/prod/@connections/{name}", "", "hello") for name in ("L0SM9cOFvHcCIhw%3D", "other")]

    assert [(service.reply(each) or (0, None))[0] for each in posts] == [410, 200]
    assert [each.path for each in service.asked] == ["/prod/@connections/other"]
    service.forget()
    assert (service.reply(posts[0]) or (0, None))[0] == 200


SHIP = Source(Kind.BUS, "Work", "Placed")
SENT: World = {"bus B": [{"id": "a"}], "queue Aside": []}


@pytest.mark.parametrize(
    ("source", "delivery", "after", "told"),
    [
        (SHIP, Delivery(answers=[Answer()]), {**SENT, "bus B": []}, (Verdict.BROKEN, Promise.LOST)),
        (SHIP, Delivery(answers=[Answer(error="x")] * 3, failures=3), {**SENT, "bus B": []}, HELD),
        (SHIP, Delivery(answers=[Answer()]), {"bus B": [], "queue Aside": [{"id": "a"}]}, HELD),
        (SHIP, Delivery(answers=[Answer()]), SENT, UNPROVED),
        (
            Source(Kind.HTTP, "Work", "Work"),
            Delivery(answers=[Answer({"statusCode": 502})]),
            {**SENT, "bus B": []},
            HELD,
        ),
        (
            Source(Kind.HTTP, "Work", "Work"),
            Delivery(answers=[Answer({"statusCode": 200})]),
            {**SENT, "bus B": []},
            (Verdict.BROKEN, Promise.LOST),
        ),
        (Source(Kind.DIRECT, "Work", "Work"), Delivery(answers=[Answer({"refused": 1})]), {**SENT, "bus B": []}, HELD),
    ],
)
def test_of_an_entry_that_is_refused_for_good_somebody_learns(
    source: Source, delivery: Delivery, after: World, told: tuple[Verdict, Promise | None]
) -> None:
    reference = Reference(Sample("{}", ""), SENT, empty={"bus B": [], "queue Aside": []})

    assert word(for_good(History("refused for good", delivery, reference.empty, after), source, reference)) == told


@pytest.mark.parametrize(
    ("after", "failures", "again", "told"),
    [
        (SENT, 0, True, HELD),  # the function sent the rest
        (SENT, 1, False, HELD),  # the event came again
        (SENT, 0, False, UNPROVED),  # as if to delete what is not there were refused
        ({**SENT, "bus B": []}, 0, False, (Verdict.BROKEN, Promise.LOST)),
    ],
)
def test_that_nobody_misses_an_entry_proves_nothing_unless_it_was_sent_again(
    after: World, failures: int, again: bool, told: tuple[Verdict, Promise | None]
) -> None:
    reference = Reference(Sample("{}", ""), SENT, empty={"bus B": [], "queue Aside": []})
    history = History("one entry refused", Delivery(answers=[Answer()], failures=failures), reference.empty, after)

    assert word(for_now(history, SHIP, reference, frozenset(), again)) == told
