"""A project as it is deployed: what is left out, put differently or made up, each with the reason."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from trials.local_aws import LocalAws, LocalAwsError, deployment
from trials.local_aws.deployment import LARGEST, stack_name
from trials.local_aws.javascript import asked_of_esbuild
from trials.local_aws.packaging import PackagingError, asked_for, packages, with_places
from trials.project import Kind, Source, read
from trials.project.accounted import needed
from trials.project.deployable import deployable, too_old
from trials.project.graves import graves, keeps_failures
from trials.project.layers import lines
from trials.project.parameters import made_up, stored, value_for
from trials.samples.written import write
from trials.stage import overridden
from trials.template import read_template
from trials.verdicts.judge import supply_event

URL = "http://127.0.0.1:9"


def template(tmp_path: Path, text: str) -> dict[str, Any]:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    return read_template(path)


PLAIN = """
Resources:
  Work: { Type: AWS::Lambda::Function, Properties: { Runtime: python3.14, Code: { ZipFile: pass } } }
  Jobs: { Type: AWS::SQS::Queue }
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: { EventSourceArn: !GetAtt Jobs.Arn, FunctionName: !Ref Work, BatchSize: 5 }
"""
SYNTHESISED = {
    "Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap"}},
    "Rules": {"CheckBootstrapVersion": {"Assertions": []}},
    "Resources": {
        "CDKMetadata": {"Type": "AWS::CDK::Metadata"},
        "Jobs": {"Type": "AWS::SQS::Queue"},
        "Work": {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Runtime": "python3.14", "Handler": "app.handler", "Code": {"S3Bucket": "b", "S3Key": "k"}},
            "Metadata": {"aws:asset:path": "asset.1", "aws:asset:property": "Code"},
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"EventSourceArn": {"Fn::GetAtt": ["Jobs", "Arn"]}, "FunctionName": {"Ref": "Work"}},
        },
    },
}


def test_a_section_that_says_nothing_is_none(tmp_path: Path) -> None:
    template(tmp_path, "Parameters:\nOutputs:\n" + PLAIN)

    assert [each.function for each in read(tmp_path, URL).sources] == ["Work"]


def test_a_synthesised_template_is_taken_with_its_assets(tmp_path: Path) -> None:
    (tmp_path / "cdk.out").mkdir()
    (tmp_path / "cdk.out" / "Shop.template.json").write_text(json.dumps(SYNTHESISED))
    found = read(tmp_path, URL)

    assert found.folder == tmp_path
    assert [str(each) for each in found.sources] == ["queue Jobs → Work"]
    assert found.left_out == {"CDKMetadata": "only tells CDK's version"}
    assert (found.parameters, found.stored, found.body.get("Rules")) == ({}, {}, None)


def test_other_templates_beside_the_one_that_is_tried_are_named(tmp_path: Path) -> None:
    for name in ("A", "B"):
        (tmp_path / f"{name}.template.json").write_text(json.dumps(SYNTHESISED))

    told = f"B.template.json is not tried: to try it, give {tmp_path / 'B.template.json'} as the path"
    assert told in read(tmp_path, URL).notes


def test_a_template_in_a_folder_below_is_hinted_at(tmp_path: Path) -> None:
    (tmp_path / "infra").mkdir()
    template(tmp_path / "infra", PLAIN)
    with pytest.raises(LocalAwsError, match=r"there is infra/template\.yaml: name one of them"):
        read(tmp_path, URL)


def test_what_cannot_be_packaged_is_left_out_by_name_and_reason(tmp_path: Path) -> None:
    body, left_out = deployable(template(tmp_path, PLAIN.replace("python3.14", "java25")), tmp_path, [])

    assert "java25" in left_out["Work"]
    assert left_out["Mapping"] == "refers to what is left out"
    assert set(body["Resources"]) == {"Jobs"}


INSTANCES = """
Globals: { Function: { Runtime: python3.14 } }
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: { InlineCode: "", Handler: index.handler, CapacityProviderConfig: { Arn: !GetAtt Many.Arn } }
  Many: { Type: AWS::Serverless::CapacityProvider, Properties: { VpcConfig: { SubnetIds: [a] } } }
