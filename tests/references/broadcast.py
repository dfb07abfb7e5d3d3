"""A message to every WebSocket connection: one that is gone costs its own id, not those after it their message."""

from collections.abc import Iterator
from typing import Any


def known(dynamodb: Any, table: str) -> Iterator[str]:
    """Of every page: one `Scan` reads 1 MB."""
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ProjectionExpression="id"):
        yield from (item["id"]["S"] for item in page["Items"])


def broadcast(api: Any, dynamodb: Any, table: str, message: bytes) -> int:
    """How many got it; `api` is made with the stage's `https://{id}.execute-api.{region}.amazonaws.com/{stage}`."""
    reached = 0
    for connection in known(dynamodb, table):
        try:
            api.post_to_connection(ConnectionId=connection, Data=message)
            reached += 1
        except api.exceptions.GoneException:  # 410: it closed, and `$disconnect` never came
            dynamodb.delete_item(TableName=table, Key={"id": {"S": connection}})
    return reached
