"""Orders that are refused, cut off or half undone at each step, through a real state machine."""

import base64
import json
import re
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from trials.local_aws import LocalAws, Outcome, seen
from trials.local_aws.outside import Asked, Outside

ALARMS = "arn:aws:sns:us-east-1:123456789012:alerts"
ORDER = {"sku": "mug", "quantity": 1, "cents": 1200, "card": "tok-1", "address": "1 Main St"}


class Partners(Outside):
    """The payment service and the carrier: they know a repetition by the order's id, and a PUT its DELETE overtook.

    `kept["charges"]` and `kept["shipments"]` hold what was really done, `asked` every request as (method, what, order),
    `named` the payment service's own id of a charge, where a DELETE came with it. An order named declined-* or
    nowhere-* is refused. `broken` counts the answers of 503 still to come for a request, and `lost` those where the
    work is done and the answer never arrives.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.named: dict[str, str] = {}
        self.kept: dict[str, dict[str, Any]] = {"charges": {}, "shipments": {}}
        self.broken: Counter[tuple[str, str, str]] = Counter()
        self.lost: Counter[tuple[str, str, str]] = Counter()
        self.answers: dict[tuple[str, str, str], int] = {}
        self._undone: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, Any] | None:
        url = urlsplit(asked.path)
        _, what, order_id = url.path.split("/")
        request = (asked.method, what, order_id)
        with self._lock:
            self.asked.append(request)
            if self.broken[request] > 0:
                self.broken[request] -= 1
                return 503, None
            for charge_id in parse_qs(url.query).get("charge_id", []):
                self.named[order_id] = charge_id
            status = self.answers.get(request) or self._work(asked.method, what, order_id, asked.body)
            if self.lost[request] > 0:
                self.lost[request] -= 1
                return None
            return status, {"id": f"{what}-{order_id}"}

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


def refusing(local: LocalAws, machine: str, state: str, function: str, order: dict[str, Any]) -> str:
    """The ARN by which MiniStack runs `machine` with what `function` really raises for `order` as the error of `state`.

    Left to itself it calls every error of a Python function Runtime.HandlerError; Lambda, and so Step Functions, calls
    it by its class, which stands in the log. While this holds, MiniStack waits for no retry.
    """
    asked = local.client("lambda").invoke(FunctionName=function, LogType="Tail", Payload=json.dumps(order))
    log = base64.b64decode(asked["LogResult"]).decode()
    raised = re.findall(r"^(?:\w+\.)*(\w+): PUT said", log, re.MULTILINE)
    responses = {name: {"0": {"Throw": {"Error": name, "Cause": log.strip().splitlines()[-1]}}} for name in raised}
    machines = {machine.rsplit(":", 1)[1]: {"TestCases": {"Refused": dict.fromkeys([state], *raised)}}}
    configure(local, _sfn_mock_config={"StateMachines": machines, "MockedResponses": responses}, _SFN_WAIT_SCALE=0)
    return f"{machine}#Refused"


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    with Partners() as partners:
        stack = local.deploy(template, **partners.parameters)
        states, machine = local.client("stepfunctions"), stack.outputs["StateMachineArn"]
        functions, sqs = local.client("lambda"), local.client("sqs")
        stock, half_done = stack.outputs["StockTable"], stack.outputs["HalfDoneUrl"]
        local.client("dynamodb").put_item(TableName=stock, Item={"sku": {"S": "mug"}, "available": {"N": "100"}})

        def available() -> int:
            found = local.client("dynamodb").get_item(TableName=stock, Key={"sku": {"S": "mug"}}, ConsistentRead=True)
            return int(found["Item"]["available"]["N"])

        def start(order_id: str, **other: Any) -> str:
            """The execution's ARN, or what StartOrder says against it."""
            asked = json.dumps({**ORDER, "order_id": order_id, **other})
            answer = functions.invoke(FunctionName=stack.outputs["StartOrderName"], Payload=asked)
            said = json.loads(answer["Payload"].read())
            return str(said["errorMessage"] if "FunctionError" in answer else said["execution"])

        def refused(state: str, order_id: str) -> dict[str, Any]:
            """How an order ends that `state` refuses by the name of its error."""
            order = {**ORDER, "order_id": order_id}
            case = refusing(local, machine, state, stack.resources[state], order)
            try:
                begun = states.start_execution(stateMachineArn=case, name=order_id, input=json.dumps(ORDER))
                return ended(begun["executionArn"])
            finally:
                configure(local, _sfn_mock_config={}, _SFN_WAIT_SCALE=0.02)

        def ended(arn: str) -> dict[str, Any]:
            """How an execution ended, or how it stands if it does not."""

            def stands() -> dict[str, Any]:
                return {"error": "", "cause": "", **states.describe_execution(executionArn=arn)}

            seen(lambda: stands()["status"] != "RUNNING")
            return stands()

        def told(arn: str) -> dict[str, Any]:
            """What a human reads in HalfDone of an execution, if anything; the message is taken."""

            def looked() -> Any:
                found = sqs.receive_message(QueueUrl=half_done, VisibilityTimeout=0, MaxNumberOfMessages=10)
                for message in found.get("Messages", []):
                    if (read := json.loads(message["Body"]))["execution"] == arn:
                        sqs.delete_message(QueueUrl=half_done, ReceiptHandle=message["ReceiptHandle"])
                        return read
                return None

            return dict(seen(looked) or {})

        def tried(arn: str) -> Counter[str]:
            """How often each state was tried."""
            path, counted = [""], Counter[str]()
            for event in states.get_execution_history(executionArn=arn, maxResults=1000)["events"]:
                path += [event["stateEnteredEventDetails"]["name"]] if "stateEnteredEventDetails" in event else []
                counted[path[-1]] += event["type"] == "TaskScheduled"
            return counted

        say("three orders, each started twice, and another order under the id of the first")
        orders = [f"o-{n}" for n in range(3)]
        running = [start(order_id) for order_id in orders]
        again = [start(order_id) for order_id in orders]
        conflict = start("o-0", quantity=2)
        done = [ended(arn)["status"] for arn in running].count("SUCCEEDED")
        asked = [partners.times("PUT", what, each) for what in ("charges", "shipments") for each in orders]
        yield Outcome(
            "3 orders, each started twice, and another under an id",
            f"{done} done, {100 - available()} pieces gone, {conflict}",
            "one id is one order, started once",
            again == running
            and done == 100 - available() == 3
            and set(asked) == {1}
            and conflict.startswith("o-0 is "),
        )

        say("a declined card, an address nobody serves, an answer that never comes, a passing fault")
        partners.broken |= {("PUT", "charges", "late-1"): 2, ("PUT", "shipments", "late-1"): 1}
        partners.lost["PUT", "charges", "cut-1"] = 99
        late, cut = (ended(arn) for arn in [start("late-1"), start("cut-1")])
        ends = {"cut-1": cut, "declined-1": refused("ChargeCard", "declined-1")}
        ends["nowhere-1"] = refused("BookShipment", "nowhere-1")
        whys = {"declined-1": "CardDeclined", "nowhere-1": "AddressRejected"}
        why = [end["error"] for end in ends.values()]
        rest = [f"{each} in {what}" for what, kept in partners.kept.items() for each in ends if each in kept]
        yield Outcome(
            ", ".join(ends),
            f"{', '.join(why)}; left behind: {', '.join(rest) or 'nothing'}",
            "all or nothing, and the caller knows why",
            all(ends[each]["error"] == f"Undone.{name}" for each, name in whys.items())
            and cut["error"].startswith("Undone.")
            and any(word in cut["cause"] for word in ("Remote", "fetch failed"))  # of urllib3, and of Node.js
            and not rest
            and available() == 96,
        )
        attempts = tried(ends["declined-1"]["executionArn"])
        yield Outcome(
            "declined-1, refused at the first attempt",
            f"{attempts['ChargeCard']} attempt, {partners.times('DELETE', 'charges', 'declined-1')} refunds",
            "a refusal is not repeated, and what was refused is not undone",
            attempts["ChargeCard"] == 1 and partners.times("DELETE", "charges", "declined-1") == 0,
        )
        yield Outcome(
            "nowhere-1, charged and then refused",
            f"refunded by the id {partners.named.get('nowhere-1')}",
            "what a step answered is kept for its undo",
            partners.named.get("nowhere-1") == "charges-nowhere-1",
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
        cuts = partners.times("PUT", "charges", "cut-1")
        yield Outcome(
            "cut-1, charged each time without an answer",
            f"{cuts} attempts, {partners.times('DELETE', 'charges', 'cut-1')} refund",
            "what may have happened is undone too",
            cuts == 4 and partners.times("DELETE", "charges", "cut-1") == 1,
        )

        say("an attempt to charge that arrives after the refund")
        late_charge = functions.invoke(
            FunctionName=stack.resources["ChargeCard"], Payload=json.dumps({**ORDER, "order_id": "cut-1"})
        )
        yield Outcome(
            "cut-1, once more and too late",
            f"{late_charge.get('FunctionError')}, the payment service was not asked",
            "what is undone stays undone",
            "FunctionError" in late_charge and partners.times("PUT", "charges", "cut-1") == cuts,
        )

        say("a refund that fails for a while")
        partners.broken["DELETE", "charges", "nowhere-2"] = 6
        stuck = refused("BookShipment", "nowhere-2")
        told_of = told(stuck["executionArn"])
        failure, trouble = (told_of.get(each, {}) for each in ("failure", "trouble"))
        failed = (failure.get("Error"), told_of.get("undo"), "503" in trouble.get("Cause", ""))
        yield Outcome(
            "nowhere-2, which can not be refunded at first",
            f"told of {failed[0]} and of the {failed[1]}; in the end {stuck['error']}",
            "a human hears of an undo that fails while it is tried, and of the order's own failure",
            failed == ("AddressRejected", "charge", True)
            and stuck["error"] == "Undone.AddressRejected"
            and "nowhere-2" not in partners.kept["charges"]
            and available() == 96,
        )

        say("two bookings of which nobody knows whether they were made")
        partners.lost["PUT", "shipments", "maybe-1"] = 99
        partners.broken["PUT", "shipments", "maybe-2"] = 99
        started = {order_id: start(order_id) for order_id in ("maybe-1", "maybe-2")}
        for order_id, arn in started.items():
            for answer in ({"booked": None}, {"booked": order_id == "maybe-1"}):  # who does not know is asked again
                if token := told(arn).get("token"):
                    states.send_task_success(taskToken=token, output=json.dumps(answer))
        ends = {order_id: ended(arn) for order_id, arn in started.items()}
        yield Outcome(
            "maybe-1, booked without an answer, and maybe-2, not booked",
            f"a human, asked until one knows, says which: {ends['maybe-1']['status']}, {ends['maybe-2']['error']}",
            "what cannot be undone and may have happened is a human's",
            ends["maybe-1"]["status"] == "SUCCEEDED"
            and "maybe-1" in partners.kept["charges"]
            and ends["maybe-2"]["error"].startswith("Undone.")
            and "maybe-2" not in partners.kept["charges"],
        )

        say("an order that somebody stops, and the hourly sweep")
        partners.broken["PUT", "shipments", "stopped-1"] = 99
        arn = start("stopped-1")
        if told(arn):  # else it has ended already
            states.stop_execution(executionArn=arn)
        by_event = told(arn).get("status")
        functions.invoke(FunctionName=stack.resources["Sweep"], Payload="{}")
        by_sweep = told(arn).get("status")
        rest = sqs.receive_message(QueueUrl=half_done, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        yield Outcome(
            "stopped-1, neither done nor undone",
            f"{by_event} by its event, {by_sweep} by the sweep, {len(rest)} others in HalfDone",
            "a half-done order finds its human even if its event is lost, an undone one troubles nobody",
            by_event == by_sweep == "ABORTED" and rest == [],
        )
