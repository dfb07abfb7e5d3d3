"""An order and the event that tells of it are one transaction; the table's stream brings the event to the bus."""

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config

ORDERS, BUS, UNPUBLISHED = os.environ["ORDERS_TABLE"], os.environ["BUS_NAME"], os.environ["UNPUBLISHED_QUEUE"]
RETRYABLE = {"InternalFailure", "ThrottlingException"}  # the only codes of a refused entry that may pass
LARGEST = 1_000_000  # bytes of one request's entries, of which there may be ten

aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
dynamodb, events = boto3.client("dynamodb", config=aws), boto3.client("events", config=aws)
sqs = boto3.client("sqs", config=aws)


def place(order_id: str, cents: int) -> bool:
    """Whether the order is new. The event lies in the same table for a week, then its time to live removes it."""
    data = {"order_id": order_id, "cents": cents, "currency": "USD"}
    event = {"metadata": {"event_id": f"placed-{order_id}", "version": 2}, "data": data}
    order = {"id": {"S": f"order#{order_id}"}, "cents": {"N": str(cents)}}
    kept = {"N": str(int(time.time()) + 7 * 86_400)}
    outbox = {"id": {"S": f"event#{order_id}"}, "event": {"S": json.dumps(event)}, "expires": kept}
    once = {"ConditionExpression": "attribute_not_exists(id)"}
    puts: list[Any] = [{"Put": {"TableName": ORDERS, "Item": item, **once}} for item in (order, outbox)]
    try:
        dynamodb.transact_write_items(TransactItems=puts)
    except dynamodb.exceptions.TransactionCanceledException as error:
        if error.response["CancellationReasons"][0]["Code"] != "ConditionalCheckFailed":
            raise  # a conflict or a throttle: nothing is written
        return False
    return True


class NotPublished(Exception): ...


def entry(record: dict) -> Any:
    detail = record["dynamodb"]["NewImage"]["event"]["S"]
    return {"EventBusName": BUS, "Source": "shop.orders", "DetailType": "OrderPlaced", "Detail": detail}


def requests(records: list[dict]) -> Iterator[list[dict]]:
    """As many of them as one request takes, in order; an item of a table is smaller than that."""
    batch: list[dict] = []
    total = 0
    for record in records:
        size = sum(len(entry(record)[part].encode()) for part in ("Source", "DetailType", "Detail"))
        if len(batch) == 10 or total + size >= LARGEST:
            yield batch
            batch, total = [], 0
        batch.append(record)
        total += size
    if batch:
        yield batch


def set_aside(record: dict, answer: Any) -> None:
    """A message that publishes the event, once the cause is mended and this function invoked with its body."""
    body = json.dumps({"Records": [record], "refused": [answer["ErrorCode"], answer.get("ErrorMessage", "")]})
    sqs.send_message(QueueUrl=UNPUBLISHED, MessageBody=body)


def publish(stream: dict, _: object) -> dict:
    """Stop at what may be taken later, so that it comes again with all behind it; their ids tell consumers a repeat."""
    records = stream["Records"]
    new = [each for each in records if each["eventName"] == "INSERT" and "event" in each["dynamodb"]["NewImage"]]
    for batch in requests(new):
        answers = events.put_events(Entries=[entry(each) for each in batch])["Entries"]
        for record, answer in zip(batch, answers, strict=True):
            code = answer.get("ErrorCode")
            if code in RETRYABLE:
                if record is records[0]:
                    raise NotPublished(code)  # named, it would take the whole batch along when the mapping gives up
                return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
            if code:
                set_aside(record, answer)  # refused for ever: its neighbours need not wait for it
    return {"batchItemFailures": []}
