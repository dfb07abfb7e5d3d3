"""Fixtures that every test may use: a local AWS, a handler's environment, a Lambda context."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import botocore.endpoint
import hypothesis
import pytest

from local_aws import ACCOUNT, REGION, LocalAws
from support.handlers import Context, Example
from synthesis import install_node

ROOT = Path(__file__).resolve().parent.parent

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

hypothesis.settings.register_profile("unhurried", deadline=None)  # a busy machine breaks no promise
hypothesis.settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        install_node()


@pytest.fixture(scope="session")
def server() -> Iterator[LocalAws]:
    """One local AWS for all handler tests of a process, with faults at the function's side."""
    with LocalAws(faults=True) as local:
        yield local


@pytest.fixture
def aws(server: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    """The local AWS, without the faults of the test before; the SDK retries as it would, but does not wait."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    yield server
    server.clear_faults()


@pytest.fixture
def example(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Example]:
    """Deploy the tables, queues and so on of an example and load its handlers against them.

    Called with the example's name and its template's parameters.
    """

    def load(name: str, **parameters: str) -> Example:
        return Example(ROOT / "examples" / name, aws, monkeypatch, parameters)

    return load


@pytest.fixture
def context() -> Context:
    return Context()
