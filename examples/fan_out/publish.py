"""Publishes every event, or fails and names those that SNS did not take."""

import json
import os
from collections.abc import Iterator
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

TOPIC = os.environ["TOPIC_ARN"]
ENTRIES, BYTES = 10, 262_144  # of one batch; the bytes are those of its entries together, attributes included

logger = Logger()
aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
sns = boto3.client("sns", config=aws)


class NotPublished(Exception): ...


def batches(events: list[dict], attributes: int) -> Iterator[dict[str, str]]:
    """`attributes` is how many bytes of them go with each event."""
    batch: dict[str, str] = {}
    for event_id, body in {event["id"]: json.dumps(event) for event in events}.items():  # ASCII: a character, a byte
        if batch and (len(batch) == ENTRIES or sum(attributes + len(each) for each in [*batch.values(), body]) > BYTES):
            yield batch
            batch = {}
        batch[event_id] = body
    if batch:
        yield batch


def publish(events: list[dict]) -> None:
    """After an error, publish all of them again: a subscriber knows an event by its id."""
    refused: dict[str, str] = {}
    correlation: Any = {"DataType": "String", "StringValue": str(logger.get_correlation_id())}
    for batch in batches(events, sum(map(len, ["correlation_id", *correlation.values()]))):
        ids = list(batch)
        try:
            entries: list[Any] = [
                {"Id": str(n), "Message": body, "MessageAttributes": {"correlation_id": correlation}}
                for n, body in enumerate(batch.values())
            ]
            answer = sns.publish_batch(TopicArn=TOPIC, PublishBatchRequestEntries=entries)
            refused |= {ids[int(entry["Id"])]: entry["Code"] for entry in answer["Failed"]}  # HTTP 200 all the same
        except (BotoCoreError, ClientError) as error:
            refused |= dict.fromkeys(ids, str(error))  # and on to the next batch
    if refused:
        raise NotPublished(refused)


@logger.inject_lambda_context
def handler(event: dict, context: LambdaContext) -> None:
    logger.set_correlation_id(event.get("correlation_id", context.aws_request_id))
    logger.info("publishing", events=len(event["events"]))
    publish(event["events"])
