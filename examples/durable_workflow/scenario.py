"""Loans that people approve, forget or decide twice, lost answers and a deployment meanwhile, in durable executions."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trials.local_aws import LocalAws, Outcome, seen
from trials.local_aws.outside import Asked, Outside

ALARMS = "arn:aws:sns:us-east-1:123456789012:alerts"
SECONDS = 20  # that a person has in this scenario


class Partners(Outside):
    """Scores, papers and the bank, which has no keys: `paid` counts its payouts for each loan.

    `asked` counts requests as (method, path). `broken` holds how many answers of 503 are still to come for a path,
    `lost` the loans whose payout is made while its answer never arrives, `withdrawn` those that the customer left.
    A loan named poor-* has too few points, all have while `poor` is set, and the bank refuses blocked-*.
    `busiest` is the most papers of one loan at one time.
    """

    def __init__(self, latency: float = 0.2) -> None:
        self.asked: Counter[tuple[str, str]] = Counter()
        self.paid: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.lost: set[str] = set()
        self.withdrawn: set[str] = set()
        self.poor = False
        self.busiest = 0
        self._busy: Counter[str] = Counter()
        self._latency = latency
        self._lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, Any] | None:
        _, what, loan = (*asked.path.split("/"), "")[:3]
        with self._lock:
            self.asked[asked.method, asked.path] += 1
            if self.broken[asked.path] > 0:
                self.broken[asked.path] -= 1
                return 503, {}
        if what == "papers":
            return self._draw_up(loan.rpartition("-")[0])
        if what == "withdrawals":
            return 200, {"withdrawn": loan in self.withdrawn}
        if what == "scores":
            return 200, {"points": 100 if self.poor or loan.startswith("poor-") else 700}
        loan = asked.body["loan_id"]
        if loan.startswith("blocked-"):
            return 422, {}
        with self._lock:
            self.paid[loan] += 1
        return None if loan in self.lost else (200, {"payout": f"p-{loan}"})

    def _draw_up(self, loan: str) -> tuple[int, Any]:
        with self._lock:
            self._busy[loan] += 1
            self.busiest = max(self.busiest, self._busy[loan])
        time.sleep(self._latency)
        with self._lock:
            self._busy[loan] -= 1
        return 200, {}


def loan(loan_id: str, **other: Any) -> str:
    return json.dumps({"loan_id": loan_id, "customer": "ana", "cents": 250_000, **other})


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    with Partners() as partners, Partners() as newer:
        waits = {"ApprovalSeconds": str(SECONDS), "WithdrawalSeconds": "1"}
        stack = local.deploy(template, PartnersUrl=partners.url, AlarmTopicArn=ALARMS, **waits)
        functions, sqs, workflow = local.client("lambda"), local.client("sqs"), stack.outputs["WorkflowName"]
        waiting: dict[str, str] = {}  # the callback ids of loans

        def call(function: str, payload: str) -> dict[str, Any]:
            answer = functions.invoke(FunctionName=stack.outputs[function], Payload=payload)
            said: dict[str, Any] = json.loads(answer["Payload"].read())
            return said

        def start(loan_id: str, **other: Any) -> str:
            said = call("StartName", loan(loan_id, **other))
            return str(said.get("started") or said["errorMessage"])

        def asked_for() -> dict[str, str]:
            """What a back office shows: loans that wait for a person, and by what a decision is sent."""
            queue = stack.outputs["ApprovalsUrl"]
            while found := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
                for message in found:
                    asked = json.loads(message["Body"])
                    waiting[asked["loan_id"]] = asked["callback_id"]
                    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            return waiting

        def decide(loan_id: str, approved: bool = True) -> bool | None:
            """Whether the decision counted; None if the function failed."""
            seen(lambda: loan_id in asked_for(), timeout=30)
            decision = {"loan_id": loan_id, "callback_id": waiting.get(loan_id, ""), "approved": approved}
            return call("DecideName", json.dumps(decision)).get("counted")

        def ended(loan_id: str) -> str:
            """How a loan ended; how its execution stands if it has not, or how many there are if not one."""

            def stands() -> str:
                listed = []
                for version in functions.list_versions_by_function(FunctionName=workflow)["Versions"]:
                    of = {"FunctionName": workflow, "Qualifier": version["Version"]}
                    listed += functions.list_durable_executions_by_function(**of)["DurableExecutions"]
                every = [
                    functions.get_durable_execution(DurableExecutionArn=one["DurableExecutionArn"]) for one in listed
                ]
                found = [one for one in every if json.loads(one["InputPayload"])["loan_id"] == loan_id]
                if len(found) != 1:
                    return f"{len(found)} executions"
                (shown,) = found
                result = json.loads(shown.get("Result") or "{}")
                return str(result.get("loan", shown["Status"]))

            seen(lambda: stands() not in ("RUNNING", "0 executions"))
            return stands()

        def told() -> str:
            """Of which loans the dead letters tell."""
            found = sqs.receive_message(
                QueueUrl=stack.outputs["FailedUrl"], MaxNumberOfMessages=10, VisibilityTimeout=0
            )
            return " ".join(message["Body"] for message in found.get("Messages", []))

        say("a loan that nobody decides; 4 loans, each started twice, each decided twice")
        start("forgotten-1")
        normal = [f"l-{number}" for number in range(4)]
        partners.broken["/scores/l-0"] = 1
        for loan_id in normal:
            start(loan_id)
            start(loan_id)
        counted = [decide(loan_id) for loan_id in normal]
        again = [decide(loan_id, approved=False) for loan_id in normal]
        paid = [loan_id for loan_id in normal if ended(loan_id) == "paid" and partners.paid[loan_id] == 1]
        yield Outcome("4 loans, each started twice", f"{len(paid)} paid once", "one payout for each", paid == normal)
        happened = f"{counted.count(True)} counted, then {again.count(False)} came too late"
        first = counted == [True] * len(normal) and again == [False] * len(normal)
        yield Outcome("4 approvals, then 4 refusals", happened, "the first counts", first)
        yield Outcome("3 papers for each", f"{partners.busiest} at a time", "never more than 2", partners.busiest == 2)
        scored = partners.asked["PUT", "/scores/l-0"]
        yield Outcome(
            "a score that is down once", f"asked {scored} times", "asked again until it is there", scored == 2
        )
        conflict = start("l-0", cents=1)
        yield Outcome("another loan under a used id", conflict, "a conflict, and nothing starts", "another" in conflict)

        say("a customer who withdraws, and a payout whose answer is lost")
        partners.withdrawn, partners.lost = {"left-1"}, {"lost-1"}
        for loan_id in ("left-1", "lost-1"):
            start(loan_id)
            decide(loan_id)
        left = ended("left-1")
        unpaid = left == "withdrawn" and not partners.paid["left-1"]
        yield Outcome("a withdrawal after the approval", left, "what is read then decides", unpaid)
        lost = f"{ended('lost-1')}, paid {partners.paid['lost-1']} time"
        seen(lambda: "lost-1" in told(), timeout=10)
        yield Outcome(
            "a payout whose answer is lost",
            lost,
            "not paid again, and somebody is told",
            lost == "FAILED, paid 1 time" and "lost-1" in told(),
        )

        say("a deployment while a loan waits for a person")
        start("old-1")
        seen(lambda: "old-1" in asked_for())
        configured = functions.get_function_configuration(FunctionName=workflow)["Environment"]["Variables"]
        moved = {"Variables": {**configured, "PARTNERS_URL": newer.url}}
        functions.update_function_configuration(FunctionName=workflow, Environment=moved)
        version = functions.publish_version(FunctionName=workflow)["Version"]
        functions.update_alias(FunctionName=workflow, Name="live", FunctionVersion=version)
        decide("old-1")
        start("new-1")
        decide("new-1")
        ends = ended("old-1"), ended("new-1")
        places = partners.paid["old-1"], newer.paid["old-1"], partners.paid["new-1"], newer.paid["new-1"]
        yield Outcome(
            "a new version meanwhile",
            f"{' and '.join(ends)}, by the {'old' if places[0] else 'new'} and the {'new' if places[3] else 'old'} one",
            "each ends in the version that began it",
            ends == ("paid", "paid") and places == (1, 0, 0, 1),
        )

        say("the loan that nobody decided")
        expired = ended("forgotten-1")
        late = decide("forgotten-1")
        yield Outcome(
            "no decision, then a late one",
            f"{expired}, {'counted' if late else 'not counted' if late is False else 'an error'}",
            "it expires in time, unpaid",
            expired == "expired" and late is False and not partners.paid["forgotten-1"],
        )
