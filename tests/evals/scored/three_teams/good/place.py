import json
import os

import boto3

orders = boto3.resource("dynamodb").Table(os.environ["ORDERS_TABLE"])
sns = boto3.client("sns")


def handler(event, context):
    order = json.loads(event["body"])
    placed = {
        "order_id": event["pathParameters"]["order_id"],
        "country": order["country"],
        "items": order["items"],
    }
    orders.put_item(Item=placed)
    # Not published: the shop gets a 500 and puts the order again.
    sns.publish(
        TopicArn=os.environ["PLACED_TOPIC"],
        Message=json.dumps(placed),
        MessageAttributes={"country": {"DataType": "String", "StringValue": order["country"]}},
    )
    return {"statusCode": 200, "body": json.dumps({"order_id": placed["order_id"]})}
