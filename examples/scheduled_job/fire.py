"""Does each due job once, however often Scheduler delivers it, and leaves out what comes too late."""

import os
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import urllib3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

CARRIER = os.environ["CARRIER_URL"]
LIMITS = {"pickups": timedelta(hours=6), "notices": timedelta(hours=1)}  # later, the van has left

logger, metrics = Logger(), Metrics(namespace="Shop")
carrier = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=3), retries=False)
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
store = DynamoDBPersistenceLayer(table_name=os.environ["DONE_TABLE"], boto_config=aws)
once = IdempotencyConfig(expires_after_seconds=2592000)


@idempotent_function(data_keyword_argument="key", persistence_store=store, config=once, key_prefix="job")
def order(key: str, job: dict) -> dict:
    """A death after this call repeats it; the carrier dedupes by our key."""
    reply = carrier.request("POST", f"{CARRIER}/{job['job']}", json=job, headers={"Idempotency-Key": key})
    if reply.status >= 300:
        raise ConnectionError(f"carrier said {reply.status}")
    return reply.json()


@logger.inject_lambda_context(correlation_id_path="id")
def handler(event: dict, context: LambdaContext) -> None:
    """The scheduled time makes the key, not the clock: a retry after midnight is still last night's run."""
    once.register_lambda_context(context)
    logger.info("taken", due=event["at"])
    at = datetime.fromisoformat(event["at"])
    due = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(event["zone"]))
    in_time = datetime.now(UTC) - due <= LIMITS[event["job"]]
    if in_time:
        order(key=f"{event['id']}/{due.isoformat()}", job=event)
    else:
        logger.warning("left out, too late", due=event["at"])
    metrics.add_metric(name=event["job"], unit=MetricUnit.Count, value=int(in_time))
    metrics.flush_metrics()
