"""Orders that are refused, cut off or half undone at each step, through a real state machine."""

import json
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from trials.local_aws import LocalAws, Outcome, wait_for
from trials.local_aws.outside import Asked, Outside

ALARMS = "arn:aws:sns:us-east-1:123456789012:alerts"
ORDER = {"sku": "mug", "quantity": 1, "cents": 1200, "card": "tok-1", "address": "1 Main St"}


class Partners(Outside):
    """The payment service and the carrier: they know a repetition by the order's id, and a PUT its DELETE overtook.

    `kept["charges"]` and `kept["shipments"]` hold what was really done, `asked` every request as (method, what, order).
    An order named declined-* or nowhere-* is refused. `broken` counts the answers of 503 still to come for a request,
    and `lost` those where the work is done and the answer never arrives.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.kept: dict[str, dict[str, Any]] = {"charges": {}, "shipments": {}}
        self.broken: Counter[tuple[str, str, str]] = Counter()
        self.lost: Counter[tuple[str, str, str]] = Counter()
        self.answers: dict[tuple[str, str, str], int] = {}
        self._undone: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, None] | None:
        _, what, order_id = asked.path.split("/")
        request = (asked.method, what, order_id)
        with self._lock:
            self.asked.append(request)
            if self.broken[request] > 0:
                self.broken[request] -= 1
                return 503, None
            status = self.answers.get(request) or self._work(asked.method, what, order_id, asked.body)
            if self.lost[request] > 0:
                self.lost[request] -= 1
                return None
            return status, None

    def _work(self, method: str, what: str, order_id: str, body: Any) -> int:
        if method == "DELETE":
            self._undone.add((what, order_id))
            return 200 if self.kept[what].pop(order_id, None) else 404
        if (what, order_id) in self._undone:
            return 410
        if order_id.startswith("declined" if what == "charges" else "nowhere"):
            return 402 if what == "charges" else 422
        self.kept[what].setdefault(order_id, body)
        return 200

    def times(self, method: str, what: str, order_id: str) -> int:
        return self.asked.count((method, what, order_id))

    @property
    def parameters(self) -> dict[str, str]:
        """The template's, for this stub."""
        return {
            "PaymentsUrl": f"{self.url}/charges",
            "CarrierUrl": f"{self.url}/shipments",
            "AlarmTopicArn": ALARMS,
        }


def configure(local: LocalAws, **settings: Any) -> None:
    """Set what MiniStack lets change while it runs, such as `_SFN_WAIT_SCALE`."""
    body = json.dumps({f"stepfunctions.{name}": value for name, value in settings.items()}).encode()
    request = urllib.request.Request(f"{local.endpoint}/_ministack/config", body, method="POST")
    urllib.request.urlopen(request, timeout=5, context=local.tls if local.ca else None).close()


