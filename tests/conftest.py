"""Fixtures that every test may use: a local AWS, a handler's environment, a Lambda context."""

import fcntl
import functools
import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

if lacking := [name for name in ("boto3", "hypothesis", "samtranslator", "xdist") if not find_spec(name)]:
    raise SystemExit(f"there is no {', '.join(lacking)} here: the tests run in uv's environment, as `uv run pytest`")

import botocore.endpoint
import botocore.session
import hypothesis
import pytest

from support.environments import Environments, bundled
from support.handlers import Context, Example
from support.rounds import QUICK, left_out, marks
from trials.local_aws import ACCOUNT, REGION, LocalAws
from trials.local_aws.synthesis import install_node

ROOT = Path(__file__).resolve().parent.parent
Synthesis = Callable[[Path], dict[str, Path]]

sys.dont_write_bytecode = False  # else each process, and each program that a test starts, compiles all it imports anew
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

for inherited in [name for name in os.environ if name.startswith(("AWS_", "POWERTOOLS_"))]:
    del os.environ[inherited]  # nothing of the developer's account may reach a test
os.environ.update(
    AWS_ACCESS_KEY_ID=ACCOUNT,
    AWS_SECRET_ACCESS_KEY="local",
    AWS_DEFAULT_REGION=REGION,
    AWS_EC2_METADATA_DISABLED="true",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    AWS_LAMBDA_FUNCTION_NAME="under-test",
)

# Every copy of a handler has SDK sessions of its own; that each reads the same models anew is most of a test's time.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

hypothesis.settings.register_profile("unhurried", deadline=None)  # a busy machine breaks no promise
hypothesis.settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    gc.freeze()  # what has been imported stays, so that the collector need not look at it again for every test
    gc.set_threshold(20_000, 50, 100)  # and a test's SDK clients make thousands of objects that live as long as it


def pytest_configure(config: pytest.Config) -> None:
    config.left_out = left_out(config.option.keyword, config.option.markexpr)  # type: ignore[attr-defined]
    config.option.markexpr = marks(config.option.keyword, config.option.markexpr)
    if not hasattr(config, "workerinput"):
        install_node()


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [line for line in [config.left_out] if line]  # type: ignore[attr-defined]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A process for each processor, and one more where tests wait for pollers and for whole programs."""
    waits = QUICK not in marks(config.option.keyword, config.option.markexpr)
    return min(os.cpu_count() or 1, 8) + waits  # each has a local AWS of its own


@pytest.fixture(scope="session")
def server() -> Iterator[LocalAws]:
    """One local AWS for all handler tests of a process, with faults at the function's side."""
    with LocalAws(faults=True) as local:
        yield local


@pytest.fixture
def real() -> Iterator[LocalAws]:
    """A local AWS as the main job uses it: TLS, and IAM enforced."""
    with LocalAws() as local:
        yield local


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Synthesis], dict[str, Path]]:
    """Run a synthesis under a name once for all processes of a run; it gets a folder and returns its templates."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def made(name: str, synthesis: Synthesis) -> dict[str, Path]:
        (folder := shared / name).mkdir(exist_ok=True)
        with (folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            listed = folder / "made.json"
            if not listed.exists():
                listed.write_text(json.dumps({name: str(path) for name, path in synthesis(folder).items()}))
            return {name: Path(path) for name, path in json.loads(listed.read_text()).items()}

    return made


@pytest.fixture
def aws(server: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    """The local AWS, without the faults of the test before; the SDK retries as it would, but does not wait."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    yield server
    server.clear_faults()


@pytest.fixture(scope="session")
def node(server: LocalAws, once: Callable[[str, Synthesis], dict[str, Path]]) -> Iterator[Environments]:
    """Where the handlers in TypeScript run."""
    environments = Environments(once("bundled", bundled), server.ca)
    yield environments
    environments.end()


@pytest.fixture
def example(aws: LocalAws, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Callable[..., Example]:
    """Deploy the tables, queues and so on of an example and load its handlers against them.

    Called with the example's name, its template's parameters and, if it is not Python, the handlers' language.
    """

    def load(name: str, language: str = "python", **parameters: str) -> Example:
        runtime = request.getfixturevalue("node") if language == "typescript" else None
        return Example(ROOT / "examples" / name, aws, monkeypatch, parameters, runtime)

    return load


@pytest.fixture
def context() -> Context:
    return Context()
