"""What a page says was done to a source: a sentence that fits what the source is."""

import re

import pytest

from trials import faults
from trials.integrations.trying import NAMES
from trials.machines.trying import LATE
from trials.machines.trying import TRIALS as OF_MACHINES
from trials.project import Kind, Source
from trials.project.source import Call, Route
from trials.report.told import done

POLLED = (Kind.QUEUE, Kind.STREAM, Kind.TABLE)
OF_ONE_KIND = {  # trials that end at once for every other source
    "at its limit": {Kind.QUEUE},
    "connection gone": {Kind.HTTP},
    "unusual key": {Kind.BUCKET},
    "item removed": {Kind.TABLE},
    "throttled in a batch": set(POLLED),
    "another under its key": {Kind.HTTP},
    "forged": {Kind.HTTP},
    "told too much": {Kind.HTTP},
    "read at once": {Kind.HTTP},
    "next run": {Kind.SCHEDULE},
    "dies beside a copy": {Kind.QUEUE},
}
WORDS = {  # that only some kinds of sources have
    r"in (a|one) batch": POLLED,
    r"\bfilter\b": POLLED,
    r"\bmapping": POLLED,
    r"\brecord\b": (Kind.STREAM, Kind.TABLE),
    r"\bmessage\b": (Kind.QUEUE, Kind.TOPIC),
    r"\brequests?\b": (Kind.HTTP, Kind.ROUTE),
    r"\bobject\b": (Kind.BUCKET,),
    r"\bschedule\b": (Kind.SCHEDULE,),
    r"\brule\b": (Kind.BUS,),
    r"\b(task|execution)s?\b": (Kind.MACHINE,),
    r"\bthe source invoke\b": (Kind.HTTP, Kind.TOPIC, Kind.BUS, Kind.BUCKET, Kind.LOGS, Kind.TASK, Kind.DIRECT),
}
OF_FUNCTIONS = [
    (trial.name, kind)
    for trial in faults.ALL
    for kind in set(Kind) - {Kind.OTHER, Kind.MACHINE, Kind.ROUTE}
    if trial.applies(Source(kind, "Work", "Work.Jobs", "Jobs")) and kind in OF_ONE_KIND.get(trial.name, {kind})
]
OF_MACHINE = [*OF_MACHINES, "undone twice", LATE, "started twice"]
ALL = [
    *OF_FUNCTIONS,
    *((name, kind) for name in ("arrives", "once") for kind in set(Kind) - {Kind.OTHER, Kind.MACHINE}),
    *((name, Kind.MACHINE) for name in ("once", *OF_MACHINE)),
    *((name, Kind.ROUTE) for name in NAMES.values()),
]


@pytest.mark.parametrize(("trial", "kind"), sorted(ALL))
def test_what_was_done_is_said_in_words_of_the_source(trial: str, kind: Kind) -> None:
    said = done(trial, Source(kind, "Work", "Work.Jobs", "Jobs"))

    assert said.endswith((".", "?"))
    assert [word for word, kinds in WORDS.items() if kind not in kinds and re.search(word, said)] == []


def test_a_malformed_event_comes_in_a_batch_where_the_source_makes_any() -> None:
    assert "in a batch" in done("malformed", Source(Kind.STREAM, "Work", "Work.S", "S"))
    assert "in a batch" in done("malformed", Source(Kind.QUEUE, "Work", "Work.Q", "Q"))


def test_of_an_api_without_a_function_a_request_is_told() -> None:
    way = Source(Kind.ROUTE, "Jobs", "Api.Post", "Api", route=Route("POST", "/jobs"), call=Call("sqs", "SendMessage"))

    assert done("once", way).startswith("One request is sent to the API")
    assert done("once", Source(Kind.ROUTE, "Jobs", "Rule", "Bus")).startswith("One event that fits")


def test_a_trial_that_is_not_known_is_not_made_up() -> None:
    assert done("all", Source(Kind.QUEUE, "Work", "Work.Q", "Q")) == ""
