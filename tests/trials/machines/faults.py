"""Which faults an execution is put through: each task that a plain one reaches fails in each way that can differ."""

from collections.abc import Iterator

from trials.machines.definition import Task
from trials.machines.history import Fault, Play, Way

UNMENTIONED = "TrialError"  # as a function raises it: the class of the exception
PREFIXES = {  # of errors, by the service in the ARN of an integration
    "lambda": "Lambda",
    "sqs": "SQS",
    "sns": "SNS",
    "dynamodb": "DynamoDB",
    "events": "EventBridge",
    "states": "StepFunctions",
    "http": "States.Http",
}


def prefix(task: Task) -> str:
    name = task.service
    return PREFIXES.get(name, name[:1].upper() + name[1:] or "States")


def passing(task: Task) -> str:
    """The error of a service that has too much to do."""
    if task.service == "lambda":
        return "Lambda.TooManyRequestsException"
    return "States.Http.StatusCode.503" if task.service == "http" else f"{prefix(task)}.ThrottlingException"


def answerless(task: Task) -> str:
    """The error of a task that may have been done: its own clock ran out, the function's did, or the line broke."""
    if task.has_clock or task.is_callback:
        return "States.Timeout"
    return "Sandbox.Timedout" if task.service == "lambda" else f"{prefix(task)}.SdkClientException"


def rank(fault: Fault) -> int:
    """What comes first where not all can be played: of every task what tells most, names last."""
    if fault.way is Way.FOR_GOOD:
        return 0 if fault.error == UNMENTIONED else 2
    return 0 if fault.way is Way.ONCE else 1


def faults(reference: Play, known: dict[str, Task]) -> list[Fault]:
    """All that can differ, what tells most first; `known` are the tasks of the definition, by name."""
    return sorted(of_tasks(reference, known), key=rank)


def of_tasks(reference: Play, known: dict[str, Task]) -> Iterator[Fault]:
    """The faults of each task, in the order in which the tasks ran."""
    order = list(dict.fromkeys(each.state for each in reference.attempts))
    touched = {each.state for each in reference.attempts if each.effects or each.stood_in}
    for state in order:
        task = known[state]

        def fault(way: Way, error: str, task: Task = task) -> Fault:
            return Fault(way, task.name, error, task.mentions(error))

        if not task.is_activity:  # its workers ask for it, and no service that has too much to do is called
            yield fault(Way.ONCE, passing(task))
        yield fault(Way.FOR_GOOD, UNMENTIONED)
        yield from (fault(Way.FOR_GOOD, error) for error in task.errors if error != "States.Timeout")
        if state in touched and (task.has_clock or not task.is_activity):
            yield fault(Way.UNKNOWN_ONCE, answerless(task))
            yield fault(Way.UNKNOWN, answerless(task))