"""


def test_a_function_on_instances_of_its_own_is_deployed_as_any_other(tmp_path: Path) -> None:
    notes: list[str] = []
    body, left_out = deployable(template(tmp_path, INSTANCES), tmp_path, notes)

    assert list(body["Resources"]) == ["F"]
    assert "CapacityProviderConfig" not in body["Resources"]["F"]["Properties"]
    assert (list(left_out), len(notes)) == (["Many"], 1)


CODE = (
    "Resources: { F: { Type: AWS::Serverless::Function, "
    "Properties: { Runtime: python3.14, Handler: app.handler, CodeUri: %s } } }"
)


def test_code_whose_folder_has_other_capital_letters_is_taken_and_told(tmp_path: Path) -> None:
    (tmp_path / "src" / "worker").mkdir(parents=True)
    notes: list[str] = []
    body, left_out = deployable(template(tmp_path, CODE % "src/Worker/"), tmp_path, notes)

    assert (body["Resources"]["F"]["Properties"]["CodeUri"], left_out) == ("src/worker", {})
    assert "src/worker" in notes[0]


def test_a_function_whose_folder_is_wrong_says_where_its_module_is(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("")
    _, left_out = deployable(template(tmp_path, CODE % "src/handlers/"), tmp_path, [])

    assert left_out == {"F": "its code, src/handlers/, is no folder here, but its module is in src"}
    assert "as CodeUri" in needed(Source(Kind.DIRECT, "F", "F"), left_out["F"])


def test_code_that_the_project_zipped_itself_is_read(tmp_path: Path) -> None:
    template(tmp_path, CODE % "work.zip")
    with zipfile.ZipFile(tmp_path / "work.zip", "w") as bundle:
        bundle.writestr("app.py", "def handler(event, context):\n    return event['total']\n")

    folder, handler, _ = read(tmp_path, URL).code("F")

    assert "event['total']" in (folder / "app.py").read_text()
    assert handler == "app.handler"


DEFINED = """
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      DefinitionBody:
        paths:
          /orders/{id}:
            get: { x-amazon-apigateway-integration: { type: aws_proxy, uri: !Sub "${Work.Arn}/invocations" } }
  Work: { Type: AWS::Serverless::Function, Properties: { Runtime: python3.14, Handler: i.h, InlineCode: pass } }
"""


def test_a_file_can_be_called_after_a_source_whose_name_holds_a_path(tmp_path: Path) -> None:
    template(tmp_path, DEFINED)
    (source,) = read(tmp_path, URL).sources

    assert supply_event(source) == "put a real event of this source into events/Api.get-orders-id.json"
    assert write(tmp_path, source, {"resource": "/orders/{id}"}) == "events/Api.get-orders-id.json"
    (file,) = read(tmp_path, URL).files
    assert file.meant_for == source.name


def test_a_function_whose_code_is_not_here_is_left_out(tmp_path: Path) -> None:
    text = "Resources: { F: { Type: AWS::Serverless::Function, Properties: { Runtime: python3.14, CodeUri: a.zip } } }"
    _, left_out = deployable(template(tmp_path, text), tmp_path, [])

    assert left_out == {"F": "its code, a.zip, is no folder here"}


@pytest.mark.parametrize(("value", "left"), [("{ PLACE-HOLDER }", True), ("!Ref Key", False), ("key", False)])
def test_a_function_whose_variable_is_a_map_is_left_out(tmp_path: Path, value: str, left: bool) -> None:
    """As after a placeholder in braces, which YAML reads as a map: nothing of it deploys on AWS."""
    text = f"""
Parameters: {{ Key: {{ Type: String, Default: a }} }}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.14
      InlineCode: "def handler(event, context): pass"
      Handler: index.handler
      Environment: {{ Variables: {{ KEY: {value} }} }}
