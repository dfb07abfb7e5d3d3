import os

import boto3


class Ledger:
    """Which orders have been charged."""

    def __init__(self):
        self.table = boto3.resource("dynamodb").Table(os.environ["CHARGES_TABLE"])

    def charged(self, order_id):
        return "Item" in self.table.get_item(Key={"order_id": order_id})

    def remember(self, order_id, cents, reference):
        self.table.put_item(Item={"order_id": order_id, "cents": cents, "reference": reference})
