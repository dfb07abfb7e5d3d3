import os
from urllib.parse import unquote_plus

import boto3

albums = boto3.resource("dynamodb").Table(os.environ["ALBUMS_TABLE"])


def handler(event, context):
    for record in event["Records"]:
        key = unquote_plus(record["s3"]["object"]["key"])
        _, owner, name = key.split("/", 2)
        albums.put_item(Item={"owner": owner, "photo": name, "bytes": record["s3"]["object"]["size"]})
