"""What happens at a named moment of a handler: right before its n-th call of AWS, or right after it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.client import BaseClient

from support.environments import Died
from support.handlers import Example


def before_call(monkeypatch: pytest.MonkeyPatch, at: int, act: Callable[[], object], *, after: bool = False) -> None:
    """Do something right before the n-th call that is made of AWS from now on, or right after it."""
    api, calls = getattr(BaseClient, "_make_api_call"), iter(range(1, 1000))  # noqa: B009

    def asks(client: Any, operation: str, given: Any) -> Any:
        its_turn = next(calls) == at
        if its_turn and not after:
            act()
        answer = api(client, operation, given)
        if its_turn and after:
            act()
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", asks)


def die() -> None:
    raise Died


@contextmanager
def dying(example: Example, monkeypatch: pytest.MonkeyPatch, *, after: int) -> Iterator[None]:
    """Let the functions of an example die, in either language, once their n-th call of AWS from now on was done."""
    if example.node:
        with example.node.watched(after):
            yield
        return
    with monkeypatch.context() as patched:
        before_call(patched, after, die, after=True)
        yield
