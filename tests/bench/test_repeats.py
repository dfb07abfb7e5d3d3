"""A repeat on another day, a copy beside a first that dies, answers in pages: over histories typed by hand."""

from typing import Any

import pytest

from trials.deliveries.history import Answer, Delivery, History, Reference
from trials.samples import Sample
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