def mocked(local: LocalAws, machine: str, failing: dict[str, str]) -> str:
    """The ARN by which MiniStack runs `machine` with some states failing at every attempt, and waits for no retry."""
    responses = {error: {"0": {"Throw": {"Error": error, "Cause": "always"}}} for error in failing.values()}
    machines = {machine.rsplit(":", 1)[1]: {"TestCases": {"Failing": failing}}}
    configure(local, _sfn_mock_config={"StateMachines": machines, "MockedResponses": responses}, _SFN_WAIT_SCALE=0)
    return f"{machine}#Failing"


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    with Partners() as partners:
        stack = local.deploy(template, **partners.parameters)
        states, machine = local.client("stepfunctions"), stack.outputs["StateMachineArn"]
        stock = stack.outputs["StockTable"]
        local.client("dynamodb").put_item(TableName=stock, Item={"sku": {"S": "mug"}, "available": {"N": "100"}})

        def available() -> int:
            found = local.client("dynamodb").get_item(TableName=stock, Key={"sku": {"S": "mug"}}, ConsistentRead=True)
            return int(found["Item"]["available"]["N"])

        def start(order_id: str, machine: str = machine, **other: Any) -> str:
            begun = states.start_execution(stateMachineArn=machine, name=order_id, input=json.dumps({**ORDER, **other}))
            return str(begun["executionArn"])

        def ended(arn: str) -> dict[str, Any]:
            def closed() -> Any:
                found = states.describe_execution(executionArn=arn)
                return found if found["status"] != "RUNNING" else None

            return dict(wait_for(f"{arn} to end", closed))

        def undone(end: dict[str, Any]) -> bool:
            return end["status"] == "FAILED" and end["error"].startswith("Undone.")

        say("three orders, each started twice")
        orders, refused = [f"o-{n}" for n in range(3)], 0
        running = [start(order_id) for order_id in orders]
        for order_id in orders:
            try:
                start(order_id, quantity=2)
            except ClientError as error:
                refused += error.response["Error"]["Code"] == "ExecutionAlreadyExists"
        done = [ended(arn)["status"] for arn in running].count("SUCCEEDED")
        asked = [partners.times("PUT", what, each) for what in ("charges", "shipments") for each in orders]
        yield Outcome(
            "3 orders, each started twice",
            f"{done} done, {refused} second starts refused, {100 - available()} pieces gone",
            "one name runs once",
            done == refused == 100 - available() == 3 and set(asked) == {1},
        )

        say("a declined card, an address nobody serves, a passing fault, an answer that never comes")
        partners.broken |= {("PUT", "charges", "late-1"): 2, ("PUT", "shipments", "late-1"): 1}
        partners.broken["DELETE", "charges", "nowhere-1"] = 1
        partners.lost["PUT", "charges", "cut-1"] = 99
        started = {each: start(each) for each in ("declined-1", "nowhere-1", "late-1", "cut-1")}
        ends = {each: ended(arn) for each, arn in started.items()}
        late = ends.pop("late-1")
        pieces = available()
        whys = {"declined-1": "said 402", "nowhere-1": "said 422", "cut-1": "Remote"}
        told = [each for each, why in whys.items() if why in ends[each]["cause"] and undone(ends[each])]
        rest = [f"{each} in {what}" for what, kept in partners.kept.items() for each in ends if each in kept]
        yield Outcome(
            ", ".join(ends),
            f"{len(told)} failed and say why; left behind: {', '.join(rest) or 'nothing'}",
            "all or nothing, and the caller knows why",
            len(told) == 3 and not rest and pieces == 96,
        )
        backwards = [what for method, what, each in partners.asked if (method, each) == ("DELETE", "nowhere-1")]
        yield Outcome(
            "nowhere-1, refused at the last step",
            f"undone: {', '.join(backwards)}",
            "in reverse order, and again when undoing fails",
            backwards == ["shipments", "charges", "charges"],
        )
        tries = [partners.times("PUT", what, "late-1") for what in partners.kept]
        yield Outcome(
            "late-1, whose partners failed at first",
            f"{late['status']} after {tries[0]} and {tries[1]} attempts",
            "a passing fault is retried",
            late["status"] == "SUCCEEDED"
            and tries == [3, 2]
            and all("late-1" in kept for kept in partners.kept.values()),
        )
        attempts = partners.times("PUT", "charges", "cut-1")
        yield Outcome(
            "cut-1, charged each time without an answer",
            f"{attempts} attempts, {partners.times('DELETE', 'charges', 'cut-1')} refund",
            "what may have happened is undone too",
            attempts == 5 and partners.times("DELETE", "charges", "cut-1") == 1,
        )

        say("an attempt to charge that arrives after the refund")
        late_charge = local.client("lambda").invoke(
            FunctionName=stack.resources["ChargeCard"], Payload=json.dumps({**ORDER, "order_id": "cut-1"})
        )
        yield Outcome(
            "cut-1, once more and too late",
            f"{late_charge.get('FunctionError')}, the payment service was not asked",
            "what is undone stays undone",
            "FunctionError" in late_charge and partners.times("PUT", "charges", "cut-1") == attempts,
        )

        say("a refund that fails for as long as it is retried")
        try:
            stuck = mocked(local, machine, {"RefundCard": "ConnectionError"})
            end = ended(start("nowhere-2", machine=stuck))
        finally:
            configure(local, _sfn_mock_config={}, _SFN_WAIT_SCALE=0.02)
        sqs = local.client("sqs")
        queue = {"QueueUrl": stack.outputs["HalfDoneUrl"], "MaxNumberOfMessages": 10}
        found = wait_for("the half-done order to be noticed", lambda: sqs.receive_message(**queue).get("Messages"))
        noticed = [json.loads(message["Body"]) for message in found]
        yield Outcome(
            "nowhere-2, which can not be refunded",
            f"{end['error']}, {len(found)} execution in HalfDone",
            "a half-done order finds its human, an undone one troubles nobody",
            not undone(end) and noticed == [end["executionArn"]],
        )
