"""Orders from POST to mail: charged, shipped, announced and mailed once, or refunded; with faults at each hop."""

import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from rest_api.scenario import AUDIENCE, ORIGIN, Client, Issuer

from trials.local_aws import LocalAws, Outcome, Stack, seen
from trials.local_aws.outside import Asked, Outside
from trials.template import read_template

DOMAIN = "shop.test"
ALARMS = "arn:aws:sns:us-east-1:123456789012:alerts"
PRICES = {"mug": 900, "sofa": 120_000}


class Bank(Outside):
    """Charges, or refunds: each request that it takes is one, for it knows no key. `taken` counts them by reference.

    It declines the card tok_declined, and loses its first answer for the card tok_lost, after it did what it was asked.
    """

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, dict[str, str]] | None:
        reference, card = asked.body["reference"], asked.body["card"]
        if card == "tok_declined":
            return 402, {"reason": "no cover"}
        with self._lock:
            self.taken[reference] += 1
            first = self.taken[reference] == 1
        return None if card == "tok_lost" and first else (201, {"id": f"b-{reference}"})


class Carrier(Outside):
    """Dedupes by our key, and refuses a booking that comes after its cancellation.

    It knows no address "nowhere", and is down for "far" as long as `far_is_down`, although it may book before it fails.
    """

    def __init__(self, far_is_down: bool = True) -> None:
        self.parcels: dict[str, str] = {}
        self.cancelled: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.far: set[str] = set()
        self.far_is_down = far_is_down
        self._lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, dict[str, str]]:
        with self._lock:
            self.asked[asked.key] += 1
            if asked.method == "DELETE":
                if asked.key in self.far and self.far_is_down:
                    return 503, {}
                self.cancelled.add(asked.key)
                return (200 if self.parcels.pop(asked.key, None) else 404), {}
            if asked.body["address"] == "nowhere" or asked.key in self.cancelled:
                return 422, {"reason": "no such address"}
            self.parcels.setdefault(asked.key, f"s-{asked.key}")
            if asked.body["address"] == "far":
                self.far.add(asked.key)
                return (503, {}) if self.far_is_down else (200, {"parcel": self.parcels[asked.key]})
            return 200, {"parcel": self.parcels[asked.key]}


CUSTOMERS = {  # card and address
    "ana": ("tok_visa", "1 Main St"),
    "dee": ("tok_declined", "1 Main St"),
    "lou": ("tok_lost", "1 Main St"),
    "nora": ("tok_visa", "nowhere"),
    "cal": ("tok_visa", "far"),
}


