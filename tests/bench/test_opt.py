"""Layers are where Lambda has them: under `/opt`, also for code that writes that path out."""

import io
import json
import sys
import zipfile
from collections.abc import Iterator

import pytest

from trials.local_aws import LocalAws

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(sys.platform != "linux", reason="a mount namespace is Linux's")]

PYTHON = """
from pathlib import Path


def handler(event, context):
    return {file.name: file.read_text() for file in Path("/opt").glob("*.txt")}
"""
NODE = 'exports.handler = async () => require("/opt/nodejs/logger.js").told;'


@pytest.fixture(scope="module", params=[False, True], ids=["started", "copied"])
def local(request: pytest.FixtureRequest) -> Iterator[LocalAws]:
    with LocalAws(faults=True, forks=request.param) as local:
        yield local


def zipped(files: dict[str, str]) -> bytes:
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return bundle.getvalue()


def told(local: LocalAws, runtime: str, code: dict[str, str], *layers: dict[str, str]) -> object:
    local.reset()
    aws = local.client("lambda")
    versions = [
        aws.publish_layer_version(LayerName=f"layer-{number}", Content={"ZipFile": zipped(files)})["LayerVersionArn"]
        for number, files in enumerate(layers)
    ]
    aws.create_function(
        FunctionName=f"reads-{len(layers)}",
        Runtime=runtime,
        Role="arn:aws:iam::123456789012:role/any",
        Handler="index.handler",
        Code={"ZipFile": zipped(code)},
        Layers=versions,
    )
    return json.loads(aws.invoke(FunctionName=f"reads-{len(layers)}")["Payload"].read())


def test_a_layer_s_file_is_found_by_its_path(local: LocalAws) -> None:
    layer = {"nodejs/logger.js": 'exports.told = "by the layer";'}

    assert told(local, "nodejs22.x", {"index.js": NODE}, layer) == "by the layer"


def test_of_two_layers_the_last_one_s_file_is_seen_and_without_layers_none(local: LocalAws) -> None:
    first, second = {"one.txt": "1", "both.txt": "1"}, {"two.txt": "2", "both.txt": "2"}

    assert told(local, "python3.11", {"index.py": PYTHON}) == {}
    assert told(local, "python3.11", {"index.py": PYTHON}, first) == first
    assert told(local, "python3.11", {"index.py": PYTHON}, first, second) == {**first, **second}
