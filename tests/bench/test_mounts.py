"""What functions write to the file systems that they mount is there for others, shows in the world, and is compared."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from trials import faults
from trials.bench import try_project
from trials.project import read
from trials.project.mounts import MOUNTS, mount
from trials.project.network import take_out
from trials.report.events import Told
from trials.samples.sought import FILE, absent_files, wanted
from trials.verdicts import Finding, Promise, Verdict
from trials.workers import URL
from trials.world.files import files

RIGHT = Path(__file__).parent / "right" / "queue_to_a_file_system"

ACCESS = {
    "Type": "AWS::EFS::AccessPoint",
    "Properties": {"FileSystemId": {"Ref": "Shared"}, "RootDirectory": {"Path": "/orders/../new"}},
}
OF_S3 = {"Type": "AWS::S3Files::AccessPoint", "Properties": {"FileSystemId": {"Fn::GetAtt": "Objects.FileSystemId"}}}


def mounted(system: Any) -> dict[str, Any]:
    """A function that mounts this, as it is deployed."""
    function: dict[str, Any] = {"Type": "AWS::Lambda::Function", "Properties": {"FileSystemConfigs": system}}
    others = {
        "Shared": "AWS::EFS::FileSystem",
        "Target": "AWS::EFS::MountTarget",
        "Objects": "AWS::S3Files::FileSystem",
    }
    resources = {name: {"Type": kind} for name, kind in others.items()}
    body = {
        "Resources": {"F": function, "Access": ACCESS, "OfS3": OF_S3, "Jobs": {"Type": "AWS::SQS::Queue"}, **resources}
    }
    mount(body, [function["Properties"]])
    return function


def told(function: dict[str, Any]) -> Any:
    joined = function["Properties"]["Environment"]["Variables"][MOUNTS]["Fn::Join"]
    return [each["Fn::Join"][1] for each in joined[1]]


@pytest.mark.parametrize(
    ("arn", "folder"),
    [
        ({"Fn::GetAtt": ["Access", "Arn"]}, "Shared/orders/new"),
        ({"Fn::Sub": "arn:aws:elasticfilesystem:${AWS::Region}:1:access-point/${Access}"}, "Shared/orders/new"),
        ({"Fn::GetAtt": "OfS3.AccessPointArn"}, "Objects"),
        ("arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0f", "fsap-0f"),
        ({"Ref": "PointOfOthers"}, "PointOfOthers"),
        ({"Fn::ImportValue": "point"}, "file-system"),
    ],
)
def test_an_access_point_is_a_folder_of_its_file_system(arn: Any, folder: str) -> None:
    assert told(mounted([{"Arn": arn, "LocalMountPath": "/mnt/orders"}])) == [["/mnt/orders", folder]]


def test_a_path_may_be_a_parameter_and_a_file_system_conditional() -> None:
    one = {"Arn": {"Fn::GetAtt": ["Access", "Arn"]}, "LocalMountPath": {"Ref": "Path"}}

    function = mounted({"Fn::If": ["Keeps", [one], {"Ref": "AWS::NoValue"}]})

    assert told(function) == [[{"Ref": "Path"}, "Shared/orders/new"]]
    assert "FileSystemConfigs" not in function["Properties"]


def test_nothing_waits_for_the_parts_of_a_network_and_no_function_is_in_one() -> None:
    types = {"Jobs": "SQS::Queue", "Route": "EC2::Route", "Target": "EFS::MountTarget"}
    body: dict[str, Any] = {"Resources": {name: {"Type": f"AWS::{kind}"} for name, kind in types.items()}}
    body["Resources"] |= {
        "F": {"Type": "AWS::Lambda::Function", "DependsOn": ["Jobs", "Target"]},
        "Role": {"Type": "AWS::IAM::Role", "DependsOn": "Route"},
    }
    properties = {"VpcConfig": {"SubnetIds": [{"Ref": "Subnet"}]}, "Timeout": 3}

    take_out(body, [properties])

    waits = {name: resource["DependsOn"] for name, resource in body["Resources"].items() if "DependsOn" in resource}
    assert waits == {"F": ["Jobs"], "Role": []}
    assert properties == {"Timeout": 3}


def test_without_a_file_system_nothing_is_told() -> None:
    assert mounted(None)["Properties"] == {}


def test_the_world_shows_each_file_once_by_its_system(tmp_path: Path) -> None:
    (tmp_path / "Shared" / "orders").mkdir(parents=True)
    (tmp_path / "Shared" / "orders" / "o-1.json").write_text('{"id": 1}')
    (tmp_path / "Shared" / "link").symlink_to("orders/o-1.json")
    (tmp_path / "Empty").mkdir()

    assert files(tmp_path) == {"files Shared": [{"path": "orders/o-1.json", "body": {"id": 1}}], "files Empty": []}
    assert files(tmp_path / "nothing") == {}


def test_of_a_large_file_a_digest_is_compared(tmp_path: Path) -> None:
    (tmp_path / "Shared").mkdir()
    (tmp_path / "Shared" / "a").write_bytes(b"a" * 65_537)
    (tmp_path / "Shared" / "b").write_bytes(b"b" * 65_537)

    first, second = files(tmp_path)["files Shared"]

    assert len(first["body"]) == len(second["body"]) == 64
    assert first["body"] != second["body"]


@pytest.mark.parametrize(
    ("said", "paths"),
    [
        (
            "FileNotFoundError: [Errno 2] No such file or directory: '/mnt/models/bert/v1.bin'",
            ["/mnt/models/bert/v1.bin"],
        ),
        ("Error: ENOENT: no such file or directory, open '/mnt/in/a.csv'", ["/mnt/in/a.csv"]),
        ('404: {"error": "File not found: /mnt/in/trial-1"}', ["/mnt/in/trial-1"]),
        ("wrote /mnt/in/a.csv", []),
        ("no such file: /mnt/in", []),
        ("no such file: /mnt/in/../../etc/passwd", []),
        ("no such file: /tmp/a.csv", []),
    ],
)
def test_a_file_that_is_said_to_be_absent_is_named(tmp_path: Path, said: str, paths: list[str]) -> None:
    named = absent_files([said, said])

    assert named == [(FILE, path) for path in paths]
    assert wanted(named, tmp_path, {}, []) == [(FILE, path, "") for path in paths]


# ---- whole systems


def told_of(folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> dict[str, Finding]:
    """The findings of the undisturbed delivery and of these trials."""
    monkeypatch.setattr(faults, "ALL", tuple(trial for trial in faults.ALL if trial.name in names))
    return {event.finding.trial: event.finding for event in try_project(read(folder, URL)) if isinstance(event, Told)}


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="a mount namespace is Linux's")
ANEW = {
    '    os.replace(new, ORDERS / f"{order_id}.json")': '    os.replace(new, ORDERS / f"{os.urandom(4).hex()}.json")'
}
APPENDS = {'os.replace(new, ORDERS / f"{order_id}.json")': 'open(ORDERS / "all", "a").write(new.read_text())'}


@LINUX
@pytest.mark.e2e
@pytest.mark.parametrize(
    ("changes", "twice"),
    [
        ({}, (Verdict.HELD, None)),
        (ANEW, (Verdict.BROKEN, Promise.DOUBLED)),
        (APPENDS, (Verdict.BROKEN, Promise.DOUBLED)),
    ],
    ids=["by its key", "under a name made anew", "appended"],
)
def test_what_a_repeat_leaves_on_a_file_system_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], twice: tuple[Verdict, Promise | None]
) -> None:
    folder = tmp_path / "system"
    shutil.copytree(RIGHT, folder)
    app = folder / "src" / "app.py"
    for before, after in changes.items():
        assert before in app.read_text()
        app.write_text(app.read_text().replace(before, after))

    told = told_of(folder, monkeypatch, "twice")

    assert told["once"].judgement.verdict is Verdict.HELD
    assert "files Shared" in told["once"].judgement.happened
    assert (told["twice"].judgement.verdict, told["twice"].judgement.promise) == twice
    assert not Path("/mnt/orders").exists()


READER = """
  Read:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: read.handler
      CodeUri: src
      Timeout: 10
      FileSystemConfigs: [{ Arn: !GetAtt Access.Arn, LocalMountPath: /mnt/read }]
      Environment: { Variables: { WORK: !Ref Work } }
      Policies: [LambdaInvokePolicy: { FunctionName: !Ref Work }]
      Events: { Source: { Type: HttpApi, Properties: { Path: /orders, Method: POST } } }
