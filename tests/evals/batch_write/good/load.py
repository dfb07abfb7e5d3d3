"""Loads prices into the table; what DynamoDB did not take is sent again."""

import os
import random
import time
from typing import Any

import boto3

TABLE = os.environ["PRICES_TABLE"]

dynamodb = boto3.client("dynamodb")


class NotLoaded(Exception): ...


def put_all(prices: list[dict]) -> None:
    """The last price of a sku wins. Raises NotLoaded."""
    newest = {price["sku"]: price for price in prices}
    puts: list[Any] = [
        {"PutRequest": {"Item": {"sku": {"S": sku}, "cents": {"N": str(price["cents"])}}}}
        for sku, price in newest.items()
    ]
    for first in range(0, len(puts), 25):
        left: Any = {TABLE: puts[first : first + 25]}
        for attempt in range(8):
            left = dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"]
            if not left:
                break
            time.sleep(random.uniform(0, 0.05 * 2**attempt))
        else:
            raise NotLoaded(f"{len(left[TABLE])} prices")
