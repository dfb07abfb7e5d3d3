"""Takes a FIFO batch in order: a failure holds back what follows in its own group, and nothing else."""

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

worker = SqsFifoPartialProcessor(skip_group_on_error=True)
worker.raise_on_entire_batch_failure = False  # no argument of this class


def book(record: SQSRecord) -> None: ...


def handler(event: dict, context: LambdaContext) -> dict:
    return dict(process_partial_response(event=event, record_handler=book, processor=worker, context=context))
