"""The main job: every example keeps its promises on the local AWS, and a broken promise is noticed."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from trials.examples import longest_first, patterns, scenario, seconds
from trials.local_aws import ACCOUNT, LocalAws, wait_for

ROOT = Path(__file__).resolve().parent.parent
RUN = [sys.executable, str(ROOT / "examples" / "run.py")]


def copy_of_the_bench(folder: Path) -> None:
    """What the main job runs, without any example."""
    (folder / "examples").mkdir()
    for name in ("examples/run.py", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "tests" / "trials", folder / "tests" / "trials")


def quiet(_: str) -> None:
    pass


@pytest.mark.e2e
@pytest.mark.parametrize("name", patterns())
def test_an_example_keeps_its_promises(real: LocalAws, name: str) -> None:
    outcomes = list(scenario(ROOT / "examples" / name).play(real, quiet, ROOT / "examples" / name / "template.yaml"))

    assert outcomes, "the scenario checked nothing"
    assert [outcome for outcome in outcomes if not outcome.held] == []


def test_every_example_has_a_scenario() -> None:
    folders = {path.parent.name for path in (ROOT / "examples").glob("*/template.yaml")}

    assert set(patterns()) == folders
    assert folders


def test_what_took_longest_or_was_never_timed_starts_first() -> None:
    assert longest_first(["a", "b", "c", "d"], {"a": 3, "b": 20.5, "d": 9}) == ["c", "b", "d", "a"]


@pytest.mark.parametrize(("text", "known"), [(None, {}), ("{", {}), ('{"saga": 19.5}', {"saga": 19.5})], ids=str)
def test_times_that_can_not_be_read_are_none(
    text: str | None, known: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trials.examples.SECONDS", tmp_path / "seconds.json")
    if text:
        (tmp_path / "seconds.json").write_text(text)

    assert seconds() == known


def test_no_module_of_the_main_job_is_called_as_a_handler_is() -> None:
    """Both are found on one path, and whichever is loaded first would stand in for the other."""
    ours = {path.stem for path in (ROOT / "examples").glob("*.py")}
    handlers = {path.stem for path in (ROOT / "examples").glob("*/*.py")} - {"scenario", "stack"}

    assert ours
    assert handlers
    assert ours & handlers == set()


@pytest.mark.e2e
@pytest.mark.parametrize("action", ["dynamodb:PutItem", "dynamodb:DeleteItem"])
def test_a_missing_permission_is_felt(real: LocalAws, tmp_path: Path, action: str) -> None:
    """IAM is enforced: without one action of its role the queue worker's calls are refused."""
    source = ROOT / "examples" / "queue_worker"
    for name in ("app.py", "requirements.txt"):
        (tmp_path / name).write_text((source / name).read_text())
    template = tmp_path / "template.yaml"
    text = (source / "template.yaml").read_text()
    template.write_text(text.replace(action, "sqs:ListDeadLetterSourceQueues"))
    assert template.read_text() != text

    topic = "arn:aws:sns:us-east-1:123456789012:alerts"
    stack = real.deploy(template, CarrierUrl="http://127.0.0.1:9/", AlarmTopicArn=topic)
    body = json.dumps({"order_id": "o-1", "address": "1 Main St"})

    def refused() -> bool:
        """Another order each time: MiniStack may show the last lines of an invocation only after the next one."""
        real.client("sqs").send_message(QueueUrl=stack.outputs["OrdersUrl"], MessageBody=body)
        return f"not authorized to perform: {action}" in real.log.read_text()

    wait_for(f"{action} to be refused", refused)


def run(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RUN, *arguments], capture_output=True, text=True, timeout=timeout, check=False)


@pytest.mark.e2e
def test_list_names_every_example() -> None:
    listed = run("--list")

    assert listed.returncode == 0
    assert [line.split(":")[0] for line in listed.stdout.splitlines() if ":" in line] == list(patterns())


@pytest.mark.e2e
def test_an_unknown_example_is_named_with_those_that_exist() -> None:
    refused = run("no_such_thing")

    assert refused.returncode == 2
    assert "no example is called no_such_thing; there are: " in refused.stderr
    assert "queue_worker" in refused.stderr


@pytest.mark.e2e
def test_a_busy_port_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = run("queue_worker", "--port", str(taken.getsockname()[1]))

    assert refused.returncode == 2
    assert [line for line in refused.stderr.splitlines() if line.startswith("run.py: port ")]
    assert "Traceback" not in refused.stderr


BARE = [sys.executable, "-S", RUN[1], ".", "--only", "a b"]  # a Python that has none of the packages
FAKE_UV = f"#!{sys.executable}\nimport json, os, sys\nprint(json.dumps([sys.argv[1:], dict(os.environ)]))\n"