"""
    _, left_out = deployable(template(tmp_path, text), tmp_path, [])

    assert left_out == ({"F": "its variable KEY is a map, which CloudFormation refuses"} if left else {})
    assert not left or needed(Source(Kind.DIRECT, "F", "F"), left_out["F"]).startswith("a text")


def test_a_machine_whose_definition_is_not_here_is_left_out(tmp_path: Path) -> None:
    text = "Resources: { M: { Type: AWS::Serverless::StateMachine, Properties: { DefinitionUri: gone.asl.json } } }"
    _, left_out = deployable(template(tmp_path, text), tmp_path, [])

    assert left_out == {"M": "its definition, gone.asl.json, is no file here"}


def test_a_machine_whose_definition_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "m.asl.json").write_text("{\n\tStartAt: A,\n}")
    text = "Resources: { M: { Type: AWS::Serverless::StateMachine, Properties: { DefinitionUri: m.asl.json } } }"
    _, left_out = deployable(template(tmp_path, text), tmp_path, [])

    assert left_out == {"M": "its definition, m.asl.json, is neither JSON nor YAML"}


def test_a_definition_in_json_may_hold_tabs(tmp_path: Path) -> None:
    (tmp_path / "m.asl.json").write_text('{\n\t"StartAt": "A"\n}')
    text = "Resources: { M: { Type: AWS::Serverless::StateMachine, Properties: { DefinitionUri: m.asl.json } } }"
    packed = LocalAws().pack(template(tmp_path, text), tmp_path)

    assert packed["Resources"]["M"]["Properties"] == {"Definition": {"StartAt": "A"}}


INCLUDING = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Ours:
    Type: AWS::Serverless::Api
    Properties: { DefinitionBody: { Fn::Transform: { Name: AWS::Include, Parameters: { Location: ./api.yaml } } } }
  Theirs:
    Type: AWS::Serverless::Api
    Properties: { DefinitionBody: { Fn::Transform: { Name: AWS::Include, Parameters: { Location: s3://b/api.yaml } } } }
  Jobs: { Type: AWS::SQS::Queue }
"""


