"""What Lambda does with a batch of a stream when a mapping halves it and reads its reports, as AWS documents it."""

from collections.abc import Callable
from typing import Any

from support.handlers import Context, failed


def sequence_number(record: dict[str, Any]) -> str:
    return str(record["kinesis"]["sequenceNumber"] if "kinesis" in record else record["dynamodb"]["SequenceNumber"])


def deliver(handler: Callable[[dict[str, Any], Any], Any], records: list[dict[str, Any]], attempts: int) -> list[str]:
    """The sequence numbers that are discarded.

    An error halves the batch and costs no attempt while it can be halved; a reported sequence number checkpoints
    there and retries the rest, for an attempt if it is the first; what spent its attempts is discarded whole.
    """
    discarded: list[str] = []
    todo = [(records, attempts)]
    while todo:
        part, left = todo.pop(0)
        numbers = [sequence_number(record) for record in part]
        try:
            named = failed(handler({"Records": part}, Context()))
        except Exception:
            named = numbers[:1]
            if len(part) > 1:
                middle = len(part) // 2
                todo[:0] = [(part[:middle], left), (part[middle:], left)]
                continue
        if not named:
            continue
        first = numbers.index(min(named, key=int))
        if first or left:
            todo.insert(0, (part[first:], left if first else left - 1))
        else:
            discarded += numbers
    return discarded
