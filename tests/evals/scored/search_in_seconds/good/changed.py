import json

from boto3.dynamodb.types import TypeDeserializer
from index import remove, store

read = TypeDeserializer().deserialize


def follow(record):
    if record["eventName"] == "REMOVE":
        remove({name: read(value) for name, value in record["dynamodb"]["OldImage"].items()})
    else:
        store({name: read(value) for name, value in record["dynamodb"]["NewImage"].items()})


def handler(event, context):
    for position, record in enumerate(event["Records"]):
        number = record["dynamodb"]["SequenceNumber"]
        try:
            follow(record)
        except Exception as error:
            print(json.dumps({"level": "ERROR", "message": repr(error), "record": number}))
            if position == 0:
                raise  # only an error halves the batch, until a record that always fails is alone
            return {"batchItemFailures": [{"itemIdentifier": number}]}
    return {"batchItemFailures": []}
