"""Orders over HTTP: placed, retried, listed, and tried without or with another's token."""

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from trials.local_aws import LocalAws, Outcome, seen
from trials.local_aws.outside import Asked, Outside

ORIGIN = "https://shop.test"
AUDIENCE = "shop"


class Issuer(Outside):
    """Signs tokens and publishes the key, as a user pool does: `url` is what the authorizer is told to trust."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def token(self, sub: str, **claims: Any) -> str:
        now = int(time.time())
        content = {"iss": self.url, "aud": AUDIENCE, "sub": sub, "iat": now, "exp": now + 300, **claims}
        return jwt.encode(content, self._key, algorithm="RS256", headers={"kid": "k-1"})

    def reply(self, asked: Asked) -> tuple[int, dict[str, Any]]:
        if not asked.path.endswith("/keys"):
            return 200, {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return 200, {"keys": [{**key, "kid": "k-1", "alg": "RS256", "use": "sig"}]}


class Client:
    """Calls a deployed HTTP API by the path that the local AWS serves it under."""

    def __init__(self, local: LocalAws, api_id: str) -> None:
        self._base = f"{local.endpoint}/_aws/execute-api/{api_id}/$default"
        self._tls = local.tls

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """The status, the decoded body and the headers, in lower case."""
        data = None if body is None else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(
            self._base + path, data, {"Content-Type": "application/json", **given}, method=method
        )
        try:
            answer = urllib.request.urlopen(request, timeout=30, context=self._tls)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read()
            found = {name.lower(): value for name, value in answer.headers.items()}
            is_json = "json" in found.get("content-type", "") and text
            return answer.status, json.loads(text) if is_json else text.decode(), found


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    with Issuer() as issuer:
        parameters = {"Issuer": issuer.url, "Audience": AUDIENCE, "Origin": ORIGIN}
        topic = "arn:aws:sns:us-east-1:123456789012:alerts"
        stack = local.deploy(template, AlarmTopicArn=topic, **parameters)
        call = Client(local, stack.outputs["ApiId"])
        ana, ben = ({"Authorization": f"Bearer {issuer.token(sub)}"} for sub in ("ana", "ben"))
        mug = {"sku": "mug-blue", "quantity": 2}

        say("callers without a good token")
        seen(lambda: call("GET", "/orders", **ana)[0] == 200)
        late = issuer.token("ana", exp=int(time.time()) - 60)
        elsewhere = issuer.token("ana", aud="another shop")
        forged = issuer.token("ana")[:-8] + base64.urlsafe_b64encode(b"forged").decode()
        tokens = ["", *(f"Bearer {token}" for token in (late, elsewhere, forged))]
        statuses = [call("GET", "/orders", **({"Authorization": token} if token else {}))[0] for token in tokens]
        yield Outcome("no, late, foreign, forged token", f"{statuses}", "401 for each", statuses == [401] * 4)

        say("the same order five times at once, then another under its key")
        with ThreadPoolExecutor(5) as pool:
            placed = list(pool.map(lambda _: call("POST", "/orders", mug, Idempotency_Key="k-1", **ana), range(5)))
        ids = {body.get("order_id") for _, body, _ in placed}
        once = len(ids) == 1 and all(status == 201 for status, _, _ in placed)
        yield Outcome("one order, five times at once", f"{len(ids)} order", "one order, five equal answers", once)
        status, problem, headers = call("POST", "/orders", {**mug, "quantity": 3}, Idempotency_Key="k-1", **ana)
        refused = (status, headers["content-type"]) == (409, "application/problem+json")
        yield Outcome("another order, same key", f"{status} {problem.get('detail')}", "refused and said why", refused)

        say("another customer")
        order_id = min(map(str, ids))
        answered = [call("GET", f"/orders/{order_id}", **who)[0] for who in (ana, ben)]
        same_key = call("POST", "/orders", mug, Idempotency_Key="k-1", **ben)[1].get("order_id")
        apart = answered == [200, 404] and same_key != order_id
        yield Outcome("Ana's order, asked for by Ben", f"{answered[1]}", "nobody sees another's", apart)

        say("pages")
        for n in range(5):
            call("POST", "/orders", mug, Idempotency_Key=f"page-{n}", **ana)
        found, after = [], ""
        for _ in range(6):  # as many pages as orders: a cursor that stands still must not keep us here
            page = call("GET", f"/orders?limit=2{after}", **ana)[1]
            found += [order["order_id"] for order in page["orders"]]
            if not page["after"]:
                break
            after = f"&after={page['after']}"
        yield Outcome(
            "6 orders in pages of 2", f"{len(set(found))} listed", "each once", len(found) == len(set(found)) == 6
        )

        say("input that no client should send")
        bad: list[Any] = [None, [], "x", {"sku": "", "quantity": 1}, {**mug, "quantity": "2"}, {**mug, "price": 0}]
        answers = [call("POST", "/orders", body, Idempotency_Key=f"bad-{n}", **ana) for n, body in enumerate(bad)]
        told = [(status, headers["content-type"]) for status, _, headers in answers]
        clear = told == [(422, "application/problem+json")] * len(bad)
        yield Outcome(
            f"{len(bad)} bodies that are no order", f"{sorted({s for s, _ in told})}", "problem details", clear
        )
