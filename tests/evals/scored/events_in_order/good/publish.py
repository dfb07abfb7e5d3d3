import json
import os

import boto3

events = boto3.client("eventbridgev2")


def entry(change):
    """change: {"change_id", "order_id", "kind", "cents"}; a change_id names one change for ever."""
    return {
        "Source": "shop.orders",
        "DetailType": change["kind"],
        "Detail": json.dumps(change),
        "SystemMetadata": {"EventGroupId": change["order_id"], "DeduplicationId": change["change_id"]},
    }


def handler(event, context):
    """event: {"changes": [...]}, up to ten, in the order in which they happened."""
    entries = [entry(change) for change in event["changes"]]
    answer = events.put_events(EventBusArn=os.environ["BUS_ARN"], Entries=entries)
    refused = [result["ErrorCode"] for result in answer["Entries"] if result.get("ErrorCode")]
    if refused:
        raise RuntimeError(f"not published: {refused}")
