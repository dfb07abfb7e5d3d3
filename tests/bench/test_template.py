"""Templates as data: what is read, what is refused in one line, and what a piece of a template refers to."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import samtranslator

from trials.local_aws import LocalAwsError
from trials.project import read
from trials.template import (
    Model,
    TemplateError,
    listed,
    logical_id,
    merged_properties,
    own_names,
    read_template,
    references,
    secrets_by_arn,
    without,
)
from trials.template.policies import allows, names_action
from trials.template.sam import POLICIES

TESTS = Path(__file__).resolve().parents[1]


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "template.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_date_in_a_template_stays_text(tmp_path: Path) -> None:
    path = written(tmp_path, "Resources: { A: { Type: T, Version: 2012-10-17 } }")

    assert read_template(path)["Resources"]["A"]["Version"] == "2012-10-17"


def test_short_forms_are_read_as_their_long_ones(tmp_path: Path) -> None:
    path = written(tmp_path, "Resources: { A: { Type: T, X: [!Ref B, !GetAtt C.D.E, !Sub 'x', !If [F, !Ref G, 1]] } }")

    assert read_template(path)["Resources"]["A"]["X"] == [
        {"Ref": "B"},
        {"Fn::GetAtt": ["C", "D.E"]},
        {"Fn::Sub": "x"},
        {"Fn::If": ["F", {"Ref": "G"}, 1]},
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds nothing, and a template is one"),
        ("- a\n- b\n", "holds no mapping, and a template is one"),
        ("Resources:\n\tA: {}\n", "indent with spaces, YAML takes no tabs"),
        ("Resources: { A: { Type: T, Description: Größe } }".encode("latin-1"), "is not UTF-8 (byte "),
        ("Resources: { A: [", "is no YAML: "),
        ("Resources: { A: { Properties: {} } }", "the resource A has no Type"),
        ("Resources: { A: text }", "the resource A has no Type"),
        ("Resources: { A: { Type: [T] } }", "the resource A has no Type"),
        ("Resources: [1]", "has no Resources"),
        ("Resources:", "has no Resources"),
        ("AWSTemplateFormatVersion: 2010-09-09", "has no Resources"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_template_is_refused_in_one_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(LocalAwsError) as refused:
        read(path, "http://127.0.0.1:9")

    assert said in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="cannot be read: No such file"):
        read_template(tmp_path / "template.yaml")


LOOP = """
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Resources:
  Fn::ForEach::Queues:
    - Name
    - [Orders, Returns]
    - ${Name}Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: !Sub "${Name}-x" } }
