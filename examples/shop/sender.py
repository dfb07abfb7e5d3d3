"""Amazon SES, which knows no key of ours: what each of its answers says about the mail."""

import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

SENDER = os.environ["SENDER"]
FOR_GOOD = ("MessageRejected", "BadRequestException")  # its last word on this mail
SUBJECTS = {
    "OrderRejected": "We cannot sell you this",
    "OrderDeclined": "Your card was declined",
    "OrderShipped": "Your order is on its way",
    "OrderRefunded": "You have your money back",
}

# One attempt: the SDK would take a lost answer for a mail that was not sent.
ses = boto3.client("sesv2", config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}))


def send(kind: str, mail_id: str, order_id: str, email: str) -> tuple[str, str]:
    """SENT, REFUSED or UNKNOWN, and what was said; raises when it was turned away before anything was done."""
    text = {"Text": {"Data": f"{SUBJECTS[kind]}: order {order_id}."}}
    content: Any = {"Simple": {"Subject": {"Data": SUBJECTS[kind]}, "Body": text}}
    tags: Any = [{"Name": "mail_id", "Value": mail_id}]  # by which SES's events tell what became of it
    to: Any = {"ToAddresses": [email]}
    try:
        sent = ses.send_email(FromEmailAddress=SENDER, Destination=to, Content=content, EmailTags=tags)
    except ClientError as error:
        if error.response["Error"]["Code"] in FOR_GOOD:
            return "REFUSED", str(error)
        if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
            raise
        return "UNKNOWN", str(error)
    except HTTPClientError as error:  # it was sent, and no answer came; a connection that failed is none of these
        return "UNKNOWN", repr(error)
    return "SENT", sent["MessageId"]
