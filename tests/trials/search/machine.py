"""Random sequences by hypothesis' stateful machinery, and the shortest of those that fail."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from trials.search.plan import Fault, Plan, Step, simpler

LONGEST = 7  # steps of a sequence
MOST_EVENTS = 3  # different ones of a sequence: each order of them is compared with
OF_CALLS = (Fault.THROTTLED, Fault.KILLED, Fault.UNANSWERED, Fault.OUTAGE)


class Broken(AssertionError):
    """A sequence failed."""


def shortest(calls: list[int], fails: Callable[[Plan], bool], most: int, portion: int = 0) -> Plan | None:
    """The simplest failing sequence that was met in at most `most` sequences; `calls` by event, how many it makes.

    Each `portion` draws sequences of its own, which are the same at each time.
    """
    best: list[Plan] = []

    class Sequence(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.steps: list[Step] = []

        @initialize(cast=st.lists(st.integers(0, len(calls) - 1), min_size=1, max_size=MOST_EVENTS, unique=True))
        def begins(self, cast: list[int]) -> None:
            self.cast = cast

        def chosen(self, which: int) -> int:
            return self.cast[which % len(self.cast)]

        @rule(which=st.integers(0, MOST_EVENTS - 1))
        def is_sent(self, which: int) -> None:
            self.steps.append(Step(self.chosen(which)))

        @precondition(lambda self: self.steps)
        @rule(which=st.integers(0, LONGEST))
        def comes_again(self, which: int) -> None:
            earlier = [step.event for step in self.steps if step.fault is not Fault.REDRIVE]
            self.steps.append(Step(earlier[which % len(earlier)]))

        @precondition(lambda self: self.steps)
        @rule(which=st.integers(0, LONGEST))
        def comes_to_a_new_environment(self, which: int) -> None:
            earlier = [step.event for step in self.steps if step.fault is not Fault.REDRIVE]
            self.steps.append(Step(earlier[which % len(earlier)], Fault.RENEWED))

        @rule(which=st.integers(0, MOST_EVENTS - 1), fault=st.sampled_from(OF_CALLS), call=st.integers(0, 5))
        def meets_a_fault(self, which: int, fault: Fault, call: int) -> None:
            event = self.chosen(which)
            self.steps.append(Step(event, fault, call % calls[event]) if calls[event] else Step(event))

        @rule(which=st.integers(0, MOST_EVENTS - 1), beside=st.integers(0, MOST_EVENTS - 1))
        def come_at_once(self, which: int, beside: int) -> None:
            self.steps.append(Step(self.chosen(which), beside=self.chosen(beside)))

        @precondition(lambda self: any(step.fault is Fault.OUTAGE for step in self.steps))
        @rule()
        def is_redriven(self) -> None:
            self.steps.append(Step(0, Fault.REDRIVE))

        def teardown(self) -> None:
            plan = tuple(self.steps)
            if plan and fails(plan):
                best[:] = [plan] if not best or simpler(plan, best[0]) else best
                raise Broken

    if portion:
        seed(portion)(Sequence)
    with suppress(Broken):
        run_state_machine_as_test(Sequence, settings=quiet(most))
    return best[0] if best else None


def quiet(most: int) -> settings:
    given: dict[str, Any] = {"suppress_health_check": list(HealthCheck), "phases": (Phase.generate, Phase.shrink)}
    return settings(
        max_examples=most,
        stateful_step_count=LONGEST,
        deadline=None,
        database=None,
        derandomize=True,
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        **given,
    )


def reduced(plan: Plan, fails: Callable[[Plan], bool]) -> Plan:
    """The sequence without every step and every fault that it fails without."""
    for number, step in enumerate(plan):
        fewer = plan[:number] + plan[number + 1 :]
        plain = (*plan[:number], Step(step.event), *plan[number + 1 :])
        for candidate in (fewer, plain):
            if candidate and simpler(candidate, plan) and fails(candidate):
                return reduced(candidate, fails)
    return plan