def supply(local: LocalAws, tables: dict[str, str]) -> None:
    """What other parts of the company know: customers and prices."""
    dynamodb = local.client("dynamodb")
    for name, (card, address) in CUSTOMERS.items():
        texts = {"customer": name, "card": card, "address": address, "email": f"{name}@home.test", "country": "US"}
        dynamodb.put_item(TableName=tables["CustomersTable"], Item={key: {"S": value} for key, value in texts.items()})
    for sku, cents in PRICES.items():
        dynamodb.put_item(TableName=tables["PricesTable"], Item={"sku": {"S": sku}, "cents": {"N": str(cents)}})


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    with Issuer() as issuer, Bank() as charges, Bank() as refunds, Carrier() as carrier:
        url = {"ProviderUrl": charges.url, "RefundUrl": refunds.url, "CarrierUrl": carrier.url, "Issuer": issuer.url}
        given = {**url, "AlarmTopicArn": ALARMS, "Audience": AUDIENCE, "Origin": ORIGIN, "Domain": DOMAIN}
        whole = template.parent / "whole.yaml"
        stack = local.deploy(whole, **given) if whole.exists() else joined(local, template, given)
        supply(local, stack.outputs)
        local.client("sesv2").create_email_identity(EmailIdentity=DOMAIN)
        out, sqs, call = stack.outputs, local.client("sqs"), Client(local, stack.outputs["ApiId"])
        as_customer = {name: {"Authorization": f"Bearer {issuer.token(name)}"} for name in (*CUSTOMERS, "zoe")}

        def place(customer: str, key: str, sku: str = "mug") -> str:
            placed = call("POST", "/orders", {"sku": sku, "quantity": 2}, Idempotency_Key=key, **as_customer[customer])
            return str(placed[1]["order_id"])

        def status(order_id: str, customer: str) -> str:
            answer = call("GET", f"/orders/{order_id}/status", **as_customer[customer])[1]
            return str(answer.get("state", ""))

        def mailed() -> Counter[tuple[str, str]]:
            url = f"{local.endpoint}/_ministack/ses/messages"
            with urllib.request.urlopen(url, timeout=10, context=local.tls) as answer:
                found = [mail for account in json.load(answer)["messages"].values() for mail in account]
            return Counter((each["Subject"], each["BodyText"].split()[-1].strip(".")) for each in found)

        def mails_about(order_id: str) -> dict[str, int]:
            return {subject: number for (subject, about), number in mailed().items() if about == order_id}

        def depth(queue: str) -> int:
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            attributes = sqs.get_queue_attributes(QueueUrl=out[queue], AttributeNames=names)["Attributes"]
            return sum(int(attributes[name]) for name in names)

        def idle() -> bool:
            return all(depth(queue) == 0 for queue in ("PaymentsUrl", "ShippingUrl", "RefundsUrl", "MailsUrl"))

        may_mail(local, stack, True)
        say("2 orders, each posted twice")
        skus = {place("ana", f"k-{n % 2}", sku): sku for n, sku in enumerate(["mug", "sofa"] * 2)}
        orders = sorted(skus)
        on_its_way = {"Your order is on its way": 1}
        seen(lambda: all(mails_about(each) == on_its_way for each in orders))
        say("and once more at every hop")
        repeat(local, stack, skus)
        seen(idle)
        each_once = {each: (charges.taken[each], each in carrier.parcels, mails_about(each)) for each in orders}
        once = len(orders) == 2 and set(map(str, each_once.values())) == {str((1, True, on_its_way))}
        happened = (
            f"{sum(charges.taken.values())} charges, {len(carrier.parcels)} parcels, {sum(mailed().values())} mails"
        )
        yield Outcome("2 orders, twice at every hop", happened, "charged, shipped and mailed once", once)
        asked = {status(each, "ana") for each in orders}, status(orders[0], "zoe")
        yield Outcome(
            "where is it?",
            f"{asked[0]}, a stranger: {asked[1] or '404'}",
            "told to whose it is",
            asked == ({"SHIPPED"}, ""),
        )
        reviews = sqs.receive_message(QueueUrl=out["ReviewsUrl"], MaxNumberOfMessages=10).get("Messages", [])
        large = {json.loads(each["Body"])["detail"]["data"]["sku"] for each in reviews}
        yield Outcome(
            "one of them large", f"to review: {', '.join(large)}", "announced to whoever asks", large == {"sofa"}
        )

        say("a copy of a shipped order among the dead letters")
        shipped = orders[0]
        body = json.dumps({"order_id": shipped, "address": "1 Main St"})
        sqs.send_message(QueueUrl=out["ShippingDlqUrl"], MessageBody=body)
        seen(lambda: depth("ShippingDlqUrl") == 0 and idle())
        stays = shipped in carrier.parcels, refunds.taken[f"refund-{shipped}"], status(shipped, "ana")
        yield Outcome(
            "a dead letter of a shipped order",
            f"{'its parcel' if stays[0] else 'no parcel'}, {stays[1]} refund, {stays[2]}",
            "what is shipped is not given up",
            stays == (True, 0, "SHIPPED"),
        )

        say("a declined card, and an article that nobody sells")
        declined, rejected = place("dee", "k-1"), place("ana", "k-9", "yacht")
        told = seen(lambda: mails_about(declined) and mails_about(rejected))
        nothing = not (charges.taken[declined] + charges.taken[rejected]) and not {declined, rejected} & set(
            carrier.parcels
        )
        yield Outcome(
            "a declined card, an unknown article",
            f"{status(declined, 'dee')}, {status(rejected, 'ana')}",
            "nothing is shipped, the customer is told",
            bool(told) and nothing and mails_about(declined) == {"Your card was declined": 1},
        )

        say("a charge whose answer is lost, and a human who asks the bank")
        lost = place("lou", "k-1")
        doubt = seen(lambda: status(lost, "lou") == "IN_DOUBT")
        verdict = {"payment_id": lost, "verdict": "DONE", "by": "ana", "found": f"b-{lost}"}
        local.client("lambda").invoke(FunctionName=out["ResolveFunction"], Payload=json.dumps(verdict))
        seen(lambda: mails_about(lost) == on_its_way)
        yield Outcome(
            "a lost answer of the bank",
            f"{'in doubt, then ' if doubt else ''}{status(lost, 'lou')}, {charges.taken[lost]} charge",
            "charged once, shipped after a human's word",
            doubt and mails_about(lost) == on_its_way and charges.taken[lost] == 1,
        )

        say("an address that the carrier refuses")
        refused = place("nora", "k-1")
        money_back = {"You have your money back": 1}
        seen(lambda: mails_about(refused) == money_back)
        returned = charges.taken[refused], refunds.taken[f"refund-{refused}"]
        yield Outcome(
            "an order that cannot be shipped",
            f"{returned[0]} charge, {returned[1]} refund, {mails_about(refused)}",
            "refunded once, and told",
            returned == (1, 1) and mails_about(refused) == money_back,
        )

        say("a carrier that is down for ever")
        policy = json.dumps({"deadLetterTargetArn": dlq_arn(sqs, out["ShippingDlqUrl"]), "maxReceiveCount": 2})
        sqs.set_queue_attributes(QueueUrl=out["ShippingUrl"], Attributes={"RedrivePolicy": policy})  # 40 take 4 hours
        sqs.set_queue_attributes(QueueUrl=out["ShippingDlqUrl"], Attributes={"VisibilityTimeout": "3"})
        given_up = place("cal", "k-1")
        seen(lambda: mails_about(given_up) == money_back)
        told_of = depth("ShippingDlqUrl")
        carrier.far_is_down = False
        body = json.dumps({"order_id": given_up, "address": "far"})
        sqs.send_message(QueueUrl=out["ShippingUrl"], MessageBody=body)  # a late copy, now that the carrier is back
        seen(lambda: depth("ShippingUrl") == 0 and given_up in carrier.cancelled)
        yield Outcome(
            "a carrier that is down for ever",
            f"{refunds.taken[f'refund-{given_up}']} refund, {told_of} dead letter, {status(given_up, 'cal')}",
            "refunded once, and somebody told",
            refunds.taken[f"refund-{given_up}"] == 1 and told_of == 1 and mails_about(given_up) == money_back,
        )
        yield Outcome(
            "the carrier is back, and so is the order",
            "a parcel" if given_up in carrier.parcels else "no parcel",
            "what is refunded is not shipped",
            given_up not in carrier.parcels,
        )

        say("mails that nobody sends")
        may_mail(local, stack, False)
        late = place("ana", "k-10")
        seen(lambda: status(late, "ana") == "SHIPPED" and depth("MailsUrl") == 1)
        time.sleep(1)  # until it was tried
        before = mails_about(late)
        may_mail(local, stack, True)
        seen(lambda: mails_about(late) == on_its_way)
        yield Outcome(
            "a mail that was turned away",
            f"{before or 'none'}, later {mails_about(late)}",
            "mailed once, later",
            (before, mails_about(late)) == ({}, on_its_way),
        )


