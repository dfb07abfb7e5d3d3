"""Takes a job in a second, and tells how it stands."""

import json
import os
from typing import Annotated, Any
from uuid import UUID

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, ServiceError
from aws_lambda_powertools.event_handler.openapi.params import Header
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from jobs import KeyReused, aws, cancel, create, find, stalled
from pydantic import BaseModel, Field
from views import handle, shown

QUEUE = os.environ["TASKS_URL"]

logger = Logger()
sqs = boto3.client("sqs", config=aws)
app = APIGatewayHttpResolver(enable_validation=True)
handle(app)


class Report(BaseModel, extra="forbid"):
    month: str = Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")


def mine(job_id: UUID) -> dict[str, Any]:
    if job := find(app.current_event.request_context.authorizer.jwt_claim["sub"], str(job_id)):
        return job
    raise NotFoundError("no such job of yours")


@app.post("/jobs")
def submit(report: Report, idempotency_key: Annotated[str, Header(min_length=1, max_length=255)]) -> Response[dict]:
    """Record first, then queue: a crash between is mended by the caller's retry, and so is a worker's death."""
    if not isinstance(app.current_event.json_body, dict):  # of a list, the resolver takes the first and drops the rest
        raise ServiceError(422, "one report at a time")
    try:
        job = create(app.current_event.request_context.authorizer.jwt_claim["sub"], idempotency_key, report.month)
    except KeyReused:
        raise ServiceError(409, "this Idempotency-Key was used for another report") from None
    if job["state"] == "QUEUED" or stalled(job):
        logger.info("queueing", job_id=job["job_id"])
        sent: Any = {"correlation_id": {"DataType": "String", "StringValue": str(logger.get_correlation_id())}}
        task = json.dumps({"job_id": job["job_id"], "month": job["month"]})
        sqs.send_message(QueueUrl=QUEUE, MessageBody=task, MessageAttributes=sent)
    return Response(
        202, "application/json", shown(job), headers={"Location": f"/jobs/{job['job_id']}", "Retry-After": "5"}
    )


@app.get("/jobs/<job_id>")
def show(job_id: UUID) -> dict:
    return shown(mine(job_id))


@app.delete("/jobs/<job_id>")
def stop(job_id: UUID) -> dict:
    """Stops what has not ended; a running worker notices at its next step."""
    if not cancel(mine(job_id)["job_id"], "cancelled by its owner"):
        raise ServiceError(409, "the job has ended")
    return shown(mine(job_id))


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
def handler(event: dict, context: LambdaContext) -> dict:
    return app.resolve(event, context)
