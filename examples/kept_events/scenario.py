"""Events of orders, in order and twice; a pause, an outage that costs one, a second reader, and one nobody can read."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trials.local_aws import LocalAws, Outcome, seen

OUTAGE = {"ORDERS_TABLE": "no-such-table"}


def history(order_id: str, *cents: int) -> list[dict[str, Any]]:
    """An order that is placed, amended and at last paid, so that only the order of its events ends well."""
    kinds = ["OrderPlaced", *["OrderAmended"] * (len(cents) - 2), "OrderPaid"]
    made = enumerate(zip(kinds, cents, strict=True), 1)
    return [{"order_id": order_id, "number": n, "kind": kind, "cents": paid} for n, (kind, paid) in made]


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    stack = local.deploy(template, AlarmTopicArn="arn:aws:sns:us-east-1:123456789012:alerts")
    functions, out = local.client("lambda"), stack.outputs
    bus, sqs, dynamodb = local.client("eventbridgev2"), local.client("sqs"), local.client("dynamodb")

    def invoke(function: str, event: dict[str, Any]) -> Any:
        answer = functions.invoke(FunctionName=out[function], Payload=json.dumps(event))
        told = json.load(answer["Payload"])
        assert "FunctionError" not in answer, told
        return told

    def publish(*events: dict[str, Any]) -> None:
        invoke("PublishFunction", {"events": events, "correlation_id": "scenario"})

    def operate(**command: str) -> Any:
        return invoke("OperateFunction", {"by": "ana", **command})

    def orders() -> dict[str, tuple[int, str, int]]:
        """The number of its last event, its kind and the cents, for each order."""
        items = dynamodb.scan(TableName=out["OrdersTable"], ConsistentRead=True)["Items"]
        known = [each for each in items if "status" in each]
        return {
            each["order_id"]["S"]: (int(each["number"]["N"]), each["status"]["S"], int(each["cents"]["N"]))
            for each in known
        }

    def missed() -> list[dict[str, Any]]:
        """What is set aside, taken out of its queue."""
        found: list[dict[str, Any]] = []
        while messages := sqs.receive_message(QueueUrl=out["MissedUrl"], MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=out["MissedUrl"], ReceiptHandle=message["ReceiptHandle"])
            found += [json.loads(message["Body"]) for message in messages]
        return found

    groups: list[str] = []

    def given_up() -> list[str]:
        """The groups of events that the bus has given up so far."""
        groups.extend(each["eventGroupId"] for record in missed() for each in record.get("failedMessages", []))
        return groups

    def times(function: str, word: str) -> int:
        return sum(word in line for line in local.logs(out[function]))

    say("six orders, seven events each, mixed")
    mixed = [
        event for step in zip(*(history(f"o-{n}", *range(n, n + 7)) for n in range(6)), strict=True) for event in step
    ]
    publish(*mixed)
    wanted = {f"o-{n}": (7, "OrderPaid", n + 6) for n in range(6)}
    seen(lambda: orders() == wanted)
    ended = sum(orders().get(order) == state for order, state in wanted.items())
    yield Outcome("42 events of 6 orders", f"{ended} orders are paid", "each order by its events, in order", ended == 6)

    say("the producer publishes all of them again")
    before = times("TrackFunction", '"taken"')
    publish(*mixed)
    publish(*history("after", 1, 2))
    seen(lambda: "after" in orders() and orders()["after"][0] == 2)
    more = times("TrackFunction", '"taken"') - before - 2
    yield Outcome("the same 42 again", f"{more} delivered", "the bus keeps a repeat to itself", more == 0)

    say("the subscriber is paused while events come")
    operate(do="PAUSE")
    publish(*history("paused", 5, 6, 7))
    waited = "paused" not in orders()
    operate(do="RESUME")
    seen(lambda: orders().get("paused") == (3, "OrderPaid", 7))
    resumed = waited and orders().get("paused") == (3, "OrderPaid", 7)
    happened = "applied afterwards" if resumed else f"{'waited' if waited else 'came'}, then {orders().get('paused')}"
    yield Outcome("3 events in a pause", happened, "they wait, and none is lost", resumed)

    say("the table is gone until the bus gives an event up")
    publish(history("hit", 10, 20, 30)[0])
    seen(lambda: "hit" in orders())
    began = datetime.now(UTC)
    working = functions.get_function_configuration(FunctionName=out["TrackFunction"])["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=out["TrackFunction"], Environment={"Variables": working | OUTAGE}
    )
    publish(history("hit", 10, 20, 30)[1])
    publish(history("behind", 8, 9)[0])
    seen(lambda: "hit" in given_up())
    functions.update_function_configuration(FunctionName=out["TrackFunction"], Environment={"Variables": working})
    named = sorted({*groups})
    yield Outcome(
        "an event in an outage",
        f"{', '.join(named) or 'nothing'} is named",
        "what is given up is named",
        "hit" in named,
    )
    seen(lambda: "behind" in orders())
    tried = [line for line in local.logs(out["TrackFunction"]) if '"taken"' in line]
    last = max(at for at, line in enumerate(tried) if '"order_id":"hit","number":2' in line)
    held = all('"behind"' not in line for line in tried[:last])
    yield Outcome("another order's behind it", "it waited" if held else "it came", "a failure holds up all", held)

    say("the next event of that order")
    publish(history("hit", 10, 20, 30)[2])
    seen(lambda: times("TrackFunction", '"missing"'))
    stays = orders().get("hit") == (1, "OrderPlaced", 10) and bool(times("TrackFunction", '"missing"'))
    yield Outcome(
        "the event after the lost one",
        "not applied, told" if stays else f"{orders()['hit']}",
        "a gap is not passed",
        stays,
    )

    say("kept events are read again from before the outage")
    kind, name, number = out["SubscriberArn"].split("/")
    refusal = operate(do="END_READER", reader=f"{kind}/{name}-again-none/{number}").get("refused", "")
    reader = operate(do="READ_AGAIN", since=began.isoformat())["reader"]
    seen(lambda: orders().get("hit") == (3, "OrderPaid", 30))
    healed = orders().get("hit") == (3, "OrderPaid", 30)
    yield Outcome(
        "a reader from before it", f"{orders()['hit'][0]} of 3 applied", "what was missed is made good", healed
    )
    same = {order: orders()[order] for order in wanted} == wanted
    yield Outcome("and the other orders", "as they were" if same else "changed", "what was applied stays", same)
    left = operate(do="END_READER", reader=reader).get("refused", "")
    names = [each["SubscriberArn"] for each in bus.list_subscribers(EventBusArn=out["BusArn"])["Subscribers"]]
    ended_well = bool(refusal) and not left and names == [out["SubscriberArn"]]
    happened = ("first refused, then " if refusal else "") + ("ended" if len(names) == 1 else "there")
    yield Outcome("its end", happened, "it ends once nothing is missing", ended_well)

    say("an event that nobody can read, and one behind it")
    entry = {"Source": "shop.orders", "DetailType": "OrderEaten", "Detail": '{"metadata": {"number": 1}}'}
    bus.put_events(EventBusArn=out["BusArn"], Entries=[{**entry, "SystemMetadata": {"EventGroupId": "odd"}}])
    publish(history("last", 1, 2)[0])
    seen(lambda: "last" in orders())
    aside = seen(missed)
    whole = "last" in orders() and [each["Data"]["detail"] for each in aside if "Data" in each] == [
        {"metadata": {"number": 1}}
    ]
    yield Outcome("an unknown kind of event", "set aside, whole" if whole else "not", "nobody waits for it", whole)
