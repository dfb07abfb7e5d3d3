import json
import os

import psycopg2

shop = psycopg2.connect(
    host=os.environ["DATABASE"], user="shop", password="from a secret", dbname="shop", sslmode="require"
)


def send(order_id):
    with shop.cursor() as cursor:
        cursor.execute("INSERT INTO parcels (order_id) VALUES (%s) ON CONFLICT DO NOTHING", (order_id,))
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
