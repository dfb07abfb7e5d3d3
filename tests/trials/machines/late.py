"""Steps that are still at work, or begin, when their machine has given them up."""

from collections.abc import Iterator

from trials.machines.definition import State, Task, tasks
from trials.machines.history import Fault, Play, Way
from trials.stage import Stage

INIT = 10  # seconds that an environment may take to start before the function's own time begins


def late_steps(plays: list[Play], outliving: frozenset[str]) -> Iterator[tuple[Fault, Play]]:
    """Of each task that may outlive its own clock: the fault, and the play in which it was done without an answer."""
    for done in plays:
        if done.fault.way is Way.UNKNOWN and done.fault.state in outliving:
            yield Fault(Way.LATE, done.fault.state, done.fault.error, done.fault.named), done


def outliving(stage: Stage, definition: State) -> frozenset[str]:
    """The tasks of a deployed definition whose function may be at work when the task's clock has run out."""
    return frozenset(task.name for task in tasks(definition) if outlives(stage, task))


def outlives(stage: Stage, task: Task) -> bool:
    """The task's clock begins with the call, the function's only when its environment has started."""
    passed = task.body.get("Arguments") or task.body.get("Parameters")
    named = str(passed.get("FunctionName", "")) if isinstance(passed, dict) else ""
    called = (named or task.resource).split(":function:")[-1].split(":")[0]
    clock, here = task.body.get("TimeoutSeconds"), called in stage.stack.resources.values()
    if task.service != "lambda" or task.is_callback or type(clock) is not int or not here:
        return False
    timeout = stage.local.client("lambda").get_function_configuration(FunctionName=called).get("Timeout", 3)
    return clock < int(timeout) + INIT
