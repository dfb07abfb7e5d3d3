import json
import os
import uuid

import boto3

invoices = boto3.resource("dynamodb").Table(os.environ["INVOICES_TABLE"])


def handler(event, context):
    failures = []
    for message in event["Records"]:
        try:
            order = json.loads(message["body"])
            invoices.put_item(
                Item={
                    "order_id": order["order_id"],
                    "number": uuid.uuid4().hex[:8].upper(),
                    "delivered": order["delivered"],
                    "cents": order["cents"],
                },
                ConditionExpression="attribute_not_exists(order_id)",
            )
        except invoices.meta.client.exceptions.ConditionalCheckFailedException:
            pass  # it has its invoice
        except Exception as error:
            print(json.dumps({"level": "ERROR", "message": repr(error), "id": message["messageId"]}))
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}
