"""What a reader hears of a template of their own before and while it is tried."""

from pathlib import Path

import pytest

from trials.report.lint import Linting, only_translated

SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Jobs: {{ Type: AWS::SQS::Queue }}
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.14
      Handler: app.handler
      CodeUri: src
      Events: {{ Event: {event} }}
"""
UNKNOWN_WORD = "{ Type: SQS, Properties: { Queue: !GetAtt Jobs.Arn, FunctionResponseTypes: [ReportNothing] } }"
REFUSED = "{ Type: HttpApi, Properties: { Path: /, Method: get, Auth: { Authorizer: NONE } } }"


def said(folder: Path, event: str) -> list[str]:
    (template := folder / "template.yaml").write_text(SAM.format(event=event))
    with Linting(template) as linting:
        return [f"{each['rule']} {each['message']}" for each in linting.finish().findings]


@pytest.mark.e2e
def test_a_word_that_only_the_translated_template_shows_is_a_finding(tmp_path: Path) -> None:
    assert any("E3030" in each and "ReportNothing" in each for each in said(tmp_path, UNKNOWN_WORD))


@pytest.mark.e2e
def test_what_sam_refuses_is_a_finding_in_its_words(tmp_path: Path) -> None:
    (refusal,) = [each for each in said(tmp_path, REFUSED) if each.startswith("SAM ")]

    assert "NONE" in refusal


def test_what_sam_and_cloudformation_mend_differently_is_told_once() -> None:
    def error(rule: str, message: str, level: str = "Error") -> dict[str, str]:
        return {"rule": rule, "message": message, "level": level}

    own = [
        error("E9601", "Bill: what fails is discarded: add EventInvokeConfig"),
        error("E3012", "Timeout: '3' is text"),
    ]
    told = [error("E9601", "Bill: what fails is discarded: add an AWS::Lambda::EventInvokeConfig"), own[1]]
    new = [error("E9601", "Ship: what fails is discarded: add an AWS::Lambda::EventInvokeConfig")]
    new += [error("E3012", "Timeout: '4'")]

    assert only_translated(own, [*told, *new, error("W9803", "x", "Warning")]) == new
