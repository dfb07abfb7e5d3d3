"""Charges each payment at most once at a provider without idempotency keys; what nobody can know waits for a human."""

import os
import random
import time
from uuid import uuid4

import boto3
import ledger
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from provider import NotCharged, charge
from pydantic import BaseModel, ConfigDict, Field, ValidationError

PAYMENTS = os.environ["PAYMENTS_URL"]
MARGIN = 30  # seconds that the clocks of two hosts may differ
LATE = 8  # receives, after 4 to 8 minutes: somebody should know of the outage while it is being outlasted

logger, metrics = Logger(), Metrics(namespace="Shop")
sqs = boto3.client("sqs", config=ledger.aws)
worker = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


class Payment(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)  # errors are logged
    payment_id: str = Field(min_length=1, max_length=64)
    card: str = Field(min_length=1)  # the provider's token for it, not its number
    cents: int = Field(gt=0, le=100_000_000, strict=True)
    attempt: int = Field(default=1, ge=1, le=1000, strict=True)


class Held(Exception): ...


class OtherContent(Exception): ...


def pay(payment: Payment, seconds: float) -> None:
    """The claim stands before the call, for as long as this invocation can live."""
    holder = str(uuid4())
    wanted = payment.model_dump() | {"correlation_id": logger.get_correlation_id()}  # for a retry that a human sends
    record = ledger.claim(wanted, holder, int(time.time() + seconds) + MARGIN)
    if record["holder"] != holder:
        return come_second(payment, record)
    try:
        state, what = charge(payment.payment_id, payment.card, payment.cents)
    except NotCharged:
        ledger.release(payment.payment_id, holder, payment.attempt)
        raise
    ledger.note(payment.payment_id, holder, state, what)
    return report(payment, state)


def come_second(payment: Payment, record: dict) -> None:
    """Never calls: a live holder may be calling now, a dead one may have charged."""
    if (record["card"], record["cents"]) != (payment.card, payment.cents):
        raise OtherContent(payment.payment_id)
    if record["state"] != "CLAIMED":
        return report(payment, record["state"])
    if record["deadline"] >= time.time():
        raise Held(payment.payment_id)  # the message waits: if the holder dies, it is what finds that out
    ledger.note(payment.payment_id, record["holder"], "UNKNOWN", "its attempt ended without a word")
    return report(payment, "UNKNOWN")


def report(payment: Payment, state: str) -> None:
    if state == "UNKNOWN":
        logger.error("outcome unknown", payment_id=payment.payment_id)
        count("PaymentUnknown")


def count(name: str) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()


def settle(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Returns, and so deletes the message, once the ledger holds an outcome; what is no payment is in the DLQ soon."""
    sent = record.message_attributes["correlation_id"]  # None without one
    logger.set_correlation_id(sent.string_value if sent else record.message_id)
    receives = int(record.attributes.approximate_receive_count)
    logger.info("taken", message_id=record.message_id, receives=receives)
    try:
        pay(Payment.model_validate_json(record.body), lambda_context.get_remaining_time_in_millis() / 1000)
    except Exception as error:
        logger.warning("not settled", exc_info=True, message_id=record.message_id)
        hopeless = isinstance(error, (ValidationError, OtherContent))
        if receives >= LATE and not hopeless:
            count("PaymentDelayed")
        step = min(900, 2 * 2**receives)
        wait = 0 if hopeless else random.randint(step // 2, step)
        sqs.change_message_visibility(QueueUrl=PAYMENTS, ReceiptHandle=record.receipt_handle, VisibilityTimeout=wait)
        raise


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    return dict(process_partial_response(event=event, record_handler=settle, processor=worker, context=context))
