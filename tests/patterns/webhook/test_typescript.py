"""The receiver in TypeScript, in a process of its own, keeps what the scenario cannot send through a real API."""

import base64
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from webhook.scenario import NEW, OLD, WRONG, change, sign

from support.handlers import Example
from trials.local_aws import REGION, LocalAws
from trials.local_aws.synthesis import EXAMPLES, NODE

pytestmark = pytest.mark.e2e  # they start Node.js

NOW = int(time.time())
BODY = change("e-1", "p-1", 1)
ACCEPTED, REFUSED = {"statusCode": 202}, {"statusCode": 401}
DISABLED = {"code": "DecryptionFailure", "status": 400}
# Reads a clock and an event from each line, prints what the handler answers or how it fails. `new Date()` stays.
SERVE = """
const { handler } = require(process.argv[1]);
const say = console.log;
console.log = console.info = console.warn = console.error = console.debug = () => {};
const lines = require("node:readline").createInterface({ input: process.stdin });
let last = Promise.resolve();
lines.on("line", (line) => {
  last = last.then(async () => {
    const { now, event } = JSON.parse(line);
    Date.now = () => now * 1000;
    try {
      say(JSON.stringify(await handler(event, { awsRequestId: `r-${now}` })));
    } catch (error) {
      say(JSON.stringify(`${error.name}: ${error.message}`));
    }
  });
});
"""


class Receiver:
    """One environment of the function. A string is an error, so a 5xx."""

    def __init__(self, bundle: Path, **variables: str) -> None:
        logs = {"POWERTOOLS_DEV": "true", "POWERTOOLS_LOG_LEVEL": "SILENT"}
        self._node = subprocess.Popen(
            ["node", "-e", SERVE, str(bundle)],
            env={**os.environ, "AWS_REGION": REGION, **logs, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, event: dict[str, Any], now: int = NOW) -> Any:
        assert self._node.stdin
        assert self._node.stdout
        self._node.stdin.write(json.dumps({"now": now, "event": event}) + "\n")
        self._node.stdin.flush()
        return json.loads(self._node.stdout.readline())

    def post(self, *keys: str, body: bytes = BODY, now: int = NOW) -> Any:
        return self(request(body, sign(body, *keys, at=now)), now)

    def end(self) -> None:
        self._node.kill()
        self._node.communicate()


def request(body: bytes, signature: str) -> dict[str, Any]:
    coded = {"isBase64Encoded": True, "body": base64.b64encode(body).decode()}
    return {"version": "2.0", "headers": {"x-signature": signature}, **coded}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("webhook") / "receive.js"
    program, source = NODE / "node_modules" / ".bin" / "esbuild", EXAMPLES / "webhook" / "receive.ts"
    command = [str(program), str(source), f"--outfile={made}", "--bundle", "--platform=node", "--log-level=error"]
    subprocess.run(command, env={**os.environ, "NODE_PATH": str(NODE / "node_modules")}, check=True)
    return made


@pytest.fixture
def shop(example: Callable[..., Example]) -> Example:
    shop = example("webhook", AlarmTopicArn="arn:aws:sns:us-east-1:123456789012:alerts")
    put(shop, SecretString=OLD)
    return shop


def put(shop: Example, **value: Any) -> None:
    shop.aws.client("secretsmanager").put_secret_value(SecretId=shop.stack.resources["SigningSecret"], **value)


@pytest.fixture
def environment(shop: Example, bundle: Path) -> Iterator[Callable[..., Receiver]]:
    """Makes environments of the function, against what `shop` deployed."""
    assert shop
    begun: list[Receiver] = []

    def begin(**variables: str) -> Receiver:
        begun.append(Receiver(bundle, **variables))
        return begun[-1]

    yield begin
    for each in begun:
        each.end()


def test_a_request_that_lacks_what_a_webhook_has_is_refused_and_no_error(environment: Callable[..., Receiver]) -> None:
    receive, whole = environment(), request(BODY, sign(BODY, WRONG, at=NOW))
    assert receive.post(OLD) == ACCEPTED

    for names in (["body"], ["headers"], ["isBase64Encoded"], ["body", "headers", "isBase64Encoded"]):
        assert receive(whole | dict.fromkeys(names)) == REFUSED
        assert receive({name: value for name, value in whole.items() if name not in names}) == REFUSED
    assert receive(request(b"", sign(b"", OLD, at=NOW)) | {"body": None, "isBase64Encoded": None}) == ACCEPTED


def test_nothing_signed_with_an_empty_key_gets_in_whatever_the_store_holds(
    environment: Callable[..., Receiver], shop: Example
) -> None:
    put(shop, SecretBinary=b"\0")
    receive = environment()
    assert receive.post("").startswith("Error: no key")
    assert receive.post(OLD) == ACCEPTED

    put(shop, SecretBinary=b"\0")
    assert environment().post("").startswith("Error: no key")
    put(shop, SecretString=NEW)
    assert [environment().post(key) for key in ("", NEW)] == [REFUSED, ACCEPTED]


def test_known_keys_are_tried_while_secrets_manager_fails(
    environment: Callable[..., Receiver], shop: Example, aws: LocalAws
) -> None:
    receive = environment()
    assert receive.post(OLD) == ACCEPTED
    put(shop, SecretString=NEW)
    aws.fault(service="secretsmanager", operation="GetSecretValue", error=DISABLED)

    for seconds in (60, 300, 3_600):
        assert receive.post(NEW, now=NOW + seconds).startswith("Error: no key")
        assert receive.post(OLD, now=NOW + seconds) == ACCEPTED
    aws.clear_faults()
    assert receive.post(NEW, now=NOW + 3_610) == ACCEPTED


def test_every_silent_service_is_told_to_the_provider_in_seconds(environment: Callable[..., Receiver]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        nowhere = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for variable in ("WEBHOOKS_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"):  # for SQS the queue's URL is what counts
            receive = environment(**{variable: f"{nowhere}/q"})
            receive.post(WRONG)  # loaded, and, if it can, knows the keys
            began = time.monotonic()
            assert "rror" in receive.post(OLD, now=NOW + 10)
            assert 1.9 < time.monotonic() - began < 4
