"""MiniStack with executions of the trials' own that wait for a callback: `POST /_ministack/callbacks/ID`.

What such a callback is answered comes into the queue `trial-waits`, where it is seen; a second answer comes too late.
"""

import hashlib
import json
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

import ministack.app as app
import ministack.services.lambda_durable as durable
import ministack.services.lambda_svc as functions
import ministack.services.sqs as queues
from ministack.core.responses import get_account_id, get_region

PATH, NAME = "/_ministack/callbacks/", "trial-waits"
ID = durable._CALLBACK_ID_RE.pattern
promised: set[str] = set()
plain_download, plain_success, plain_failure = (
    app._handle_lambda_download_request,
    durable.handle_callback_success,
    durable.handle_callback_failure,
)


def promise(callback: str) -> None:
    """Begin an execution that waits for this callback, whatever its id looks like."""
    promised.add(callback)
    function = f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{NAME}"
    arn = f"{function}:$LATEST/durable-execution/{NAME}/{len(promised)}"
    operation = {"Id": NAME, "Type": "CALLBACK", "Status": "STARTED", "CallbackDetails": {"CallbackId": callback}}
    known = {"DurableExecutionArn": arn, "FunctionArn": function, "DurableExecutionName": NAME, "Version": "$LATEST"}
    begun = {"Status": "RUNNING", "Operations": [operation], "History": [], "NextEventId": 0, "InputPayload": "{}"}
    durable._executions[arn] = {**known, **begun, "StartTimestamp": 0, "Result": None, "Error": None}
    durable._callback_index[callback] = (arn, NAME)
    durable._CALLBACK_ID_RE = re.compile("|".join([ID, *(f"^{re.escape(each)}$" for each in promised)]))


def seen(how: str, plain: Callable[[str, bytes], Any]) -> Callable[[str, bytes], Any]:
    def handle(callback: str, body: bytes) -> Any:
        answer = plain(callback, body)
        if answer[0] == 200 and callback in promised:
            queue = f"arn:aws:sqs:{get_region()}:{get_account_id()}:{NAME}"
            functions._route_async_failure(queue, NAME, {}, {})  # as a message of MiniStack's own making
            text = json.dumps({"callback": callback, how: (body or b"").decode(errors="replace")})
            sum_of_it = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
            queues._queue_by_arn(queue)["messages"][-1] |= {"body": text, "md5_body": sum_of_it}
        return answer

    return handle


def download(path: str, method: str) -> Any:
    if not path.startswith(PATH):
        return plain_download(path, method)
    promise(urllib.parse.unquote(path.removeprefix(PATH)))
    return 200, {"Content-Type": "application/json"}, b"{}"


app._handle_lambda_download_request = download
durable.handle_callback_success = seen("success", plain_success)
durable.handle_callback_failure = seen("failure", plain_failure)