def test_what_a_template_includes_is_taken_from_beside_it_or_left_out(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text("openapi: 3.0.1\npaths: { /orders: { uri: !Sub '${Jobs.Arn}' } }\n")
    body, left_out = deployable(template(tmp_path, INCLUDING), tmp_path, [])

    assert body["Resources"]["Ours"]["Properties"]["DefinitionBody"] == {
        "openapi": "3.0.1",
        "paths": {"/orders": {"uri": {"Fn::Sub": "${Jobs.Arn}"}}},
    }
    assert left_out == {"Theirs": "a part of it is made by a macro, or included from elsewhere"}


ONE_FILE = (
    "Resources: { F: { Type: AWS::Serverless::Function, Properties: { Runtime: python3.14, CodeUri: src/a.py } } }"
)


def test_a_function_of_one_file_is_packaged_with_its_folder(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").touch()
    body, left_out = deployable(template(tmp_path, ONE_FILE), tmp_path, [])

    assert (body["Resources"]["F"]["Properties"]["CodeUri"], left_out) == ("src", {})


def test_variables_reach_a_function_as_text(tmp_path: Path) -> None:
    text = """
Globals: { Function: { Environment: { Variables: { A: true } } } }
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      { Runtime: python3.14, InlineCode: pass, Environment: { Variables: { B: 7, C: !Ref F, D: no } } }
"""
    body, _ = deployable(template(tmp_path, text), tmp_path, [])

    assert body["Globals"]["Function"]["Environment"]["Variables"] == {"A": "true"}
    assert body["Resources"]["F"]["Properties"]["Environment"]["Variables"] == {
        "B": "7",
        "C": {"Ref": "F"},
        "D": "false",
    }


LAYERED = """
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {{ Runtime: python3.14, InlineCode: pass, Layers: [!Ref Shared, {arn}] }}
  Shared: {{ Type: AWS::Serverless::LayerVersion, Properties: {{ ContentUri: layers/shared }} }}
"""


@pytest.mark.parametrize(
    ("arn", "here", "missing", "extra"),
    [
        ("!Ref Shared", True, False, []),
        ("!Ref Shared", False, True, []),
        ("arn:aws:lambda:us-east-1:1:layer:x:1", True, True, []),
        (
            "arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python314-x86_64:18",
            True,
            False,
            ["aws-lambda-powertools[all]"],
        ),
    ],
)
def test_a_layer_that_is_not_here_is_left_out_and_said_so(
    tmp_path: Path, arn: str, here: bool, missing: bool, extra: list[str]
) -> None:
    """The function that uses it is tried all the same; that it then lacks a package proves nothing."""
    if here:
        (tmp_path / "layers" / "shared").mkdir(parents=True)
    template(tmp_path, LAYERED.format(arn=arn))
    project = read(tmp_path, URL)

    assert "F" in project.body["Resources"]
    assert (project.layers_left_out, project.extra) == (missing, extra)
    assert len([note for note in project.notes if note.startswith("layer ")]) == missing + bool(extra)


@pytest.mark.parametrize(("installed", "method"), [(False, ""), (True, ""), (False, "nodejs22.x")])
def test_a_layer_whose_packages_nobody_installed_proves_nothing(tmp_path: Path, installed: bool, method: str) -> None:
    (manifest := tmp_path / "layers" / "shared" / "nodejs" / "package.json").parent.mkdir(parents=True)
    manifest.write_text('{"dependencies": {"uuid": "8.3.2"}}')
    if installed:
        (manifest.parent / "node_modules").mkdir()
    text = LAYERED.format(arn="!Ref Shared")
    built = text.replace(
        "Type: AWS::Serverless::LayerV", f"Metadata: {{ BuildMethod: {method} }}, Type: AWS::Serverless::LayerV"
    )
    template(tmp_path, built if method else text)
    project = read(tmp_path, URL)

    lacks = not installed and not method
    assert project.layers_left_out is lacks
    said = f"layer Shared lacks its packages: run npm install in {manifest.parent}"
    assert [note for note in project.notes if note.startswith("layer ")] == [said] * lacks


@pytest.mark.parametrize(
    ("requirement", "newer"),
    [
        ("boto3==1.26.137", True),
        ("botocore<1.30", True),
        ("boto3==1.28.0", False),
        ("boto3>=1.20", False),
        ("boto3", False),
    ],
)
def test_an_sdk_that_cannot_find_the_local_aws_is_taken_newer(tmp_path: Path, requirement: str, newer: bool) -> None:
    """Its calls would go to AWS, fail, and make the trials say of the function what is not so."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "requirements.txt").write_text(f"{requirement}\nhttpx==0.28.1\n")
    template(tmp_path, ONE_FILE.replace("src/a.py", "src"))
    project = read(tmp_path, URL)

    assert bool(project.newer) is newer
    assert [note for note in project.notes if requirement in note] == [
        f"{requirement} of src can only call AWS itself: a newer one is packaged"
    ] * newer


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_list_of_packages_in_another_encoding_ends_no_run(tmp_path: Path, encoding: str) -> None:
    (path := tmp_path / "requirements.txt").write_text("boto3==1.20.0\npillow\n", encoding=encoding)

    assert with_places(path, tmp_path).splitlines() == ["boto3==1.20.0", "pillow"]
    assert lines(path) == ["boto3==1.20.0", "pillow"]
    assert list(too_old({"Globals": {"Function": {"CodeUri": "."}}, "Resources": {}}, tmp_path)) == [
        "boto3==1.20.0 of ."
    ]


def test_uv_is_told_of_newer_packages_only_while_it_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OVERRIDE", "mine.txt")
    with overridden(["boto3>=1.28"]):
        assert Path(os.environ["UV_OVERRIDE"]).read_text() == "boto3>=1.28"
    with overridden([]):
        assert os.environ["UV_OVERRIDE"] == "mine.txt"
    assert os.environ["UV_OVERRIDE"] == "mine.txt"


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("CarrierUrl", {"Type": "String"}, URL),
        ("RdsProxyEndpoint", {"Type": "String"}, "127.0.0.1:9"),
        ("RedisHost", {"Type": "String"}, "127.0.0.1:9"),
        ("HostedZoneId", {"Type": "String"}, "trial"),
        ("SecurityGroup", {"Type": "AWS::EC2::SecurityGroup::Id"}, "trial"),
        ("OriginationNumber", {"Type": "String"}, "trial"),
        ("AlarmTopicArn", {"Type": "String"}, "arn:aws:sns:us-east-1:123456789012:trial"),
        ("Stage", {"Type": "String", "AllowedValues": ["dev", "prod"]}, "dev"),
        ("Size", {"Type": "Number", "MinValue": 7}, "7"),
        ("Size", {"Type": "Number"}, "1"),
        ("Names", {"Type": "CommaDelimitedList"}, "one,two"),
        ("AlertMail", {"Type": "String"}, "trial@example.com"),
        ("SourceBucketName", {"Type": "String"}, "trial-sourcebucketname"),
        ("Name", {"Type": "String", "MinLength": 8}, "trialxxx"),
        ("Account", {"Type": "String", "AllowedPattern": "[0-9]+"}, "12345678"),
        ("Volume", {"Type": "String", "AllowedPattern": "^fsvol-[A-Za-z0-9]+"}, "fsvol-A"),
        ("Endpoint", {"Type": "AWS::SSM::Parameter::Value<String>"}, "/trial/Endpoint"),
        ("Endpoint", {"Type": "AWS::SSM::Parameter::Name"}, "/trial/Endpoint"),
    ],
)
def test_a_parameter_without_default_gets_a_value_of_its_kind(name: str, parameter: dict[str, Any], value: str) -> None:
    assert value_for(name, parameter, URL) == value


def test_a_parameter_with_a_default_keeps_it() -> None:
    assert made_up({"A": {"Type": "String", "Default": ""}, "B": {"Type": "Number"}}, URL) == {"B": "1"}


def test_what_a_parameter_takes_from_parameter_store_is_put_there_first() -> None:
    kind = "AWS::SSM::Parameter::Value<String>"
    parameters = {"ServiceUrl": {"Type": kind}, "Known": {"Type": kind, "Default": "/shop/known"}}
    values = made_up(parameters, URL)

    assert values == {"ServiceUrl": "/trial/ServiceUrl"}
    assert stored(parameters, values, URL) == {"/trial/ServiceUrl": URL, "/shop/known": "trial"}


def test_the_queues_of_failed_events_are_known_by_what_names_them(tmp_path: Path) -> None:
    text = """
Resources:
  Q: { Type: AWS::SQS::Queue, Properties: { RedrivePolicy: { deadLetterTargetArn: !GetAtt A.Arn } } }
  R: { Type: AWS::Events::Rule, Properties: { Targets: [{ Arn: x, DeadLetterConfig: { Arn: !GetAtt B.Arn } }] } }
  F:
    Type: AWS::Serverless::Function
    Properties:
      DeadLetterQueue: { Type: SQS, TargetArn: !GetAtt C.Arn }
      EventInvokeConfig: { DestinationConfig: { OnFailure: { Type: SQS, Destination: !GetAtt D.Arn } } }
  G: { Type: AWS::Lambda::Function, Properties: {} }
  Config:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: { FunctionName: !Ref G, DestinationConfig: { OnFailure: { Destination: !GetAtt E.Arn } } }
  H: { Type: AWS::Lambda::Function, Properties: {} }
"""
    body = template(tmp_path, text)

    assert graves(body) == {"A", "B", "C", "D", "E"}
    assert [keeps_failures(body, name) for name in ("F", "G", "H")] == ["C", "E", ""]


@pytest.mark.parametrize(
    "event",
    [
        "{ Type: SNS, Properties: { Topic: !Ref T, RedrivePolicy: { deadLetterTargetArn: !GetAtt A.Arn } } }",
        "{ Type: EventBridgeRule, Properties: { Pattern: {}, DeadLetterConfig: { Arn: !GetAtt A.Arn } } }",
        "{ Type: Kinesis, Properties: { DestinationConfig: { OnFailure: { Destination: !GetAtt A.Arn } } } }",
    ],
)
def test_what_could_not_be_handed_over_is_kept_elsewhere_than_what_the_function_failed_to_do(
    tmp_path: Path, event: str
) -> None:
    text = f"""
Resources:
  F: {{ Type: AWS::Serverless::Function, Properties: {{ Events: {{ E: {event} }} }} }}
"""
    body = template(tmp_path, text)

    assert graves(body) == {"A"}
    assert keeps_failures(body, "F") == ""


def test_what_all_functions_of_a_template_share_keeps_their_failures(tmp_path: Path) -> None:
    text = """
Globals: { Function: { DeadLetterQueue: { Type: SQS, TargetArn: !GetAtt A.Arn } } }
Resources:
  F: { Type: AWS::Serverless::Function, Properties: {} }
"""
    assert keeps_failures(template(tmp_path, text), "F") == "A"


# ---- packages, names and sizes


def test_a_relative_requirement_is_meant_from_its_own_folder(tmp_path: Path) -> None:
    """Where `sam build` runs pip; not from where the command was started."""
    (tmp_path / "shared" / "shop").mkdir(parents=True)
    (tmp_path / "shared" / "shop" / "__init__.py").touch()
    metadata = '[project]\nname = "shop"\nversion = "1"\n'
    (tmp_path / "shared" / "pyproject.toml").write_text(
        metadata + '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (tmp_path / "shared" / "backend.py").write_text(BACKEND)
    (tmp_path / "src").mkdir()
    (requirements := tmp_path / "src" / "requirements.txt").write_text("../shared/\n")
    (build := tmp_path / "build").mkdir()
    before = sorted(tmp_path.glob("shared/**/*"))

    assert (packages(requirements, (), build) / "shop" / "__init__.py").is_file()
    assert sorted(tmp_path.glob("shared/**/*")) == before


BACKEND = '''"""The smallest build backend, so that nothing is downloaded."""
import zipfile
from pathlib import Path


def prepare_metadata_for_build_wheel(folder, settings=None):
    (info := Path(folder) / "shop-1.dist-info").mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: shop\\nVersion: 1\\n")
    return info.name


def build_wheel(folder, settings=None, metadata=None):
    Path("build").mkdir(exist_ok=True)  # beside the sources, as setuptools does
    with zipfile.ZipFile(Path(folder) / "shop-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("shop/__init__.py", "")
        wheel.writestr("shop-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: shop\\nVersion: 1\\n")
        wheel.writestr("shop-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("shop-1.dist-info/RECORD", "")
    return "shop-1-py3-none-any.whl"
'''


def test_esbuild_is_asked_what_sam_would_ask_it() -> None:
    asked = {"MainFields": "module,main", "Loader": [".html=text"], "Banner": ["js=import { a } from 'a=b'"]}

    assert asked_of_esbuild(asked) == [
        "--main-fields=module,main",
        "--loader:.html=text",
        "--banner:js=import { a } from 'a=b'",
    ]
    assert asked_of_esbuild({}) == []


def test_a_relative_requirement_is_found_beside_the_template_or_above(tmp_path: Path) -> None:
    (shared := tmp_path / "shared" / "shop").mkdir(parents=True)
    (shared / "setup.py").write_text("")
    (code := tmp_path / "orders" / "src" / "work").mkdir(parents=True)
    (code / "setup.py").write_text("")
    (code / "own.whl").write_text("")
    requirements = code / "requirements.txt"
    requirements.write_text("boto3\n../shared/shop/[api]\n-e ../gone\n-r ./more.txt\n-e .\n./own.whl\n")
    (code / "more.txt").write_text("")
    (build := tmp_path / "build").mkdir()

    boto3, of_shared, gone, more, own, wheel = with_places(requirements, build).splitlines()

    assert (boto3, gone, more, wheel) == ("boto3", "-e ../gone", "-r ./more.txt", str(code / "own.whl"))
    for copy, name in ((of_shared.removesuffix("[api]"), "shop"), (own.removeprefix("-e "), "work")):
        assert Path(copy).is_relative_to(build)
        assert Path(copy).name == name
        assert (Path(copy) / "setup.py").is_file()


def test_a_project_of_which_nothing_can_be_deployed_is_told_function_by_function() -> None:
    server = LocalAws.__new__(LocalAws)
    server._unpacked = {"Work": "its requirements.txt cannot be installed"}
    server.client = lambda _: None  # type: ignore[assignment,method-assign]

    assert server.create_what_comes_up("trial", {"Resources": {}}, {}).left_out == server._unpacked


def test_packages_are_those_of_the_requirements_else_those_of_the_project(tmp_path: Path) -> None:
    (code := tmp_path / "src").mkdir()
    assert asked_for(code) == (None, [])

    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["requests>=2", "boto3"]\n')
    assert asked_for(code) == (None, ["requests>=2", "boto3"])

    (code / "requirements.txt").write_text("requests\n")
    assert asked_for(code) == (code / "requirements.txt", [])


@pytest.mark.parametrize(
    ("runtime", "code", "added"),
    [
        ("python3.9", "", ["setuptools<81"]),
        ("python3.13", "", []),
        ("python3.13", "from pip._internal import main\n", ["pip"]),
        ("python3.13", "import pipes\n", []),
    ],
)
def test_what_runtimes_bring_along_of_python_s_own_tools_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str, code: str, added: list[str]
) -> None:
    (tmp_path / "app.py").write_text(code)
    asked: list[list[str]] = []

    def packages(_: Any, extra: list[str], __: Any) -> Path:
        asked.append(list(extra))
        return tmp_path

    monkeypatch.setattr(deployment, "packages", packages)
    (tmp_path / "requirements.txt").write_text("requests\n")
    local = LocalAws.__new__(LocalAws)
    local.__dict__ |= {"_installed": {}, "_home": tmp_path, "_guard": tmp_path}
    local._depend({}, tmp_path, (), runtime)

    assert asked == [added]


def test_packages_that_cannot_be_had_are_told_in_uv_s_words(tmp_path: Path) -> None:
    (requirements := tmp_path / "requirements.txt").write_text("../gone/\n")
    with pytest.raises(PackagingError, match=r"its requirements\.txt cannot be installed: .*gone") as refused:
        packages(requirements, (), tmp_path)

    assert "\n" not in str(refused.value)


TWO = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Good: { Type: AWS::Serverless::Function, Properties: { Runtime: python3.13, Handler: a.handler, CodeUri: good } }
  Bad: { Type: AWS::Serverless::Function, Properties: { Runtime: python3.13, Handler: a.handler, CodeUri: bad } }
"""


@pytest.mark.e2e
def test_a_function_whose_packages_cannot_be_had_costs_only_itself(tmp_path: Path) -> None:
    for name in ("good", "bad"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("def handler(event, context): pass\n")
    (tmp_path / "bad" / "requirements.txt").write_text("../gone/\n")
    body = template(tmp_path, TWO)
    with LocalAws() as local:
        packed = local.pack(body, tmp_path, tolerant=True)
        stack = local.create_what_comes_up("trial", packed, {})
        with pytest.raises(PackagingError):
            local.pack(template(tmp_path, TWO), tmp_path)

    assert "Good" in stack.resources
    assert "its requirements.txt cannot be installed" in stack.left_out["Bad"]


@pytest.mark.e2e
def test_what_fails_in_a_large_stack_is_left_out_alone() -> None:
    """Whose events, of which rolling back makes many, come in pages."""
    queues: dict[str, Any] = {f"Queue{number}": {"Type": "AWS::SQS::Queue"} for number in range(60)}
    name = {"QueueName": {"Fn::GetAtt": ["Queue0", "Nothing"]}}
    nameless = {"Type": "AWS::SQS::Queue", "Properties": name, "DependsOn": list(queues)}

    with LocalAws() as local:
        stack = local.create_what_comes_up("large", {"Resources": {**queues, "Nameless": nameless}}, {})

    assert stack.resources.keys() == queues.keys()
    assert "Nothing" in stack.left_out["Nameless"]


@pytest.mark.e2e
def test_a_template_that_is_too_large_for_a_request_is_deployed_too() -> None:
    queues = {f"Q{n}": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}} for n in range(900)}
    body = {"Resources": {**dict(list(queues.items())[:3])}, "Metadata": {"Padding": "x" * LARGEST}}
    with LocalAws() as local:
        stack = local.create("large", body)

    assert set(stack.resources) == {"Q0", "Q1", "Q2"}


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("queue_worker", "queue-worker"),
        ("4", "stack-4"),
        ("my shop (2)", "my-shop-2"),
        ("Größe", "Gr-e"),
        ("__", "stack"),
        ("x" * 200, "x" * 100),
    ],
)
def test_a_stack_gets_a_name_that_cloudformation_takes(folder: str, name: str) -> None:
    assert stack_name(folder) == name
