"""The undisturbed delivery: what the others are compared with."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.project.sources import Source
from trials.samples.sample import Sample
from trials.stage import Stage
from trials.verdicts import Judgement, Promise, Verdict, broken
from trials.verdicts.judge import does_not_start, refusal, refused_sample, returned_early, undisturbed
from trials.world import noise

SEEN = {"latency": 1}  # a rule that changes nothing and lists the calls
ALWAYS_SET = {"TZ", "LANG", "PATH", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_LAMBDA_FUNCTION_NAME"}
MOST_SAMPLES = 3  # that are tried until the function takes one
NOT_REACHED = re.compile(
    r'lets nothing out: ([\w.:-]+)|connect to the endpoint URL: "https?://(?!127\.0\.0\.1|localhost)([^/"]+)'
)


@dataclass
class Attempt:
    """The reference, if the function took a sample, and what the attempt itself says."""

    judgement: Judgement
    reference: Reference | None = None
    tried: list[str] = field(default_factory=list)  # files of samples that were used
    more: list[Judgement] = field(default_factory=list)


def once(stage: Stage, source: Source, samples: list[Sample]) -> Attempt:
    """Two undisturbed deliveries of the first sample that is taken, each in a world of its own.

    What the two do not agree on is noise.
    """
    attempt: Attempt | None = None
    mute: Attempt | None = None  # a sample that was taken and changed nothing
    tried: list[str] = []
    for sample in samples[:MOST_SAMPLES]:
        tried.append(sample.file)
        worlds, calls, result = [], [], None
        for _ in range(2):
            stage.fresh()
            empty = stage.now()
            stage.local.fault(**SEEN)
            result = deliver(stage, source, [sample])
            calls = [(str(each["service"]), str(each["operation"])) for each in stage.local.faulted()]
            worlds.append(stage.world())
            if refused := refusal(result):
                attempt = Attempt(refused_by(stage, source, sample, refused, result, bool(calls)), None, tried)
                break
        else:
            answer = result.answers[-1]  # type: ignore[union-attr]
            seen = tuple(dict.fromkeys(calls))
            reference = Reference(sample, worlds[0], noise(*worlds), seen, tuple(calls), answer, empty)
            more = [returned_early()] if stage.returned_early(source.function) else []
            judgement = undisturbed(source, reference)
            if judgement.verdict is Verdict.HELD or more:
                return Attempt(judgement, reference, tried, more)
            mute = mute or Attempt(judgement, reference, tried)
        if attempt and attempt.judgement.promise:
            break
    found = mute or attempt
    assert found
    return found


def refused_by(stage: Stage, source: Source, sample: Sample, error: str, result: Any, called: bool) -> Judgement:
    here = not stage.project.layers_left_out
    if reason := does_not_start(result.last_error or error, variables(stage, source.function), here):
        return broken(Promise.DOES_NOT_START, reason)
    lines = stage.lines(source.function)
    outside = astray(lines)
    called = called or bool(stage.outside.asked)
    return refused_sample(source, sample.origin, logged(lines) or error, result, called, outside)


def variables(stage: Stage, function: str) -> set[str]:
    """The names of the variables that a function gets from its template."""
    name = stage.stack.resources[function]
    configuration = stage.local.client("lambda").get_function_configuration(FunctionName=name)
    return set(configuration.get("Environment", {}).get("Variables", {})) | ALWAYS_SET


def logged(lines: list[str]) -> str:
    """The last error that a function wrote into its log, if it did: its answer may only name the record."""
    for line in reversed(lines):
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("exception"):
                return " ".join(str(entry["exception"]).split())[-300:]
    return ""


def astray(lines: list[str]) -> str:
    """What a function could not reach because nothing here leaves the machine: how it then fails is not its fault."""
    refused = NOT_REACHED.search("\n".join(lines))
    return refused[1] or refused[2] if refused else ""
