"""What took place in one execution of a state machine, as data that verdicts judge."""

from dataclasses import dataclass, field
from enum import StrEnum

from trials.samples.sample import Sample
from trials.world.compare import Difference, Noise, World

STOOD_IN = "outside tasks"  # the place in the world of what stand-ins recorded
UNDONE = ("FAILED", "TIMED_OUT", "ABORTED")


class Way(StrEnum):
    """How a task fails."""

    NOT = "not at all"
    ONCE = "once"  # the first attempt is refused
    FOR_GOOD = "for good"  # every attempt is refused
    UNKNOWN_ONCE = "unknown once"  # the first attempt is done, and its answer is lost
    UNDONE_TWICE = "undone twice"  # every attempt is refused, and the first answer of each task beside it is lost
    UNKNOWN = "unknown"  # every attempt is done, and every answer is lost
    LATE = "late"  # no attempt ends in its time, and the last one is done when the execution has ended


@dataclass(frozen=True)
class Fault:
    """What is done to one task; `named` if its own Retry or Catch, or one around it, mentions the error by its name."""

    way: Way = Way.NOT
    state: str = ""
    error: str = ""
    named: bool = False
    ahead: frozenset[str] = frozenset()  # the tasks of the way to success, where others are done twice

    def __str__(self) -> str:
        if self.way is Way.UNDONE_TWICE:
            return f"{self.state} refused each time with {self.error}, and the first answer of each task after it lost"
        if self.way is Way.LATE:
            return f"{self.state} too late each time ({self.error}), and done at last when the execution has ended"
        if self.way is Way.ONCE:
            return f"{self.state} refused once with {self.error}"
        if self.way is Way.FOR_GOOD:
            return f"{self.state} refused each time with {self.error}"
        often = "once" if self.way is Way.UNKNOWN_ONCE else "each time"
        return f"{self.state} done, its answer lost {often} ({self.error})"


@dataclass(frozen=True)
class Attempt:
    """One attempt of a task: what it changed, and the error that the machine was told, if any."""

    state: str
    error: str = ""
    effects: tuple[Difference, ...] = ()
    stood_in: bool = False  # what it calls is not here


@dataclass(frozen=True)
class Ending:
    """How an execution stands when it changes no more.

    `status` is one of Step Functions, or WAITING at the state `waits_at` for somebody's answer, or TRYING on and on.
    """

    status: str
    error: str = ""
    cause: str = ""
    output: str = ""
    waits_at: str = ""

    @property
    def failed(self) -> bool:
        return self.status in UNDONE


@dataclass(frozen=True)
class Play:
    """One execution under one fault, and the world before and after it; `late` is the one after what came too late."""

    fault: Fault
    ending: Ending
    attempts: tuple[Attempt, ...] = ()
    empty: World = field(default_factory=dict)
    world: World = field(default_factory=dict)
    late: World | None = None

    @property
    def states(self) -> set[str]:
        """The tasks that were asked for."""
        return {each.state for each in self.attempts}


@dataclass(frozen=True)
class Undisturbed:
    """What an execution without a fault does; `play` is one of two equal ones, `noise` what they do not agree on."""

    sample: Sample
    play: Play
    noise: Noise = field(default_factory=set)
    unloaded: str = ""  # a function of it whose code does not load, and why


class Started(StrEnum):
    """How a machine is started."""

    ALONE = "alone"  # nobody waits for its end: a rule, a schedule, a bucket
    WAITED_FOR = "waited for"  # whoever started it reads how it ended
    BY_CODE = "by code"  # a function of the template starts it, and may look how it ends
    UNKNOWN = "unknown"  # nothing in the template starts it


@dataclass(frozen=True)
class Setting:
    """What the template says around a machine that its definition does not.

    `logged` is None where only deployment tells; `watchers` are alarms and rules that tell of failed executions.
    """

    express: bool = False
    logged: bool | None = False
    started: Started = Started.UNKNOWN
    watchers: tuple[str, ...] = ()

    @property
    def keeps_failures(self) -> bool:
        """Whether a failed execution can be found afterwards; one of EXPRESS only in its log."""
        return not self.express or self.logged is not False or self.started is not Started.ALONE
