"""Databases that are not here are known by the words of their drivers."""

import base64

import pytest

from trials.samples.derive import PICTURE, guess
from trials.verdicts import Verdict
from trials.verdicts.databases import database, needs_a_database


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "(pymysql.err.OperationalError) (2003, \"Can't connect to MySQL server on 'db.example' ([Errno 111]\")",
            "MySQL at db.example",
        ),
        (
            'psycopg2.OperationalError: connection to server at "db.example" (10.0.0.1), port 5432 failed',
            "PostgreSQL at db.example",
        ),
        ("MongoServerError: querySrv ECONNREFUSED _mongodb._tcp.c0.example", "MongoDB at c0.example"),
        (
            "pymongo.errors.ServerSelectionTimeoutError: mongo.example:27017: [Errno 111] Connection refused",
            "MongoDB at mongo.example",
        ),
        ("Error: connect ECONNREFUSED 127.0.0.1:5432", "PostgreSQL at port 5432"),
        ("redis.exceptions.ConnectionError: Error 111 connecting to cache.example:6379.", "Redis at cache.example"),
        ("Error: connect ECONNREFUSED 127.0.0.1:8080", ""),
        ('500: {"code":"ECONNREFUSED","syscall":"connect","address":"127.0.0.2","port":3306}', "MySQL at port 3306"),
        ("{ code: 'ECONNREFUSED', address: '127.0.0.1', port: 6379 }", "Redis at port 6379"),
        ("KeyError: 'mysql'", ""),
    ],
)
def test_a_database_that_cannot_be_reached_is_named(text: str, name: str) -> None:
    assert database(text) == name


def test_what_needs_one_is_unproved_and_says_so() -> None:
    judgement = needs_a_database("made up", "MySQL at db.example", "500")

    assert judgement.verdict is Verdict.UNPROVED
    assert "MySQL at db.example" in judgement.supply


@pytest.mark.parametrize("name", ["image", "imageData", "profile_photo", "avatar"])
def test_a_picture_in_a_request_can_be_decoded(name: str) -> None:
    value = guess(name, None)

    assert base64.b64decode(value.split(",")[1]).startswith(b"\x89PNG")
    assert base64.b64decode(value)
    assert value == PICTURE


def test_a_name_that_only_ends_alike_is_no_picture() -> None:
    assert guess("imageId", None) == "trial-1"
