"""Conditions that keep event sources out of the stack, and the values of parameters that meet them."""

from pathlib import Path
from typing import Any

import pytest

from trials.project import read

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {{ Type: String, Default: dev, AllowedValues: [dev, prod] }}
  Key: {{ Type: String, Default: "" }}
  Both: {{ Type: String, Default: "no" }}
Conditions:
  Prod: !Equals [!Ref Stage, prod]
  Dev: !Not [!Condition Prod]
  Keyed: !Not [!Equals ["", !Ref Key]]
  All: !And [!Condition Keyed, !Equals [!Ref Both, "yes"]]
  Any: !Or [!Equals [!Ref Both, "yes"], !Equals [!Ref Both, maybe]]
  There: !Equals [!Ref AWS::Region, eu-central-1]
Resources:
  Work:
    Type: AWS::Serverless::Function
    Condition: {condition}
    Properties:
      Handler: app.handler
      Runtime: python3.12
      InlineCode: "def handler(event, context): pass"
      Events:
        Daily: {{ Type: Schedule, Properties: {{ Schedule: rate(1 day) }} }}
{more}
"""
OTHER = """
  Other:
    Type: AWS::Serverless::Function
    Condition: Dev
    Properties:
      Handler: app.handler
      Runtime: python3.12
      InlineCode: "def handler(event, context): pass"
      Events:
        Daily: { Type: Schedule, Properties: { Schedule: rate(1 day) } }
"""


def project(folder: Path, condition: str, more: str = "", files: dict[str, str] | None = None) -> Any:
    (folder / "template.yaml").write_text(TEMPLATE.format(condition=condition, more=more))
    for name, text in (files or {}).items():
        (folder / name).write_text(text)
    return read(folder, "http://outside.example.test")


@pytest.mark.parametrize(
    ("condition", "given"),
    [
        ("Prod", {"Stage": "prod"}),
        ("Dev", {}),
        ("Keyed", {"Key": "trial"}),
        ("All", {"Key": "trial", "Both": "yes"}),
        ("Any", {"Both": "yes"}),
        ("There", {}),
    ],
)
def test_a_parameter_gets_a_value_that_lets_a_source_exist(tmp_path: Path, condition: str, given: Any) -> None:
    read_with = project(tmp_path, condition)

    assert read_with.parameters == given
    assert len([note for note in read_with.notes if "a condition would leave event sources out" in note]) == len(given)


def test_no_source_is_given_up_for_another(tmp_path: Path) -> None:
    assert project(tmp_path, "Prod", OTHER).parameters == {}


def test_what_the_reader_supplies_stays(tmp_path: Path) -> None:
    supplied = {"trials.toml": '[parameters]\nStage = "dev"'}

    assert project(tmp_path, "Prod", files=supplied).parameters == {"Stage": "dev"}
