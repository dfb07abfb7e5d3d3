"""Mails the customer once about each end of an order; of a mail that nobody knows the outcome of, somebody is told."""

import os
import time
from uuid import uuid4

import boto3
import mails
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import AliasPath, BaseModel, ConfigDict, Field, ValidationError
from sender import SUBJECTS, send

MAILS = os.environ["MAILS_URL"]
MARGIN = 30  # seconds that the clocks of two hosts may differ
IN_DETAIL = ("detail", "metadata")

logger, metrics = Logger(), Metrics(namespace="Shop")
sqs = boto3.client("sqs", config=mails.aws)
worker = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


class Ended(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)  # errors are logged
    kind: str = Field(pattern=f"^({'|'.join(SUBJECTS)})$", validation_alias="detail-type")
    event_id: str = Field(pattern=r"^[\w-]{1,128}$", validation_alias=AliasPath(*IN_DETAIL, "event_id"))
    version: int = Field(ge=1, le=1, validation_alias=AliasPath(*IN_DETAIL, "version"))
    correlation_id: str = Field(min_length=1, validation_alias=AliasPath(*IN_DETAIL, "correlation_id"))
    order_id: str = Field(min_length=1, max_length=64, validation_alias=AliasPath("detail", "data", "order_id"))
    email: str = Field(min_length=3, validation_alias=AliasPath("detail", "data", "email"))


class Held(Exception): ...


def tell(ended: Ended, seconds: float) -> None:
    """The claim stands before the call, for as long as this invocation can live; who comes second never sends."""
    holder, mail_id = str(uuid4()), ended.event_id
    record = mails.claim(mail_id, holder, int(time.time() + seconds) + MARGIN)
    if record["holder"] == holder:
        try:
            state, what = send(ended.kind, mail_id, ended.order_id, ended.email)
        except (ClientError, BotoCoreError):
            mails.release(mail_id, holder)
            raise
    elif record["state"] != "CLAIMED":
        return count(record["state"])
    elif record["deadline"] >= time.time():
        raise Held(mail_id)  # if the holder dies, this message is what finds that out
    else:
        holder, state, what = record["holder"], "UNKNOWN", "its attempt ended without a word"
    mails.note(mail_id, holder, state, what)
    return count(state)


def count(state: str) -> None:
    if state in ("UNKNOWN", "REFUSED"):
        logger.error("not mailed", state=state)
        metrics.add_metric(name="MailInDoubt", unit=MetricUnit.Count, value=1)
        metrics.flush_metrics()


def settle(record: SQSRecord, lambda_context: LambdaContext) -> None:
    logger.set_correlation_id(record.message_id)
    try:
        ended = Ended.model_validate_json(record.body)
        logger.set_correlation_id(ended.correlation_id)
        logger.info("taken", message_id=record.message_id, event_id=ended.event_id)
        tell(ended, lambda_context.get_remaining_time_in_millis() / 1000)
    except Exception as error:
        logger.warning("not mailed", exc_info=True, message_id=record.message_id)
        receives = int(record.attributes.approximate_receive_count)
        wait = 0 if isinstance(error, ValidationError) else min(900, 2 * 2**receives)
        sqs.change_message_visibility(QueueUrl=MAILS, ReceiptHandle=record.receipt_handle, VisibilityTimeout=wait)
        raise


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> dict:
    return dict(process_partial_response(event=event, record_handler=settle, processor=worker, context=context))
