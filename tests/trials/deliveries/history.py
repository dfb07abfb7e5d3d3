"""What took place in one trial, as data that verdicts judge."""

import json
from dataclasses import dataclass, field
from typing import Any

from trials.samples.sample import Sample
from trials.world.compare import Noise, World


@dataclass(frozen=True)
class Answer:
    """What a function returned, or the error it raised as `Type: message`, cut; `whole` is the error as it was."""

    body: Any = None
    error: str = ""
    whole: str = ""

    @property
    def status(self) -> int:
        """Of a response in the form of API Gateway; 0 for any other."""
        status = self.body.get("statusCode") if isinstance(self.body, dict) else None
        return int(status) if isinstance(status, int | str) and str(status).isdigit() else 0

    @property
    def text(self) -> str:
        """What was returned; of a response its status and its content, without the headers before it."""
        if not self.status or not isinstance(self.body, dict) or "body" not in self.body:
            return str(self.body)
        content = self.body["body"]
        return f"{self.status}: {content if isinstance(content, str) else json.dumps(content, default=str)}"


@dataclass
class Delivery:
    """How one parcel fared until its source had nothing left of it.

    `failures` counts the deliveries that left something undone, `receives` those that were made; `stuck` says why
    something would never leave its source, `discarded` how many records were given up.
    """

    event: Any = None  # the first that was delivered
    answers: list[Answer] = field(default_factory=list)
    failures: int = 0
    stuck: str = ""
    discarded: int = 0

    @property
    def error(self) -> str:
        """Why the first delivery that failed did."""
        if not self.failures:
            return ""
        return next((answer.error or answer.text[:200] for answer in self.answers), "")

    @property
    def last_error(self) -> str:
        return self.answers[-1].error if self.answers else ""


@dataclass(frozen=True)
class Reference:
    """What one undisturbed delivery of a sample does: the world afterwards, its noise, and the calls."""

    sample: Sample
    world: World = field(default_factory=dict)
    noise: Noise = field(default_factory=set)
    calls: tuple[tuple[str, str], ...] = ()  # service and operation of the function's AWS calls, each kind once
    every_call: tuple[tuple[str, str], ...] = ()  # all of them, in order
    answer: Answer = Answer()
    empty: World = field(default_factory=dict)  # the world before
    ahead: tuple[Sample, ...] = ()  # that come before the sample in one batch

    @property
    def batch(self) -> list[Sample]:
        return [*self.ahead, self.sample]

    @property
    def has_effect(self) -> bool:
        return any(self.world.get(place) != self.empty.get(place) for place in self.world)


@dataclass(frozen=True)
class History:
    """One trial: the fault, how the delivery fared, and the world before and after it."""

    fault: str
    delivery: Delivery
    before: World
    after: World
    again: Answer | None = None  # the answer to a repeat
