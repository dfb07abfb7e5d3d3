"""MiniStack that notes what IAM decided for each call of a role: a line of JSON in the file `TRIALS_DECISIONS`.

Run by the local AWS's own Python.
"""

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import ministack.core.iam_evaluator as evaluator
from ministack.app import main
from ministack.core.responses import get_account_id

FILE = Path(os.environ["TRIALS_DECISIONS"])
plain = evaluator.enforce
# Operations that are no actions of IAM, and the action that it asks for instead.
ACTIONS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sns:PublishBatch": "sns:Publish",
}


def enforce(access_key_id: str, iam_action: str, service: str, region: str, *more: Any, **given: Any) -> Any:
    iam_action = ACTIONS.get(iam_action, iam_action)
    result = plain(access_key_id, iam_action, service, region, *more, **given)
    principal = evaluator.resolve_principal(access_key_id or "", get_account_id())
    if getattr(principal, "policies", None) is None or isinstance(result, evaluator.AuthError):
        return result
    resource = given.get("resource_arn", more[0] if more else "*")
    noted = {
        "principal": principal.arn,
        "action": iam_action,
        "resource": resource,
        "decision": result.decision if result else "Allow",
        "by_resource": bool(result and result.resource_policy_arn),
    }
    with FILE.open("a") as lines:
        lines.write(json.dumps(noted) + "\n")
    return result


evaluator.enforce = enforce
# By its path: beside this file lie modules whose names other packages have too.
beside = importlib.util.spec_from_file_location("durable_executions", Path(__file__).with_name("durable_executions.py"))
beside.loader.exec_module(importlib.util.module_from_spec(beside))

if __name__ == "__main__":
    main()
