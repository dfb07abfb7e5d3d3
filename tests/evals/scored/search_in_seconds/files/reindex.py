import os

import boto3
from index import store

products = boto3.resource("dynamodb").Table(os.environ["PRODUCTS_TABLE"])


def handler(event, context):
    """A product: id, revision, name, text, cents, and buying_cents, which nobody but us should know."""
    start = {}
    while True:
        page = products.scan(**start)
        for product in page["Items"]:
            store(product)
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
