"""Play one execution of a state machine on the local AWS, to its end or as far as it comes."""

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from trials.machines.calling import Calls
from trials.machines.definition import asking
from trials.machines.history import Ending, Fault, Play
from trials.machines.prompter import Prompter
from trials.project import Project
from trials.samples.sample import Sample
from trials.stage import Stage
from trials.template import MACHINES
from trials.world import World

FIRST, SECOND = "trial-1", "trial-2"  # names of executions
QUIET = 1.0  # seconds in which nothing happens while somebody's answer is waited for
MOST_ATTEMPTS = 40  # of tasks in one execution, after which it counts as going on and on
LONGEST = 60  # seconds of one execution
LONGEST_WITHOUT_TASK = 15  # seconds in which it asks for none: nothing waits, so it goes round
TURN = 0.05  # seconds between two looks at an execution


@dataclass(frozen=True)
class Played:
    """A play, and the prompter that gave it, which knows what failed of itself."""

    play: Play
    prompter: Prompter


def deployed(stage: Stage, machine: str) -> dict[str, Any]:
    """The definition as it was deployed, with every reference resolved."""
    description = stage.local.client("stepfunctions").describe_state_machine(
        stateMachineArn=stage.stack.resources[machine]
    )
    definition = json.loads(description["definition"])
    assert isinstance(definition, dict)
    return definition


def machines(project: Project, stage: Stage) -> list[str]:
    """The machines of the template that were deployed."""
    every = project.body["Resources"].items()
    return [name for name, each in every if each.get("Type") in MACHINES and name in stage.stack.resources]


def play(
    stage: Stage,
    machine: str,
    sample: Sample,
    fault: Fault,
    answers: dict[str, Any],
    answering: set[str] | None = None,
    again: str = "",
) -> Played:
    """One execution in a world of its own.

    `answers` are for stand-ins and for what waits for somebody's answer, of the states `answering` or of all. With
    `again`, an execution of that name follows with the same input.
    """
    stage.fresh()
    calls = Calls(stage, answers)
    with Prompter(stage, machine, calls, fault) as prompter:
        states = stage.local.client("stepfunctions")
        for prompted in machines(stage.project, stage):
            changed = json.dumps(asking(deployed(stage, prompted), prompted, prompter.queue))
            states.update_state_machine(stateMachineArn=stage.stack.resources[prompted], definition=changed)
        empty = prompter.look()
        start = {"stateMachineArn": stage.stack.resources[machine], "input": json.dumps(sample.payload)}
        given = answers if answering is None else {name: answers[name] for name in answering & set(answers)}
        for name in [FIRST, *filter(None, [again])]:
            with suppress(states.exceptions.ExecutionAlreadyExists):
                begun = states.start_execution(name=name, **start)
                ending = ended(stage, prompter, begun["executionArn"], given)
        world = settled(stage, prompter)
        prompter.do_withheld()
        late = settled(stage, prompter) if prompter.withheld else None
    return Played(Play(fault, ending, tuple(prompter.attempts), empty, world, late), prompter)


def settled(stage: Stage, prompter: Prompter) -> World:
    stage.world()
    return prompter.look()


def ended(stage: Stage, prompter: Prompter, execution: str, answers: dict[str, Any]) -> Ending:
    """How an execution ends, or how it stands; an answer that it waits for is given if there is one in `answers`."""
    states = stage.local.client("stepfunctions")
    deadline = time.monotonic() + LONGEST
    while True:
        description = states.describe_execution(executionArn=execution)
        if description["status"] != "RUNNING":
            return Ending(
                description["status"],
                description.get("error", ""),
                description.get("cause", ""),
                description.get("output", ""),
            )
        quiet = time.monotonic() - prompter.last
        if prompter.open and not prompter.at_work and quiet > QUIET:
            token, state = next(iter(prompter.open.items()))
            del prompter.open[token]
            if state not in answers:
                states.stop_execution(executionArn=execution)
                return Ending("WAITING", waits_at=state)
            prompter.succeed(token, answers[state])
            prompter.last = time.monotonic()
        idle = not prompter.open and not prompter.at_work and quiet > LONGEST_WITHOUT_TASK
        if len(prompter.attempts) > MOST_ATTEMPTS or idle or time.monotonic() > deadline:
            states.stop_execution(executionArn=execution)
            return Ending("TRYING", waits_at=prompter.attempts[-1].state if prompter.attempts else "")
        time.sleep(TURN)
