"""Functions with the layer of the AWS Parameters and Secrets Lambda Extension find it on loopback, and no others do."""

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from trials import faults
from trials.bench import try_project
from trials.project import read
from trials.project.extensions import MARK, SECRETS, is_served, lacking, mark, ports
from trials.report.events import Told
from trials.verdicts import Judgement, Promise, Verdict
from trials.workers import URL

RIGHT = Path(__file__).parent / "right" / "queue_with_a_secret_from_the_extension"
ARN = "arn:aws:lambda:us-east-1:177933569100:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:11"
OTHER = "arn:aws:lambda:us-east-1:580247275435:layer:LambdaInsightsExtension:14"


def marked(layers: Any, **sections: Any) -> bool:
    properties: dict[str, Any] = {"Layers": layers}
    body = {"Resources": {"Own": {"Type": "AWS::Serverless::LayerVersion", "Properties": {}}}, **sections}
    mark(body, [properties])
    return MARK in properties.get("Environment", {}).get("Variables", {})


@pytest.mark.parametrize(
    ("layers", "has"),
    [
        ([ARN], True),
        ([{"Fn::Sub": ARN.replace("us-east-1", "${AWS::Region}")}], True),
        ([{"Fn::FindInMap": ["Layers", {"Ref": "AWS::Region"}, "Arn"]}], True),
        ([{"Ref": "Secrets"}], True),
        ([{"Ref": "Unknown"}], True),
        ({"Fn::If": ["Cached", [ARN], {"Ref": "AWS::NoValue"}]}, True),
        ("/aws/service/made-up", True),
        ([OTHER], False),
        ([{"Ref": "Insights"}], False),
        ([{"Ref": "Own"}], False),
        ([], False),
        (None, False),
    ],
)
def test_a_function_has_the_extension_if_one_of_its_layers_may_be_it(layers: Any, has: bool) -> None:
    parameters = {"Secrets": {"Default": ARN}, "Insights": {"Default": OTHER}, "Unknown": {"Type": "String"}}
    mappings = {"Layers": {"eu-west-1": {"Arn": ARN}, "eu-west-2": {"Arn": ARN}}}

    assert marked(layers, Parameters=parameters, Mappings=mappings) is has


def test_the_layers_that_are_answered_for_lack_nothing() -> None:
    assert is_served(ARN)
    assert is_served("arn:aws:lambda:us-east-1:027255383542:layer:AWS-AppConfig-Extension:207")
    assert not is_served(OTHER)


