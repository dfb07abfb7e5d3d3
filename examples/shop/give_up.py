"""Gives up orders that could not be shipped, unless their parcel is booked after all; the refund follows from that."""

import os

import urllib3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from pydantic import BaseModel, Field

CARRIER = os.environ["CARRIER_URL"]

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
carrier = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=3), retries=False)
worker = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
store = DynamoDBPersistenceLayer(table_name=os.environ["SHIPMENTS_TABLE"], boto_config=aws)
once = IdempotencyConfig(event_key_jmespath="order_id", raise_on_no_idempotency_key=True, expires_after_seconds=2592000)


class Order(BaseModel):  # nothing else of it, so that one whose address is no good is given up too
    order_id: str = Field(min_length=1, max_length=64)


@idempotent_function(data_keyword_argument="order", persistence_store=store, config=once, key_prefix="shipment")
def give_up(order: Order) -> dict:
    """Shares the idempotency key of `queue_worker`'s booking: the first of the two is kept, the other returns it."""
    logger.error("given up", order_id=order.order_id)
    return {"order_id": order.order_id, "given_up": True}


def cancel(order_id: str) -> None:
    """An attempt may have booked and lost the answer. The carrier refuses a booking that comes after this."""
    reply = carrier.request("DELETE", f"{CARRIER}/{order_id}", headers={"Idempotency-Key": order_id})
    if reply.status >= 300 and reply.status != 404:
        raise ConnectionError(f"carrier said {reply.status}")


def settle(record: SQSRecord) -> None:
    """The refund does not wait for the carrier: until that is back, the message stays and this is called again."""
    sent = record.message_attributes["correlation_id"]  # None without one
    logger.set_correlation_id(sent.string_value if sent else record.message_id)
    logger.info("taken", message_id=record.message_id)
    order = Order.model_validate_json(record.body)
    if "given_up" in give_up(order=order):
        cancel(order.order_id)


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    once.register_lambda_context(context)
    return dict(process_partial_response(event=event, record_handler=settle, processor=worker, context=context))
