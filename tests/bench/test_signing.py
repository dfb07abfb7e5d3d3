"""Requests that are signed: how the way is learned, how a request is signed anew, and what is said of a forged one."""

import hashlib
import hmac
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trials.deliveries.history import Answer, Delivery, History, Reference
from trials.faults.forged import altered
from trials.faults.order import successor
from trials.local_aws.signatures import NOTED, noting
from trials.project import Kind, Source
from trials.project.parameters import value_for
from trials.samples import Sample
from trials.samples.derive import guess
from trials.samples.signing import by_ed25519, learned, sent, stamped
from trials.verdicts import Promise, Verdict
from trials.verdicts.forged import Forgery, forgery, leaks_by_time
from trials.verdicts.recovery import recovered

OLD = "ab" * 32
NOW = 1_800_000_000.0
POST = Source(Kind.HTTP, "Receive", "Receive.Post")


def request(signature: str, **more: str) -> dict[str, Any]:
    return {"headers": {"x-signature": signature, **more}, "body": '{"id": "p-1"}'}


def digest(message: str) -> str:
    return hmac.new(b"key", message.encode(), hashlib.sha256).hexdigest()


def note(message: str) -> dict[str, str]:
    made = digest(message)
    return {"key": b"key".hex(), "message": message.encode().hex(), "name": "sha256", "digest": made}


@pytest.mark.parametrize(
    ("signature", "more", "message", "wanted"),
    [
        (f"t=1795420100,v1={OLD}", {}, '1800000000.{"id": "p-1"}', "t=1800000060,v1={}"),
        (f"sha256={OLD}", {}, '{"id": "p-1"}', "sha256={}"),
        (f"v0={OLD}", {"x-time": "1795420100"}, 'v0:1800000000:{"id": "p-1"}', "v0={}"),
    ],
)
def test_a_request_is_signed_anew_as_its_code_signs(
    signature: str, more: dict[str, str], message: str, wanted: str
) -> None:
    sample = Sample(request(signature, **more), "event.json")
    fresh = stamped(sample.payload, NOW)
    assert fresh
    signed = learned(sample, *fresh, [note("something else"), note(message)])
    assert signed

    told = sent(signed, NOW + 60)

    assert told["headers"]["x-signature"] == wanted.format(digest(message.replace("1800000000", "1800000060")))
    assert told["body"] == sample.payload["body"]
    assert signed.origin == "event.json, signed anew"


def test_a_changed_body_is_signed_as_its_sender_would() -> None:
    sample = Sample(request(f"sha256={OLD}"), "event.json")
    signed = learned(sample, sample.payload, "", [note('{"id": "p-1"}')])
    assert signed
    assert signed.signing

    told = signed.signing.signed({**signed.payload, "body": '{"id": "p-2"}'}, NOW)

    wanted = digest('{"id": "p-2"}')
    assert told["headers"]["x-signature"] == f"sha256={wanted}"


def test_a_request_with_a_header_for_ed25519_is_signed_over_time_and_body_by_the_key_that_code_is_given() -> None:
    headers = {"x-signature-ed25519": "trial-1", "x-signature-timestamp": "trial-1"}
    sample = Sample({"headers": headers, "body": '{"type": 1}'}, "made up")

    signed = by_ed25519(sample, NOW)

    assert signed
    payload = sent(replace(signed, payload={**signed.payload, "body": '{"type": 2}'}), NOW + 60)
    public = guess("DISCORD_PUBLIC_KEY", None)
    assert value_for("DiscordPublicKey", {"Type": "String"}, "https://outside.example.test") == public
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    key.verify(bytes.fromhex(payload["headers"]["x-signature-ed25519"]), b'1800000060{"type": 2}')
    assert payload["headers"]["x-signature-timestamp"] == "1800000060"


@pytest.mark.parametrize("payload", [{"headers": {"x-signature": "a"}, "body": "{}"}, {"headers": {}}, "{}"])
def test_what_has_no_header_for_ed25519_is_not_signed_by_it(payload: Any) -> None:
    assert by_ed25519(Sample(payload, "made up"), NOW) is None


