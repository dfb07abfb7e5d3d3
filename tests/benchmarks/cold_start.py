"""What a cold start costs: every handler under Lambda's own runtime client and emulator, against careless variants.

Variants of the same handler: without bytecode (what a packager leaves that resets times); with six clients made at
module level that nobody uses; with the whole of Powertools' utilities imported; and all three. Each is started in turn,
several rounds, and compared by the medians of what the emulator reports as the duration of init.
"""

import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local_aws import _uv, free_port, read_template
from run import patterns
from support.commands import sam_commands
from support.documents import ROOT
from support.handlers import variables
from support.templates import functions

SERVICES = ("dynamodb", "sqs", "sns", "s3", "events", "stepfunctions")
CLIENTS = f"import boto3\n_unused = [boto3.client(name) for name in {SERVICES!r}]\n"
LIBRARY = """import aws_lambda_powertools, importlib, pkgutil
for _found in pkgutil.walk_packages(aws_lambda_powertools.__path__, "aws_lambda_powertools."):
    try:
        importlib.import_module(_found.name)
    except ImportError:  # an extra that is not installed
        pass
"""
VARIANTS = {
    "as it is": (True, ""),
    "no bytecode": (False, ""),
    "six unused clients": (True, CLIENTS),
    "all of Powertools": (True, LIBRARY),
    "all three": (False, CLIENTS + LIBRARY),
}


@dataclass(frozen=True)
class Start:
    """One cold start: of which function, in which variant, how many milliseconds init took."""

    function: str
    variant: str
    milliseconds: float


def measure(rounds: int, only: set[str] | None = None) -> Iterator[Start]:
    """Cold starts of every function of every example (or of those in `only`), variants interleaved."""
    emulator = _emulator()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        runtime = home / "runtime"  # what Lambda itself brings
        _install(runtime, "awslambdaric==4.2.2", "boto3==1.44.5")
        packages = {}
        for name in patterns():
            if only and name not in only:
                continue
            example = ROOT / "examples" / name
            libraries = home / name / "libraries"
            _install(libraries, "--requirement", str(example / "requirements.txt"))
            for function, (module, handler) in functions(example / "template.yaml").items():
                for variant, (bytecode, prefix) in VARIANTS.items():
                    package = home / name / function / variant.replace(" ", "-")
                    _package(package, libraries, module, bytecode, prefix)
                    given = dict.fromkeys(variables(read_template(example / "template.yaml"))[function], "x")
                    packages[f"{name} {function}", variant] = (package, f"{module.stem}.{handler}", given)
        for _ in range(rounds):
            for (function, variant), (package, handler, given) in packages.items():
                yield Start(function, variant, _start(emulator, package, runtime, handler, given))


def ratios(starts: list[Start]) -> dict[str, dict[str, float]]:
    """By function: the median of the handler as it is in milliseconds, and of each variant as a multiple of it."""
    table: dict[str, dict[str, float]] = {}
    for function in dict.fromkeys(start.function for start in starts):
        medians = {
            variant: statistics.median(
                start.milliseconds for start in starts if (start.function, start.variant) == (function, variant)
            )
            for variant in VARIANTS
        }
        base = medians["as it is"]
        table[function] = {
            variant: median if variant == "as it is" else median / base for variant, median in medians.items()
        }
    return table


def _emulator() -> Path:
    """Lambda's runtime interface emulator, which the SAM CLI brings along."""
    sam_commands()  # installs the SAM CLI
    (found,) = ROOT.glob(".sam-cli/lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-x86_64")
    return found


def _install(target: Path, *wanted: str) -> None:
    _uv("pip", "install", "--quiet", "--compile-bytecode", "--target", str(target), *wanted)


def _package(package: Path, libraries: Path, module: Path, bytecode: bool, prefix: str) -> None:
    """A function's package: the libraries by hard links, and its code; bytecode that is valid whatever the times."""
    left_out = None if bytecode else shutil.ignore_patterns("__pycache__")
    shutil.copytree(libraries, package, copy_function=os.link, ignore=left_out)
    for path in module.parent.glob("*.py"):
        shutil.copy(path, package)
    code = package / module.name
    first, rest = code.read_text().split('"""\n', 1)
    code.write_text(f'{first}"""\n{prefix}{rest}')
    if bytecode:
        own = [str(package / path.name) for path in module.parent.glob("*.py")]
        subprocess.run(["python", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", *own], check=True)


def _start(emulator: Path, package: Path, runtime: Path, handler: str, given: dict[str, str]) -> float:
    port = free_port()
    environment = {
        **given,
        "PATH": str(Path(shutil.which("python") or "python").parent),
        "PYTHONPATH": f"{package}:{runtime}",
        "PYTHONDONTWRITEBYTECODE": "1",  # a package is read-only on Lambda
        "LAMBDA_TASK_ROOT": str(package),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }
    command = [str(emulator), "--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [*command, "python", "-m", "awslambdaric", handler], env=environment, cwd=package, stdout=log, stderr=log
        )
        try:
            _call(port)
            for _ in range(200):
                log.seek(0)
                if found := re.search(r"INIT REPORT\(durationMs: ([\d.]+)\)", text := log.read()):
                    if "status: success" not in text.split("INIT RTDONE")[1][:30]:
                        raise RuntimeError(f"{handler} did not start: {text[-800:]}")
                    return float(found[1])
                time.sleep(0.01)
            raise RuntimeError(f"no report of {handler}: {text[-800:]}")
        finally:
            process.kill()
            process.wait()


def _call(port: int) -> None:
    """One invocation, which starts the runtime; that its answer is an error does not matter here."""
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.01)
    url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    try:
        urllib.request.urlopen(urllib.request.Request(url, b"{}"), timeout=30).close()
    except urllib.error.URLError as error:
        raise RuntimeError(f"the emulator did not answer: {error}") from error
