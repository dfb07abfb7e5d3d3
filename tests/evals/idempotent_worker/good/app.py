"""Charges each order once, however often the queue delivers it."""

import os

import urllib3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.typing import LambdaContext

PAYMENTS = os.environ["PAYMENTS_URL"]

http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=3), retries=False)
worker = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
store = DynamoDBPersistenceLayer(table_name=os.environ["CHARGES_TABLE"])
once = IdempotencyConfig(event_key_jmespath="order_id", raise_on_no_idempotency_key=True, expires_after_seconds=2592000)


@idempotent_function(data_keyword_argument="order", persistence_store=store, config=once, key_prefix="charge")
def charge(order: dict) -> dict:
    reply = http.request("POST", PAYMENTS, json=order, headers={"Idempotency-Key": order["order_id"]})
    if reply.status >= 300:
        raise ConnectionError(f"the provider said {reply.status}")
    return reply.json()


def take(record: SQSRecord) -> dict:
    return charge(order=record.json_body)


def handler(event: dict, context: LambdaContext) -> dict:
    once.register_lambda_context(context)
    return dict(process_partial_response(event=event, record_handler=take, processor=worker, context=context))
