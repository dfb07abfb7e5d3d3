"""A refusal of AWS's that names account, role and resource: what of it the caller of an API gets to read."""

from collections.abc import Iterator

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.local_aws import ACCOUNT, REGION
from trials.project.sources import Kind, Source
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.told_too_much import Told, inside_view

MOST_CALLS = 5  # kinds of calls that are refused, each by itself
ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/trial-role/trial"


def told_too_much(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """As AWS writes it where a statement of the role is missing."""
    if source.kind is not Kind.HTTP or not reference.calls:
        return
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
    yield inside_view(answers, [ROLE, "assumed-role/trial-role", "trial-resource"])
