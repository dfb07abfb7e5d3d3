"""The ledger of claims: one attempt at a time may call the provider, and what came of it is never forgotten.

CLAIMED: an attempt holds the payment, and is dead once `deadline` has passed. DONE and REFUSED: what the provider said.
UNKNOWN: the call may have charged; nobody calls again unless a human allows it. No record: nothing was charged.
"""

import os
import time

import boto3
from botocore.config import Config

aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
table = boto3.resource("dynamodb", config=aws).Table(os.environ["LEDGER_TABLE"])
Refused = table.meta.client.exceptions.ConditionalCheckFailedException

NAMES = {"#state": "state"}
OURS = "holder = :holder AND #state = :claimed"
SETTLE = "SET #state = :state, what = :what REMOVE unsettled"  # which takes it out of the index
PARK = "SET #state = :state, what = :what, unsettled = :state"
AGAIN = "SET #state = :unknown, unsettled = :unknown, attempt = :before"


def claim(payment: dict, holder: str, deadline: int) -> dict:
    """The payment's record: ours if its holder is; a message that a human sent has the next attempt's number."""
    record = {**payment, "state": "CLAIMED", "unsettled": "CLAIMED", "holder": holder, "deadline": deadline}
    try:
        table.put_item(
            Item=record,
            ConditionExpression="attribute_not_exists(payment_id) OR (#state = :unknown AND attempt < :attempt)",
            ExpressionAttributeNames=NAMES,
            ExpressionAttributeValues={":unknown": "UNKNOWN", ":attempt": payment["attempt"]},
        )
    except Refused:  # by another's record, or by ours: when an answer is lost the SDK asks again
        return read(payment["payment_id"])
    return record


def read(payment_id: str) -> dict:
    """Raises `KeyError` when there is none, as when its holder has just released it."""
    return table.get_item(Key={"payment_id": payment_id}, ConsistentRead=True)["Item"]


def note(payment_id: str, holder: str, state: str, what: str) -> None:
    """Write down how a claim ended, by its holder, or by whoever found it dead; never over another outcome."""
    table.update_item(
        Key={"payment_id": payment_id},
        UpdateExpression=PARK if state == "UNKNOWN" else SETTLE,
        ConditionExpression=OURS,
        ExpressionAttributeNames=NAMES,
        ExpressionAttributeValues={":holder": holder, ":claimed": "CLAIMED", ":state": state, ":what": what},
    )


def release(payment_id: str, holder: str, attempt: int) -> None:
    """Nothing was charged. Of a retry the record stays: without it, a copy of an earlier attempt could claim."""
    ours = {":holder": holder, ":claimed": "CLAIMED"}
    if attempt == 1:
        table.delete_item(
            Key={"payment_id": payment_id},
            ConditionExpression=OURS,
            ExpressionAttributeNames=NAMES,
            ExpressionAttributeValues=ours,
        )
    else:
        table.update_item(
            Key={"payment_id": payment_id},
            UpdateExpression=AGAIN,
            ConditionExpression=OURS,
            ExpressionAttributeNames=NAMES,
            ExpressionAttributeValues={**ours, ":unknown": "UNKNOWN", ":before": attempt - 1},
        )


def judge(payment_id: str, state: str, what: str) -> dict:
    """The record with a human's word in it; only of a payment that is parked, or claimed by one who is dead."""
    values: dict = {
        ":unknown": "UNKNOWN",
        ":claimed": "CLAIMED",
        ":now": int(time.time()),
        ":state": state,
        ":what": what,
    }
    return table.update_item(
        Key={"payment_id": payment_id},
        UpdateExpression=PARK if state == "UNKNOWN" else SETTLE,
        ConditionExpression="#state = :unknown OR (#state = :claimed AND deadline < :now)",
        ExpressionAttributeNames=NAMES,
        ExpressionAttributeValues=values,
        ReturnValues="ALL_NEW",
    )["Attributes"]
