"""Books each account's entries in order; a failure holds back its own account only."""

import ledger
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

worker = SqsFifoPartialProcessor(skip_group_on_error=True)
worker.raise_on_entire_batch_failure = False


def take(record: SQSRecord) -> None:
    entry = record.json_body
    ledger.book(entry["account"], entry["number"])


def handler(event: dict, context: LambdaContext) -> dict:
    return dict(process_partial_response(event=event, record_handler=take, processor=worker, context=context))
