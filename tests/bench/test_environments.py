"""An environment outlasts an error of its handler, as Lambda's does, and ends with its process."""

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trials.local_aws import LocalAws

PYTHON = """
import os

seen = []


def handler(event, context):
    seen.append(event)
    if event == "dies":
        os._exit(1)
    if event == "fails":
        raise ValueError(f"seen {len(seen)}")
    return len(seen)
"""
NODE = """
let seen = 0;
exports.handler = (event, context, callback) => {
  seen += 1;
  if (event === "dies") process.exit(1);
  if (event === "fails") throw new Error(`seen ${seen}`);
  if (event === "fails later") return callback(new Error(`seen ${seen}`));
  callback(null, seen);
};
"""
CODE = {"python3.11": {"index.py": PYTHON}, "nodejs22.x": {"index.js": NODE}}


@pytest.fixture(scope="module", params=[False, True], ids=["started", "copied"])
def local(request: pytest.FixtureRequest) -> Iterator[LocalAws]:
    with LocalAws(faults=True, forks=request.param) as local:
        yield local


def invoke(local: LocalAws, name: str, event: str) -> Any:
    answer = local.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    body = json.loads(answer["Payload"].read())
    return body["errorMessage"] if "FunctionError" in answer else body


def create(local: LocalAws, runtime: str, files: dict[str, str], **variables: str) -> str:
    local.reset()
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    name = f"counts-{runtime.replace('.', '-')}"
    local.client("lambda").create_function(
        FunctionName=name,
        Runtime=runtime,
        Role="arn:aws:iam::123456789012:role/any",
        Handler="index.handler",
        Code={"ZipFile": bundle.getvalue()},
        Environment={"Variables": variables},
    )
    return name


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("runtime", "failing"), [("python3.11", "fails"), ("nodejs22.x", "fails"), ("nodejs22.x", "fails later")]
)
def test_what_a_handler_left_in_its_module_when_it_failed_is_there_the_next_time(
    local: LocalAws, runtime: str, failing: str
) -> None:
    name = create(local, runtime, CODE[runtime])

    assert [invoke(local, name, event) for event in ("works", failing, failing, "works")] == [1, "seen 2", "seen 3", 4]
    assert "died" in invoke(local, name, "dies")
    assert invoke(local, name, "works") == 1


LINKS = """
const { statSync } = require("node:fs");
const { last } = require("many");
exports.handler = async () => [last, statSync(require.resolve("many")).nlink > 1, statSync(__filename).nlink];
"""


@pytest.mark.e2e
def test_what_npm_installed_is_unpacked_once_and_code_for_each_environment(local: LocalAws) -> None:
    many = {f"node_modules/many/{number}.js": f"exports.last = {number};" for number in range(600)}
    main = {"node_modules/many/index.js": 'module.exports = require("./599.js");'}
    name = create(local, "nodejs22.x", {"index.js": LINKS, **many, **main})

    assert invoke(local, name, "tells") == [599, True, 1]


@pytest.mark.e2e
@pytest.mark.parametrize(("language", "packages"), [("js", 1), ("ts", 2)])
def test_code_that_runs_as_it_is_written_is_packed_once_for_all_handlers_in_it(
    local: LocalAws, tmp_path: Path, language: str, packages: int
) -> None:
    for name in ("place", "pay"):
        (tmp_path / f"{name}.{language}").write_text("export const handler = async () => null;")
    given = {"Runtime": "nodejs22.x", "CodeUri": "."}
    functions = {
        name: {"Type": "AWS::Serverless::Function", "Properties": {**given, "Handler": f"{name}.handler"}}
        for name in ("place", "pay")
    }
    packed = local.pack({"Resources": functions}, tmp_path)["Resources"].values()

    assert len({each["Properties"]["CodeUri"] for each in packed}) == packages


WHO = """
import os
import random
import sys

identity = os.urandom(8).hex()


def handler(event, context):
    if event == "ends":
        os._exit(1)
    return ["boto3" in sys.modules, identity, random.random(), os.environ["OWN"], len(sys.argv), __file__]
"""


@pytest.mark.e2e
@pytest.mark.parametrize("brought", [(), ("pydantic.py",)])
def test_a_copy_has_imported_the_sdk_and_shares_nothing_with_another(brought: tuple[str, ...]) -> None:
    files = {"index.py": WHO} | dict.fromkeys(brought, "")
    with LocalAws(faults=True, forks=True) as local:
        name = create(local, "python3.11", files, OWN="of the function")
        told = []
        for _ in range(2):
            told.append(invoke(local, name, "tells"))
            invoke(local, name, "ends")

    imported, identities, numbers, own, _, places = zip(*told, strict=True)
    copied = sys.platform == "linux" and not brought  # a function that brings such a package itself starts as ever
    assert set(imported) == {copied}
    assert [len(set(drawn)) for drawn in (identities, numbers, places)] == [2, 2, 2]
    assert set(own) == {"of the function"}
