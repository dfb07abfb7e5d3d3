import json
import os

import bank
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function

logger = Logger()
store = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
once = IdempotencyConfig(event_key_jmespath="refund_id", expires_after_seconds=30 * 24 * 3600)


@idempotent_function(data_keyword_argument="refund", config=once, persistence_store=store)
def pay(refund):
    transfer = bank.transfer(refund["refund_id"], refund["iban"], int(refund["cents"]))
    logger.info("paid", refund_id=refund["refund_id"], transfer=transfer)
    return {"transfer": transfer}


def handler(event, context):
    once.register_lambda_context(context)
    failures = []
    for record in event["Records"]:
        try:
            pay(refund=json.loads(record["body"]))
        except Exception:
            logger.exception("not paid", message_id=record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
