"""A sample that came to nothing, once more with something around it otherwise: who sends it, and what others answer."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from trials.deliveries.records import CSV
from trials.project.sources import Source
from trials.samples.answers import answer_of, is_no_json, spoken
from trials.samples.named import asking_for_known
from trials.samples.owners import as_oneself
from trials.samples.refused.files import ending_of, widths
from trials.samples.sample import Sample
from trials.stage import Stage

if TYPE_CHECKING:
    from trials.faults.once import Try

Again = Callable[[Sample], "Try"]
THERE = re.compile(r"(?i)\balready\b|\bduplicate|(?<!not )\bexists\b")


def is_there_already(fared: "Try") -> bool:
    """Whether a request is refused because there is already what it would make."""
    status = fared.result.answers[-1].status if fared.result.answers else 0
    return bool(fared.refused) and (status == 409 or (status == 400 and bool(THERE.search(fared.refused))))


def about_oneself(source: Source, fared: "Try", again: Again, mend: Callable[["Try"], "Try"]) -> "Try":
    """A request that was forbidden, with its sender in the place of whom it is about, mended; else as it was."""
    forbidden = fared.refused and fared.result.answers[-1].status == 403
    if forbidden and source.route and not fared.sample.file and not source.route.websocket:
        for sample in as_oneself(fared.sample, source.route):
            other = again(sample)
            if not other.refused or other.result.answers[-1].status != 403:
                return mend(other)
    return fared


def as_a_file(stage: Stage, fared: "Try", again: Again) -> "Try":
    """A try that came to nothing, with its objects of the kind of file that the refusal asks for; else as it was."""
    ending = ending_of(fared.said) if fared.open else ""
    if not ending:
        return fared
    stage.ending = ending
    other = again(replace(fared.sample, origin=f"{fared.sample.origin}, the object a {ending}"))
    if other.open and ending_of(other.said) == ending:
        stage.ending = ""
        return fared
    return other


def as_a_wider_table(stage: Stage, fared: "Try", again: Again) -> "Try":
    """A try that came to nothing, with as many columns in its CSV file as code takes; else as it was."""
    if CSV not in json.dumps(fared.sample.payload, default=str):
        return fared
    for width in widths(fared.said) if fared.open else ():
        stage.ending = f"{CSV}{width}"
        other = again(replace(fared.sample, origin=f"{fared.sample.origin}, the object of {width} columns"))
        if not other.open:
            return other
        stage.ending = ""
    return fared


def as_others_answer(stage: Stage, source: Source, fared: "Try", again: Again) -> "Try":
    """A try that came to nothing, with answers of a model, or of a service outside, that hold what the code reads.

    Else as it was.
    """
    folder, origin = stage.project.code(source.function)[0], fared.sample.origin
    if fared.open and any("bedrock" in service for service, _ in fared.calls) and is_no_json(fared.said):
        for stage.spoken in spoken(folder):
            other = again(replace(fared.sample, origin=f"{origin}, where a model says JSON of what the code reads"))
            if not other.open or not is_no_json(other.said):
                return other
        stage.spoken = ""
    if fared.open and stage.outside.asked:
        before = stage.outside.taught
        stage.outside.taught = {**answer_of(stage.project.template.parent), **answer_of(folder)}  # or of whom it asks
        other = again(replace(fared.sample, origin=f"{origin}, where an outside service answers what the code reads"))
        if not other.open:
            return other
        stage.outside.taught = before
    return fared


def as_named_in_data(stage: Stage, source: Source, fared: "Try", again: Again) -> "Try":
    """A request for what is not there, with a path that names a record of the code's own data; else as it was."""
    missed = fared.refused and fared.result.answers[-1].status == 404
    if not missed or not source.route or fared.sample.file or source.route.websocket:
        return fared
    sample = asking_for_known(fared.sample, source.route, stage.project.code(source.function)[0])
    other = again(sample) if sample else fared
    return fared if other.refused else other
