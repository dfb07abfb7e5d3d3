import json
import logging

import erp

logger = logging.getLogger()


def handler(event, context):
    failures = []
    for message in event["Records"]:
        try:
            paid = json.loads(message["body"])
            if not erp.is_released(paid["order_id"]):
                erp.release(paid["order_id"], paid["payment"])
        except Exception:
            logger.exception("not released")
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}
