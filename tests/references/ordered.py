"""Takes a FIFO batch in order, by hand: a failure holds back what follows in its own group, and nothing else."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


def book(record: dict) -> None: ...


def handler(event: dict, _: LambdaContext) -> dict:
    failures: list[dict[str, str]] = []
    held: set[str] = set()
    for record in event["Records"]:
        group = record["attributes"]["MessageGroupId"]
        if group not in held:
            try:
                book(record)
                continue
            except Exception:
                logger.exception("not booked, and its group waits", group=group)
                held.add(group)
        failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
