"""What the owner of a job gets to see, and what is wrong with a request."""

import json
import os
from http import HTTPStatus
from typing import Any

import boto3
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import ServiceError
from botocore.config import Config
from jobs import aws, stalled

RESULTS = os.environ["RESULTS_BUCKET"]

s3 = boto3.client("s3", config=aws.merge(Config(signature_version="s3v4")))


def shown(job: dict[str, Any]) -> dict[str, Any]:
    view: dict[str, Any] = {name: job[name] for name in ("job_id", "state", "month", "reason") if name in job}
    view |= {name: int(job[name]) for name in ("created", "expires")}
    if job["state"] == "SUCCEEDED":  # the link also ends with this function's session, whatever it says
        target = {"Bucket": RESULTS, "Key": job["result"]}
        view["result"] = s3.generate_presigned_url("get_object", Params=target, ExpiresIn=300)
    if job["state"] == "RUNNING":
        view["stalled"] = stalled(job)
    return view


def problem(status: int, detail: str) -> Response:
    members = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(status, "application/problem+json", json.dumps(members))


def unreadable(error: ValueError) -> Response:
    """Python reads no integer of thousands of digits; any other of its kind is a fault of ours."""
    if "integer string conversion" in str(error):
        return problem(422, "a number is too long")
    raise error


def handle(app: APIGatewayHttpResolver) -> None:
    app.exception_handler(ServiceError)(lambda error: problem(error.status_code, error.msg))
    app.exception_handler(UnicodeDecodeError)(lambda _: problem(422, "no UTF-8"))
    app.exception_handler(RecursionError)(lambda _: problem(422, "nested too deeply"))
    app.exception_handler(ValueError)(unreadable)
