"""Which trial is for which source: those that cannot meet a fault are not judged by it."""

from types import SimpleNamespace
from typing import Any

import pytest

from trials import faults
from trials.deliveries.history import Reference
from trials.faults.order import out_of_order
from trials.project import Kind, Source
from trials.samples import Sample

QUEUE = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")


def a_stage(url: str) -> Any:
    """One that cannot deliver: whatever tries to ends in an error."""
    return SimpleNamespace(stack=SimpleNamespace(resources={"Jobs": url}))


@pytest.mark.parametrize(
    ("url", "payload"),
    [("http://local/jobs.fifo", '{"version": 1}'), ("http://local/jobs", '{"id": "a"}'), ("http://local/jobs", "text")],
)
def test_order_is_not_tried_where_none_is_known_or_the_queue_keeps_it(url: str, payload: str) -> None:
    """Within a group of a FIFO queue no newer message passes an older one, not even one that is received again."""
    assert list(out_of_order(a_stage(url), QUEUE, Reference(Sample(payload, "event.json")))) == []


def test_order_is_tried_where_a_version_says_which_event_is_newer() -> None:
    with pytest.raises(AttributeError, match="fresh"):
        list(out_of_order(a_stage("http://local/jobs"), QUEUE, Reference(Sample('{"version": 1}', "event.json"))))


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.ROUTE, Kind.OTHER}))
def test_every_source_is_tried_under_a_repeat_and_a_refused_call(kind: Kind) -> None:
    names = {trial.name for trial in faults.ALL if trial.applies(Source(kind, "F", "n"))}

    assert names >= {"twice", "twice at once", "throttled"}


def test_of_a_durable_function_only_a_fault_is_tried_that_its_retries_can_outlast() -> None:
    names = {trial.name for trial in faults.ALL if trial.applies(Source(Kind.QUEUE, "F", "n", durable=True))}

    assert names >= {"twice", "twice at once", "throttled", "malformed", "dies"}
    assert not names & {"times out", "outage and redrive", "refused for good", "partly refused"}


@pytest.mark.parametrize(
    ("kind", "never"),
    [(Kind.HTTP, "out of order"), (Kind.SCHEDULE, "malformed"), (Kind.TABLE, "malformed"), (Kind.BUCKET, "malformed")],
)
def test_what_cannot_happen_to_a_source_is_not_tried(kind: Kind, never: str) -> None:
    assert never not in {trial.name for trial in faults.ALL if trial.applies(Source(kind, "F", "n"))}