"""


def test_a_loop_is_expanded(tmp_path: Path) -> None:
    body = read_template(written(tmp_path, LOOP))

    assert set(body["Resources"]) == {"OrdersQueue", "ReturnsQueue"}
    assert body["Transform"] == ["AWS::Serverless-2016-10-31"]


def test_a_loop_that_cannot_be_expanded_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="Fn::ForEach cannot be expanded") as refused:
        read_template(written(tmp_path, LOOP.replace("[Orders, Returns]", "[]")))

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ({"Ref": "A"}, {"A"}),
        ({"Ref": "AWS::Region"}, set()),
        ({"Fn::GetAtt": ["A", "Arn"]}, {"A"}),
        ({"Fn::GetAtt": "A.Arn"}, {"A"}),
        ({"Fn::Sub": "${A}/${B.Arn}/${!Literal}/${AWS::Region}"}, {"A", "B"}),
        ({"Fn::Sub": ["${A}/${Given}", {"Given": {"Ref": "B"}}]}, {"A", "B"}),
        ({"Fn::Join": ["", [{"Ref": "A"}, "x", {"Fn::GetAtt": ["B", "Arn"]}]]}, {"A", "B"}),
        ({"DependsOn": ["A", "B"]}, {"A", "B"}),
        ("A", set()),
    ],
)
def test_references_are_found_in_every_form(value: Any, meant: set[str]) -> None:
    assert references(value) == meant


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ({"Ref": "A"}, "A"),
        ({"Fn::GetAtt": ["A", "Arn"]}, "A"),
        ({"Fn::GetAtt": "A.Arn"}, "A"),
        ({"Fn::Sub": "arn:${AWS::Region}:${A.Arn}"}, "A"),
        ({"Fn::Sub": ["${It}", {"It": {"Fn::GetAtt": ["A", "Arn"]}}]}, "A"),
        ({"Fn::Sub": "${A}/${B}"}, ""),
        ({"Fn::Join": ["", [{"Fn::GetAtt": ["A", "Arn"]}, ":live"]]}, "A"),
        ({"Fn::Join": ["", [{"Ref": "A"}, {"Fn::If": ["C", {"Ref": "B"}, ""]}]]}, ""),
        ({"Fn::If": ["C", {"Ref": "A"}, {"Fn::GetAtt": ["A", "Arn"]}]}, "A"),
        ({"Fn::If": ["C", {"Ref": "A"}, {"Ref": "AWS::NoValue"}]}, "A"),
        ({"Fn::If": ["C", {"Ref": "A"}, {"Ref": "B"}]}, ""),
        ({"Fn::If": ["C", {"Ref": "A"}, "arn:aws:sqs:us-east-1:123456789012:elsewhere"]}, ""),
        ({"Fn::Select": [1, [{"Ref": "A"}, {"Ref": "B"}]]}, "B"),
        ({"Fn::Select": ["0", [{"Ref": "A"}, {"Ref": "B"}]]}, "A"),
        ({"Fn::Select": [{"Ref": "Which"}, [{"Ref": "A"}, {"Ref": "B"}]]}, ""),
        ({"Fn::Select": [5, {"Fn::Split": [":", {"Fn::GetAtt": ["A", "Arn"]}]}]}, "A"),
        ({"Fn::ImportValue": {"Fn::Sub": "${Network}-Queue"}}, ""),
        ({"Fn::Join": ["", [{"Fn::ImportValue": {"Fn::Sub": "${Network}-Queue"}}, "/x"]]}, ""),
        ({"Fn::FindInMap": ["Queues", {"Ref": "Stage"}, "Arn"]}, ""),
        ([{"Ref": "A"}], ""),
        ({"Arn": {"Ref": "A"}}, ""),
        ("A", ""),
    ],
    ids=str,
)
def test_the_logical_id_is_the_one_thing_that_an_expression_means(value: Any, meant: str) -> None:
    assert logical_id(value) == meant


PLAIN = """
import sys
sys.modules.update(dict.fromkeys(["boto3", "botocore", "rich", "cfnlint"]))  # whoever imports one of them fails
from trials.template import Model, read_template
"""


def test_the_reader_needs_nothing_but_yaml() -> None:
    """Rules import it in an environment of cfn-lint alone, trials in one without cfn-lint."""
    done = subprocess.run([sys.executable, "-c", PLAIN], cwd=TESTS, capture_output=True, text=True, check=False)

    assert done.stderr == ""


def test_what_refers_to_what_is_left_out_goes_too() -> None:
    resources = {
        "A": {"Type": "T"},
        "B": {"Type": "T", "Properties": {"X": {"Ref": "A"}}},
        "C": {"Type": "T", "DependsOn": "B"},
        "D": {"Type": "T"},
    }
    kept = without({"Resources": resources, "Outputs": {"Of": {"Value": {"Ref": "C"}}, "Kept": {"Value": 1}}}, {"A"})

    assert (set(kept["Resources"]), set(kept["Outputs"])) == ({"D"}, {"Kept"})


def test_a_secret_is_asked_for_by_its_arn_everywhere() -> None:
    resources = {
        "Key": {"Type": "AWS::SecretsManager::Secret"},
        "F": {"Type": "T", "Properties": {"A": {"Ref": "Key"}, "B": {"Fn::Sub": "x${Key}"}, "C": {"Ref": "F"}}},
    }
    adapted = secrets_by_arn({"Resources": resources})["Resources"]["F"]["Properties"]

    assert adapted == {"A": {"Fn::GetAtt": ["Key", "Id"]}, "B": {"Fn::Sub": "x${Key.Id}"}, "C": {"Ref": "F"}}


def test_resources_have_the_names_that_their_author_wrote() -> None:
    resources = {
        "Jobs1A2B": {"Type": "T", "Metadata": {"aws:cdk:path": "Shop/Jobs/Resource"}},
        "Dlq3C": {"Type": "T", "Metadata": {"aws:cdk:path": "Shop/Worker/Dlq/Resource"}},
        "Plain": {"Type": "T"},
    }

    assert own_names({"Resources": resources}) == {"Jobs1A2B": "Jobs", "Dlq3C": "Worker.Dlq", "Plain": "Plain"}


ROLE = """
Resources:
  Dead: {{ Type: AWS::SQS::Queue }}
  Other: {{ Type: AWS::SQS::Queue }}
  Role: {{ Type: AWS::IAM::Role, Properties: {{ {own} }} }}
  Policy:
    Type: AWS::IAM::Policy
    Properties:
      Roles: [!Ref {holder}]
      PolicyDocument: {{ Statement: {{ Effect: {effect}, Action: {action}, Resource: {resource} }} }}
