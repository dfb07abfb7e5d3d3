"""How functions are invoked, those whose executions outlast it too, and what their callers wait for."""

from typing import TYPE_CHECKING, Any

from trials.project.sources import Kind
from trials.project.tenancy import isolated
from trials.project.tenancy import tenant as named

if TYPE_CHECKING:
    from trials.stage import Stage

WAIT_FOR_IT = (Kind.HTTP, Kind.QUEUE, Kind.STREAM, Kind.TABLE, Kind.TASK)  # for what a function answers
GOES_ON = "its execution waits for somebody else, longer than whoever invoked it waits for an answer"


def asked(stage: "Stage", function: str, event: Any) -> dict[str, Any]:
    """What an invocation names: a durable function is not invoked without a version."""
    version = {"Qualifier": "$LATEST"} if function in stage.project.model.durable else {}
    tenant = (
        {"TenantId": named(stage.project.model, function, event)} if isolated(stage.project.model, function) else {}
    )
    name = stage.stack.resources[function]
    return {"FunctionName": name, **version, **tenant, "Payload": stage.payload(function, event)}


def refused(stage: "Stage", function: str, event: Any) -> str:
    """Why Lambda itself does not invoke a function; empty if it does."""
    model = stage.project.model
    nobody = isolated(model, function) and not named(model, function, event)
    return "Lambda invokes it for a tenant only, and the request names none" if nobody else ""


def goes_on(stage: "Stage", function: str, answer: dict[str, Any]) -> bool:
    """Whether somebody waits for an execution that waits for somebody else."""
    waited_for = any(each.function == function and each.kind in WAIT_FOR_IT for each in stage.project.sources)
    if not waited_for or "DurableExecutionArn" not in answer:
        return False
    execution = stage.local.client("lambda").get_durable_execution(DurableExecutionArn=answer["DurableExecutionArn"])
    return bool(execution["Status"] == "RUNNING")
