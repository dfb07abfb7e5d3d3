"""What the provider signed releases an order once, soon answered; what it did not sign does nothing.

canary-d90f5a16-aws-serverless-eda: not for training
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.flow import Flow
from evals.harness import intercepted, unique
from evals.scoring import Checks, Severity
from evals.system import System, request, said
from trials.local_aws import LocalAws
from trials.local_aws.outside import Asked, Outside
from trials.template import Model, read_template

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
SECRET, OTHER = "whsec_5f0c", "whsec_9d1e"
KEEPS = (
    "SendMessage",
    "SendMessageBatch",
    "PutItem",
    "UpdateItem",
    "TransactWriteItems",
    "Invoke",
    "PutEvents",
    "Publish",
)


class Erp(Outside):
    """Releases whenever it is asked to; while it is `cut`, it does so and says nothing."""

    def __init__(self) -> None:
        self.released: Counter[str] = Counter()
        self.asked = 0
        self.down = self.cut = False
        self.lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, Any] | None:
        with self.lock:
            self.asked += 1
            if self.down:
                return 503, {}
            if asked.method == "GET":
                order = asked.path.rsplit("/", 1)[-1]
                return (200, {"order_id": order}) if self.released[order] else (404, {})
            self.released[asked.body["order_id"]] += 1
            return None if self.cut else (201, {})


@contextmanager
def deployed(answer: Path, aws: LocalAws, twice: bool = False) -> Iterator[tuple[Flow, Erp]]:
    secret = aws.client("secretsmanager").create_secret(Name=unique("paylane"), SecretString=SECRET)["ARN"]
    with Erp() as erp:
        system = System(answer, aws, ErpUrl=erp.url, PaylaneSecretArn=secret, OnCallTopicArn=ON_CALL)
        with Flow(system, twice) as flow:
            yield flow, erp


def paid(order: str, event: str = "") -> str:
    data = {"payment": f"pay_{order}", "order_id": order}
    return json.dumps({"id": event or f"evt_{order}", "type": "payment.succeeded", "data": data})


def signature(body: str, secret: str = SECRET, at: float = 0) -> str:
    return hmac.new(secret.encode(), f"{int(at or time.time())}.{body}".encode(), hashlib.sha256).hexdigest()


def post(flow: Flow, body: str, header: str | None = None, encoded: bool = False) -> int:
    """The status of the answer; the header of a right signature unless it is given, or empty for none."""
    header = f"t={int(time.time())},v1={signature(body)}" if header is None else header
    headers = {"content-type": "application/json"} | ({"paylane-signature": header} if header else {})
    text = base64.b64encode(body.encode()).decode() if encoded else body
    event = request("POST", "/paylane", headers=headers, isBase64Encoded=encoded) | {"body": text}
    try:
        return int(flow.system.call("PaymentHook", event).get("statusCode", 200))
    except Exception:  # the answer's own: API Gateway makes a 500 of it
        return 500


@CHECKS(Severity.ASKED)
def a_paid_order_is_released(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, erp):
        status = post(flow, paid("o-1"))
        flow.settle()
        if not 200 <= status < 300 or erp.released != {"o-1": 1}:
            yield f"a payment is answered with {status}, and released is {dict(erp.released)}"


@CHECKS(Severity.EXPOSES)
def what_the_provider_did_not_sign_does_nothing(answer: Path, aws: LocalAws) -> Iterator[str]:
    body, now = paid("o-2"), int(time.time())
    forged = {
        "no signature": "",
        "a made-up signature": f"t={now},v1={'0' * 64}",
        "an empty signature": f"t={now},v1=",
        "another secret": f"t={now},v1={signature(body, OTHER)}",
        "another event's signature": f"t={now},v1={signature(paid('o-3'))}",
        "a signature of another time": f"t={now + 1},v1={signature(body, at=now)}",
        "no time": f"v1={signature(body)}",
        "a header that is none": "v1",
        "another scheme": f"t={now},v0={signature(body)}",
        "letters beyond ASCII": f"t={now},v1=ü",
    }
    with deployed(answer, aws) as (flow, erp):
        for what, header in forged.items():
            status = post(flow, body, header)
            if not 400 <= status < 600:
                yield f"{what} is answered with {status}"
        flow.settle()
        if erp.asked:
            yield f"forged events reach the ERP: {dict(erp.released)}"


@CHECKS(Severity.HIDES)
def a_stranger_rings_no_alarm(answer: Path, aws: LocalAws) -> Iterator[str]:
    """What fails is looked at; who signs nothing is refused."""
    with deployed(answer, aws) as (flow, _):
        statuses = [post(flow, body, header) for body in (paid("o-2"), "not JSON") for header in ("", "v1", "v1=0,t=0")]
        if [status for status in statuses if not 400 <= status < 500]:
            yield f"requests that nobody signed are answered with {statuses}"


@CHECKS(Severity.EXPOSES)
def what_was_signed_long_ago_does_nothing(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, erp):
        body, then = paid("o-4"), int(time.time()) - 3600
        status = post(flow, body, f"t={then},v1={signature(body, at=then)}")
        flow.settle()
        if not 400 <= status < 500 or erp.released:
            yield f"a request that was signed an hour ago is answered with {status}, released is {dict(erp.released)}"


@CHECKS(Severity.LOSES)
def the_signature_is_of_the_body_as_it_came(answer: Path, aws: LocalAws) -> Iterator[str]:
    spaced = paid("o-5").replace(": ", ":  ").replace("{", "{\n ").replace('"pay_o-5"', '"pay_Å/\\u00e9"')
    with deployed(answer, aws) as (flow, erp):
        for encoded in (False, True):
            status = post(flow, spaced, encoded=encoded)
            if not 200 <= status < 300:
                yield f"a body with blanks of its own{', in base64,' * encoded} is answered with {status}"
        flow.settle()
        if not erp.released["o-5"]:
            yield "an order whose event has blanks of its own is not released"


@CHECKS(Severity.LOSES)
def while_the_secret_changes_either_signature_will_do(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, _):
        for order, first in (("o-6", OTHER), ("o-7", SECRET)):
            body, now = paid(order), int(time.time())
            second = SECRET if first == OTHER else OTHER
            status = post(flow, body, f"t={now},v1={signature(body, first)},v1={signature(body, second)}")
            if not 200 <= status < 300:
                yield f"an event that is signed under the old secret and the new one is answered with {status}"


@CHECKS(Severity.BLOCKS)
def the_answer_waits_for_no_erp(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, erp):
        erp.down = True
        if not 200 <= (status := post(flow, paid("o-8"))) < 300 or erp.asked:
            yield f"the provider waits for the ERP, and is told {status} while it is being serviced"


@CHECKS(Severity.LOSES)
def a_sunday_delays_the_release(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, erp):
        erp.down = True
        post(flow, paid("o-9"))
        flow.settle(rounds=2)
        erp.down = False
        post(flow, paid("o-10"))
        flow.settle()
        if erp.released != {"o-9": 1, "o-10": 1}:
            yield f"after the ERP was serviced, released is {dict(erp.released)}"


@CHECKS(Severity.DOUBLES)
def what_comes_twice_is_one_release(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws, twice=True) as (flow, erp):
        for _ in range(2):
            if not 200 <= (status := post(flow, paid("o-11"))) < 300:
                yield f"an event that is known is answered with {status}, so the provider sends it again"
            flow.settle()
        post(flow, paid("o-11", "evt_again"))
        flow.settle()
        if erp.released["o-11"] != 1:
            yield f"an event that comes again leads to {erp.released['o-11']} releases"


@CHECKS(Severity.DOUBLES)
def a_lost_answer_of_the_erp_is_one_release(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, erp):
        erp.cut = True
        post(flow, paid("o-12"))
        flow.settle(rounds=1)
        erp.cut = False
        post(flow, paid("o-12"))
        flow.settle()
        if erp.released["o-12"] != 1:
            yield f"an order is released {erp.released['o-12']} times when the ERP's answer was lost"


@CHECKS(Severity.LOSES)
def what_could_not_be_kept_is_sent_again(answer: Path, aws: LocalAws) -> Iterator[str]:
    for number in range(3):
        seen = [0]

        def refused(operation: str, parameters: dict[str, Any], really: Any, number: int = number) -> Any:
            seen[0] += operation in KEEPS  # noqa: B023
            if operation in KEEPS and seen[0] == number + 1:  # noqa: B023
                raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "try again"}}, operation)
            return really()

        with deployed(answer, aws) as (flow, erp):
            with intercepted(refused):
                status = post(flow, paid("o-13"))
            if not 200 <= status < 300:  # then the provider sends it again
                post(flow, paid("o-13"))
            flow.settle()
            if erp.released["o-13"] != 1:
                yield f"what could not be kept is answered with {status}; in the end {dict(erp.released)} are released"


@CHECKS(Severity.COSTS)
def other_events_are_taken_note_of(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, erp):
        for body in ({"id": "evt_1", "type": "payout.made", "data": {}}, {"id": "evt_2", "type": "payment.failed"}):
            data = body | {"data": {"payment": "pay_1", "order_id": "o-14"}} if "failed" in body["type"] else body
            status = post(flow, json.dumps(data))
            if not 200 <= status < 300:
                yield f"an event of the type {body['type']} is answered with {status}, and comes for three days"
        flow.settle()
        if erp.released or flow.given_up:
            yield f"events of other types lead to {dict(erp.released)}, and {len(flow.given_up)} are given up"


@CHECKS(Severity.EXPOSES)
def the_secret_stays_where_it_is(answer: Path, aws: LocalAws) -> Iterator[str]:
    model = Model(read_template(answer / "template.yaml"), answer / "template.yaml")
    for function in model.functions:
        if "{{resolve:" in str(function.only("Environment")):
            yield f"the secret stands in an environment variable of {function.name}"


@CHECKS(Severity.COSTS)
def a_flood_is_turned_away(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "W9702", "W9625")


@CHECKS(Severity.LOSES)
def what_fails_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E", "SAM")


@CHECKS(Severity.HIDES)
def somebody_is_called_for_what_is_given_up(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, _):
        alarms = [*flow.system.alarms("AWS/SQS"), *flow.system.alarms("AWS/Lambda")]
        if not [each for each in alarms if each.get("AlarmActions")]:
            yield "nobody is called for a paid order that is not released"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (flow, _):
        post(flow, paid("o-1"))
        flow.settle()
        yield from flow.system.denied()
