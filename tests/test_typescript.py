"""The handlers in TypeScript keep the promises of those in Python, and are checked as strictly."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from support.templates import functions, variables_set
from trials.cli import arguments
from trials.examples import in_typescript, patterns, scenario, templates
from trials.local_aws import LocalAws
from trials.local_aws.synthesis import EXAMPLES, NODE
from trials.template import read_template

IN_PYTHON_ALONE: set[str] = set()
REFERENCES = EXAMPLES.parent / "tests" / "references"
SOURCES = sorted([*EXAMPLES.rglob("*.ts"), *REFERENCES.glob("*.ts")])
MODULES = {
    (name, function): (module.with_suffix(".ts"), handler)
    for name in in_typescript()
    for function, (module, handler) in functions(EXAMPLES / name / "template.yaml").items()
}
HOPS = {  # the functions at the first and the last, one of them where a message is all that comes
    "async_task": ("Submit", "Work"),
    "durable_workflow": ("Start", "Workflow"),
    "event_router": ("Publish", "Ship"),
    "event_store": ("Command", "Project"),
    "file_pipeline": ("CheckFile", "KeepPrice"),
    "fan_out": ("Publish", "Count"),
    "kept_events": ("Publish", "Track"),
    "ordered_consumer": ("ApplyChanges", "Release"),
    "payment_worker": ("Charge", "Resolve"),
    "queue_worker": ("ShipOrders", "ShipOrders"),
    "rest_api": ("Orders", "Orders"),
    "saga": ("StartOrder", "BookShipment"),
    "scheduled_job": ("PlanReminders", "Fire"),
    "shop": ("Follow", "Mail"),
    "stream_processor": ("KeepPrices", "KeepPrices"),
    "webhook": ("Receive", "Work"),
}
# Loads a bundle with every variable set, and then without each of them; prints what went wrong, by variable.
LOAD = """
const [bundle, handler, ...names] = process.argv.slice(1);
const failed = {};
for (const missing of ["", ...names]) {
  for (const name of names) process.env[name] = '"set"'; // in JSON too
  delete process.env[missing];
  delete require.cache[bundle];
  try {
    if (typeof require(bundle)[handler] !== "function") failed[missing] = "no handler";
  } catch (error) {
    failed[missing] = error.message;
  }
}
console.log(JSON.stringify(failed));
"""


def tool(*command: str, **variables: str) -> str:
    """What a program of `tests/node` prints; an error of its own fails the test."""
    program = [str(NODE / "node_modules" / ".bin" / command[0]), *command[1:]]
    done = subprocess.run(
        program, cwd=EXAMPLES.parent, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def correlation_ids(local: LocalAws, function: str) -> set[str]:
    """Those of all lines that a function of the only stack logged; "" where a line has none."""
    names = [each["FunctionName"] for each in local.client("lambda").list_functions()["Functions"]]
    (name,) = [each for each in names if f"-{function}" in each]
    lines = [json.loads(line) for line in local.logs(name) if line.startswith("{")]
    return {line.get("correlation_id", "") for line in lines if "level" in line and "service" in line}


@cache
def reads(module: Path) -> set[str]:
    """Variables that a module and those it imports from beside it ask for with Powertools' `getStringFromEnv`.

    Raises `ValueError` for any other way, for it would be missed here and would not fail at the start.
    """
    text = module.read_text()
    found = re.findall(r'getStringFromEnv\({ key: "(\w+)" }\)', text)
    if "process.env" in text or len(found) != text.count("getStringFromEnv("):
        raise ValueError(f"{module.name} reads a variable in a way of its own")
    beside = [module.with_name(f"{name}.ts") for name in re.findall(r'from "\./(\w+)"', text)]
    return set(found).union(*(reads(each) for each in beside))


@pytest.mark.e2e
@pytest.mark.parametrize("name", in_typescript())
def test_handlers_in_typescript_keep_the_promises(
    real: LocalAws, once: Callable[..., dict[str, Path]], name: str
) -> None:
    made = once("handlers", lambda out: templates(in_typescript(), "cdk-typescript", out, "typescript"))
    template = made[name]
    kinds = [each for each in read_template(template)["Resources"].values() if each["Type"] == "AWS::Lambda::Function"]
    assert {each["Properties"]["Runtime"] for each in kinds} == {"nodejs24.x"}

    outcomes = list(scenario(EXAMPLES / name).play(real, lambda _: None, template))

    assert outcomes, "the scenario checked nothing"
    assert [outcome for outcome in outcomes if not outcome.held] == []
    first, last = (correlation_ids(real, function) for function in HOPS[name])
    assert "" not in first | last, "a line without a correlation id"
    assert first & last, "no id goes from the first hop to the last"
    assert name not in ("ordered_consumer", "payment_worker", "queue_worker") or "scenario" in last


@pytest.mark.e2e
def test_the_compiler_accepts_every_file() -> None:
    printed = tool("tsc", "--project", str(NODE), "--listFiles")

    assert SOURCES
    assert {str(source) for source in SOURCES} <= set(printed.split())


@pytest.mark.e2e
def test_biome_objects_to_no_file() -> None:
    folders = [str(EXAMPLES), str(REFERENCES)]
    printed = tool("biome", "check", "--error-on-warnings", "--config-path", str(NODE), *folders)

    assert f"Checked {len(SOURCES)} files" in printed


def test_every_function_of_every_example_has_its_module_in_typescript() -> None:
    assert set(patterns()) - set(in_typescript()) == IN_PYTHON_ALONE
    assert [module for module, _ in MODULES.values() if not module.exists()] == []


def test_a_handler_is_short_enough_to_read_whole() -> None:
    sources = [source for source in EXAMPLES.glob("*/*.ts") if source.name != "stack.ts"]

    assert sources
    for source in sources:
        lines = [line for line in source.read_text().splitlines() if line.strip()]
        assert len(lines) <= 80, f"{source.name} has {len(lines)} lines that are not blank"


@pytest.mark.parametrize(("name", "function"), MODULES)
def test_a_function_reads_the_variables_it_is_given_and_no_others(name: str, function: str) -> None:
    module, _ = MODULES[name, function]

    assert reads(module) == variables_set(EXAMPLES / name / "template.yaml", function)


@pytest.mark.parametrize("text", ["process.env.X", "const { X } = process.env", "getStringFromEnv({ key })"])
def test_another_way_to_read_a_variable_is_noticed(tmp_path: Path, text: str) -> None:
    module = tmp_path / "app.ts"
    module.write_text(text)

    with pytest.raises(ValueError, match="a way of its own"):
        reads(module)


@pytest.mark.e2e
@pytest.mark.parametrize(("name", "function"), MODULES)
def test_a_missing_variable_fails_at_the_start_and_not_in_a_request(tmp_path: Path, name: str, function: str) -> None:
    given, bundle = sorted(variables_set(EXAMPLES / name / "template.yaml", function)), tmp_path / "index.js"
    module, handler = MODULES[name, function]
    built = ["--bundle", "--platform=node", "--log-level=error", f"--outfile={bundle}", str(module)]
    tool("esbuild", *built, NODE_PATH=str(NODE / "node_modules"))
    done = subprocess.run(
        ["node", "-e", LOAD, str(bundle), handler, *given], capture_output=True, text=True, check=True, timeout=60
    )

    assert json.loads(done.stdout) == {name: f"Environment variable {name} is required" for name in given}


def asked(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    monkeypatch.setattr(sys, "argv", ["run.py", *words])
    return list(arguments(list(patterns())).patterns)


def test_the_main_job_runs_what_there_is_in_typescript(monkeypatch: pytest.MonkeyPatch) -> None:
    typescript = ["--iac", "cdk-typescript", "--handlers", "typescript"]

    assert asked(monkeypatch, *typescript) == in_typescript()
    assert asked(monkeypatch, *typescript, "webhook") == ["webhook"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--handlers", "typescript"], "--handlers typescript needs --iac cdk-typescript"),
        (["--handlers", "typescript", "--iac", "cdk-python"], "--handlers typescript needs --iac cdk-typescript"),
        (["--handlers", "typescript", "--iac", "cdk-typescript", "saga"], "saga has no handlers in TypeScript; there"),
        (["--handlers", "typescript", "examples/saga"], "--handlers are for the examples"),
    ],
)
def test_the_main_job_says_what_it_cannot_run_in_typescript(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    monkeypatch.setattr("trials.cli.in_typescript", lambda: ["webhook"])

    with pytest.raises(SystemExit):
        asked(monkeypatch, *words)

    assert why in capsys.readouterr().err
