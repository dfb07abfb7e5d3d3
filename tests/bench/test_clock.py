"""A clock that functions read as it was moved, in Python and in Node.js, and items whose time is over by then."""

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from trials.local_aws import ENVIRONMENT, install
from trials.local_aws.clock import LATER, moves_for_python
from trials.local_aws.javascript import PRELOADS
from trials.stage import expire
from trials.template.model import Model
from trials.template.tables import lifetimes

DAY = 86_400
IN_PYTHON = "import time, datetime; print(time.time(), datetime.datetime.now().timestamp(), time.time_ns() / 1e9)"
IN_NODE = "const d = new Date(); console.log(Date.now() / 1e3, d / 1e3, new Date(Date()) / 1e3, d instanceof Date)"
GIVEN = "console.log(new Date(0).toISOString(), Date.UTC(2026, 0), new Date(2026, 0).getFullYear())"


def python(folder: Path, **variables: str) -> list[float]:
    install()
    (folder / "guard").mkdir()
    assert moves_for_python(folder / "guard")
    (folder / "guard" / "sitecustomize.py").write_text(LATER)
    environment = {"PYTHONPATH": str(folder / "guard"), "TRIALS_CLOCK": str(folder / "clock"), **variables}
    command = [str(ENVIRONMENT / "bin" / "python"), "-c", IN_PYTHON]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return [float(each) for each in said.split()]


def node(folder: Path, code: str, **variables: str) -> list[str]:
    loaded = [word for path in PRELOADS for word in ("--require", str(path))]
    environment = {**os.environ, "TRIALS_CLOCK": str(folder / "clock"), **variables}
    command = ["node", *loaded, "-e", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.e2e
@pytest.mark.parametrize("moved", [DAY, -3600, 0])
def test_a_function_in_python_lives_later(tmp_path: Path, moved: int) -> None:
    (tmp_path / "clock").write_text(str(moved))
    told = python(tmp_path, _LAMBDA_TIMEOUT="3")

    assert len(told) == 3
    assert all(abs(each - time.time() - moved) < 60 for each in told)


@pytest.mark.e2e
@pytest.mark.parametrize("moved", [DAY, -3600, 0])
def test_a_function_in_javascript_lives_later(tmp_path: Path, moved: int) -> None:
    (tmp_path / "clock").write_text(str(moved))
    *told, is_date = node(tmp_path, IN_NODE, _LAMBDA_TIMEOUT="3")

    assert is_date == "true"
    assert all(abs(float(each) - time.time() - moved) < 60 for each in told)
    assert node(tmp_path, GIVEN, _LAMBDA_TIMEOUT="3") == ["1970-01-01T00:00:00.000Z", "1767225600000", "2026"]


@pytest.mark.e2e
def test_the_clock_stays_where_nobody_moved_it_and_in_what_is_no_function(tmp_path: Path) -> None:
    assert all(abs(each - time.time()) < 60 for each in python(tmp_path, _LAMBDA_TIMEOUT="3"))
    (tmp_path / "clock").write_text(str(DAY))
    assert abs(float(node(tmp_path, IN_NODE)[0]) - time.time()) < 60


class Table:
    """What `expire` asks of DynamoDB."""

    def __init__(self, *items: dict[str, Any]) -> None:
        self.items = list(items)

    def client(self, _: str) -> "Table":
        return self

    def describe_table(self, **_: str) -> Any:
        return {"Table": {"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}}

    def get_paginator(self, _: str) -> "Table":
        return self

    def paginate(self, **_: Any) -> Any:
        return [{"Items": list(self.items)}]

    def delete_item(self, Key: dict[str, Any], **_: str) -> None:  # noqa: N803
        self.items = [each for each in self.items if each["pk"] != Key["pk"]]


def item(name: str, **more: Any) -> dict[str, Any]:
    return {"pk": {"S": name}, **more}


@pytest.mark.parametrize(("attribute", "left"), [("expires", ["later", "none", "text"]), ("other", None)])
def test_items_whose_time_is_over_are_gone(attribute: str, left: list[str] | None) -> None:
    over, later = item("over", expires={"N": "100"}), item("later", expires={"N": "300"})
    table = Table(over, later, item("none"), item("text", expires={"S": "100"}))
    number = expire(table, "T", attribute, now=200)  # type: ignore[arg-type]

    assert [each["pk"]["S"] for each in table.items] == (left or ["over", "later", "none", "text"])
    assert number == (1 if left else 0)


def test_the_template_says_which_attribute_that_is() -> None:
    def table(**specification: Any) -> dict[str, Any]:
        return {"Type": "AWS::DynamoDB::Table", "Properties": {"TimeToLiveSpecification": specification}}

    resources = {
        "Marks": table(AttributeName="expires", Enabled=True),
        "Off": table(AttributeName="expires", Enabled=False),
        "Unknown": table(AttributeName={"Ref": "Attribute"}, Enabled=True),
        "Plain": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
    }

    assert lifetimes(Model({"Resources": resources})) == {"Marks": "expires"}
