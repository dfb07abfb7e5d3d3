"""Genuine, forged, tampered, replayed, repeated and oversize webhooks, an outage and a new key, through a real API."""

import hashlib
import hmac
import json
import random
import ssl
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from trials.local_aws import LocalAws, Outcome, seen, wait_for

OLD, NEW, WRONG = "whsec-old", "whsec-new", "whsec-guessed"
DENY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage"}]}


def change(id: str, payment: str, version: int, status: str = "captured", **more: str) -> bytes:
    """One event of the provider, in its own spelling of JSON."""
    return json.dumps({"id": id, "payment": payment, "version": version, "status": status, **more}, indent=1).encode()


def sign(body: bytes, *keys: str, at: float | None = None) -> str:
    """The provider's header: the time, and one signature for each key that is in use."""
    stamp = str(int(time.time() if at is None else at))
    signed = stamp.encode() + b"." + body
    return f"t={stamp}," + ",".join(f"v1={hmac.new(k.encode(), signed, hashlib.sha256).hexdigest()}" for k in keys)


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    stack = local.deploy(template, AlarmTopicArn="arn:aws:sns:us-east-1:123456789012:alerts")
    sqs, dynamodb, lambda_ = (local.client(name) for name in ("sqs", "dynamodb", "lambda"))
    s3, secrets = local.client("s3"), local.client("secretsmanager")
    queue, dlq = stack.outputs["WebhooksUrl"], stack.outputs["WebhooksDlqUrl"]
    url = f"{local.endpoint}/_aws/execute-api/{stack.resources['Api']}/webhooks/payments"  # the local form of Url
    trust = ssl.create_default_context(cafile=str(local.ca))
    (worker,) = lambda_.list_event_source_mappings(FunctionName=stack.resources["Work"])["EventSourceMappings"]

    def post(body: bytes, signature: str, kind: str = "application/json") -> tuple[int, bytes]:
        headers = {"Content-Type": kind, "X-Signature": signature}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), context=trust) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def depth(of: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = sqs.get_queue_attributes(QueueUrl=of, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def version(payment: str) -> int:
        found = dynamodb.get_item(
            TableName=stack.outputs["PaymentsTable"], Key={"id": {"S": payment}}, ConsistentRead=True
        )
        return int(found["Item"]["version"]["N"]) if "Item" in found else 0

    def switch(on: bool) -> None:
        lambda_.update_event_source_mapping(UUID=worker["UUID"], Enabled=on)
        state = "Enabled" if on else "Disabled"
        wait_for(state, lambda: lambda_.get_event_source_mapping(UUID=worker["UUID"])["State"] == state)

    secrets.put_secret_value(SecretId=stack.outputs["SigningSecretArn"], SecretString=OLD)
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "3"})  # a retry would wait 6 minutes
    switch(False)

    say("webhooks that are not the provider's")
    body = change("e-evil", "p-0", 99)
    hour = time.time() - 3600
    evil = {
        "unsigned": (body, ""),
        "forged": (body, sign(body, WRONG)),
        "tampered": (body.replace(b"99", b"98"), sign(body, OLD)),
        "replayed after an hour": (body, sign(body, OLD, at=hour)),
        "replayed, new time": (body, sign(body, OLD, at=hour).replace(f"t={int(hour)}", f"t={int(time.time())}")),
        "not even ASCII": (body, f"t={int(time.time())},v1=\xe9\xff"),
    }
    refused = [name for name, (payload, signature) in evil.items() if post(payload, signature) == (401, b"")]
    yield Outcome(
        ", ".join(evil),
        f"{len(refused)} answered 401, {depth(queue)} queued",
        "nothing forged gets in, and no answer says why",
        refused == list(evil) and depth(queue) == 0,
    )

    say("10 payments, 3 events each, each sent twice, shuffled, while the worker is stopped")
    payments = [f"p-{n}" for n in range(10)]
    sent = [change(f"e-{payment}-{n}", payment, n) for payment in payments for n in (1, 2, 3)] * 2
    random.Random(7).shuffle(sent)
    answers = Counter(post(body, sign(body, OLD))[0] for body in sent)
    yield Outcome(
        "60 genuine webhooks, no worker",
        f"{answers[202]} answered 202",
        "answered before the work",
        answers[202] == depth(queue) == 60,
    )
    large, broken = change("e-large", "p-large", 1, note="x" * 3_000_000), b'{"id": "e-broken"}\xff'
    large_code = post(large, sign(large, OLD))[0]
    broken_code = post(broken, sign(broken, OLD), kind="application/octet-stream")[0]
    switch(True)
    applied = seen(lambda: version("p-large") == 1)
    claims = s3.list_objects_v2(Bucket=stack.resources["Bodies"])["KeyCount"]
    yield Outcome(
        "a body of 3 MB",
        f"{large_code}, {claims} object in S3, {'' if applied else 'not '}applied",
        "larger than a message, not lost",
        large_code == 202 and claims == 1 and applied,
    )

    say("the queue refuses")
    policy = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])["Attributes"]["Policy"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(DENY)})
    body = change("e-outage", "p-outage", 1)
    down = post(body, sign(body, OLD))[0]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    again = post(body, sign(body, OLD))[0]
    applied = seen(lambda: version("p-outage") == 1)
    yield Outcome("one during an outage", f"{down}, then {again}", "5xx: the sender repeats", down >= 500 and applied)

    say("the provider rotates its key; a look that a forgery bought may delay it by 10 s")
    secrets.put_secret_value(SecretId=stack.outputs["SigningSecretArn"], SecretString=NEW)
    body = change("e-new", "p-new", 1)
    seen(lambda: post(body, sign(body, NEW))[0] == 202)
    codes = [post(body, sign(body, *keys))[0] for keys in ((OLD,), (NEW,), (WRONG, NEW), (WRONG,))]
    yield Outcome(
        "old key, new key, both, neither",
        ", ".join(map(str, codes)),
        "a rotation loses nothing",
        codes == [202, 202, 202, 401],
    )

    say("a genuine event that nobody understands is received for the fifth time")
    seen(lambda: depth(queue) == 0 and depth(dlq))
    dead = [each["Body"] for each in sqs.receive_message(QueueUrl=dlq, MaxNumberOfMessages=10).get("Messages", [])]
    kept = [json.loads(each).get("body", "").encode(errors="surrogateescape") == broken for each in dead]
    last = [payment for payment in payments if version(payment) == 3]
    yield Outcome(
        "repeats, and late ones first", f"{len(last)} payments at version 3", "the last version wins", last == payments
    )
    yield Outcome(
        "signed, but not understood",
        f"{broken_code}, {sum(kept)} in the DLQ",
        "set aside, every byte of it",
        broken_code == 202 and sum(kept) == len(dead) == 1,
    )
