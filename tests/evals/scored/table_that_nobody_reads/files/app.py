import os
from functools import partial

import urllib3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=4), retries=False)  # 5 s at most for a mail
done = DynamoDBPersistenceLayer(table_name=os.environ["DONE_TABLE"])
once = IdempotencyConfig(event_key_jmespath="id", expires_after_seconds=15 * 86400, raise_on_no_idempotency_key=True)
worker = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@idempotent_function(data_keyword_argument="mail", persistence_store=done, config=once)
def send(mail):
    """The mail provider mails every time that it is asked."""
    reply = http.request("POST", os.environ["MAIL_URL"], json=mail)
    if reply.status >= 300:
        raise RuntimeError(f"mail: {reply.status}")
    return {"sent": True}


def handle(record):
    send(mail=record.json_body)


def handler(event, context):
    once.register_lambda_context(context)
    respond = partial(process_partial_response, event=event, record_handler=handle, processor=worker)
    return respond(context=context)
