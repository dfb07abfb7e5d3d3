"""Tokens that code checks itself: the one that is made up is well formed, and signed anew by the function's own key."""

import base64
import hmac
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from trials.local_aws.javascript import NODE
from trials.project import Kind, Source
from trials.project.tokens import CLAIMS, TOKEN, token
from trials.samples import Sample
from trials.samples.derive import guess
from trials.samples.stranger import stranger
from trials.samples.tokens import holds_token, roles, signed_by

SAMPLE = Sample({"headers": {"Authorization": f"Bearer {TOKEN}"}, "body": '{"userId": "u-1"}'}, "made up")


def parts(text: str) -> tuple[Any, Any]:
    header, claims, _ = text.split(".")
    read = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, claims)]
    return read[0], read[1]


@pytest.mark.parametrize("name", ["authorization", "Authorization", "accessToken", "jwt", "id_token", "token"])
def test_a_key_that_is_called_a_token_holds_one_that_can_be_read(name: str) -> None:
    value = str(guess(name, None)).removeprefix("Bearer ")

    assert parts(value) == ({"alg": "HS256", "typ": "JWT"}, CLAIMS)


@pytest.mark.parametrize("name", ["nextToken", "pageToken", "token_type", "deviceToken"])
def test_other_tokens_are_no_such(name: str) -> None:
    assert not holds_token(guess(name, None))


@pytest.mark.parametrize("name", ["sha256", "SHA-256", "sha512"])
def test_a_request_comes_again_with_a_token_of_the_function_s_own_key(name: str) -> None:
    asked = TOKEN.rsplit(".", 1)[0]
    other = {"key": b"another".hex(), "message": b"a body".hex(), "name": "sha256", "digest": "00"}
    note = {"key": b"secret".hex(), "message": asked.encode().hex(), "name": name}
    signed, of_another_role = signed_by(SAMPLE, [other, note], ["admin", "clerk"])

    sent = signed.payload["headers"]["Authorization"].removeprefix("Bearer ")
    made = hmac.digest(b"secret", sent.rsplit(".", 1)[0].encode(), name.lower().replace("-", ""))
    assert sent.rsplit(".", 1)[1] == base64.urlsafe_b64encode(made).decode().rstrip("=")
    assert signed.origin == "made up, its token signed anew"
    assert of_another_role.origin == "made up, its token signed anew for the role clerk"
    assert parts(of_another_role.payload["headers"]["Authorization"].removeprefix("Bearer "))[1]["role"] == "clerk"


def test_the_roles_with_which_code_compares_one_are_tried(tmp_path: Path) -> None:
    (tmp_path / "app.js").write_text(
        "if (payload.role !== 'finance_manager') throw e; role == \"admin\"; let role = 'x'"
    )
    (tmp_path / "app.py").write_text("claims['role'] == \"clerk\" and user.get('Role') != 'night watch'")

    assert roles(tmp_path) == ["admin", "finance_manager", "clerk", "night watch"]


def test_what_checks_no_token_teaches_nothing() -> None:
    assert list(signed_by(SAMPLE, [{"key": "00", "message": b"x".hex(), "name": "sha256"}], ["admin"])) == []


def test_of_a_token_that_names_one_user_nobody_makes_another_s() -> None:
    assert stranger(SAMPLE, Source(Kind.HTTP, "Work", "Work.Post")) is None


SCRIPT = """
import { createHmac } from "node:crypto";
import jwt from "node:crypto";
const first = createHmac("sha256", "secret").update("a").update(Buffer.from("b")).digest("hex");
const second = jwt.createHmac("SHA512", Buffer.from("key")).update("c").digest();
console.log(first, second.toString("hex"));
"""


@pytest.mark.e2e
@pytest.mark.parametrize("asked", [True, False])
def test_what_node_signs_is_noted_where_the_trials_ask(tmp_path: Path, asked: bool) -> None:
    (tmp_path / "sign.mjs").write_text(SCRIPT)
    if asked:
        (tmp_path / "signed").touch()
    told = {"_LAMBDA_TIMEOUT": "3", "TRIALS_SIGNED": str(tmp_path / "signed")}
    command = ["node", "--require", str(NODE / "signatures.cjs"), str(tmp_path / "sign.mjs")]
    done = subprocess.run(command, env={**os.environ, **told}, capture_output=True, text=True, check=True)

    wanted = [hmac.digest(b"secret", b"ab", "sha256").hex(), hmac.digest(b"key", b"c", "sha512").hex()]
    assert done.stdout.split() == wanted
    notes = [json.loads(line) for line in (tmp_path / "signed").read_text().splitlines()] if asked else []
    assert [(note["digest"], note["name"]) for note in notes] == list(zip(wanted, ("sha256", "SHA512"))) * asked  # noqa: B905


def test_the_token_s_own_signature_is_right() -> None:
    signed, _, signature = TOKEN.rpartition(".")
    assert token(b"trial") == TOKEN
    assert hmac.digest(b"trial", signed.encode(), "sha256") == base64.urlsafe_b64decode(f"{signature}=")
