"""The environment ends in the middle: killed after a call took effect, an answer that never comes, a timeout."""

from collections.abc import Iterator
from functools import partial

from trials.deliveries.history import Reference
from trials.faults.refusals import SECONDS, passing, under
from trials.project.sources import Source
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.recovery import cut_off

MOST_CALLS = 6  # of one delivery, each cut off in a trial of its own


def dies(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Killed, not an exception: no cleaning up, no answer; then the event is delivered again."""
    for number, (service, operation) in enumerate(reference.every_call[:MOST_CALLS], start=1):
        begin = partial(stage.local.kill_after, number)
        what = f"killed after {service} {operation}"
        yield passing(stage, source, reference, what, begin, stage.local.clear_faults, cut_off)


def loses_answers(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """The call took effect and its answer is lost; the SDK's own retry, or the next delivery, does it again.

    The outside service too: whoever asks it may not know whether it was done.
    """
    for service, operation in reference.calls[:MOST_CALLS]:
        cut = {"service": service, "operation": operation, "response": {"abort_bytes": 0}, "times": 1}
        begin, what = partial(stage.local.fault, **cut), f"{service} {operation} without an answer"
        yield passing(stage, source, reference, what, begin, stage.local.clear_faults, cut_off)
    if reference.world.get("outside"):
        begin, end = partial(setattr, stage.outside, "mute", True), partial(setattr, stage.outside, "mute", False)
        yield passing(stage, source, reference, "the outside service without an answer", begin, end)


def times_out(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Each call outlasts the function."""
    for service, operation in reference.calls[:MOST_CALLS]:
        slow = {"service": service, "operation": operation, "latency": (SECONDS + 3) * 1000}
        begin, what = partial(stage.local.fault, **slow), f"timed out in {service} {operation}"
        yield under(stage, source, reference, what, begin, stage.local.clear_faults, cut_off, pause=SECONDS)