"""
ASKS = """import { readdir } from "node:fs/promises";
import { LambdaClient, InvokeCommand } from "@aws-sdk/client-lambda";

const lambda = new LambdaClient({});

export async function handler(event) {
  const { order_id } = JSON.parse(event.body);
  const body = JSON.stringify({ order_id });
  const Payload = JSON.stringify({ Records: [{ messageId: "m-1", body }] });
  await lambda.send(new InvokeCommand({ FunctionName: process.env.WORK, Payload }));
  const names = await readdir("/mnt/read");
  return { statusCode: names.includes(`${order_id}.json`) ? 201 : 500, body: names.join() };
}
"""


@LINUX
@pytest.mark.e2e
def test_functions_with_the_same_access_point_share_its_folder_each_by_its_own_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "system"
    shutil.copytree(RIGHT, folder)
    template = folder / "template.yaml"
    template.write_text(template.read_text() + READER)
    (folder / "src" / "read.mjs").write_text(ASKS)
    monkeypatch.setattr(faults, "ALL", ())

    told = [event.finding for event in try_project(read(folder, URL)) if isinstance(event, Told)]
    once = {finding.source: finding.judgement for finding in told if finding.trial == "once"}

    assert {judgement.verdict for judgement in once.values()} == {Verdict.HELD}, once
    assert len(once) == 2
    assert all("files Shared" in judgement.happened for judgement in once.values())


@LINUX
@pytest.mark.e2e
def test_a_file_that_a_function_looks_for_is_laid_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "system"
    shutil.copytree(RIGHT, folder)
    app = folder / "src" / "app.py"
    needs = '    (ORDERS / "prices" / "list.csv").read_text()\n    new.write_text'
    app.write_text(app.read_text().replace("    new.write_text", needs))

    once = told_of(folder, monkeypatch)["once"].judgement

    assert once.verdict is Verdict.HELD, once.happened
    assert "with the file /mnt/orders/prices/list.csv that it looks for" in once.happened
    assert "files Shared: 1 more" in once.happened
