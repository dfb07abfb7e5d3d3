import csv
import io

import boto3

s3 = boto3.client("s3")


class Gone(Exception):
    pass


def read(bucket, key):
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        raise Gone(key) from None
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig")), delimiter=";"))
