import json
import os

import pymysql

shop = pymysql.connect(host=os.environ["DATABASE"], user="shop", password="from a secret", database="shop")


def send(order_id):
    with shop.cursor() as cursor:
        cursor.execute("INSERT IGNORE INTO parcels (order_id) VALUES (%s)", (order_id,))
    shop.commit()


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            send(json.loads(record["body"])["order_id"])
        except Exception as error:
            print(error)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
