"""Processes of the deployed functions are killed once a call to AWS was done: the loan goes on in others, paid once."""

import json
from typing import Any

import pytest
from durable_workflow.scenario import ALARMS, Partners, loan

from support.documents import ROOT
from trials.local_aws import LocalAws, seen

TEMPLATE = ROOT / "examples" / "durable_workflow" / "template.yaml"
BEFORE = (1, 2, 3, 5)  # Start's call of the workflow; then the workflow's checkpoints and its message to a person
AFTER = (1, 2, 3, 4)  # Decide's answer; then the workflow's checkpoints before the payout


class Deployed:
    def __init__(self, aws: LocalAws, partners: Partners) -> None:
        given = {"ApprovalSeconds": "60", "WithdrawalSeconds": "1", "AlarmTopicArn": ALARMS}
        self.stack = aws.deploy(TEMPLATE, PartnersUrl=partners.url, **given)
        self.sqs, self.functions = aws.client("sqs"), aws.client("lambda")

    def call(self, function: str, payload: str) -> Any:
        """As a caller does that tries again."""
        for _ in range(3):
            answer = self.functions.invoke(FunctionName=self.stack.outputs[function], Payload=payload)
            if "FunctionError" not in answer:
                return json.loads(answer["Payload"].read())
        raise AssertionError(f"{function} fails")

    def asked(self) -> Any:
        queue = self.stack.outputs["ApprovalsUrl"]
        found = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    def executions(self, loan_id: str) -> list[Any]:
        of = {"FunctionName": self.stack.outputs["WorkflowName"], "Qualifier": "1", "DurableExecutionName": loan_id}
        found: list[Any] = self.functions.list_durable_executions_by_function(**of)["DurableExecutions"]
        return found


@pytest.mark.e2e
def test_processes_die_after_their_calls_and_each_loan_is_paid_once(aws: LocalAws) -> None:
    with Partners(0) as partners:
        deployed = Deployed(aws, partners)
        for place, call in [("before", call) for call in BEFORE] + [("after", call) for call in AFTER]:
            loan_id = f"l-{place}-{call}"
            if place == "before":
                aws.kill_after(call, books=True)
            deployed.call("StartName", loan(loan_id))
            (first, *_) = seen(deployed.asked, timeout=30)
            if place == "after":
                aws.kill_after(call, books=True)
            deployed.call("DecideName", json.dumps({**first, "approved": True}))
            seen(lambda name=loan_id: deployed.executions(name)[0]["Status"] != "RUNNING", timeout=30)  # type: ignore[misc]
            met = aws.met()
            aws.clear_faults()
            assert met == 1, f"nobody died {place} the decision, after call {call}"
            assert [each["Status"] for each in deployed.executions(loan_id)] == ["SUCCEEDED"]
            assert partners.paid[loan_id] == 1
