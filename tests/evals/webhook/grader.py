"""What was signed lately reaches the queue byte for byte, nothing else does, and a failure is a 5xx."""

import base64
import hmac
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.harness import environment, graded, messages, queue, text
from support.handlers import Context
from trials.local_aws import LocalAws

SECRET = "whsec-made-up"
BODY = '{ "id":"evt-1",  "amount": 1.10, "name": "Zo\\u00eb", "city": "Köln" }\n'


def signed(body: str = BODY, age: float = 0, secret: str = SECRET) -> str:
    stamp = int(time.time() - age)
    digest = hmac.new(secret.encode(), f"{stamp}.{body}".encode(), "sha256").hexdigest()
    return f"t={stamp},v1={digest}"


def request(signature: str | None, body: str = BODY, encoded: bool = False) -> dict[str, Any]:
    return {
        "version": "2.0",
        "routeKey": "POST /webhook",
        "rawPath": "/webhook",
        "headers": {"content-type": "application/json"} | ({} if signature is None else {"x-signature": signature}),
        "requestContext": {"http": {"method": "POST", "path": "/webhook"}},
        "body": base64.b64encode(body.encode()).decode() if encoded else body,
        "isBase64Encoded": encoded,
    }


@graded
def grade(answer: Path, aws: LocalAws) -> Iterator[str]:
    text(answer, "app.py")
    url = queue(aws)
    with environment(answer, aws, SIGNING_SECRET=SECRET, QUEUE_URL=url) as here:
        app = here.load("app")

        def status(event: dict[str, Any]) -> int:
            """What the sender sees; an exception is API Gateway's 500."""
            try:
                return int(app.handler(event, Context())["statusCode"])
            except Exception:
                return 500

        genuine = {
            "a genuine webhook": request(signed()),
            "a genuine webhook in base64": request(signed(), encoded=True),
            "one signed four minutes ago": request(signed(age=240)),
            "one with a second signature while keys rotate": request(f"{signed()},v1={'0' * 64}"),
            "one with the second signature valid": request(signed().replace(",", f",v1={'0' * 64},")),
        }
        for name, event in genuine.items():
            answered, bodies = status(event), messages(aws, url)
            if not 200 <= answered < 300 or len(bodies) != 1:
                yield f"{name}: {answered}, {len(bodies)} in the queue"
            elif bodies != [BODY]:
                yield f"{name}: the queue got other bytes"
        false = {
            "a forged one": request(signed(secret="guessed")),
            "another body": request(signed(), body=BODY.replace("1.10", "9.10")),
            "one of six minutes ago": request(signed(age=360)),
            "one of tomorrow": request(signed(age=-86_400)),
            "one without a signature": request(None),
            "one with rubbish for a signature": request("t=now,v1"),
            "one without a body": {**request(signed()), "body": None},
            "one whose base64 is none": {**request(signed()), "body": "%%%", "isBase64Encoded": True},
            "one without headers": {**request(signed()), "headers": None},
        }
        for name, event in false.items():
            answered, bodies = status(event), messages(aws, url)
            if bodies:
                yield f"{name}: is queued"
            elif answered not in (400, 401, 403):
                yield f"{name}: answered {answered}"
        aws.fault(service="sqs", operation="SendMessage", error={"code": "InternalError", "status": 500}, times=20)
        if (answered := status(request(signed()))) < 500:
            yield f"one that the queue did not take: answered {answered}"
