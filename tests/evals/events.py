"""What S3, EventBridge, SNS and a table's stream tell functions of, in the shapes in which Lambda hands it over."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

from trials.local_aws import ACCOUNT, REGION
from trials.template import as_dict


def read(streams: Any, arn: str) -> Iterator[dict[str, Any]]:
    """All records of a table's stream, as far as Lambda's form is its own."""
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        asked = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = streams.get_shard_iterator(**asked)["ShardIterator"]
        for record in streams.get_records(ShardIterator=iterator)["Records"]:
            change = record["dynamodb"]
            if "ApproximateCreationDateTime" in change:
                change["ApproximateCreationDateTime"] = int(change["ApproximateCreationDateTime"].timestamp())
            yield {
                name: record[name] for name in ("eventID", "eventName", "dynamodb", "userIdentity") if name in record
            }


def passes(filtered: Any, key: str) -> bool:
    """Whether a notification's filter lets an object through."""
    rules = as_dict(as_dict(filtered).get("S3Key")).get("Rules", [])
    return all(
        key.startswith(rule["Value"]) if rule["Name"].lower() == "prefix" else key.endswith(rule["Value"])
        for rule in rules
    )


def object_created(bucket: str, *keys: str) -> dict[str, Any]:
    """What S3 tells of new objects, whose keys it encodes; one record for each."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": REGION,
                "eventTime": "2026-11-23T08:00:00.000Z",
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                    "object": {"key": quote_plus(key, safe="/"), "size": 1, "eTag": "e", "sequencer": "0"},
                },
            }
            for key in keys
        ]
    }


def happened(source: str, kind: str, detail: Any) -> dict[str, Any]:
    """An event as EventBridge hands it over."""
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": "2026-11-23T08:00:00Z",
        "region": REGION,
        "resources": [],
        "detail": detail,
    }


def attributes(sent: dict[str, Any]) -> dict[str, Any]:
    """Message attributes in the spelling of SNS to a function."""
    return {name: {"Type": one["DataType"], "Value": one.get("StringValue", "")} for name, one in sent.items()}
