"""A deployed definition, and what the trials make of it: each task asks them, and nothing waits."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from trials.template import as_dict, listed

INVOKED = "states:::lambda:invoke"
CALLBACK = ".waitForTaskToken"
ACTIVITY = ":activity:"  # in the ARN of what workers of the project's own ask for tasks
ASK = f"arn:aws:states:::sqs:sendMessage{CALLBACK}"
MOST_RETRIES = 6  # of one retrier; one that has more shows what it does by then
WILDCARDS = ("States.ALL", "States.TaskFailed")
TIMEOUTS = ("TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath")
CLOCKS = ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")
State = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A task state; `around` are the Map and Parallel states that it stands in, the nearest first."""

    name: str
    resource: str
    body: State = field(default_factory=dict)
    around: tuple[State, ...] = ()

    @property
    def errors(self) -> list[str]:
        """The errors that its Retry and Catch, or those around it, mention: one of those that are handled alike."""
        handled: dict[tuple[int, ...], str] = {}
        for error in dict.fromkeys(each for state in (self.body, *self.around) for each in names(state)):
            handled.setdefault(tuple(handlers(error, (self.body, *self.around))), error)
        return list(handled.values())

    def mentions(self, error: str) -> bool:
        return any(error in names(state) for state in (self.body, *self.around))

    @property
    def has_clock(self) -> bool:
        return any(clock in self.body for clock in TIMEOUTS)

    @property
    def is_callback(self) -> bool:
        return self.resource.endswith(CALLBACK)

    @property
    def is_activity(self) -> bool:
        return ACTIVITY in self.resource

    @property
    def service(self) -> str:
        """The service that it calls, as in the ARN of an integration; `lambda` for a function's own ARN."""
        parts = self.resource.removesuffix(CALLBACK).split(":")
        if ":function:" in self.resource:
            return "lambda"
        if len(parts) > 6 and parts[5] == "aws-sdk":
            return parts[6].lower()
        return parts[5].lower() if len(parts) > 5 else ""


def states(machine: State) -> dict[str, State]:
    """The states of a machine by name."""
    return {str(name): each for name, each in as_dict(machine.get("States")).items() if isinstance(each, dict)}


def scopes(state: State) -> Iterator[State]:
    """The machines within a Map or Parallel state."""
    for key in ("ItemProcessor", "Iterator"):
        if isinstance(state.get(key), dict):
            yield state[key]
    yield from (branch for branch in listed(state.get("Branches")) if isinstance(branch, dict))


def tasks(machine: State, around: tuple[State, ...] = ()) -> Iterator[Task]:
    """All tasks of a definition, those within Map and Parallel states too."""
    for name, state in states(machine).items():
        if state.get("Type") == "Task":
            yield Task(name, str(state.get("Resource")), state, around)
        for inner in scopes(state):
            yield from tasks(inner, (state, *around))


def forward(machine: State) -> set[str]:
    """The states that can be reached without a failure."""
    todo, seen = [machine.get("StartAt")], set[str]()
    while todo:
        name = str(todo.pop())
        state = states(machine).get(name)
        if name in seen or state is None:
            continue
        seen.add(name)
        choices = [as_dict(each).get("Next") for each in listed(state.get("Choices"))]
        todo += [state.get("Next"), state.get("Default"), *choices]
        for inner in scopes(state):
            seen |= forward(inner)
    return seen


def handlers(error: str, around: tuple[State, ...]) -> Iterator[int]:
    """The number of the first retrier, and of the first catcher, that takes an error in each state; -1 for none."""
    for state in around:
        for key in ("Retry", "Catch"):
            taken = [takes(as_dict(each), error) for each in listed(state.get(key))]
            yield taken.index(True) if True in taken else -1


def takes(handler: dict[str, Any], error: str) -> bool:
    listed_errors = listed(handler.get("ErrorEquals"))
    failed = "States.TaskFailed" in listed_errors and error != "States.Timeout"
    return "States.ALL" in listed_errors or error in listed_errors or failed


def names(state: State) -> Iterator[str]:
    """The errors that a state's Retry and Catch mention, wildcards apart."""
    for handler in (*listed(state.get("Retry")), *listed(state.get("Catch"))):
        yield from (str(each) for each in listed(as_dict(handler).get("ErrorEquals")) if each not in WILDCARDS)


def asking(machine: State, name: str, queue: str, language: str = "") -> State:
    """The definition of the machine `name` with every task turned into a question in a queue, and no clock left."""
    changed = deepcopy(machine)
    spoken = str(machine.get("QueryLanguage") or language or "JSONPath")
    changed.pop("TimeoutSeconds", None)
    for own, state in states(changed).items():
        for retrier in listed(state.get("Retry")):
            retrier["MaxAttempts"] = min(int(retrier.get("MaxAttempts", 3)), MOST_RETRIES)
            retrier["IntervalSeconds"] = 0
        if state.get("Type") == "Wait":
            for clock in CLOCKS:
                state.pop(clock, None)
            state["Seconds"] = 0
        if state.get("Type") == "Task":
            ask(state, name, own, queue, str(state.get("QueryLanguage") or spoken) == "JSONata")
        for key in ("ItemProcessor", "Iterator"):
            if isinstance(state.get(key), dict):
                state[key] = asking(state[key], name, queue, str(state.get("QueryLanguage") or spoken))
        if isinstance(state.get("Branches"), list):
            inner = str(state.get("QueryLanguage") or spoken)
            state["Branches"] = [asking(branch, name, queue, inner) for branch in state["Branches"]]
    return changed


def ask(state: State, machine: str, name: str, queue: str, jsonata: bool) -> None:
    """Let a task send what it would call with, and the token under which it waits for the answer."""
    question: dict[str, Any] = {"machine": machine, "state": name, "resource": state["Resource"]}
    if jsonata:
        passed = state.get("Arguments", "{% $states.input %}")
        question |= {"arguments": passed, "token": "{% $states.context.Task.Token %}"}
        question["input"] = "{% $states.context.Execution.Input %}"
        state["Arguments"] = {"QueueUrl": queue, "MessageBody": question}
    else:
        given = state.get("Parameters")
        question |= {"arguments": given} if given is not None else {"arguments.$": "$"}
        question |= {"token.$": "$$.Task.Token", "input.$": "$$.Execution.Input"}
        state["Parameters"] = {"QueueUrl": queue, "MessageBody": question}
    state["Resource"] = ASK
    for clock in TIMEOUTS:
        state.pop(clock, None)


def beyond(machine: State, language: str = "") -> Iterator[str]:
    """What a definition asks for that the local AWS passes over, so that its executions would tell something else."""
    spoken = str(machine.get("QueryLanguage") or language or "JSONPath")
    for name, state in states(machine).items():
        own = str(state.get("QueryLanguage") or spoken)
        kind = state.get("Type")
        lost = [key for key in ("Arguments", "Assign", "Output") if kind == "Parallel" and key in state]
        if lost and own == "JSONata":
            yield f"{lost[0]} of the Parallel state {name} in JSONata"
        if own != "JSONata" and "Assign" in state:
            yield f"Assign of the state {name} in JSONPath"
        for inner in scopes(state):
            yield from beyond(inner, own)
