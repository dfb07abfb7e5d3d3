"""What happens while a project is tried, in order; terminal, JSON and every other output are handlers of it."""

from dataclasses import dataclass, field
from typing import Any

from trials.project.sources import Source
from trials.verdicts.permissions import Used
from trials.verdicts.words import Finding, Status


@dataclass(frozen=True)
class Event:
    """The base of all events."""


@dataclass(frozen=True)
class Step(Event):
    """A step that takes its time."""

    text: str


@dataclass(frozen=True)
class Deployed(Event):
    resources: list[str]
    left_out: dict[str, str]


@dataclass(frozen=True)
class Note(Event):
    """Something that was made up or changed, or that holds for all of the run."""

    text: str


@dataclass(frozen=True)
class SamplesUsed(Event):
    """The project's files that a source was tried with."""

    source: Source
    files: list[str]


@dataclass(frozen=True)
class SourceStarted(Event):
    source: Source
    number: int
    of: int


@dataclass(frozen=True)
class TrialStarted(Event):
    source: Source
    trial: str


@dataclass(frozen=True)
class Told(Event):
    finding: Finding


@dataclass(frozen=True)
class CallsSeen(Event):
    """What a function called under its role, and what that role grants."""

    function: str
    used: Used


@dataclass(frozen=True)
class SourceEnded(Event):
    source: Source
    status: Status
    why: str = ""
    supply: str = ""
    seconds: float = 0
    event: Any = None  # the whole event of the last sample that was tried

    @property
    def to_supply(self) -> str:
        """What to supply, with the option that writes the file if there is an event to begin with."""
        written = self.status is Status.UNPROVED and self.event is not None
        asked = written and f"events/{self.source.name}.json" in self.supply
        return f"{self.supply} (`--samples` writes it for you to fill in)" if asked else self.supply


@dataclass(frozen=True)
class Linted(Event):
    findings: list[dict[str, str]] = field(default_factory=list)
    why_not: str = ""
