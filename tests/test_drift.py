"""The diff of two versions of AWS's models says what moved and no more."""

import json
from pathlib import Path
from typing import Any

import botocore
import pytest

from support import drift
from support.facts import Fact

BEFORE: dict[str, Any] = {
    "operations": {"Invoke": {"documentation": "<p>Calls.</p>"}, "Leave": {}},
    "shapes": {
        "Timeout": {"type": "integer", "min": 1, "max": 900},
        "Runtime": {"type": "string", "enum": ["python3.13", "python2.7"]},
        "Request": {
            "required": ["Name"],
            "members": {
                "Name": {"documentation": "<p>A name. Pages of <b>v2</b> say more.</p>"},
                "Timeout": {"documentation": "<p>The default is 3 seconds. The most is <code>900</code> seconds.</p>"},
                "Old": {},
            },
        },
        "Answer": {"members": {"Timeout": {"documentation": "<p>The most is 900 seconds.</p>"}}},
    },
}
AFTER: dict[str, Any] = {
    "operations": {"Invoke": {"documentation": "<p>Calls. It takes 6 MB at most.</p>"}, "Resume": {}},
    "shapes": {
        "Timeout": {"type": "integer", "min": 1, "max": 5400},
        "Runtime": {"type": "string", "enum": ["python3.13", "python3.14"]},
        "Request": {
            "required": ["Name", "New"],
            "members": {
                "Name": {"documentation": "<p>A good name. Pages of <b>v3</b> say more.</p>"},
                "Timeout": {
                    "documentation": "<p>The default is 3 seconds. The most is <code>1,800</code> seconds.</p>"
                },
                "New": {},
            },
        },
        "Answer": {"members": {"Timeout": {"documentation": "<p>The most is 1,800 seconds.</p>"}}},
    },
}
FACTS = [
    Fact("moved", "15 minutes", "The most is 900", botocore="lambda/Answer.members.Timeout.documentation"),
    Fact("gone", "`Old`", "Old", botocore="lambda/Request.members.Old"),
    Fact("kept", "`python3.13`", "python3.13", botocore="lambda/Runtime.enum"),
    Fact("untouched", "from 1 s", 1, botocore="lambda/Timeout.min"),
    Fact("elsewhere", "a page", "a page", url="https://example.com", read="2026-11"),
]


def folder(path: Path, model: dict[str, Any]) -> Path:
    (service := path / "lambda" / "2015-03-31").mkdir(parents=True)
    (service / "service-2.json").write_text(json.dumps(model))
    return path


def test_it_says_what_moved_once_and_whose_proof_that_was(tmp_path: Path) -> None:
    old, new = folder(tmp_path / "old", BEFORE), folder(tmp_path / "new", AFTER)
    (new / "lambda-web").mkdir()

    assert drift.report(old, new, FACTS).splitlines() == [
        "New services: lambda-web",
        "",
        "### lambda",
        "",
        "- operation `Resume` is new",
        "- operation `Leave` is gone",
        "- `Request`: member `New` is new",
        "- `Request`: member `Old` is gone",
        "- `Request`: required `New` is new",
        "- `Runtime`: value `python3.14` is new",
        "- `Runtime`: value `python2.7` is gone",
        "- `Timeout.max`: 900 became 5400",
        "- `Answer.Timeout` and 1 more said “The most is 900 seconds.” and says “The most is 1,800 seconds.”",
        "- `Invoke` said “nothing” and says “It takes 6 MB at most.”",
        "",
        "### Facts",
        "",
        "- `moved` “15 minutes” is shown no longer: mend it",
        "- `gone` “`Old`” has lost its proof: mend it",
        "- `kept` “`python3.13`” is still shown",
    ]


def test_the_same_models_are_no_drift(tmp_path: Path) -> None:
    same = folder(tmp_path / "same", BEFORE)

    assert drift.report(same, same, FACTS).startswith("Nothing changed in: lambda, ")


def test_a_service_that_is_new_has_only_new_operations(tmp_path: Path) -> None:
    (empty := tmp_path / "empty").mkdir()

    assert "- operation `Invoke` is new" in drift.report(empty, folder(tmp_path / "new", BEFORE), FACTS)


def test_the_installed_version_is_read_where_it_is_with_every_service(tmp_path: Path) -> None:
    here = drift.models(botocore.__version__, tmp_path)

    assert not list(tmp_path.iterdir())
    assert [name for name in drift.SERVICES if not drift.read(here, name)["operations"]] == []


def test_without_two_versions_it_says_how_to_call_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert drift.main(["1.44.5"]) == 2
    assert "support.drift 1.44.5 1.44.8" in capsys.readouterr().err
