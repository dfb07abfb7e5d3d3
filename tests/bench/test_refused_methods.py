"""Routes whose function refuses the route's own method: a delivery, and never an excuse for a bad sample."""

import json
from pathlib import Path

import pytest
from bench.test_own import run

from trials.deliveries.history import Answer
from trials.faults.refused_methods import refuses, tells

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: { Function: { Runtime: python3.13, Handler: app.handler, Timeout: 10 } }
Resources:
  Refuses:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: refuses
      Events: { Asked: { Type: HttpApi, Properties: { Path: /orders, Method: OPTIONS } } }
  Speaks:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: speaks
      Events: { Asked: { Type: HttpApi, Properties: { Path: /carts, Method: OPTIONS } } }
"""
REFUSES = """
def handler(event, context):
    if event["requestContext"]["http"]["method"] == "GET":
        return {"statusCode": 200, "body": "[]"}
    return {"statusCode": 400, "body": "Unsupported HTTP method"}
"""
HEADER = '"".join(["x-as", "ked"])'  # which reading the code does not tell
SPEAKS = REFUSES.replace('== "GET"', f'== "OPTIONS" and {HEADER} in event["headers"]')


@pytest.mark.e2e
def test_a_refusal_of_the_method_counts_as_its_answer_only_where_the_code_never_speaks_of_it(tmp_path: Path) -> None:
    for name, text in (("refuses/app.py", REFUSES), ("speaks/app.py", SPEAKS)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    outcome = json.loads(run(str(tmp_path), "--json").stdout)

    assert {row["function"]: row["status"] for row in outcome["sources"]} == {
        "Refuses": "delivered",
        "Speaks": "unproved",
    }
    (told,) = (row for row in outcome["findings"] if "Refuses" in row["source"])
    assert "refuses the method OPTIONS, whatever comes with it: 400: Unsupported HTTP method" in told["happened"]
    assert "preflight" in told["happened"]


@pytest.mark.parametrize(
    ("text", "could_be"),
    [
        (REFUSES, True),
        ('if (event.httpMethod === "GET") return all(); else return refuse("Unsupported method")', True),
        ('if event["httpMethod"] == "OPTIONS": ...', False),
        ('const { method } = JSON.parse(event.body || "{}"); refuse(`unknown method`)', False),  # of the body's own
    ],
)
def test_only_code_that_asks_for_the_request_s_method_and_names_this_one_nowhere_refuses_it(
    tmp_path: Path, text: str, could_be: bool
) -> None:
    (tmp_path / "app.js").write_text(text)

    assert refuses(tmp_path, "OPTIONS") is could_be


@pytest.mark.parametrize(
    ("status", "said", "of_the_method"),
    [
        (400, '{"message": "Unsupported HTTP method"}', True),
        (405, "", True),
        (404, "Method OPTIONS is not supported here", True),
        (400, "unknown method", True),
        (400, "unknown payment method", False),
        (400, "method of payment missing", False),
        (400, "Payment method is not supported", False),
        (400, '{"message": "Method not allowed"}', True),
        (500, "Unsupported method", False),
        (200, "Method Not Allowed", False),
    ],
)
def test_a_refusal_says_that_it_is_one_of_the_method(status: int, said: str, of_the_method: bool) -> None:
    assert tells(Answer({"statusCode": status, "body": said})) is of_the_method
