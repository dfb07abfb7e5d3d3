"""Jobs and the moves they may make; every move is conditional, so late and repeated workers change nothing."""

import os
import time
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import boto3
from botocore.config import Config

TABLE = os.environ["JOBS_TABLE"]
LEASE = 60  # seconds until a worker that shows no sign of life may be replaced

aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
dynamodb = boto3.resource("dynamodb", config=aws).meta.client
Missed = dynamodb.exceptions.ConditionalCheckFailedException


class KeyReused(Exception): ...


def create(customer: str, key: str, month: str) -> dict[str, Any]:
    """The id follows from customer and key, so the same request twice is one job."""
    job: dict[str, Any] = {
        "job_id": str(uuid5(NAMESPACE_URL, f"{len(customer)}:{customer}:{key}")),
        **{"customer": customer, "month": month, "state": "QUEUED", "created": int(time.time())},
        "expires": int(time.time()) + 7 * 86_400,
    }
    try:
        dynamodb.put_item(TableName=TABLE, Item=job, ConditionExpression="attribute_not_exists(job_id)")
    except Missed:
        job = find(customer, job["job_id"]) or job
        if job["month"] != month:
            raise KeyReused from None
    return job


def find(customer: str, job_id: str) -> dict[str, Any] | None:
    job: Any = dynamodb.get_item(TableName=TABLE, Key={"job_id": job_id}, ConsistentRead=True).get("Item")
    return job if job and job["customer"] == customer else None


def holder(job_id: str) -> Any:
    """The message whose delivery runs the job; None when it has not begun, or has ended."""
    job: Any = dynamodb.get_item(TableName=TABLE, Key={"job_id": job_id}, ConsistentRead=True).get("Item", {})
    return job["message"] if job.get("state") == "RUNNING" else None


def stalled(job: dict[str, Any]) -> bool:
    return job["state"] == "RUNNING" and int(job["lease"]) < time.time()


def move(job_id: str, to: str, only_if: str, given: dict[str, Any], **values: Any) -> bool:
    """Set the state and some values, if the condition holds; tell whether it did."""
    fields = {"state": to, **values}
    request: dict[str, Any] = {
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in fields),
        "ExpressionAttributeNames": {"#state": "state", **{f"#{name}": name for name in fields}},
        "ExpressionAttributeValues": {f":{name}": value for name, value in {**fields, **given}.items()},
    }
    try:
        dynamodb.update_item(TableName=TABLE, Key={"job_id": job_id}, ConditionExpression=only_if, **request)
    except Missed:
        return False
    return True


def free() -> tuple[str, dict[str, Any]]:
    """The condition that no live worker has the job."""
    given = {"queued": "QUEUED", "running": "RUNNING", "now": int(time.time())}
    return "#state = :queued OR (#state = :running AND lease < :now)", given


def claim(job_id: str, worker: str, message: str) -> bool:
    condition, given = free()
    condition += " OR (#state = :running AND worker = :worker)"  # this worker's own claim, which the SDK may repeat
    return move(job_id, "RUNNING", condition, given, worker=worker, message=message, lease=int(time.time()) + LEASE)


def advance(job_id: str, worker: str, to: str = "RUNNING", lease: int = LEASE, **values: Any) -> bool:
    """Show life, or end the job; False when it was cancelled or another worker has it."""
    given = {"running": "RUNNING", "mine": worker}
    mine = "#state = :running AND worker = :mine"
    return move(job_id, to, mine, given, lease=int(time.time()) + lease, **values)


def cancel(job_id: str, reason: str) -> bool:
    """End a job that has not ended, a running one too: its owner decides."""
    given = {"queued": "QUEUED", "running": "RUNNING"}
    return move(job_id, "CANCELLED", "#state IN (:queued, :running)", given, reason=reason)


def fail(job_id: str, reason: str) -> bool:
    """End a job that nobody works on."""
    return move(job_id, "FAILED", *free(), reason=reason)
