import hashlib
import hmac
import json
import os
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import boto3

orders = boto3.resource("dynamodb").Table(os.environ["ORDERS"])
EXTENSION = f"http://localhost:{os.environ['PARAMETERS_SECRETS_EXTENSION_HTTP_PORT']}"


def asked(path, **query):
    token = {"X-Aws-Parameters-Secrets-Token": os.environ["AWS_SESSION_TOKEN"]}
    with urlopen(Request(f"{EXTENSION}{path}?{urlencode(query)}", headers=token), timeout=5) as answer:
        return json.load(answer)


def keep(order_id):
    secret = json.loads(asked("/secretsmanager/get", secretId=os.environ["SECRET"])["SecretString"])
    shop = asked("/systemsmanager/parameters/get", name=os.environ["SHOP"])["Parameter"]["Value"]
    seal = hmac.new(secret["key"].encode(), order_id.encode(), hashlib.sha256).hexdigest()
    orders.put_item(Item={"id": order_id, "shop": shop, "seal": seal})


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            keep(json.loads(record["body"])["order_id"])
        except Exception as error:
            print(error)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
