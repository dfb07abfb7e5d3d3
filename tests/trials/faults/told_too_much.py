"""A refusal of AWS's that names account, role and resource: what of it the caller of an API gets to read."""

import re
from collections.abc import Iterator

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.local_aws import ACCOUNT, REGION
from trials.project.effects import modules, script_text
from trials.project.sources import Kind, Source
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.told_too_much import Told, inside_view

MOST_CALLS = 5  # kinds of calls that are refused, each by itself
OF_A_STAGE = re.compile(
    r"(environ(\.get)?[\[(]|getenv\(|process\.env[.\[])['\"]?(\w+_)?(STAGE|ENV|ENVIRONMENT|DEBUG|IS_LOCAL)\b"
)
ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/trial-role/trial"


def told_too_much(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """As AWS writes it where a statement of the role is missing."""
    if source.kind is not Kind.HTTP or not reference.calls or (source.route and source.route.websocket):
        return  # what a WebSocket's function returns, no client reads unless a route response says so
    answers = []
    for service, operation in reference.calls[:MOST_CALLS]:
        stage.fresh()
        resource = f"arn:aws:{service}:{REGION}:{ACCOUNT}:trial-resource"
        message = f"User: {ROLE} is not authorized to perform: {service}:{operation} on resource: {resource}"
        error = {"code": "AccessDeniedException", "status": 400, "message": message}
        stage.local.fault(service=service, operation=operation, error=error)
        result = deliver(stage, source, [reference.sample])
        stage.local.clear_faults()
        answers += [Told(f"{service} {operation}", answer.text) for answer in result.answers]
    insiders = "IAM admits its callers" if source.route and source.route.authorizer == "iam" else ""
    if asks_for_its_stage(stage, source.function):
        insiders = "its code asks in which stage it runs, and may tell so much in none but this"
    yield inside_view(answers, [ROLE, "assumed-role/trial-role", "trial-resource"], insiders)


def asks_for_its_stage(stage: Stage, function: str) -> bool:
    """Whether a function's own code reads a variable that may tell a test from production."""
    folder, handler, runtime = stage.project.code(function)
    start = folder / f"{handler.rsplit('.', 1)[0]}.py"
    texts = [path.read_text() for path, _ in modules(start, folder)] if start.is_file() else []
    return any(OF_A_STAGE.search(text) for text in [*texts, script_text(folder, handler, runtime)])
