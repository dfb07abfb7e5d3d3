"""A loan from its score to its payout: days of waiting for people, every crash survived, no payout made twice."""

import json
import os
from typing import Any

import boto3
import urllib3
from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import (
    Duration,
    JitterStrategy,
    MapConfig,
    StepConfig,
    StepSemantics,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.exceptions import CallbackTimeoutError
from aws_durable_execution_sdk_python.retries import RetryPresets, RetryStrategyConfig, create_retry_strategy
from aws_lambda_powertools import Logger
from botocore.config import Config
from loan import Loan

PARTNERS, APPROVALS = os.environ["PARTNERS_URL"], os.environ["APPROVALS_URL"]
APPROVAL = Duration(int(os.environ["APPROVAL_SECONDS"]))
WITHDRAWAL = Duration(int(os.environ["WITHDRAWAL_SECONDS"]))
LEAST = 500  # points
PAPERS = ("contract", "schedule", "insurance")

logger = Logger()
sqs: Any = boto3.client("sqs", config=Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2}))
partners = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=5), retries=False)
# 19 pauses, of at least half of 2, 4 … 512 and then 900 s: an outage of 80 minutes is outlasted.
longer = RetryStrategyConfig(20, Duration(2), Duration(900), backoff_rate=2, jitter_strategy=JitterStrategy.HALF)
patient = StepConfig(create_retry_strategy(longer))
# Without an answer nobody knows: the execution fails, and its event goes to the dead letters.
once = StepConfig(RetryPresets.none(), StepSemantics.AT_MOST_ONCE_PER_RETRY)


def ask(method: str, path: str, loan: Loan) -> dict:
    """PUT and GET may be repeated; a POST has no key by which the bank could know it again."""
    reply = partners.request(method, f"{PARTNERS}/{path}", json=loan.model_dump())
    if reply.status == 422 and method == "POST":
        return {"refused": True}  # the bank's last word
    if reply.status >= 300:
        raise ConnectionError(f"{path}: {reply.status}")
    return reply.json()


def ask_person(loan: Loan, callback_id: str) -> None:
    """May come twice, with the same callback id: the first decision counts."""
    body = json.dumps({**loan.model_dump(), "callback_id": callback_id})
    correlated = {"correlation_id": {"DataType": "String", "StringValue": loan.loan_id}}
    sqs.send_message(QueueUrl=APPROVALS, MessageBody=body, MessageAttributes=correlated)


def approval(context: DurableContext, loan: Loan) -> str:
    in_time = WaitForCallbackConfig(APPROVAL, retry_strategy=patient.retry_strategy)
    try:
        decision = context.wait_for_callback(lambda callback, _: ask_person(loan, callback), "approval", in_time)
    except CallbackTimeoutError:
        return "expired"
    return "approved" if json.loads(decision)["approved"] else "declined"


def draw_up_papers(context: DurableContext, loan: Loan) -> None:
    def draw_up(branch: DurableContext, paper: str, *_: Any) -> dict:
        return branch.step(lambda _: ask("PUT", f"papers/{loan.loan_id}-{paper}", loan), paper, patient)

    context.map(PAPERS, draw_up, "papers", MapConfig(max_concurrency=2)).throw_if_error()


@durable_execution
@logger.inject_lambda_context(correlation_id_path="loan_id")
def handler(event: dict, context: DurableContext) -> dict:
    """Runs from its first line after each wait, retry and crash: what may have changed by then is read in a step."""
    context.set_logger(logger)  # writes nothing while it only repeats
    loan = Loan.model_validate(event)
    context.logger.info("scoring")
    score = context.step(lambda _: ask("PUT", f"scores/{loan.loan_id}", loan), "score", patient)
    if score["points"] < LEAST:
        return {"loan": "rejected"}
    if (answer := approval(context, loan)) != "approved":
        return {"loan": answer}
    context.wait(WITHDRAWAL, "withdrawal")
    if context.step(lambda _: ask("GET", f"withdrawals/{loan.loan_id}", loan), "withdrawn", patient)["withdrawn"]:
        return {"loan": "withdrawn"}
    draw_up_papers(context, loan)
    context.logger.info("paying")
    paid = context.step(lambda _: ask("POST", "payouts", loan), "payout", once)
    return {"loan": "refused" if "refused" in paid else "paid"}
