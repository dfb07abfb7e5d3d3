"""Applies the changes of each SKU's stock once and in order; a SKU whose next change cannot be applied is parked."""

import os
from typing import Any

import boto3
import stock
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

DLQ = os.environ["CHANGES_DLQ_URL"]
LATE = 5  # receives, after 8 minutes: somebody should know of the outage while it is being outlasted

logger, metrics = Logger(), Metrics(namespace="Shop")
sqs = boto3.client("sqs", config=stock.aws)
worker = SqsFifoPartialProcessor(skip_group_on_error=True)  # a failure holds back its own group, and no other
worker.raise_on_entire_batch_failure = False  # no argument of this class


def count(name: str) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()


def apply(sku: str, change: stock.Change) -> None:
    """Once, however late it is repeated, and only if every change before it was applied; else it waits its turn."""
    before = stock.read(sku)
    if change.number <= before.applied:
        return
    try:
        if before.parked:
            raise stock.CannotBe(f"{sku} is parked")
        stock.save(before.after(change))
    except stock.CannotBe as why:
        stock.park(before, change, why=str(why), correlation_id=logger.get_correlation_id())
        logger.error("parked", sku=sku, number=change.number, why=str(why))
        count("ChangeParked")


def set_aside(sku: str, record: SQSRecord) -> None:
    """What has no number has no place to wait in. Retries would carry those behind it along into the DLQ."""
    sent = record.message_attributes["correlation_id"]
    own: Any = {"correlation_id": {"DataType": "String", "StringValue": sent.string_value}} if sent else {}
    sqs.send_message(
        QueueUrl=DLQ,
        MessageBody=record.body,
        MessageAttributes=own,
        MessageGroupId=sku,
        MessageDeduplicationId=record.message_id,
    )


def take(record: SQSRecord) -> None:
    """Returns, and so deletes the message, once it is applied, parked or set aside; anything else holds its group."""
    sku, sent = record["attributes"]["MessageGroupId"], record.message_attributes["correlation_id"]
    logger.set_correlation_id(sent.string_value if sent else record.message_id)
    receives = int(record.attributes.approximate_receive_count)
    logger.info("taken", message_id=record.message_id, sku=sku, receives=receives)
    if receives >= LATE:
        count("ChangeDelayed")
    try:
        change = stock.Change.model_validate_json(record.body)
    except ValidationError:
        logger.warning("set aside", exc_info=True, message_id=record.message_id)
        return set_aside(sku, record)
    return apply(sku, change)


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    return dict(process_partial_response(event=event, record_handler=take, processor=worker, context=context))
