"""The closed set of words in which results are told."""

from dataclasses import dataclass
from enum import StrEnum

MEANT = "nothing, if that is meant"  # where only the reader knows whether what happened is right


class Verdict(StrEnum):
    """What one trial of one source concludes, from best to worst."""

    HELD = "held"
    UNPROVED = "unproved"  # tried, but nothing can be told
    BROKEN = "broken"


class Promise(StrEnum):
    """What broke."""

    LOST = "lost"  # an effect that never comes, and the event is kept nowhere
    DOUBLED = "doubled"  # an effect more often than once
    BLOCKED = "blocked"  # a good event waits for, or shares the fate of, a bad one
    SILENT = "silent"  # a failure that is reported as done
    LEAKED = "leaked"  # what belongs to one event shows in what is done for the next
    DENIED = "denied"  # a call that the role does not allow, or a sender that a policy refuses
    DOES_NOT_START = "does not start"  # code that cannot be loaded, or never ends


class Status(StrEnum):
    """How far the trials came with a source."""

    DELIVERED = "delivered"  # an undisturbed delivery took place, with its effect or answer if the code has any
    BROKEN = "broken"  # it broke before one could
    UNPROVED = "unproved"
    UNTRIED = "untried"


@dataclass(frozen=True)
class Judgement:
    """A verdict with what it is told from. `supply` says what would turn an unproved one into another."""

    verdict: Verdict
    happened: str
    promise: Promise | None = None
    details: tuple[str, ...] = ()
    supply: str = ""


@dataclass(frozen=True)
class Finding:
    """A judgement of one trial of one source, with the way to mend it."""

    source: str
    trial: str
    judgement: Judgement
    remedy: str = ""
    link: str = ""


def held(happened: str, *details: str) -> Judgement:
    return Judgement(Verdict.HELD, happened, details=details)


def broken(promise: Promise, happened: str, *details: str) -> Judgement:
    return Judgement(Verdict.BROKEN, happened, promise, details)


def unproved(happened: str, *details: str, supply: str = "") -> Judgement:
    return Judgement(Verdict.UNPROVED, happened, details=details, supply=supply)