"""
DEAD, INLINE = "!GetAtt Dead.Arn", "Policies: [!If [C, {PolicyName: p, PolicyDocument: !Ref Given}, !Ref AWS::NoValue]]"


@pytest.mark.parametrize(
    ("own", "holder", "effect", "action", "resource", "allowed"),
    [
        ("Path: /", "Role", "Allow", "sqs:SendMessage", DEAD, True),
        ("Path: /", "Role", "Allow", "['sqs:*']", "'*'", True),
        ("Path: /", "Role", "Allow", "sqs:SendMessage", "!GetAtt Other.Arn", False),
        ("Path: /", "Role", "Allow", "sqs:ReceiveMessage", DEAD, False),
        ("Path: /", "Role", "Deny", "sqs:SendMessage", DEAD, False),
        ("Path: /", "Given", "Allow", "sqs:ReceiveMessage", DEAD, None),
        ("ManagedPolicyArns: [x]", "Role", "Allow", "sqs:ReceiveMessage", DEAD, None),
        (INLINE, "Role", "Allow", "sqs:ReceiveMessage", DEAD, None),
    ],
)
def test_what_a_role_may_do_is_unknown_where_the_template_does_not_tell_its_policies_whole(
    tmp_path: Path, own: str, holder: str, effect: str, action: str, resource: str, allowed: bool | None
) -> None:
    text = ROLE.format(own=own, holder=holder, effect=effect, action=action, resource=resource)
    model = Model(read_template(written(tmp_path, text)))

    assert allows(model, model.resources["Role"], "sqs:SendMessage", model.resources["Dead"]) is allowed


def test_globals_are_merged_as_sam_does_objects_by_key_and_lists_one_after_the_other() -> None:
    shared = {"Function": {"Runtime": "a", "Layers": ["x"], "Environment": {"Variables": {"A": 1, "B": 1}}}}
    own = {"Runtime": "b", "Layers": ["y"], "Environment": {"Variables": {"B": 2}}}
    function = {"Type": "AWS::Serverless::Function", "Properties": own}

    assert merged_properties({"Globals": shared}, function) == {
        "Runtime": "b",
        "Layers": ["x", "y"],
        "Environment": {"Variables": {"A": 1, "B": 2}},
    }
    assert merged_properties({"Globals": shared}, {"Type": "AWS::Lambda::Function", "Properties": own}) == own


def test_the_policies_of_sam_grant_here_what_sam_writes() -> None:
    source = Path(samtranslator.__file__).parent / "policy_templates_data" / "policy_templates.json"
    theirs = json.loads(source.read_text())["Templates"]

    assert len(POLICIES) > 30
    for name, actions in POLICIES.items():
        statements = theirs[name]["Definition"]["Statement"]
        assert set(actions.split()) == {action for each in statements for action in listed(each["Action"])}, name


FUNCTION = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Own:
    Type: AWS::IAM::ManagedPolicy
    Properties: {{ PolicyDocument: {{ Statement: [{{ Effect: Allow, Action: "sns:*" }}] }} }}
  Work:
    Type: AWS::Serverless::Function
    {more}
    Properties:
      Policies: [{policies}]
      Events: {{ Jobs: {{ Type: SQS, Properties: {{ Queue: !ImportValue Jobs }} }} }}
"""


