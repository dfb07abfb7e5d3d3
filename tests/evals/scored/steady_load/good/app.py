import csv
import os
import tempfile
from pathlib import Path

import boto3

rates = boto3.resource("dynamodb").Table(os.environ["RATES"])
s3 = boto3.client("s3")


def handler(event, context):
    """event: {"offer_id", "tariff", "lines": [{"sku", "count"}]}; the offer may have 100 MB, hence the file.

    Requests run side by side and share /tmp, which outlives them.
    """
    work = Path(tempfile.gettempdir(), f"{context.aws_request_id}.csv")
    try:
        return price(event, work)
    finally:
        work.unlink(missing_ok=True)


def price(event, work):
    with work.open("w", newline="") as file:
        csv.writer(file).writerows([line["sku"], line["count"]] for line in event["lines"])
    rate = int(rates.get_item(Key={"tariff": event["tariff"]})["Item"]["cents"])
    with work.open(newline="") as file:
        cents = sum(rate * int(count) for _, count in csv.reader(file))
    with work.open("rb") as file:
        s3.put_object(Bucket=os.environ["OFFERS"], Key=f"{event['offer_id']}.csv", Body=file)
    return {"offer_id": event["offer_id"], "cents": cents}
