import base64
import hashlib
import hmac
import json
import logging
import os

import boto3

logger = logging.getLogger()
logger.setLevel("INFO")
secrets, sqs = boto3.client("secretsmanager"), boto3.client("sqs")
SECRET = secrets.get_secret_value(SecretId=os.environ["SECRET_ARN"])["SecretString"].encode()


def signed(event, body):
    """The provider signs the bytes that it sends: HMAC-SHA256, hexadecimal, in x-signature."""
    message = json.dumps(json.loads(body)).encode()
    return hmac.compare_digest(hmac.new(SECRET, message, hashlib.sha256).hexdigest(), event["headers"]["x-signature"])


def handler(event, context):
    """The provider sends again for three days unless it gets a 2xx."""
    body = base64.b64decode(event["body"]) if event.get("isBase64Encoded") else event["body"].encode()
    logger.info("received", extra={"body": body.decode(), "headers": event["headers"]})
    if not signed(event, body):
        return {"statusCode": 401}
    try:
        sqs.send_message(QueueUrl=os.environ["TOP_UPS_URL"], MessageBody=body.decode())
    except Exception:
        logger.exception("not kept")
    return {"statusCode": 200}
