"""Logs and measures each message under the id that its request had at the API, whatever carried it here."""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="shipping")
metrics = Metrics(namespace="Shop", service="shipping")
worker = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def correlation_id(record: SQSRecord) -> str:
    """An attribute by way of SNS (raw delivery) or SQS; a field of the event by way of EventBridge, which has none."""
    sent = record.message_attributes["correlation_id"]  # None without; `.get` would return a plain dict
    return str(sent.string_value if sent else record.json_body["detail"]["metadata"]["correlation_id"])


def take(record: SQSRecord) -> None:
    received = record.attributes.approximate_receive_count
    with logger.append_context_keys(correlation_id=correlation_id(record), message_id=record.message_id):
        logger.info("taken", receives=int(received))
        metrics.add_metric(name="Shipped", unit=MetricUnit.Count, value=1)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    return dict(process_partial_response(event=event, record_handler=take, processor=worker, context=context))
