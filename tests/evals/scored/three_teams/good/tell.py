"""Mails one team: which and how is in its function's variables."""

import json
import logging
import os

import mail

logger = logging.getLogger()


def tell(order):
    summary = f"{order['order_id']}: {order['items']} to {order['country']}"
    subject = f"{os.environ['VERB']} {order['order_id']}"
    mail.send(os.environ["TEAM_MAIL"], subject, summary, key=f"{os.environ['VERB']}/{order['order_id']}")


def handler(event, context):
    failures = []
    for message in event["Records"]:
        try:
            tell(json.loads(message["body"]))
        except Exception:
            logger.exception("not told")
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}
