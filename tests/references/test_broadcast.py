"""A broadcast reaches whoever is there, over every page of ids, and forgets who is gone."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from references.broadcast import broadcast

API = boto3.client("apigatewaymanagementapi", region_name="eu-west-1", endpoint_url="https://api.example.com/live")


class Connections:
    """A WebSocket API on which some connections closed, and one answers with another error."""

    exceptions = API.exceptions

    def __init__(self, gone: set[str], refused: set[str]) -> None:
        self._gone, self._refused = gone, refused
        self.got: list[str] = []

    def post_to_connection(self, ConnectionId: str, Data: bytes) -> None:  # noqa: N803, ARG002
        if ConnectionId in self._gone:
            raise API.exceptions.GoneException({"Error": {"Code": "GoneException"}}, "PostToConnection")
        if ConnectionId in self._refused:
            raise API.exceptions.ForbiddenException({"Error": {"Code": "ForbiddenException"}}, "PostToConnection")
        self.got.append(ConnectionId)


class Table:
    """Ids in pages of two."""

    def __init__(self, *ids: str) -> None:
        self.ids = list(ids)

    def get_paginator(self, operation: str) -> "Table":
        assert operation == "scan"
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        ids = list(self.ids)
        return [{"Items": [{"id": {"S": each}} for each in ids[first : first + 2]]} for first in range(0, len(ids), 2)]

    def delete_item(self, TableName: str, Key: dict[str, Any]) -> None:  # noqa: N803, ARG002
        self.ids.remove(Key["id"]["S"])


def test_a_connection_that_is_gone_costs_only_its_own_id() -> None:
    api, table = Connections(gone={"b"}, refused=set()), Table("a", "b", "c", "d", "e")

    assert broadcast(api, table, "Connections", b"{}") == 4
    assert api.got == ["a", "c", "d", "e"]
    assert table.ids == ["a", "c", "d", "e"]


def test_any_other_refusal_is_not_taken_for_a_closed_connection() -> None:
    api, table = Connections(gone=set(), refused={"b"}), Table("a", "b")

    with pytest.raises(ClientError, match="ForbiddenException"):
        broadcast(api, table, "Connections", b"{}")
    assert table.ids == ["a", "b"]
