"""Nested stacks from local files are tried as if what they hold stood in the template itself."""

from pathlib import Path
from typing import Any

from trials.project import Kind, read
from trials.template import read_template
from trials.template.nested import inlined

URL = "http://127.0.0.1:9"
OUTER = """
Parameters: { Stage: { Type: String, Default: dev } }
Conditions: { Live: !Equals [!Ref Stage, live] }
Resources:
  Jobs: { Type: AWS::SQS::Queue }
  Work:
    Type: AWS::Serverless::Application
    Properties:
      Location: inner/template.yaml
      Parameters: { QueueArn: !GetAtt Jobs.Arn, Level: DEBUG }
  Graves:
    Type: AWS::CloudFormation::Stack
    Condition: Live
    Properties: { TemplateURL: ../inner/graves.yaml }
  Elsewhere: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: https://example.test/a.yaml } }
  Told:
    Type: AWS::SSM::Parameter
    DependsOn: [Work, Jobs]
    Properties: { Type: String, Value: !Sub "${Work.Outputs.Name} of ${Stage}" }
"""
INNER = """
Transform: AWS::Serverless-2016-10-31
Parameters: { QueueArn: { Type: String }, Level: { Type: String, Default: INFO } }
Globals: { Function: { Runtime: python3.14, Handler: app.handler, Environment: { Variables: { LEVEL: !Ref Level } } } }
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Environment: { Variables: { QUEUE: !Sub "${QueueArn}/${AWS::Region}" } }
      Events: { Jobs: { Type: SQS, Properties: { Queue: !Ref QueueArn } } }
Outputs: { Name: { Value: !Ref F } }
"""


def project(tmp_path: Path) -> Path:
    (tmp_path / "inner" / "src").mkdir(parents=True)
    (tmp_path / "inner" / "src" / "app.py").write_text("def handler(event, context): ...")
    (tmp_path / "inner" / "template.yaml").write_text(INNER)
    (tmp_path / "inner" / "graves.yaml").write_text("Resources: { Q: { Type: AWS::SQS::Queue } }")
    (tmp_path / "template.yaml").write_text(OUTER)
    return tmp_path / "template.yaml"


def laid_in(tmp_path: Path) -> dict[str, Any]:
    return inlined(read_template(project(tmp_path)), tmp_path, [])


def test_what_a_nested_stack_holds_is_a_source_like_any_other(tmp_path: Path) -> None:
    found = read(project(tmp_path), URL)

    assert [(each.kind, each.origin, each.function) for each in found.sources if each.kind is Kind.QUEUE] == [
        (Kind.QUEUE, "Jobs", "WorkF")
    ]
    assert found.code("WorkF") == (tmp_path / "inner" / "src", "app.handler", "python3.14")
    assert "WorkF" not in found.left_out


def test_a_nested_stack_without_a_file_here_is_a_row_with_its_reason(tmp_path: Path) -> None:
    rows = {each.name: each.why for each in read(project(tmp_path), URL).sources if each.kind is Kind.OTHER}

    assert "no file here" in rows["Elsewhere"]
    assert rows.keys() == {"Elsewhere"}


def test_parameters_globals_and_outputs_lead_where_they_did(tmp_path: Path) -> None:
    body = laid_in(tmp_path)

    queue = {"Fn::GetAtt": ["Jobs", "Arn"]}
    variables = body["Resources"]["WorkF"]["Properties"]["Environment"]["Variables"]
    assert variables["LEVEL"] == {"Ref": "WorkLevel"}
    assert variables["QUEUE"] == {"Fn::Sub": ["${QueueArn}/${AWS::Region}", {"QueueArn": queue}]}
    assert body["Parameters"]["WorkLevel"]["Default"] == "DEBUG"
    assert body["Resources"]["Told"]["DependsOn"] == ["Jobs"]
    told = ["${WorkOutputsName} of ${Stage}", {"WorkOutputsName": {"Ref": "WorkF"}}]
    assert body["Resources"]["Told"]["Properties"]["Value"] == {"Fn::Sub": told}
    assert body["Transform"] == "AWS::Serverless-2016-10-31"


def test_the_condition_of_a_nested_stack_holds_for_all_in_it(tmp_path: Path) -> None:
    assert laid_in(tmp_path)["Resources"]["GravesQ"]["Condition"] == "Live"


def test_code_that_a_nested_function_does_not_place_lies_beside_its_own_template(tmp_path: Path) -> None:
    path = project(tmp_path)
    (tmp_path / "inner" / "template.yaml").write_text(INNER.replace("      CodeUri: src\n", ""))

    assert read(path, URL).code("WorkF")[0].resolve() == tmp_path / "inner"
