"""The mails that were sent, claimed before the call, because SES knows no key by which it would know a repeat.

CLAIMED: an attempt holds the mail, and is dead once `deadline` has passed. SENT and REFUSED: what SES said. UNKNOWN: it
may be on its way; nobody sends it again. No record: it was not sent.
"""

import os
import time
from typing import Any

import boto3
from botocore.config import Config

aws = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
table: Any = boto3.resource("dynamodb", config=aws).Table(os.environ["MAILS_TABLE"])
Refused = table.meta.client.exceptions.ConditionalCheckFailedException

OURS: dict[str, Any] = {
    "ConditionExpression": "holder = :holder AND #state = :claimed",
    "ExpressionAttributeNames": {"#state": "state"},
}


def claim(mail_id: str, holder: str, deadline: int) -> dict:
    """The mail's record, ours if its holder is; forgotten after 90 days, when no event can come again."""
    record = {"mail_id": mail_id, "state": "CLAIMED", "holder": holder, "deadline": deadline}
    record["expires"] = int(time.time()) + 90 * 86_400
    try:
        table.put_item(Item=record, ConditionExpression="attribute_not_exists(mail_id)")
    except Refused:
        return table.get_item(Key={"mail_id": mail_id}, ConsistentRead=True)["Item"]
    return record


def note(mail_id: str, holder: str, state: str, what: str) -> None:
    """How a claim ended, by its holder or by whoever found it dead; never over another outcome."""
    values = {":holder": holder, ":claimed": "CLAIMED", ":state": state, ":what": what}
    change = "SET #state = :state, what = :what"
    table.update_item(Key={"mail_id": mail_id}, UpdateExpression=change, ExpressionAttributeValues=values, **OURS)


def release(mail_id: str, holder: str) -> None:
    """Nothing was sent."""
    values = {":holder": holder, ":claimed": "CLAIMED"}
    table.delete_item(Key={"mail_id": mail_id}, ExpressionAttributeValues=values, **OURS)