@pytest.mark.parametrize(
    ("policies", "more", "action", "may"),
    [
        ("", "", "sqs:DeleteMessage", True),  # SAM grants it for the event
        ("", "", "sqs:SendMessage", False),
        ("SQSSendMessagePolicy: { QueueName: q }", "", "sqs:SendMessage", True),
        ("AWSLambdaBasicExecutionRole", "", "sqs:SendMessage", False),
        ("!Ref Own", "", "sns:Publish", True),
        ("!Ref Own", "", "sqs:SendMessage", False),
        ('Statement: [{ Effect: Allow, Action: ["sqs:Send*"] }]', "", "sqs:SendMessage", True),
        ('Statement: [{ Effect: Deny, Action: ["sqs:Send*"] }]', "", "sqs:SendMessage", False),
        ("AmazonSQSFullAccess", "", "sqs:SendMessage", None),
        ("!ImportValue Policy", "", "sqs:SendMessage", None),
        ("", "Connectors: { A: { Properties: { Destination: { Id: B } } } }", "sqs:SendMessage", None),
    ],
)
def test_what_a_function_is_granted_is_what_sam_and_its_policies_say_or_unknown(
    tmp_path: Path, policies: str, more: str, action: str, may: bool | None
) -> None:
    model = Model(read_template(written(tmp_path, FUNCTION.format(policies=policies, more=more))))
    told, whole = model.of_function(model.resources["Work"])
    granted = any(names_action(each, action) for each in told if each.only("Effect") != "Deny")

    assert (granted or (None if not whole else False)) == may


def test_a_function_only_names_what_is_left_out_in_its_variables_and_policies() -> None:
    document = {"Statement": [{"Resource": [{"Fn::GetAtt": ["Places", "Arn"]}, {"Fn::GetAtt": ["Table", "Arn"]}]}]}
    variables = {"A": {"Ref": "Places"}, "B": {"Fn::Sub": "${Places.Arn}/${Places}/${PlacesOfOthers}"}}
    resources = {
        "Places": {"Type": "AWS::Location::PlaceIndex"},
        "Work": {"Type": "AWS::Serverless::Function", "Properties": {"Environment": {"Variables": variables}}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyDocument": document}]}},
        "Tied": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": {"Ref": "Places"}}},
        "OfNobody": {
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyDocument": document, "Roles": [{"Ref": "RoleOfSam"}]},
        },
        "OfRole": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": document, "Roles": [{"Ref": "Role"}]}},
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Dimensions": [{"Value": {"Ref": "Places"}}]}},
    }
    kept = without({"Resources": resources}, {"Places"})["Resources"]

    arn = "arn:aws:trial:us-east-1:123456789012:Places"
    assert kept.keys() == {"Work", "Role", "OfRole"}
    assert kept["Work"]["Properties"]["Environment"]["Variables"] == {
        "A": "Places",
        "B": {"Fn::Sub": f"{arn}/Places/${{PlacesOfOthers}}"},
    }
    written = kept["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0]["Resource"]
    assert written == [arn, {"Fn::GetAtt": ["Table", "Arn"]}]
