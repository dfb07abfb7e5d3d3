"""What the owner of a job gets to see."""

import json
import os
from http import HTTPStatus
from typing import Any

import boto3
from aws_lambda_powertools.event_handler import Response
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


def problem(error: ServiceError) -> Response:
    members = {"title": HTTPStatus(error.status_code).phrase, "status": error.status_code, "detail": error.msg}
    return Response(error.status_code, "application/problem+json", json.dumps({"type": "about:blank", **members}))
