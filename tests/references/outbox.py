"""An order and the event that tells of it are one transaction; the table's stream brings the event to the bus."""

import json
import os
import time
from typing import Any

import boto3
from botocore.config import Config

ORDERS, BUS = os.environ["ORDERS_TABLE"], os.environ["BUS_NAME"]

aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
dynamodb, events = boto3.client("dynamodb", config=aws), boto3.client("events", config=aws)


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


def entry(record: dict) -> Any:
    detail = record["dynamodb"]["NewImage"]["event"]["S"]
    return {"EventBusName": BUS, "Source": "shop.orders", "DetailType": "OrderPlaced", "Detail": detail}


def publish(stream: dict, _: object) -> dict:
    """The stream delivers again from the first event that the bus refuses; its id lets consumers skip the repeats."""
    new = [
        each for each in stream["Records"] if each["eventName"] == "INSERT" and "event" in each["dynamodb"]["NewImage"]
    ]
    for start in range(0, len(new), 10):
        batch = new[start : start + 10]
        answers = events.put_events(Entries=[entry(each) for each in batch])["Entries"]
        for each, answer in zip(batch, answers, strict=True):
            if "ErrorCode" in answer:
                return {"batchItemFailures": [{"itemIdentifier": each["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}
