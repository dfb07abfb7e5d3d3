"""What a template takes from outside of itself, and what CDK and the Serverless Framework write."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from trials.local_aws import LocalAwsError
from trials.project import Kind, read
from trials.project.effects import calls_nothing
from trials.template import ASSET

URL = "http://outside.example.test"
CODE = {"Runtime": "python3.14", "Handler": "app.handler", "Code": {"ZipFile": "pass"}}


def function(environment: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::Lambda::Function", "Properties": {**CODE, "Environment": {"Variables": environment}}, **more}


def written(folder: Path, body: dict[str, Any], name: str = "template.json") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body))
    return path


def environment(folder: Path) -> dict[str, Any]:
    found = read(folder, URL).body["Resources"]["Work"]["Properties"]["Environment"]["Variables"]
    assert isinstance(found, dict)
    return found


def test_what_another_stack_exports_is_made_up_and_said_so(tmp_path: Path) -> None:
    name = {"Fn::Sub": "shop-${AWS::Region}-OrdersApiUrl"}
    written(tmp_path, {"Resources": {"Work": function({"API": {"Fn::ImportValue": name}})}})

    assert environment(tmp_path) == {"API": URL}
    assert any("the export shop-" in note and URL in note for note in read(tmp_path, URL).notes)


def test_stored_values_are_made_up_unless_the_reader_has_them(tmp_path: Path) -> None:
    asked = {
        "A": "{{resolve:ssm:/shop/stage:2}}",
        "B": {"Fn::Sub": "x-{{resolve:ssm:/${AWS::Region}/mail}}"},
        "C": "{{resolve:secretsmanager:Provider:SecretString:key}}",
    }
    written(tmp_path, {"Resources": {"Work": function(asked)}})
    assert environment(tmp_path) == {"A": "trial", "B": {"Fn::Sub": "x-trial@example.com"}, "C": "trial"}

    (tmp_path / "trials.toml").write_text('[secrets]\n"/shop/stage" = "live"\nProvider = { key = "k-1" }\n')
    assert environment(tmp_path) == {"A": "live", "B": {"Fn::Sub": "x-trial@example.com"}, "C": "k-1"}

    (tmp_path / "trials.toml").write_text('[secrets]\nProvider = "plain"\n')
    with pytest.raises(LocalAwsError, match="the secret Provider needs the key key"):
        read(tmp_path, URL)


def test_what_all_functions_take_from_a_store_is_told_too(tmp_path: Path) -> None:
    variables = {"NAMESPACE": "{{resolve:ssm:/shop/namespace}}"}
    shared = {"Function": {"Environment": {"Variables": variables}}}
    written(tmp_path, {"Globals": shared, "Resources": {"Jobs": {"Type": "AWS::SQS::Queue"}}})

    assert "{{resolve" not in json.dumps(read(tmp_path, URL).body)


def test_a_secret_of_the_template_itself_is_asked_for_as_it_is_written(tmp_path: Path) -> None:
    inner = {"Fn::Join": ["", ["{{resolve:secretsmanager:", {"Ref": "Own"}, ":SecretString:password::}}"]]}
    resources = {"Own": {"Type": "AWS::SecretsManager::Secret"}, "Work": function({"P": inner})}
    written(tmp_path, {"Resources": resources})

    assert environment(tmp_path) == {"P": inner}


def test_a_function_is_tried_although_it_takes_a_value_from_a_custom_resource(tmp_path: Path) -> None:
    custom = {"Type": "Custom::Lookup", "Properties": {"ServiceToken": "arn:aws:lambda:x"}}
    work = function({"ENDPOINT": {"Fn::GetAtt": ["Lookup", "Endpoint"]}}, DependsOn="Lookup")
    written(tmp_path, {"Resources": {"Lookup": custom, "Work": work}})
    project = read(tmp_path, URL)

    assert list(project.left_out) == ["Lookup"]
    assert project.body["Resources"]["Work"]["DependsOn"] == []
    assert environment(tmp_path) == {"ENDPOINT": URL}


def test_outputs_and_their_exports_are_not_deployed(tmp_path: Path) -> None:
    written(tmp_path, {"Resources": {"Work": function({})}, "Outputs": {"O": {"Value": {"Fn::GetAtt": ["Work"]}}}})

    assert not read(tmp_path, URL).body.get("Outputs")


@pytest.mark.parametrize(
    ("parameter", "bus", "named"),
    [
        ({"Type": "String"}, {"Ref": "Shared"}, ["trial"]),
        ({"Type": "String", "Default": "events"}, {"Ref": "Shared"}, ["events"]),
        ({"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/shop/bus"}, {"Ref": "Shared"}, ["trial"]),
        ({"Type": "String"}, "events", ["events"]),
        ({"Type": "String"}, "default", []),
        ({"Type": "String"}, {"Ref": "Own"}, []),
    ],
)
def test_a_bus_that_the_template_only_names_is_made(
    tmp_path: Path, parameter: dict[str, Any], bus: Any, named: list[str]
) -> None:
    targets = [{"Id": "a", "Arn": {"Fn::GetAtt": ["Jobs", "Arn"]}}]
    rule = {"EventBusName": bus, "EventPattern": {"source": ["shop"]}, "Targets": targets}
    resources = {
        "Own": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "own"}},
        "Jobs": {"Type": "AWS::SQS::Queue"},
        "Rule": {"Type": "AWS::Events::Rule", "Properties": rule},
    }
    written(tmp_path, {"Parameters": {"Shared": parameter}, "Resources": resources})
    project = read(tmp_path, URL)
    (way,) = (each for each in project.sources if each.kind is Kind.ROUTE)

    assert project.buses == named
    assert project.bus(way.origin) == (named[0] if named else "")


@pytest.mark.parametrize(
    "name",
    [
        {"Fn::Sub": "{{resolve:ssm:/${Env}/shared/event-bus-name:1}}"},
        {"Fn::Sub": "trial-${Env}"},
        {"Fn::Join": ["-", ["trial", {"Ref": "Env"}]]},
    ],
)
def test_a_way_begins_on_a_bus_that_the_template_makes_a_name_of(tmp_path: Path, name: Any) -> None:
    to = [{"Id": "a", "Arn": {"Fn::GetAtt": ["Jobs", "Arn"]}}]
    rule = {"EventBusName": name, "EventPattern": {"source": ["shop"]}, "Targets": to}
    resources = {"Jobs": {"Type": "AWS::SQS::Queue"}, "Heard": {"Type": "AWS::Events::Rule", "Properties": rule}}
    written(tmp_path, {"Parameters": {"Env": {"Type": "String", "Default": "dev"}}, "Resources": resources})
    project = read(tmp_path, URL)

    (way,) = project.sources
    assert way.kind is Kind.ROUTE
    assert project.bus(way.origin) == project.buses[0]
    assert project.buses[0].startswith("trial")


@pytest.mark.parametrize(
    "text",
    [
        'parameter_overrides = "Stage=live Level=\\"very high\\""',
        'parameter_overrides = ["Stage=live", "ParameterKey=Level,ParameterValue=very high"]',
        'parameter_overrides = { Stage = "live", Level = "very high", Unknown = "x" }',
    ],
)
def test_what_samconfig_overrides_is_given_unless_trials_toml_says_another(tmp_path: Path, text: str) -> None:
    parameters = {"Stage": {"Type": "String"}, "Level": {"Type": "String", "Default": "low"}}
    written(tmp_path, {"Parameters": parameters, "Resources": {"Work": function({})}})
    (tmp_path / "samconfig.toml").write_text(f"version = 0.1\n[default.deploy.parameters]\n{text}\n")
    assert read(tmp_path, URL).parameters == {"Stage": "live", "Level": "very high"}

    (tmp_path / "trials.toml").write_text('[parameters]\nStage = "test"\n')
    assert read(tmp_path, URL).parameters == {"Stage": "test", "Level": "very high"}


@pytest.mark.parametrize("text", ["no toml [", "[default.deploy.parameters]\nparameter_overrides = 'a=\"'"])
def test_a_samconfig_that_cannot_be_read_costs_nothing(tmp_path: Path, text: str) -> None:
    written(tmp_path, {"Parameters": {"Stage": {"Type": "String"}}, "Resources": {"Work": function({})}})
    (tmp_path / "samconfig.toml").write_text(text)

    assert read(tmp_path, URL).parameters == {"Stage": "trial"}


def archive(path: Path, name: str, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr(name, text)


PACKAGED = {"S3Bucket": {"Ref": "Bucket"}, "S3Key": "serverless/shop/dev/1-2026/shop.zip"}


def test_the_output_of_the_serverless_framework_is_taken_with_its_packages(tmp_path: Path) -> None:
    work = {"Type": "AWS::Lambda::Function", "Properties": {**CODE, "Code": PACKAGED}}
    layer = {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": {**PACKAGED, "S3Key": "a/layer.zip"}}}
    body = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}, "Work": work, "Layer": layer}}
    template = written(tmp_path, body, ".serverless/cloudformation-template-update-stack.json")
    archive(tmp_path / ".serverless" / "shop.zip", "app.py", "def handler(event, context): return 1")
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "Work.json").write_text("{}")
    project = read(tmp_path, URL)

    assert (project.template, project.folder) == (template, tmp_path)
    assert [each.path for each in project.files] == ["events/Work.json"]
    assert not project.left_out
    folder, handler, _ = project.code("Work")
    assert (handler, (folder / "app.py").read_text()[:11]) == ("app.handler", "def handler")
    assert "Layer" not in project.body["Resources"]  # its archive is not here


def of_cdk(path: str, **more: Any) -> dict[str, Any]:
    return {"Metadata": {"aws:cdk:path": f"Shop/{path}/Resource"}, **more}


def test_what_cdk_notifies_of_a_bucket_is_a_source_and_its_own_functions_are_none(tmp_path: Path) -> None:
    token = {"ServiceToken": {"Fn::GetAtt": ["Helper", "Arn"]}}
    told = {"Id": "a", "Events": ["s3:ObjectCreated:*"]}
    rules = {"Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".csv"}]}}}
    configuration = {
        "LambdaFunctionConfigurations": [{**told, "LambdaFunctionArn": {"Fn::GetAtt": ["Work", "Arn"]}}],
        "QueueConfigurations": [{**told, **rules, "QueueArn": {"Fn::GetAtt": ["Jobs", "Arn"]}}],
    }
    notified = {**token, "BucketName": {"Ref": "Files"}, "NotificationConfiguration": configuration}
    provider = function({"USER_ON_EVENT_FUNCTION_ARN": {"Fn::GetAtt": ["Mine", "Arn"]}})
    resources = {
        "Files": of_cdk("Files", Type="AWS::S3::Bucket"),
        "Jobs": of_cdk("Jobs", Type="AWS::SQS::Queue"),
        "Notified": {"Type": "Custom::S3BucketNotifications", "Properties": notified},
        "Helper": of_cdk("BucketNotificationsHandler", **function({})),
        "Work": {**function({"FILES": {"Ref": "Files"}}), "DependsOn": ["Notified"]},
        "Mine": function({}),
        "Framework": of_cdk("framework-onEvent", **provider),
        "Custom": {"Type": "Custom::Own", "Properties": {"ServiceToken": {"Fn::GetAtt": ["Framework", "Arn"]}}},
    }
    written(tmp_path, {"Resources": resources}, "cdk.out/Shop.template.json")
    project = read(tmp_path, URL)
    found = {(each.kind, each.function, each.origin) for each in project.sources if each.kind is not Kind.OTHER}

    assert [(each.name, each.function) for each in project.sources if each.kind is Kind.OTHER] == [("Custom", "Mine")]
    assert found == {(Kind.BUCKET, "Work", "Files"), (Kind.ROUTE, "Jobs", "Files")}
    assert "Work" in project.body["Resources"]
    assert project.body["Resources"]["Work"]["DependsOn"] == []
    kept = project.body["Resources"]["Files"]["Properties"]["NotificationConfiguration"]
    assert "LambdaConfigurations" not in kept  # else bucket and function would each need the other first
    assert kept["QueueConfigurations"][0]["Filter"] == {"S3Key": {"Rules": [{"Name": "suffix", "Value": ".csv"}]}}


def test_a_layer_of_cdk_is_kept_with_its_asset(tmp_path: Path) -> None:
    layer = {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": PACKAGED}, "Metadata": {ASSET: "asset.1"}}
    written(tmp_path, {"Resources": {"Shared": layer, "Work": function({})}}, "cdk.out/Shop.template.json")
    assert "Shared" not in read(tmp_path, URL).body["Resources"]

    (tmp_path / "cdk.out" / "asset.1" / "python").mkdir(parents=True)
    assert "Shared" in read(tmp_path, URL).body["Resources"]


def test_a_row_is_tried_with_the_event_that_the_reader_writes_for_it(tmp_path: Path) -> None:
    topic = {"TopicRulePayload": {"Actions": [{"Lambda": {"FunctionArn": {"Fn::GetAtt": ["Work", "Arn"]}}}]}}
    resources = {"Work": function({}), "Measured": {"Type": "AWS::IoT::TopicRule", "Properties": topic}}
    written(tmp_path, {"Resources": resources})
    assert [each.kind for each in read(tmp_path, URL).sources] == [Kind.OTHER]

    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "Measured.json").write_text('{"celsius": 21}')
    assert [each.kind for each in read(tmp_path, URL).sources] == [Kind.DIRECT]


def test_code_that_a_template_holds_itself_can_be_read(tmp_path: Path) -> None:
    inner = {
        "Runtime": "python3.14",
        "Handler": "index.main",
        "Code": {"ZipFile": "def main(event, context):\n    print(event)\n"},
    }
    written(tmp_path, {"Resources": {"Work": {"Type": "AWS::Lambda::Function", "Properties": inner}}})
    folder, handler, runtime = read(tmp_path, URL).code("Work")

    assert (folder / "index.py").read_text().startswith("def main")
    assert calls_nothing(folder, handler, runtime)