def test_where_its_packages_are_not_it_begins_again_in_the_environment_of_the_bundle(tmp_path: Path) -> None:
    (uv := tmp_path / "uv").write_text(FAKE_UV)
    uv.chmod(0o755)
    environment = {"UV": str(uv), "VIRTUAL_ENV": str(tmp_path)}
    begun = subprocess.run(BARE, capture_output=True, text=True, env=environment, timeout=60, check=True)
    words, given = json.loads(begun.stdout)

    assert words == ["run", "--frozen", "--project", str(ROOT), "python", RUN[1], ".", "--only", "a b"]
    assert "VIRTUAL_ENV" not in given

    environment = {name: value for name, value in given.items() if name.startswith("AWS_")} | {"UV": str(uv)}
    ended = subprocess.run(BARE, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "is not here" in ended.stderr


def test_without_its_packages_and_without_uv_the_reader_is_told_what_to_run(tmp_path: Path) -> None:
    environment = {"PATH": "/nowhere"}
    refused = subprocess.run(
        BARE, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=60, check=False
    )

    assert refused.returncode == 2
    assert re.fullmatch(
        rf"run\.py: its package \S+ is not here; install uv as README\.md says, and run "
        rf"`uv run {RUN[1]} \. --only 'a b'`\n",
        refused.stderr,
    )
    assert list(tmp_path.iterdir()) == []


def test_every_uv_starts_it_apart_from_the_project_of_the_folder_it_stands_in() -> None:
    """A uv before 0.12 would make `.venv` and `uv.lock` there, were it not for a script's own block (PEP 723)."""
    block = re.match(r"# /// script\n((?:#.*\n)+?)# ///\n", Path(RUN[1]).read_text())
    assert block
    said = tomllib.loads(re.sub(r"(?m)^# ?", "", block[1]))

    assert said == {
        "requires-python": tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    }


@pytest.mark.e2e
def test_without_uv_the_reader_is_told_what_to_install() -> None:
    environment = {"PATH": "/nowhere", "HOME": os.environ["HOME"]}
    refused = subprocess.run(
        [*RUN, "queue_worker"], capture_output=True, text=True, env=environment, timeout=60, check=False
    )

    assert refused.returncode == 2
    assert "run.py: uv is not on PATH" in refused.stderr


@pytest.mark.e2e
def test_without_the_network_the_first_run_says_so_in_one_line(tmp_path: Path) -> None:
    copy_of_the_bench(tmp_path)
    (tmp_path / "examples" / "queue_worker").mkdir()
    shutil.copy(ROOT / "examples" / "queue_worker" / "scenario.py", tmp_path / "examples" / "queue_worker")
    environment = {**os.environ, "UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "empty")}
    command = [sys.executable, str(tmp_path / "examples" / "run.py")]
    refused = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)

    assert refused.returncode == 2
    (line,) = [each for each in refused.stderr.splitlines() if "starting the local AWS" not in each and each.strip()]
    assert line.startswith("run.py: `uv sync` failed; the first run needs the network.")


BROKEN = '''"""A promise that does not hold."""
from trials.local_aws import Outcome

def play(local, say, template):
    yield Outcome("one order", "nothing", "it is booked", False)
'''


@pytest.mark.e2e
def test_a_broken_promise_is_exit_code_1_and_shown(tmp_path: Path) -> None:
    copy_of_the_bench(tmp_path)
    examples = tmp_path / "examples"
    (examples / "broken").mkdir()
    (examples / "broken" / "scenario.py").write_text(BROKEN)
    (tmp_path / ".local-aws").symlink_to(ROOT / ".local-aws")

    command = [sys.executable, str(examples / "run.py")]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    data = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=60, check=False)

    assert (shown.returncode, data.returncode) == (1, 1)
    assert re.search(r"one order.*nothing.*it is booked.*NO", shown.stdout)
    assert json.loads(data.stdout) == {
        "broken": [{"sent": "one order", "happened": "nothing", "promise": "it is booked", "held": False}]
    }


@pytest.mark.e2e
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_process_and_no_file(tmp_path: Path, stop: signal.Signals) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [*RUN, "queue_worker"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )
    wait_for("the server to be up", lambda: any("Ready" in log.read_text() for log in tmp_path.glob("*/log")))
    time.sleep(1)

    process.send_signal(stop)
    process.communicate(timeout=20)

    assert process.returncode in (130, 143)
    assert list(tmp_path.glob("local-aws-*")) == []
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in running


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform != "linux", reason="reads the environment of a process from /proc")
def test_nothing_of_the_callers_account_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile production]\naws_access_key_id = AKIAREAL\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://production.example.com")
    with LocalAws() as local:
        environments = [Path(f"/proc/{process.pid}/environ").read_bytes() for process in local.processes]
        assert local.client("sts").get_caller_identity()["Account"] == ACCOUNT

    assert environments
    assert not any(word in each for each in environments for word in (b"production", b"secret", b"AWS_ENDPOINT_URL"))
