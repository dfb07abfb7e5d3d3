"""The end of an item, told by its table's stream: what is sent, and what becomes of a function that refuses it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trials.deliveries.history import Answer, Delivery
from trials.faults.removed import DELETES, gone, who_deletes
from trials.project import Kind, Source
from trials.template import Model, read_template
from trials.verdicts import Promise, Verdict
from trials.verdicts.removed import of_a_removal

IMAGE = {"user": {"S": "trial-1"}}


@pytest.mark.parametrize(
    ("view", "images"),
    [("NEW_AND_OLD_IMAGES", {"OldImage"}), ("OLD_IMAGE", {"OldImage"}), ("NEW_IMAGE", set()), ("KEYS_ONLY", set())],
)
def test_the_record_of_an_end_holds_the_last_image_if_the_stream_has_old_ones(view: str, images: set[str]) -> None:
    ended = gone({"eventName": "INSERT", "dynamodb": {"Keys": IMAGE, "NewImage": IMAGE, "StreamViewType": view}})

    assert ended["eventName"] == "REMOVE"
    assert {name for name in ended["dynamodb"] if name.endswith("Image")} == images


@pytest.mark.parametrize(
    ("failures", "stuck", "deletes", "kept", "verdict", "promise"),
    [
        (0, "", "Drop deletes items", [], Verdict.HELD, None),
        (3, "no limit", "", [], Verdict.UNPROVED, None),
        (3, "no limit", "Drop deletes items", [], Verdict.BROKEN, Promise.BLOCKED),
        (3, "no limit", "Drop deletes items", ["queue Failed"], Verdict.BROKEN, Promise.BLOCKED),
        (3, "", "Drop deletes items", ["queue Failed"], Verdict.UNPROVED, None),
        (3, "", "Drop deletes items", [], Verdict.BROKEN, Promise.BLOCKED),
    ],
)
def test_a_refused_end_is_broken_where_something_deletes_and_nothing_keeps_it(
    failures: int, stuck: str, deletes: str, kept: list[str], verdict: Verdict, promise: Any
) -> None:
    answers = [Answer(error="KeyError: 'NewImage'")] * failures or [Answer()]
    judgement = of_a_removal(Delivery(answers=answers, failures=failures, stuck=stuck), deletes, kept)

    assert (judgement.verdict, judgement.promise) == (verdict, promise)


@pytest.mark.parametrize(
    ("code", "deletes"),
    [
        ("table.delete_item(Key=key)", True),
        ("await client.send(new DeleteCommand({ Key }))", True),
        ("new DeleteItemCommand(asked)", True),
        ("batch = [{'DeleteRequest': {'Key': key}}]", True),
        ("const command = new DeleteCommand(args);", False),  # of the SDK itself
        ('var _DR = "DeleteRequest";', False),
        ("del items[0]; cache.delete(key)", False),
        ("sqs.delete_message(ReceiptHandle=r)", False),
    ],
)
def test_code_that_deletes_items_is_known_by_its_call(code: str, deletes: bool) -> None:
    assert bool(DELETES.search(code)) is deletes


TABLES = """
Resources:
  Users: { Type: AWS::DynamoDB::Table }
  Sessions: { Type: AWS::DynamoDB::Table }
  Drop:
    Type: AWS::Serverless::Function
    Properties:
      Environment: { Variables: { USERS: !Ref Users, SESSIONS: !Ref Sessions } }
      Policies:
        - Statement: [{ Effect: Allow, Action: "dynamodb:GetItem", Resource: !GetAtt Users.Arn }]
        - Statement: [{ Effect: Allow, Action: "dynamodb:DeleteItem", Resource: !GetAtt Sessions.Arn }]
"""


@pytest.mark.parametrize(("table", "deletes"), [("Users", False), ("Sessions", True)])
def test_who_deletes_items_of_another_table_deletes_none_of_this(tmp_path: Path, table: str, deletes: bool) -> None:
    (tmp_path / "app.py").write_text("sessions.delete_item(Key=key)\n")
    (tmp_path / "template.yaml").write_text(TABLES)
    model = Model(read_template(tmp_path / "template.yaml"), tmp_path / "template.yaml")
    project = SimpleNamespace(model=model, code=lambda _: (tmp_path, "app.handler", "python3.14"))
    stage: Any = SimpleNamespace(project=project)

    assert bool(who_deletes(stage, Source(Kind.TABLE, "Welcome", "Welcome.T", table))) is deletes