def test_what_signs_no_request_teaches_nothing() -> None:
    sample = Sample(request(f"sha256={OLD}"), "event.json")

    assert learned(sample, sample.payload, "", [note("AWS4-HMAC-SHA256")]) is None
    assert learned(sample, request("none"), "", [note('{"id": "p-1"}')]) is None
    assert learned(sample, {"body": ""}, "", [note('{"id": "p-1"}')]) is None
    assert stamped({"headers": {"a": "b"}, "body": ""}, NOW) is None
    assert stamped("a message", NOW) is None


CODE = (
    NOTED
    + """
import hashlib, hmac
made = hmac.new(b"key", b"one", hashlib.sha256)
made.update(b"two")
assert made.hexdigest() == hmac.digest(b"key", b"onetwo", "sha256").hex()
given = "sha256=" + made.copy().hexdigest()
assert given == "sha256=" + hmac.new(b"key", b"onetwo", "sha256").hexdigest()
assert hmac.compare_digest(made.hexdigest().encode(), made.hexdigest().encode())
assert made.hexdigest() != "x" * 64
assert not ("y" * 64).encode() == made.hexdigest().encode()
"""
)


def test_what_a_function_signs_is_noted_and_what_it_compares_by_equality(tmp_path: Path) -> None:
    environment = {**os.environ, "_LAMBDA_TIMEOUT": "3", "TRIALS_SIGNED": str(tmp_path / "signed")}

    with noting(tmp_path / "signed") as notes:
        subprocess.run([sys.executable, "-c", CODE], env=environment, check=True)

    signed = [bytes.fromhex(told["message"]) for told in notes if "message" in told]
    compared = [told["compared"] for told in notes if "compared" in told]
    assert set(signed) == {b"onetwo"}
    assert len({told["digest"] for told in notes if "digest" in told}) == 1
    assert {"x" * 64, "y" * 64} <= set(compared)
    assert any(text.startswith("sha256=") for text in compared)
    assert not (tmp_path / "signed").exists()


def test_nothing_is_noted_unless_the_trials_ask(tmp_path: Path) -> None:
    environment = {**os.environ, "_LAMBDA_TIMEOUT": "3", "TRIALS_SIGNED": str(tmp_path / "signed")}
    code = NOTED + "import hmac; assert hmac.new is not None and hmac.new.__module__ == 'hmac'"

    subprocess.run([sys.executable, "-c", code], env=environment, check=True)

    assert not (tmp_path / "signed").exists()


def test_a_forged_request_that_is_done_is_broken() -> None:
    body, time = Forgery("its body altered", done=False), Forgery("another time put beside it", done=True)

    assert forgery([body]).verdict is Verdict.HELD
    assert forgery([body, time]).promise is Promise.SILENT
    assert leaks_by_time([f"sha256={OLD}"], f"sha256={OLD}", 64).promise is Promise.LEAKED
    assert leaks_by_time(["x" * 64], f"sha256={OLD}", 64).verdict is Verdict.HELD  # no text of the request
    assert leaks_by_time([], f"sha256={OLD}", 64).verdict is Verdict.HELD


@pytest.mark.parametrize("body", ['{"id": "p-1"}', '{"paid": true}', '{"cents": 0}'])
def test_an_altered_body_is_as_well_formed(body: str) -> None:
    assert altered(body) != body
    assert json.loads(altered(body).replace("trua", "true")) is not None


@pytest.mark.parametrize("status", [400, 404])
def test_a_fault_of_aws_that_is_told_as_the_callers_own_is_lost(status: int) -> None:
    assert told_under_a_fault(status).promise is Promise.LOST


@pytest.mark.parametrize("status", [409, 425, 429])
def test_a_caller_who_may_ask_again_was_told(status: int) -> None:
    assert told_under_a_fault(status).verdict is Verdict.HELD


def told_under_a_fault(status: int) -> Any:
    answer = Answer({"statusCode": status})
    reference = Reference(Sample(request("none"), "event.json"), {"table Orders": [{"id": "a"}]}, empty={})
    delivery = Delivery({}, [answer], failures=int(status >= 500))
    history = History("dynamodb PutItem", delivery, {}, {"table Orders": []})
    return recovered(history, POST, reference, frozenset())


def test_the_next_version_of_an_event_that_lies_in_a_message_as_a_text() -> None:
    inner = json.dumps({"id": "e-1", "version": 2})

    assert json.loads(json.loads(successor(json.dumps({"body": inner})))["body"])["version"] == 3
    assert successor(json.dumps({"body": "no JSON"})) is None
    assert successor(json.dumps([1])) is None
