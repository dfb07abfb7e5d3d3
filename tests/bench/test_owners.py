"""An item that belongs to whoever sends a request names him as his token does, and holds what he sends."""

import json
from typing import Any

import pytest

from trials.project.sources import Route
from trials.project.tokens import TOKEN
from trials.samples.owners import HASH, as_oneself, claims, of_whoever_asks
from trials.samples.sample import Sample

ITEM = {"createdBy": {"S": "trial-1"}, "title": {"S": "trial-1"}, "count": {"N": "1"}}


def request(authorizer: Any = None, body: Any = None, headers: Any = None) -> Sample:
    context = {"authorizer": authorizer} if authorizer else {}
    return Sample({"requestContext": context, "body": json.dumps(body), "headers": headers or {}}, "made up")


@pytest.mark.parametrize(
    ("sample", "claim", "value"),
    [
        (request({"claims": {"sub": "u-7"}}), "sub", "u-7"),
        (request({"jwt": {"claims": {"sub": "u-7"}}}), "sub", "u-7"),
        (request({"lambda": {"user_id": "u-7"}}), "user_id", "u-7"),
        (request({"principalId": "u-7"}), "principalId", "u-7"),
        (request(headers={"Authorization": f"Bearer {TOKEN}"}), "email", "trial@example.com"),
    ],
)
def test_claims_are_what_the_authorizer_adds_or_the_token_holds(sample: Sample, claim: str, value: str) -> None:
    assert claims(sample.payload)[claim] == value


def test_a_request_without_a_token_has_none() -> None:
    assert claims(request().payload) == {}
    assert claims("no request") == {}


def test_the_owner_of_an_item_is_each_who_the_claims_may_name() -> None:
    sample = request({"claims": {"sub": "u-7", "email": "a@b.c", "aud": "shop"}})

    variants = list(of_whoever_asks(ITEM, sample))

    assert variants == [{"createdBy": {"S": "a@b.c"}}, {"createdBy": {"S": "u-7"}}]


def test_an_attribute_holds_what_the_request_sends_under_its_name() -> None:
    item = {"password": {"S": "trial-1"}, "name": {"S": "trial-1"}}

    assert list(of_whoever_asks(item, request(body={"password": "long enough"}))) == [
        {"password": {"S": "long enough"}}
    ]


def test_a_password_may_be_stored_as_a_hash() -> None:
    item = {"passwordHash": {"S": "trial-1"}, "name": {"S": "trial-1"}}

    assert list(of_whoever_asks(item, request(body={"password": "trial-1"}))) == [{"passwordHash": {"S": HASH}}]
    assert list(of_whoever_asks(item, request(body={"password": "another"}))) == []


def test_what_changes_nothing_is_not_tried() -> None:
    assert list(of_whoever_asks(ITEM, request())) == []
    assert list(of_whoever_asks(ITEM, request({"claims": {"sub": "trial-1"}}))) == []


def test_a_request_that_is_forbidden_is_about_whoever_sends_it() -> None:
    sample = request({"claims": {"sub": "u-7"}}, {"coach_id": "trial-1", "user": "trial-1", "name": "trial-1"})
    sample.payload["pathParameters"] = {"week": "1", "athleteId": "1"}
    first, second = as_oneself(sample, Route("PUT", "/athletes/{athleteId}/weeks/{week}", "1.0"))

    assert json.loads(first.payload["body"]) == {"coach_id": "trial-1", "user": "u-7", "name": "trial-1"}
    assert (first.payload["pathParameters"], first.origin) == (
        {"week": "1", "athleteId": "1"},
        "made up, about whoever sends it",
    )
    assert json.loads(second.payload["body"]) == {"coach_id": "u-7", "user": "trial-1", "name": "trial-1"}
    assert second.payload["path"] == "/athletes/u-7/weeks/1"


def test_nobody_is_in_the_place_of_another_if_it_is_not_told_who_asks() -> None:
    sample = request(None, {"user": "trial-1"})

    assert list(as_oneself(sample, Route("POST", "/orders"))) == []
