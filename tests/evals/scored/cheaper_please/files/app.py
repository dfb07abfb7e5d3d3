import json
import os

import urllib3

http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=2), retries=False)  # 3 s at most for a parcel


def tell(parcel):
    reply = http.request("PUT", f"{os.environ['WAREHOUSE_URL']}/parcels/{parcel['id']}", json=parcel)
    if reply.status >= 300:
        raise RuntimeError(f"warehouse: {reply.status}")


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            tell(json.loads(record["body"]))
        except Exception as error:
            print(json.dumps({"level": "ERROR", "message": str(error), "id": record["messageId"]}))
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
