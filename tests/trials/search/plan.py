"""Sequences of steps, as data: what is sent, under which fault, and what happens beside it."""

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    NONE = "none"
    THROTTLED = "throttled"  # a kind of call is refused during the first delivery
    KILLED = "killed"  # the environment ends after a call took effect
    UNANSWERED = "unanswered"  # a call takes effect and its answer is lost
    OUTAGE = "outage"  # a kind of call is refused until the source gives up
    RENEWED = "renewed"  # the environment is a new one
    REDRIVE = "redrive"  # nothing is sent but what lies among the dead letters


@dataclass(frozen=True, order=True)
class Step:
    """One event sent; `call` says which call the fault meets, `beside` which event is delivered at the same time."""

    event: int  # its place in the list of events; of a redrive, none
    fault: Fault = Fault.NONE
    call: int = 0
    beside: int | None = None


Plan = tuple[Step, ...]


def simpler(one: Plan, other: Plan) -> bool:
    """Whether a sequence is shorter, or as long with fewer faults."""
    return size(one) < size(other)


def size(plan: Plan) -> tuple[int, int, int]:
    faults = sum(step.fault is not Fault.NONE for step in plan)
    return len(plan), faults + sum(step.beside is not None for step in plan), len({step.event for step in plan})


@dataclass(frozen=True)
class Names:
    """How events and their calls are told: a line for each event, and by event its kinds of calls."""

    events: tuple[str, ...]
    calls: tuple[tuple[str, ...], ...]

    def told(self, plan: Plan) -> list[str]:
        """A line for each step."""
        lines, seen = [], set[int]()
        for number, step in enumerate(plan, start=1):
            lines.append(f"{number}. {self._line(step, again=step.event in seen)}")
            seen |= {step.event} if step.fault is not Fault.REDRIVE else set()
            seen |= {step.beside} if step.beside is not None else set()
        return lines

    def _line(self, step: Step, again: bool) -> str:
        if step.fault is Fault.REDRIVE:
            return "what lies among the dead letters, again"
        what = f"{self.events[step.event]}{', again' if again else ''}"
        if step.beside is not None:
            return f"{what}, and at once {self.events[step.beside]}"
        call = self.calls[step.event][step.call] if self.calls[step.event] else ""
        return what + {
            Fault.NONE: "",
            Fault.RENEWED: ", in a new environment",
            Fault.THROTTLED: f", {call} refused at first",
            Fault.KILLED: f", killed after {call}",
            Fault.UNANSWERED: f", {call} without an answer",
            Fault.OUTAGE: f", {call} refused throughout",
        }.get(step.fault, "")
