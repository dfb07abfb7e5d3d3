"""Stacks of a CDK app that import from each other are tried as one."""

import json
from pathlib import Path
from typing import Any

import pytest

from trials.project import Kind, read
from trials.template.joined import joined, linked

QUEUE = {"Type": "AWS::SQS::Queue"}
PARAMETER = {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk"}}
HEARD = {
    "Type": "AWS::Events::Rule",
    "Properties": {
        "EventPattern": {"source": ["shop"]},
        "Targets": [{"Id": "a", "Arn": {"Fn::ImportValue": "A:Jobs"}}],
    },
}
STACKS: dict[str, dict[str, Any]] = {
    "A": {
        "Parameters": PARAMETER,
        "Resources": {"Jobs": QUEUE, "Own": QUEUE},
        "Outputs": {"O": {"Value": {"Fn::GetAtt": ["Jobs", "Arn"]}, "Export": {"Name": "A:Jobs"}}},
    },
    "B": {"Parameters": PARAMETER, "Resources": {"Own": HEARD, "After": {**QUEUE, "DependsOn": ["Own"]}}},
    "C": {"Resources": {"Alone": QUEUE}},
    "A1.nested": {"Resources": {"Inner": QUEUE}},
}


def app(tmp_path: Path, *names: str) -> list[Path]:
    (out := tmp_path / "cdk.out").mkdir()
    paths = [out / f"{name}.template.json" for name in names]
    for path, name in zip(paths, names, strict=True):
        path.write_text(json.dumps(STACKS[name]))
    return paths


def test_those_that_exchange_values_belong_together(tmp_path: Path) -> None:
    c, a, b, nested = app(tmp_path, "C", "A", "B", "A1.nested")

    assert linked([c, a, b, nested]) == [a, b]
    assert linked([c, nested]) == [c]


def test_what_is_imported_is_what_the_other_stack_exports_and_no_two_things_share_a_name(tmp_path: Path) -> None:
    body = joined(app(tmp_path, "A", "B"))

    assert set(body["Resources"]) == {"Jobs", "Own", "BOwn", "After"}
    assert body["Parameters"] == PARAMETER
    assert body["Resources"]["BOwn"]["Properties"]["Targets"][0]["Arn"] == {"Fn::GetAtt": ["Jobs", "Arn"]}
    assert body["Resources"]["After"]["DependsOn"] == ["BOwn"]


def test_a_way_from_one_stack_into_another_is_tried(tmp_path: Path) -> None:
    app(tmp_path, "A", "B", "C", "A1.nested")
    project = read(tmp_path, "http://outside.example.test")

    assert [(each.kind, each.name, each.function) for each in project.sources] == [(Kind.ROUTE, "BOwn", "Jobs")]
    assert project.path == tmp_path
    assert [note.split(":")[0] for note in project.notes[:2]] == [
        "C.template.json is not tried",
        "A.template.json, B.template.json are tried as one",
    ]


STORE = {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/shop/jobs", "Value": {"Fn::GetAtt": ["Jobs", "Arn"]}}}
STACKS["D"] = {"Resources": {"Jobs": QUEUE, "Told": STORE}}


@pytest.mark.parametrize("way", ["parameter", "dynamic"])
def test_what_one_stack_stores_and_another_takes_joins_them(tmp_path: Path, way: str) -> None:
    parameter = {"Jobs": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/shop/jobs"}}
    taken: Any = {"Ref": "Jobs"} if way == "parameter" else "{{resolve:ssm:/shop/jobs:2}}"
    rule: dict[str, Any] = {"EventPattern": {"source": ["shop"]}, "Targets": [{"Id": "a", "Arn": taken}]}
    STACKS["E"] = {
        **({"Parameters": parameter} if way == "parameter" else {}),
        "Resources": {"Heard": {"Type": "AWS::Events::Rule", "Properties": rule}},
    }
    c, d, e = app(tmp_path, "C", "D", "E")

    assert linked([c, d, e]) == [d, e]
    body = joined([d, e])
    assert body["Resources"]["Heard"]["Properties"]["Targets"][0]["Arn"] == {"Fn::GetAtt": ["Jobs", "Arn"]}
    assert "Parameters" not in body


def test_a_stack_that_holds_nothing_is_not_the_one_that_is_tried(tmp_path: Path) -> None:
    STACKS["Aa"] = {"Parameters": PARAMETER}
    empty, c = app(tmp_path, "Aa", "C")

    assert linked([empty, c]) == [c]
    assert set(read(tmp_path, "http://outside.example.test").body["Resources"]) == {"Alone"}
