"""What happens at a named moment of a handler: right before its n-th call of AWS, or right after it."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient

from support.environments import Died


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
