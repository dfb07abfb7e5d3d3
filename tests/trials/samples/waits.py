"""An execution that waits for somebody to answer its task, for a function that answers tasks by their token.

It waits at an activity for a function that asks one for its tasks.
"""

import json
import urllib.parse
import urllib.request
from typing import Any

from trials.local_aws import LocalAws

TASK_TOKEN = "task token"
ACTIVITY = "activity"
CALLBACK = "callback"
WAITS = "an execution that waits"  # its queue: first what asks for the answer, then the answer


def awaited(local: LocalAws, callback: str) -> str:
    """Let an execution wait for a callback; the queue in which its answer then lies."""
    queue = str(local.client("sqs").create_queue(QueueName="trial-waits")["QueueUrl"])
    place = f"{local.endpoint}/_ministack/callbacks/{urllib.parse.quote(callback, safe='')}"
    urllib.request.urlopen(urllib.request.Request(place, b"", method="POST"), timeout=30, context=local.tls).close()
    return queue


def waiting(local: LocalAws, activity: str = "", given: str = "{}") -> tuple[str, str]:
    """The token by which a new execution is answered, and the queue in which its answer then lies.

    No token if it waits at an `activity`, which hands it out with what is `given` to its task.
    """
    sqs, states = local.client("sqs"), local.client("stepfunctions")
    queue = str(sqs.create_queue(QueueName="trial-waits")["QueueUrl"])

    def send(body: str, resource: str = "") -> dict[str, Any]:
        message = {"QueueUrl": queue, "MessageBody.$": body}
        return {"Type": "Task", "Resource": f"arn:aws:states:::sqs:sendMessage{resource}", "Parameters": message}

    tell = [{"ErrorEquals": ["States.ALL"], "Next": "Tell"}]
    at = {"Type": "Task", "Resource": activity} if activity else send("$$.Task.Token", ".waitForTaskToken")
    wait = {**at, "Catch": tell, "Next": "Tell"}
    definition = {"StartAt": "Wait", "States": {"Wait": wait, "Tell": {**send("$"), "End": True}}}
    role = "arn:aws:iam::123456789012:role/trial-waits"
    machine = states.create_state_machine(name="trial-waits", definition=json.dumps(definition), roleArn=role)
    states.start_execution(stateMachineArn=machine["stateMachineArn"], input=given)
    if activity:
        return "", queue
    (asks,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=asks["ReceiptHandle"])
    return asks["Body"], queue
