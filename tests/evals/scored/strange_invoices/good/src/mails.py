"""The mailer takes {mail_id, to, copies, text} and sends a mail_id once, however often it comes."""

import json
import os

import boto3

sqs = boto3.client("sqs")
ARCHIVE = "archive@example.com"


def recipients(to, copies):
    return [ARCHIVE, *dict.fromkeys(address for address in copies or [] if address not in (to, ARCHIVE))]


def send(mail_id, to, text, copies=None):
    mail = {"mail_id": mail_id, "to": to, "copies": recipients(to, copies), "text": text}
    sqs.send_message(QueueUrl=os.environ["MAILS_URL"], MessageBody=json.dumps(mail))
