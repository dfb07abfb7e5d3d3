"""An outage that outlasts the retries, and what was kept of it sent again: over histories typed by hand."""

import pytest

from trials.deliveries.history import Answer, Delivery, Reference
from trials.project import Kind, Source
from trials.samples import Sample
from trials.verdicts import Promise, Verdict
from trials.verdicts.redrive import Outage, redriven, unless_too_late
from trials.world import World

QUEUE = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")
BUS = Source(Kind.BUS, "Work", "Placed")
NOTHING: World = {"table T": [], "queue Out": []}
DONE: World = {"table T": [{"id": "a"}], "queue Out": [{"shipment": "s-1"}]}
COUNTED: World = {**DONE, "table Sums": [{"id": "day", "orders": "1"}], "table Marks": [{"id": "e"}]}
UNMARKED: World = {**COUNTED, "table Marks": []}
MARKED_ELSE: World = {**COUNTED, "table Marks": [{"id": "f"}]}
TWICE: World = {**COUNTED, "table Sums": [{"id": "day", "orders": "2"}]}
REFUSED = Delivery(answers=[Answer(error="Throttled")] * 3, failures=3)
STUCK = Delivery(answers=REFUSED.answers, failures=3, stuck="it has no dead-letter queue")
FINE = Delivery(answers=[Answer()])
AGAIN = Delivery(answers=[Answer(error="AlreadyInProgress")] * 3, failures=3)
HELD, UNPROVED = (Verdict.HELD, None), (Verdict.UNPROVED, None)
LOST, DOUBLED = (Verdict.BROKEN, Promise.LOST), (Verdict.BROKEN, Promise.DOUBLED)


@pytest.mark.parametrize(
    ("source", "outage", "verdict"),
    [
        (QUEUE, Outage("x", REFUSED, "Dlq", redrive=FINE, after=DONE), HELD),
        (BUS, Outage("x", REFUSED, "Dlq", redrive=FINE, after=DONE), HELD),
        (QUEUE, Outage("x", REFUSED, "Dlq", redrive=FINE, after={**DONE, "queue Out": [1, 2]}), UNPROVED),
        (  # it shipped before the call that was refused, and ships again under another number
            QUEUE,
            Outage("x", REFUSED, "Dlq", redrive=FINE, after={**DONE, "queue Out": [*DONE["queue Out"], {"s": "s-2"}]}),
            DOUBLED,
        ),
        (  # the same message once more: its receiver can tell
            QUEUE,
            Outage("x", REFUSED, "Dlq", redrive=FINE, after={**DONE, "queue Out": DONE["queue Out"] * 2}),
            HELD,
        ),
        (QUEUE, Outage("x", REFUSED, "Dlq", redrive=FINE, after={**DONE, "table Log": [1]}), UNPROVED),
        (QUEUE, Outage("x", REFUSED, "Dlq", redrive=FINE, after=NOTHING), LOST),  # taken for done
        (  # an item whose time was over when it was sent again
            QUEUE,
            Outage("x", REFUSED, "Dlq", redrive=FINE, after={**DONE, "table T": []}, expired=frozenset({"table T"})),
            HELD,
        ),
        (
            QUEUE,
            Outage("x", REFUSED, "Dlq", redrive=AGAIN, after=NOTHING),
            UNPROVED,
        ),  # a lease may end before a redrive
        (QUEUE, Outage("x", REFUSED, "Dlq", redrive=AGAIN, after=DONE), HELD),  # done, whatever it then raised
        (QUEUE, Outage("x", REFUSED), LOST),  # its function took the message out of the queue
        (QUEUE, Outage("x", REFUSED, after=NOTHING), LOST),
        (QUEUE, Outage("x", REFUSED, after={**NOTHING, "queue Jobs": [{"id": "a"}]}), UNPROVED),  # still comes back
        (QUEUE, Outage("x", REFUSED, after=DONE), HELD),  # a retry did not need the call
        (BUS, Outage("x", REFUSED, after=NOTHING), LOST),
        (BUS, Outage("x", REFUSED, after=DONE), HELD),
        (BUS, Outage("x", REFUSED, after={**DONE, "table Log": [1]}), UNPROVED),  # its effect is there, and more
        (QUEUE, Outage("x", STUCK), UNPROVED),
        (BUS, Outage("x", REFUSED), LOST),
        (BUS, Outage("x", REFUSED, declared="Topic"), UNPROVED),
        (QUEUE, Outage("x", FINE), UNPROVED),  # it noticed nothing, which the trial throttled judges
        (QUEUE, Outage("x", REFUSED, "Dlq"), UNPROVED),
        (  # done without an answer; by then the mark of it was gone
            QUEUE,
            Outage("x", REFUSED, "Dlq", redrive=FINE, after=TWICE, before=UNMARKED, expired=frozenset({"table Marks"})),
            DOUBLED,
        ),
        (QUEUE, Outage("x", REFUSED, "Dlq", redrive=FINE, after=TWICE, before=UNMARKED), UNPROVED),
        (QUEUE, Outage("x", REFUSED, "Dlq", redrive=AGAIN, after=TWICE, before=COUNTED), UNPROVED),
        (QUEUE, Outage("x", REFUSED, "Dlq", redrive=FINE, after=TWICE), UNPROVED),
        (
            QUEUE,
            Outage(
                "x", REFUSED, "Dlq", redrive=FINE, after=TWICE, before=MARKED_ELSE, expired=frozenset({"table Marks"})
            ),
            UNPROVED,
        ),
    ],
)
def test_in_the_end_an_event_that_met_an_outage_is_done_once(
    source: Source, outage: Outage, verdict: tuple[Verdict, Promise | None]
) -> None:
    done = COUNTED if outage.after is TWICE else DONE
    judgement = redriven(outage, source, Reference(Sample("{}", "event.json"), done, empty=NOTHING))

    assert (judgement.verdict, judgement.promise) == verdict


def test_a_source_without_a_dead_letter_queue_is_told_what_to_supply() -> None:
    judgement = redriven(Outage("x", STUCK), QUEUE, Reference(Sample("{}", "event.json"), DONE))

    assert "it has no dead-letter queue" in judgement.happened
    assert "RedrivePolicy" in judgement.supply


@pytest.mark.parametrize(("late", "verdict"), [(DONE, Verdict.BROKEN), (NOTHING, Verdict.UNPROVED)])
def test_what_a_function_does_not_take_a_day_late_at_all_is_not_lost_by_the_outage(
    late: World, verdict: Verdict
) -> None:
    reference = Reference(Sample("{}", "event.json"), DONE, empty=NOTHING)
    lost = redriven(Outage("x", REFUSED, "Dlq", redrive=FINE, after=NOTHING), QUEUE, reference)

    assert lost.promise is Promise.LOST
    assert unless_too_late(lost, late, reference).verdict is verdict
