import json
import os

import urllib3

http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=5), retries=False)


def handler(event, context):
    """{"id": "7f0c…", "flights": {…}, "hotels": {…}, "cars": {…}}; each trip has an id of its own, made by the app."""
    trip = json.loads(event["body"])
    for partner in ("flights", "hotels", "cars"):
        reply = http.request("POST", f"{os.environ['PARTNERS_URL']}/{partner}/bookings", json=trip[partner])
        if reply.status >= 300:
            raise RuntimeError(f"{partner}: {reply.status}")
    return {"statusCode": 201, "body": json.dumps({"id": trip["id"]})}
