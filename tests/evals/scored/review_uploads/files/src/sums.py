import os

import boto3
from boto3.dynamodb.conditions import Key

dynamodb = boto3.resource("dynamodb")
readings, sums = dynamodb.Table(os.environ["READINGS"]), dynamodb.Table(os.environ["SUMS"])


def new_readings(meter, since):
    """Those after the last that was summed up; a year has 35,040 per meter."""
    condition = Key("meter").eq(meter) & Key("at").gt(since)
    return readings.query(KeyConditionExpression=condition)["Items"]


def handler(event, context):
    for page in dynamodb.meta.client.get_paginator("scan").paginate(TableName=os.environ["SUMS"]):
        for meter in page["Items"]:
            new = new_readings(meter["meter"], meter["until"])
            if new:
                sums.update_item(
                    Key={"meter": meter["meter"]},
                    UpdateExpression="ADD kwh :more SET #until = :last",
                    ExpressionAttributeNames={"#until": "until"},
                    ExpressionAttributeValues={":more": sum(int(one["kwh"]) for one in new), ":last": new[-1]["at"]},
                )
