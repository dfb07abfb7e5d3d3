"""Books one shipment for each order at a carrier that dedupes by our key; `payment_worker` is for one that does not."""

import os
import random

import boto3
import urllib3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from pydantic import BaseModel, Field, ValidationError

CARRIER, ORDERS = os.environ["CARRIER_URL"], os.environ["ORDERS_URL"]
LATE = 8  # receives, after 4 to 8 minutes: somebody should know of the outage while it is being outlasted

logger, metrics = Logger(), Metrics(namespace="Shop")
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
sqs = boto3.client("sqs", config=aws)
carrier = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=3), retries=False)
worker = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
store = DynamoDBPersistenceLayer(table_name=os.environ["SHIPMENTS_TABLE"], boto_config=aws)
once = IdempotencyConfig(event_key_jmespath="order_id", raise_on_no_idempotency_key=True, expires_after_seconds=2592000)


def count(name: str) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()


class Order(BaseModel):
    order_id: str = Field(min_length=1, max_length=64)
    address: str = Field(min_length=1)


@idempotent_function(data_keyword_argument="order", persistence_store=store, config=once, key_prefix="shipment")
def book(order: Order) -> dict:
    """A death after this call repeats it; the carrier dedupes by our key."""
    reply = carrier.request("POST", CARRIER, json=order.model_dump(), headers={"Idempotency-Key": order.order_id})
    if reply.status == 422:  # the carrier's last word on this order: recorded, so that no delivery asks again
        logger.warning("refused", order_id=order.order_id)
        count("OrderRefused")
        return {"order_id": order.order_id, "refused": reply.data.decode(errors="replace")}
    if reply.status >= 300:  # passes: an outage by itself, our own mistake (400, 401, 404) once it is mended
        raise ConnectionError(f"carrier said {reply.status}")
    return {"order_id": order.order_id, "booked": reply.json()}


def pause(receives: int) -> int:
    """Seconds until the next try; half of the step is certain, and template.yaml adds these halves up."""
    step = min(900, 2 * 2**receives)
    return random.randint(step // 2, step)


def ship(record: SQSRecord) -> dict:
    """Retry ever later; what is no order spends its receives at once and lands in the DLQ, body unchanged."""
    sent = record.message_attributes["correlation_id"]  # None without one
    logger.set_correlation_id(sent.string_value if sent else record.message_id)
    receives = int(record.attributes.approximate_receive_count)
    logger.info("taken", message_id=record.message_id, receives=receives)
    try:
        return book(order=Order.model_validate_json(record.body))
    except Exception as error:
        logger.warning("not shipped", exc_info=True, message_id=record.message_id)
        hopeless = isinstance(error, ValidationError)
        if receives >= LATE and not hopeless:
            count("OrderDelayed")
        wait = 0 if hopeless else pause(receives)
        sqs.change_message_visibility(QueueUrl=ORDERS, ReceiptHandle=record.receipt_handle, VisibilityTimeout=wait)
        raise


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    logger.append_keys(function_version=context.function_version)  # tells a release which version failed
    once.register_lambda_context(context)  # an attempt that times out then expires, and does not block its retries
    return dict(process_partial_response(event=event, record_handler=ship, processor=worker, context=context))
