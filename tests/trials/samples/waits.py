"""An execution that waits for somebody to answer its task, for a function that answers tasks by their token."""

import json

from trials.local_aws import LocalAws

TASK_TOKEN = "task token"
WAITS = "an execution that waits"  # its queue: first what asks for the answer, then the answer


def waiting(local: LocalAws) -> tuple[str, str]:
    """The token by which a new execution is answered, and the queue in which its answer then lies."""
    sqs, states = local.client("sqs"), local.client("stepfunctions")
    queue = str(sqs.create_queue(QueueName="trial-waits")["QueueUrl"])

    def send(body: str, resource: str = "") -> dict[str, object]:
        message = {"QueueUrl": queue, "MessageBody.$": body}
        return {"Type": "Task", "Resource": f"arn:aws:states:::sqs:sendMessage{resource}", "Parameters": message}

    tell = [{"ErrorEquals": ["States.ALL"], "Next": "Tell"}]
    wait = {**send("$$.Task.Token", ".waitForTaskToken"), "Catch": tell, "Next": "Tell"}
    definition = {"StartAt": "Wait", "States": {"Wait": wait, "Tell": {**send("$"), "End": True}}}
    role = "arn:aws:iam::123456789012:role/trial-waits"
    machine = states.create_state_machine(name="trial-waits", definition=json.dumps(definition), roleArn=role)
    states.start_execution(stateMachineArn=machine["stateMachineArn"])
    (asks,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=asks["ReceiptHandle"])
    return asks["Body"], queue
