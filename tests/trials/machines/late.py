"""Steps that are still at work, or begin, when their machine has given them up."""

from collections.abc import Container, Iterator

from trials.machines.definition import State, Task, tasks
from trials.machines.history import Fault, Play, Way
from trials.stage import Stage

INIT = 10  # seconds that an environment may take to start before the function's own time begins


def late_steps(plays: list[Play], outliving: Container[str]) -> Iterator[tuple[Fault, Play]]:
    """Of each task that may outlive its own clock: the fault, and the play in which it was done without an answer."""
    for done in plays:
        if done.fault.way is Way.UNKNOWN and done.fault.state in outliving:
            yield Fault(Way.LATE, done.fault.state, done.fault.error, done.fault.named), done


def outliving(stage: Stage, definition: State) -> dict[str, str]:
    """The tasks of a deployed definition whose function may be at work when the task's clock has run out, with why."""
    told = {task.name: outlives(stage, task) for task in tasks(definition)}
    return {name: why for name, why in told.items() if why}


def outlives(stage: Stage, task: Task) -> str:
    """Why; empty if not. The task's clock begins with the call, the function's when its environment has started."""
    passed = task.body.get("Arguments") or task.body.get("Parameters")
    named = str(passed.get("FunctionName", "")) if isinstance(passed, dict) else ""
    called = (named or task.resource).split(":function:")[-1].split(":")[0]
    clock, here = task.body.get("TimeoutSeconds"), called in stage.stack.resources.values()
    if task.service != "lambda" or task.is_callback or type(clock) is not int or not here:
        return ""
    timeout = int(stage.local.client("lambda").get_function_configuration(FunctionName=called).get("Timeout", 3))
    if clock >= timeout + INIT:
        return ""
    return f"the task waits {clock} s, and its function may take {INIT} s to start and then {timeout} s"
