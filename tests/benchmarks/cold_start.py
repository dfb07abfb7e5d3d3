"""What a cold start costs: every handler under Lambda's own runtime client and emulator, against careless variants.

Variants of the same handler: without bytecode (what a packager leaves that resets times); with six clients made at
module level that nobody uses; with every module of Powertools imported; and all three. They take turns, in an order
drawn anew each time, and each is compared with the handler as it is in the same round: by what the emulator reports as
the duration of init, and by the processor time until the handler's module is loaded, which other work on the machine
disturbs less. The handler as it is starts a second time in each round, which shows how much of a ratio is noise.
"""

import os
import platform
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from support.commands import sam_commands
from support.documents import ROOT
from support.handlers import variables
from support.templates import functions
from trials.examples import patterns
from trials.local_aws import free_port
from trials.local_aws.environment import uv
from trials.template import read_template

SERVICES = ("dynamodb", "sqs", "sns", "s3", "events", "stepfunctions")
CLIENTS = f"import boto3\n_unused = [boto3.client(name) for name in {SERVICES!r}]\n"
LIBRARY = """import aws_lambda_powertools, importlib, pkgutil
for _found in pkgutil.walk_packages(aws_lambda_powertools.__path__, "aws_lambda_powertools."):
    try:
        importlib.import_module(_found.name)
    except ImportError:  # an extra that is not installed
        pass
"""
BASE = "as it is"
VARIANTS = {
    BASE: (True, ""),
    "as it is, again": (True, ""),
    "no bytecode": (False, ""),
    "six unused clients": (True, CLIENTS),
    "all of Powertools": (True, LIBRARY),
    "all three": (False, CLIENTS + LIBRARY),
}
PYTHON = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
PROCESSOR = '\nprint("processor", __import__("time").process_time(), flush=True)\n'


@dataclass(frozen=True)
class Start:
    """One cold start: in which round, of which function and variant, and the milliseconds of init and of processor."""

    round: int
    function: str
    variant: str
    init: float
    processor: float


@dataclass(frozen=True)
class Row:
    """One function in one variant: milliseconds, and the same as multiples of the handler as it is."""

    function: str
    variant: str
    init: float
    processor: float
    init_ratio: float
    processor_ratio: float


@dataclass(frozen=True)
class Handler:
    example: Path
    function: str
    module: Path
    name: str

    def __str__(self) -> str:
        return f"{self.example.name} {self.function}"


def handlers(examples: list[Path]) -> list[Handler]:
    """Every function of the examples; raises `LookupError` for an example that has none."""
    found = []
    for example in examples:
        own = functions(example / "template.yaml")
        if not own:
            raise LookupError(f"{example.name} has no function")
        found += [Handler(example, function, module, name) for function, (module, name) in own.items()]
    return found


def turns(rounds: int, names: list[str]) -> Iterator[tuple[int, str, str]]:
    """Round, function and variant of every start: a function's follow each other, each time in another order."""
    for number in range(rounds):
        for name in names:
            order = random.Random(f"{number} {name}").sample(list(VARIANTS), len(VARIANTS))
            yield from ((number, name, variant) for variant in order)


def measure(rounds: int, only: set[str] | None = None) -> Iterator[Start]:
    """Cold starts of every function of every example (or of those in `only`), variants interleaved."""
    emulator = _emulator()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        runtime = home / "runtime"  # what Lambda itself brings
        _install(runtime, *(f"{name}=={version(name)}" for name in ("awslambdaric", "boto3")))
        packages = {}
        examples = [ROOT / "examples" / name for name in patterns() if not only or name in only]
        for example in examples:
            # An example may do without Powertools; its careless variant has it.
            powertools = f"aws-lambda-powertools=={version('aws-lambda-powertools')}"
            _install(home / example.name, "--requirement", str(example / "requirements.txt"), powertools)
        found = handlers(examples)
        for handler in found:
            template = read_template(handler.example / "template.yaml")
            defaults = {name: each.get("Default") for name, each in template.get("Parameters", {}).items()}
            wanted = variables(template)[handler.function]
            given = {name: filled(value, defaults) for name, value in wanted.items()}
            for variant, (bytecode, prefix) in VARIANTS.items():
                package = home / "packages" / str(handler) / variant
                _package(package, home / handler.example.name, handler.module, bytecode, prefix)
                packages[str(handler), variant] = (package, f"{handler.module.stem}.{handler.name}", given)
        for function in map(str, found):  # not counted: whatever cannot start is found before an hour has passed
            package, name, given = packages[function, BASE]
            _start(emulator, package, runtime, name, given)
        for number, function, variant in turns(rounds, [str(handler) for handler in found]):
            package, name, given = packages[function, variant]
            yield Start(number, function, variant, *_start(emulator, package, runtime, name, given))