def test_it_listens_where_the_variables_of_functions_say() -> None:
    given = [
        {"Environment": {"Variables": {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": port}}} for port in ("4000", 5000)
    ]
    by_parameter = {"Environment": {"Variables": {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": {"Ref": "Port"}}}}

    assert ports([{}], {}) == [2773]
    assert ports([*given, by_parameter], {"Port": "6000"}) == [2773, 4000, 5000, 6000]
    assert ports([by_parameter], {"Port": "none"}) == [2773]
    assert ports([by_parameter], {"Port": "70000"}) == [2773]


@pytest.mark.parametrize("by_parameter", [False, True])
def test_its_layer_lacks_nothing_that_a_function_could_need(tmp_path: Path, by_parameter: bool) -> None:
    template = (RIGHT / "template.yaml").read_text()
    if by_parameter:
        written = next(line for line in template.splitlines() if "Layers: [" in line)
        template = template.replace(written, "      Layers: [!Ref Extension]")
        template += f"Parameters: {{ Extension: {{ Type: String, Default: '{ARN}' }} }}\n"
    shutil.copytree(RIGHT / "src", tmp_path / "src")
    (tmp_path / "template.yaml").write_text(template)
    project = read(tmp_path, URL)

    assert [note.rsplit(", ", 1)[-1] for note in project.notes] == ["its server stands beside the function"]
    assert (project.layers_left_out, project.foreign("Work"), project.ports()) == (False, [], [2773, 2774])


@pytest.mark.parametrize(
    ("layers", "variables", "said", "supply"),
    [
        ([OTHER, ARN], {MARK}, "port=2773", [f"what {OTHER} brings, a layer that only AWS has"]),
        ([], set(), "connect to http://localhost:2773", [f"the layer {SECRETS}, which its code asks"]),
        ([], {MARK}, "connect to http://localhost:2773", []),
        ([], set(), "order 127731", []),
    ],
)
def test_what_a_refused_function_lacks_of_layers_is_to_be_supplied(
    layers: list[str], variables: set[str], said: str, supply: list[str]
) -> None:
    told = lacking(layers, variables, said)

    assert [line.split(" and the template")[0] for line in told] == supply


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the fault proxy, whose packages only the local AWS's own Python has."""
    for name, members in {
        "psutil": {"Error": OSError, "Process": object},
        "aiohttp": dict.fromkeys(("ClientError", "ClientSession", "ClientTimeout", "web"), SimpleError),
    }.items():
        module: Any = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    path = Path(__file__).parents[1] / "trials" / "local_aws" / "extension.py"
    spec = importlib.util.spec_from_file_location("extension", path)
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


class SimpleError(Exception):
    Request = Response = object


PARAMETER, SECRET = "/systemsmanager/parameters/get", "/secretsmanager/get"


@pytest.mark.parametrize(
    ("path", "query", "request_"),
    [
        (PARAMETER, {"name": "/a/b"}, {"Name": "/a/b", "WithDecryption": False}),
        (PARAMETER, {"name": "a", "withDecryption": "true"}, {"Name": "a", "WithDecryption": True}),
        (PARAMETER, {"name": "a", "label": "new", "version": "2"}, {"Name": "a:new", "WithDecryption": False}),
        (SECRET, {"secretId": "a"}, {"SecretId": "a"}),
        (SECRET, {"secretId": "a", "versionStage": "AWSPREVIOUS"}, {"SecretId": "a", "VersionStage": "AWSPREVIOUS"}),
    ],
)
def test_what_a_function_asks_for_is_a_call_to_the_service(
    extension: ModuleType, path: str, query: dict[str, str], request_: dict[str, Any]
) -> None:
    assert extension.wanted(path, query) == request_


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({}, 300),
        ({"SECRETS_MANAGER_TTL": "7"}, 7),
        ({"SSM_PARAMETER_STORE_TTL": "7"}, 300),
        ({"SECRETS_MANAGER_TTL": "0"}, 0),
        ({"PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED": "FALSE"}, 0),
        ({"PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE": "0", "SECRETS_MANAGER_TTL": "7"}, 0),
    ],
)
def test_a_value_is_kept_for_as_long_as_the_variables_say(
    extension: ModuleType, variables: dict[str, str], seconds: int
) -> None:
    assert extension.lifetime(variables, "SECRETS_MANAGER_TTL") == seconds


def test_times_are_told_as_texts_and_what_is_not_there_as_nothing(extension: ModuleType) -> None:
    secret = extension.told({"Name": "a", "SecretString": "{}", "CreatedDate": 1.5})
    parameter = extension.told({"Parameter": {"Value": "v", "LastModifiedDate": 0}})

    assert (secret["CreatedDate"], secret["SecretBinary"]) == ("1970-01-01T00:00:01.500000Z", None)
    assert (parameter["Parameter"]["Value"], parameter["ResultMetadata"]) == ("v", {})


# ---- whole systems


def changed(folder: Path, changes: dict[str, str]) -> Path:
    """The right system with these changes, wherever they are found."""
    shutil.copytree(RIGHT, folder)
    for before, after in changes.items():
        places = [path for path in (folder / "template.yaml", folder / "src" / "app.py") if before in path.read_text()]
        assert places
        for path in places:
            path.write_text(path.read_text().replace(before, after))
    return folder


def told_of(folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> dict[str, list[Judgement]]:
    """What is said of the undisturbed delivery and in these trials."""
    monkeypatch.setattr(faults, "ALL", tuple(trial for trial in faults.ALL if trial.name in names))
    told: dict[str, list[Judgement]] = {}
    for event in try_project(read(folder, URL), thorough=True):
        if isinstance(event, Told):
            told.setdefault(event.finding.trial, []).append(event.finding.judgement)
    return told


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the extension's port is in a network namespace")


@LINUX
@pytest.mark.e2e
def test_a_function_with_the_extension_is_tried_under_faults_and_under_its_role(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = told_of(changed(tmp_path / "right", {}), monkeypatch, "twice at once", "throttled", "dies", "under its role")

    (once,) = told["once"]
    assert "with the parameter /shop/name that it looks for" in once.happened
    assert {"twice at once", "throttled", "dies", "under its role"} < told.keys()
    assert {judgement.verdict for trial in told.keys() - {"arrives"} for judgement in told[trial]} == {Verdict.HELD}
    refused = [judgement.happened.split(":")[0] for judgement in told["throttled"]]
    assert {"secretsmanager GetSecretValue", "ssm GetParameter"} < set(refused)


CAUGHT = "        except Exception as error:\n"
SWALLOWS = {CAUGHT: f"        except OSError:\n            continue\n{CAUGHT}"}


@LINUX
@pytest.mark.e2e
@pytest.mark.parametrize(
    ("changes", "trial", "promise"),
    [
        (SWALLOWS, "throttled", Promise.LOST),
        ({'"secretsmanager:GetSecretValue"': '"secretsmanager:DescribeSecret"'}, "under its role", Promise.DENIED),
    ],
    ids=["swallows what it answers", "lacks the permission"],
)
def test_what_the_extension_is_refused_is_the_function_s_to_bear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], trial: str, promise: Promise
) -> None:
    told = told_of(changed(tmp_path / "broken", changes), monkeypatch, trial)

    assert [judgement.verdict for judgement in told["once"]] == [Verdict.HELD]
    broken = [judgement.happened for judgement in told[trial] if judgement.promise is promise]
    assert broken, told[trial]
    assert all("PutItem" not in happened for happened in broken)


@LINUX
@pytest.mark.e2e
@pytest.mark.parametrize(
    "changes",
    [
        {"AWS-Parameters-and-Secrets-Lambda-Extension": "LambdaInsightsExtension"},
        {'os.environ["AWS_SESSION_TOKEN"]': '"guessed"'},
        {"def handler": 'asked("/secretsmanager/get", secretId=os.environ["SECRET"])\n\n\ndef handler'},
    ],
    ids=["no layer", "another token", "before the code is loaded"],
)
def test_the_extension_answers_nobody_else_and_nobody_too_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]
) -> None:
    told = told_of(changed(tmp_path / "wrong", changes), monkeypatch)

    assert Verdict.HELD not in [judgement.verdict for judgement in told["once"]], told["once"]


NODE = """import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";

const orders = new DynamoDBClient({});
const url = "http://localhost:2774/secretsmanager/get?secretId=" + encodeURIComponent(process.env.SECRET);

export async function handler(event) {
  const answer = await fetch(url, { headers: { "X-Aws-Parameters-Secrets-Token": process.env.AWS_SESSION_TOKEN } });
  if (!answer.ok) throw new Error(`the extension answers ${answer.status}: ${await answer.text()}`);
  const { key } = JSON.parse((await answer.json()).SecretString);
  for (const record of event.Records) {
    const item = { id: { S: JSON.parse(record.body).order_id }, seal: { S: key } };
    await orders.send(new PutItemCommand({ TableName: process.env.ORDERS, Item: item }));
  }
  return { batchItemFailures: [] };
}
"""


@LINUX
@pytest.mark.e2e
def test_a_function_in_node_reads_a_secret_through_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = changed(tmp_path / "node", {"python3.13": "nodejs22.x"})
    (folder / "src" / "app.py").unlink()
    (folder / "src" / "app.mjs").write_text(NODE)

    told = told_of(folder, monkeypatch)

    (once,) = told["once"]
    assert once.verdict is Verdict.HELD, once.happened
    assert "made for the trials" in once.happened
