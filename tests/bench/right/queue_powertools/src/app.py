import json
import os

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function

processor = BatchProcessor(EventType.SQS)
store = DynamoDBPersistenceLayer(table_name=os.environ["DONE"])
config = IdempotencyConfig(event_key_jmespath="id")
ledger = boto3.resource("dynamodb").Table(os.environ["LEDGER"])


@idempotent_function(data_keyword_argument="payment", persistence_store=store, config=config)
def pay(payment):
    ledger.update_item(Key={"pk": "total"}, UpdateExpression="ADD payments :one", ExpressionAttributeValues={":one": 1})
    return {"paid": payment["id"]}


def work(record):
    pay(payment=json.loads(record.body))


def handler(event, context):
    config.register_lambda_context(context)
    return process_partial_response(event, work, processor, context)