def joined(local: LocalAws, template: Path, given: dict[str, str]) -> Stack:
    """The stacks that CDK makes, deployed one by one and joined as `whole.yaml` joins the templates."""
    read, known = read_template(Path(__file__).parent / "whole.yaml"), dict[str, Stack]()

    def value(written: Any) -> str:
        if "Ref" in written:
            return given[written["Ref"]]
        return known[written["Fn::GetAtt"][0]].outputs[written["Fn::GetAtt"][-1].rsplit(".", 1)[-1]]

    for name, application in read["Resources"].items():
        properties = application["Properties"]
        folder = Path(properties["Location"]).parent.name or "shop"
        file = template.with_name(f"{folder.title().replace('_', '')}.template.json")
        parameters = {
            key: each if isinstance(each, str) else value(each) for key, each in properties["Parameters"].items()
        }
        known[name] = local.deploy(file, **parameters)
    outputs = {key: value(each["Value"]) for key, each in read["Outputs"].items()}
    return replace(known["Shop"], outputs=outputs, resources={"ShopMail": known["Shop"].resources["Mail"]})


def dlq_arn(sqs: Any, url: str) -> str:
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def may_mail(local: LocalAws, stack: Stack, whether: bool) -> None:
    """The local IAM asks for SendEmail on every resource, and does not know that the role may for one identity."""
    role, allowed = (
        local.role(stack.resources["ShopMail"]),
        {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"},
    )
    policy = {"RoleName": role, "PolicyName": "Mails"}
    if whether:
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        local.client("iam").put_role_policy(**policy, PolicyDocument=document)
    else:
        local.client("iam").delete_role_policy(**policy)


def repeat(local: LocalAws, stack: Stack, skus: dict[str, str]) -> None:
    """Deliver again what the hops were sent; the streams are the handlers' tests' to repeat."""
    sqs, out = local.client("sqs"), stack.outputs
    for order_id, sku in skus.items():
        payment = {"payment_id": order_id, "card": "tok_visa", "cents": 2 * PRICES[sku]}
        sqs.send_message(QueueUrl=out["PaymentsUrl"], MessageBody=json.dumps(payment))
        parcel = {"order_id": order_id, "address": "1 Main St"}
        sqs.send_message(QueueUrl=out["ShippingUrl"], MessageBody=json.dumps(parcel))
        metadata = {"event_id": f"shipped-{order_id}", "version": 1, "correlation_id": "scenario"}
        detail = {"metadata": metadata, "data": {"order_id": order_id, "email": "ana@home.test"}}
        event = {"Source": "shop.orders", "DetailType": "OrderShipped", "Detail": json.dumps(detail)}
        local.client("events").put_events(Entries=[{"EventBusName": out["BusName"], **event}])
