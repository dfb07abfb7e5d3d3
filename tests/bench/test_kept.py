"""The file that repeats a sequence: a module that stands alone, whose faults are those of the search."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from trials.local_aws import LocalAwsError
from trials.search.keep import kept, write
from trials.search.plan import Step

HANDLER = "seen = []\n\n\ndef handler(event, _):\n    seen.append(event)\n    return seen\n"
WHY = ["after 2 steps: table T: 1 more", "1. queue A", "2. queue A, again"]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A file that was written, loaded with a moto that does nothing."""
    monkeypatch.setitem(sys.modules, "moto", SimpleNamespace(mock_aws=lambda test: test))
    file, project = tmp_path / "tests" / "test_it.py", tmp_path / "shop"
    file.parent.mkdir()
    (project / "src").mkdir(parents=True)
    (project / "src" / "app.py").write_text(
        "seen = []\n\n\ndef handler(event, _):\n    seen.append(event)\n    return seen\n"
    )
    function = {"folder": str(project / "src"), "handler": "app.handler", "variables": {"KEPT": "1"}}
    write(file, repr({"functions": {"Work": function}, "unstable": {"table T": ["at"]}}), WHY, project)
    loaded = ModuleType("kept")
    loaded.__file__ = str(file)
    exec(compile(file.read_text(), file, "exec"), loaded.__dict__)  # noqa: S102
    return loaded


EMPTY: dict[str, Any] = {"tables": [], "topics": [], "buckets": [], "buses": [], "queues": {}, "expected": {}}


def client(service: str) -> Any:
    return SimpleNamespace(meta=SimpleNamespace(service_model=SimpleNamespace(service_name=service)))


def test_it_says_what_fails_and_finds_the_code_from_where_it_lies(module: ModuleType) -> None:
    assert all(line in str(module.__doc__) for line in WHY)
    assert "pytest test_it.py" in str(module.__doc__)
    assert module.SEQUENCE["functions"]["Work"]["folder"] == "../shop/src"


def test_an_environment_keeps_its_module_until_it_ends(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "")
    environments = module.Environments()

    assert environments.handler("Work")(1, None) == [1]
    assert environments.handler("Work")(2, None) == [1, 2]
    environments.end()
    assert environments.handler("Work")(3, None) == [3]


def test_it_lives_at_the_moment_of_its_events(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = tmp_path / "shop" / "src" / "app.py"
    written = "from pathlib import Path\nfrom time import time\n"
    app.write_text(f"{written}\n\ndef handler(*_):\n    Path(__file__).with_name('at').write_text(str(time()))\n")
    step = {"function": "Work", "event": {}, "fault": [], "renewed": False}
    recorded = EMPTY | {"invocations": [step], "moment": 1_000_000_000}
    monkeypatch.setattr(module, "SEQUENCE", {**module.SEQUENCE, **recorded})

    module.test_each_effect_is_there_once(monkeypatch)

    assert 0 <= float(app.with_name("at").read_text()) - 1_000_000_000 < 60


@pytest.mark.parametrize(
    ("fault", "calls", "outcome"),
    [
        ((), 1, ["done"]),
        (("throttled", "dynamodb", "PutItem", 1), 0, ["ClientError"]),
        (("throttled", "sqs", "PutItem", 1), 1, ["done"]),
        (("killed", "dynamodb", "PutItem", 1), 1, ["Killed"]),
        (("killed", "dynamodb", "PutItem", 2), 2, ["done", "Killed"]),
        (("unanswered", "dynamodb", "PutItem", 1), 2, ["done"]),
        (("unanswered", "dynamodb", "PutItem", 1), 3, ["done", "done"]),
    ],
)
def test_a_call_meets_the_fault_as_on_the_local_aws(
    module: ModuleType, fault: tuple[Any, ...], calls: int, outcome: list[str]
) -> None:
    made = list[str]()
    module.real_call = lambda *_: made.append("call") or "done"  # type: ignore[attr-defined,func-returns-value]
    met, said = module.Fault(*fault), []
    for _ in outcome:
        try:
            said.append(met.made(client("dynamodb"), "PutItem", {}))
        except (ClientError, module.Killed) as error:
            said.append(type(error).__name__)

    assert (said, len(made)) == (outcome, calls)


def test_what_no_two_runs_agree_on_is_left_out(module: ModuleType) -> None:
    assert module.stable({"id": "a", "at": 1, "in": {"n": [2]}}, "table T") == '{"id": "a", "in.n[0]": "2"}'


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").touch()

    with pytest.raises(LocalAwsError, match="is there already: name another"):
        write(tmp_path / "test_it.py", "{}", WHY, tmp_path)


def test_two_at_once_are_told_and_not_kept() -> None:
    with pytest.raises(LocalAwsError, match="two processes"):
        kept(SimpleNamespace(), (Step(0, beside=1),))  # type: ignore[arg-type]