def filled(value: Any, defaults: dict[str, Any]) -> str:
    """A variable as a template has it, with an `x` for whatever is known only when it is deployed."""
    if isinstance(value, dict) and defaults.get(value.get("Ref", "")) is not None:
        return str(defaults[value["Ref"]])
    if isinstance(value, dict):
        value = value.get("Fn::Sub", "x")
    return re.sub(r"\$\{[^}]*\}", "x", str(value[0] if isinstance(value, list) else value))


def ratios(starts: list[Start]) -> list[Row]:
    """Each function and variant by its medians: of the times, and of the ratios within each round."""
    times = {(start.function, start.variant, start.round): start for start in starts}
    rounds = sorted({start.round for start in starts})
    table = []
    for function in dict.fromkeys(start.function for start in starts):
        base = [times[function, BASE, number] for number in rounds]
        for variant in VARIANTS:
            own = [times[function, variant, number] for number in rounds]
            row = (
                statistics.median(each.init for each in own),
                statistics.median(each.processor for each in own),
                statistics.median(each.init / other.init for each, other in zip(own, base, strict=True)),
                statistics.median(each.processor / other.processor for each, other in zip(own, base, strict=True)),
            )
            table.append(Row(function, variant, *row))
    return table


def _emulator() -> Path:
    """Lambda's runtime interface emulator, which the SAM CLI brings along."""
    sam_commands()  # installs the SAM CLI
    name = f"aws-lambda-rie-{'arm64' if platform.machine() in ('arm64', 'aarch64') else 'x86_64'}"
    (found,) = ROOT.glob(f".sam-cli/lib/python*/site-packages/samcli/local/rapid/{name}")
    return found


def _install(target: Path, *wanted: str) -> None:
    python = ("--python", sys.executable)
    uv("pip", "install", "--quiet", *python, "--compile-bytecode", "--target", str(target), *wanted)


def _package(package: Path, libraries: Path, module: Path, bytecode: bool, prefix: str) -> None:
    """A function's package: the libraries by hard links, and its code; bytecode that is valid whatever the times."""
    left_out = None if bytecode else shutil.ignore_patterns("__pycache__")
    shutil.copytree(libraries, package, copy_function=os.link, ignore=left_out)
    for path in module.parent.glob("*.py"):
        shutil.copy(path, package)
    code = package / module.name
    code.write_text(changed(code.read_text(), prefix))
    if bytecode:
        own = [str(package / path.name) for path in module.parent.glob("*.py")]
        command = [str(PYTHON), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", *own]
        subprocess.run(command, check=True)


def changed(code: str, prefix: str) -> str:
    """A module with `prefix` behind its docstring, which tells at its end the processor time so far."""
    first, rest = code.split('"""\n', 1)
    return f'{first}"""\n{prefix}{rest}{PROCESSOR}'


def _start(emulator: Path, package: Path, runtime: Path, handler: str, given: dict[str, str]) -> tuple[float, float]:
    port, runtime_port = free_port(), free_port()
    environment = {
        **given,
        "PYTHONPATH": f"{package}:{runtime}",
        "PYTHONDONTWRITEBYTECODE": "1",  # a package is read-only on Lambda
        "LAMBDA_TASK_ROOT": str(package),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }
    command = [str(emulator), "--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    command += ["--runtime-api-address", f"127.0.0.1:{runtime_port}"]
    command += [str(PYTHON), "-S", "-m", "awslambdaric", handler]  # without `-S` it would find this project's packages
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=package, stdout=log, stderr=log, start_new_session=True
        )
        try:
            called = _call(port)
            for _ in range(200):
                log.seek(0)
                if found := re.search(r"INIT REPORT\(durationMs: ([\d.]+)\)", text := log.read()):
                    processor = re.search(r"^processor ([\d.]+)$", text, re.M)
                    if not re.search(r"INIT RTDONE\(status: success", text) or not processor:
                        raise RuntimeError(f"{handler} did not start: {text[-4000:]}")
                    return float(found[1]), float(processor[1]) * 1000
                time.sleep(0.01)
            raise RuntimeError(f"no report of {handler}, {called}: {text[-4000:]}")
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # the runtime too, which would look for the next emulator
            process.wait()


def _call(port: int) -> str:
    """One invocation, which starts the runtime; what it answers, of which an error does not matter here."""
    for _ in range(1000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.01)
    url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, b"{}"), timeout=60) as answer:
            return f"status {answer.status}"
    except urllib.error.URLError as error:
        return str(error)
