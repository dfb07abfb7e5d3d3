"""A repeat on another day, a copy beside a first that dies, answers in pages: over histories typed by hand."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from trials.deliveries.history import Answer, Delivery, History, Reference
from trials.faults import repeats
from trials.project import Kind, Source
from trials.samples import Sample
from trials.stage import Stage
from trials.verdicts import Promise, Verdict
from trials.verdicts.copies import Copy, outlived
from trials.verdicts.pages import in_pages
from trials.verdicts.repeats import added, on_another_day
from trials.world import World

NOTHING: World = {"table Jobs": [], "queue Out": [], "queue Dlq": [], "outside": [], "bucket B": []}
ONE: World = {**NOTHING, "table Jobs": [{"id": "job/2026-11-28"}]}
TWO: list[Any] = [{"id": "job/2026-11-28"}, {"id": "job/2026-11-29"}]
GRAVES = frozenset({"queue Dlq"})
REFERENCE = Reference(Sample("{}", "event.json"), ONE, empty=NOTHING)
HELD, UNPROVED = (Verdict.HELD, None), (Verdict.UNPROVED, None)
LOST, DOUBLED = (Verdict.BROKEN, Promise.LOST), (Verdict.BROKEN, Promise.DOUBLED)


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (ONE, HELD),
        ({**ONE, "table Jobs": TWO}, DOUBLED),
        ({**ONE, "table Jobs": [{"id": "job/2026-11-28", "seen_on": "2026-11-29"}]}, HELD),  # it is the same record
        ({**ONE, "outside": [{"method": "GET", "path": "/rates/2026-11-29", "key": ""}]}, HELD),  # it only asked
        ({**ONE, "outside": [{"method": "POST", "path": "/charges", "key": "2026-11-29"}]}, DOUBLED),
        ({**ONE, "queue Dlq": [{"id": "job"}]}, HELD),
        ({**ONE, "bucket B": [{"key": "2026-11-29/job"}]}, UNPROVED),  # an archive by day may bear it
    ],
)
def test_after_midnight_a_repeat_does_no_more(after: World, verdict: tuple[Verdict, Promise | None]) -> None:
    history = History("over midnight", Delivery(answers=[Answer()]), ONE, after, Answer())

    judgement = on_another_day(history, REFERENCE, GRAVES)

    assert (judgement.verdict, judgement.promise) == verdict


def test_a_repeat_that_is_refused_after_midnight_proves_nothing() -> None:
    history = History("over midnight", Delivery(answers=[Answer()]), ONE, ONE, Answer(error="expired"))

    assert on_another_day(history, REFERENCE, GRAVES).verdict is Verdict.UNPROVED


class Clocked:
    """A stage with one function, which does a job once under the day's date, and not more than six hours too late."""

    def __init__(self, due: datetime) -> None:
        self.due, self.now, self.jobs = due, due, list[str]()
        self.graves = frozenset[str]()
        self.local = SimpleNamespace(move_clock=lambda seconds: self.later("", seconds))

    def fresh(self) -> None:
        self.now, self.jobs = self.due, []

    def later(self, _: str, seconds: float) -> None:
        self.now = self.due + timedelta(seconds=seconds)

    def renew(self, _: str) -> None: ...

    def invoke(self, *_: Any) -> Answer:
        key = f"job/{self.now.date()}"
        if self.now - self.due < timedelta(hours=6) and key not in self.jobs:
            self.jobs.append(key)
        return Answer()

    def world(self) -> World:
        return {**NOTHING, "table Jobs": [{"id": key} for key in self.jobs]}


