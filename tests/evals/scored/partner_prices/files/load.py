import csv
import io
import os
from urllib.parse import unquote_plus

import boto3

s3 = boto3.client("s3")
prices = boto3.resource("dynamodb").Table(os.environ["PRICES_TABLE"])


def handler(event, context):
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        for row in csv.DictReader(io.StringIO(body.decode("utf-8-sig")), delimiter=";"):
            cents = round(float(row["price"].replace(",", ".")) * 100)
            prices.put_item(Item={"sku": row["sku"], "cents": cents, "name": row["name"]})
