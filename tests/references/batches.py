"""DynamoDB answers HTTP 200 for batches it did part of; both loops send the rest again, later and later."""

import random
import time
from collections.abc import Iterator
from typing import Any
from zlib import crc32

WRITES, READS, SHARDS = 25, 100, 10


class Unfinished(Exception): ...


def wait(attempt: int) -> None:
    """Up to 50 ms, 100 ms … before every attempt but the first; eight of them wait for 6.35 s at most."""
    if attempt:
        time.sleep(random.uniform(0, 0.05 * 2 ** (attempt - 1)))


def put_all(client: Any, table: str, items: list[dict], attempts: int = 8) -> None:
    for first in range(0, len(items), WRITES):
        left: Any = {table: [{"PutRequest": {"Item": item}} for item in items[first : first + WRITES]]}
        for attempt in range(attempts):
            wait(attempt)  # `batch_writer` sends again at once
            if not (left := client.batch_write_item(RequestItems=left)["UnprocessedItems"]):
                break
        else:
            raise Unfinished(f"{len(left[table])} of {len(items)} items not written")


def get_all(client: Any, table: str, keys: list[dict], attempts: int = 8) -> Iterator[dict]:
    """Keys must be distinct; items come in any order, and those that do not exist not at all."""
    for first in range(0, len(keys), READS):
        left: Any = {table: {"Keys": keys[first : first + READS]}}
        for attempt in range(attempts):
            wait(attempt)
            reply = client.batch_get_item(RequestItems=left)
            yield from reply["Responses"].get(table, [])
            if not (left := reply["UnprocessedKeys"]):
                break
        else:
            raise Unfinished(f"{len(left[table]['Keys'])} of {len(keys)} keys not read")


def shard(hot: str, item: str) -> str:
    """The same item always meets the same shard, so a retry overwrites and a single item is read without a search."""
    return f"{hot}#{crc32(item.encode()) % SHARDS}"


def shards(hot: str) -> list[str]:
    return [f"{hot}#{number}" for number in range(SHARDS)]