@pytest.mark.parametrize("hour", [0, 4, 12, 23])
def test_midnight_is_met_at_whatever_hour_the_trials_run(hour: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Clocked(datetime(2026, 11, 28, hour, 30, tzinfo=UTC))
    monkeypatch.setattr("time.time", stage.due.timestamp)
    monkeypatch.setattr(repeats, "deliver", lambda stage, *_: Delivery(event={}, answers=[stage.invoke()]))
    source = Source(Kind.SCHEDULE, "Fire", "Fire.Nightly")

    judgements = list(repeats.over_midnight(cast("Stage", stage), source, REFERENCE))

    assert [(each.verdict, each.promise) for each in judgements] == [DOUBLED]


def test_a_message_that_its_receiver_knows_is_no_more() -> None:
    sent: World = {**NOTHING, "queue Out": [{"id": "a"}]}

    assert not added(sent, {**sent, "queue Out": [{"id": "a"}, {"id": "a"}]}, REFERENCE, GRAVES)
    assert added(sent, {**sent, "queue Out": [{"id": "a"}, {"id": "b"}]}, REFERENCE, GRAVES)


CLAIMED: World = {**NOTHING, "table Jobs": [{"id": "job", "state": "CLAIMED"}]}
DONE: World = {**NOTHING, "table Jobs": [{"id": "job", "state": "DONE"}]}
OPEN: World = {**NOTHING, "table Jobs": [{"id": "job", "state": "UNKNOWN"}]}
CHARGED_TWICE: World = {**NOTHING, "table Jobs": [*DONE["table Jobs"], {"id": "again", "state": "DONE"}]}
BURIED: World = {**DONE, "queue Dlq": [{"id": "job"}]}
LOGGED: World = {**DONE, "bucket B": [{"key": "a"}]}  # where one delivery leaves nothing
BOTH: World = {**NOTHING, "table Jobs": [*CLAIMED["table Jobs"], *DONE["table Jobs"]]}


@pytest.mark.parametrize(
    ("copy", "verdict"),
    [
        (Copy("x", taken=True, before=CLAIMED, after=CLAIMED, end=CLAIMED), LOST),
        (Copy("x", taken=True, before=NOTHING, after=NOTHING, end=NOTHING), LOST),
        (Copy("x", taken=True, before=CLAIMED, after=DONE, end=DONE), HELD),  # the copy did it
        (Copy("x", taken=False, before=CLAIMED, after=CLAIMED, end=DONE), HELD),  # the message waited, and came again
        (Copy("x", taken=False, before=CLAIMED, after=CLAIMED, end=OPEN), UNPROVED),  # left for a human, say
        (Copy("x", taken=False, before=CLAIMED, after=CLAIMED, end=CLAIMED), UNPROVED),
        (Copy("x", taken=True, before=CLAIMED, after=OPEN, end=OPEN), UNPROVED),  # it did something else
        (Copy("x", taken=True, before=CLAIMED, after=BOTH, end=BOTH), DOUBLED),
        (Copy("x", taken=False, before=DONE, after=DONE, end=CHARGED_TWICE), DOUBLED),
        (Copy("x", taken=False, before=DONE, after=DONE, end=BURIED), UNPROVED),
        (Copy("x", taken=False, before=DONE, after=DONE, end=LOGGED), UNPROVED),
    ],
)
def test_what_a_dying_environment_did_not_do_is_done_by_the_copy_or_comes_again(
    copy: Copy, verdict: tuple[Verdict, Promise | None]
) -> None:
    judgement = outlived(copy, Reference(Sample("{}", "event.json"), DONE, empty=NOTHING))

    assert (judgement.verdict, judgement.promise) == verdict


@pytest.mark.parametrize(
    ("paged", "refused", "verdict"),
    [
        (DONE, "", HELD),
        (CLAIMED, "", LOST),  # a total of one page, say
        (NOTHING, "", LOST),
        (NOTHING, "too busy", (Verdict.BROKEN, Promise.BLOCKED)),
        (BOTH, "", DOUBLED),  # it did not find what it had done
        ({**NOTHING, "queue Out": [{"from": "a"}]}, "", UNPROVED),  # it may go on with the next page
    ],
)
def test_an_answer_in_pages_is_read_to_its_end(
    paged: World, refused: str, verdict: tuple[Verdict, Promise | None]
) -> None:
    judgement = in_pages(DONE, paged, refused, set())

    assert (judgement.verdict, judgement.promise) == verdict
