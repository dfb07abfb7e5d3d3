"""What the reader supplies in trials.toml, and how clearly a mistake in it is told."""

import io
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from trials import own
from trials.local_aws import LocalAwsError
from trials.local_aws.outside import Asked, StandIn, Supplied
from trials.project import Kind, Source, read
from trials.project.sources import Route
from trials.project.supplied import Supply, supplied
from trials.samples import samples
from trials.stage import keep_secrets

TEMPLATE = """
Parameters:
  Stage: { Type: String }
  Free: { Type: String }
  Key: { Type: "AWS::SSM::Parameter::Value<String>" }
Resources:
  Jobs: { Type: AWS::SQS::Queue }
"""


def project(folder: Path, text: str) -> Any:
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "trials.toml").write_text(text)
    return read(folder, "http://outside.example.test")


def test_a_project_without_the_file_is_supplied_with_nothing(tmp_path: Path) -> None:
    assert supplied(tmp_path, {}) == Supply()


def test_parameters_are_the_reader_s_and_the_rest_is_made_up(tmp_path: Path) -> None:
    found = project(tmp_path, '[parameters]\nStage = "test"\nKey = { a = 1 }')

    assert found.parameters == {"Stage": "test", "Free": "trial", "Key": "/trial/Key"}
    assert found.stored == {"/trial/Key": '{"a": 1}'}
    assert [note for note in found.notes if "made up" in note] == ["parameter Free is 'trial', made up"]


@pytest.mark.parametrize("beside", [".", "cdk.out"])
def test_of_what_a_tool_made_the_file_may_stand_in_the_project_s_own_folder(tmp_path: Path, beside: str) -> None:
    (tmp_path / "cdk.out").mkdir()
    (tmp_path / "cdk.out" / "Shop.template.json").write_text(TEMPLATE)
    (tmp_path / beside / "trials.toml").write_text('[parameters]\nStage = "test"')

    assert read(tmp_path, "http://outside.example.test").parameters["Stage"] == "test"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[outside", "is no TOML"),
        ("[outsides]\na = 1", "there is no [outsides]; there are outside, parameters, secrets, claims"),
        ("[outside]\nhost = 'a'", "outside is a list of tables: write [[outside]]"),
        ("parameters = 1", "parameters is a table: write [parameters]"),
        ("[parameters]\nStag = 'x'", "[parameters] names Stag, and the template has Stage, Free, Key"),
        ("[[outside]]\nhots = 'a'", "[[outside]] 1 has hots; it may have host, method, path, status, body, delay"),
        ("[[outside]]\n[[outside]]\nstatus = '500'", "[[outside]] 2: status is a str, and must be int"),
        ("[[outside]]\nstatus = 5000", "[[outside]] 1: 5000 is no status of HTTP"),
        ("[[outside]]\ndelay = true", "[[outside]] 1: delay is a bool, and must be int or float"),
        ("[[outside]]\ndelay = -1", "[[outside]] 1: a delay is at least 0 seconds"),
    ],
)
def test_a_mistake_is_one_clear_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(LocalAwsError) as told:
        project(tmp_path, text)

    assert said in str(told.value)
    assert str(tmp_path / "trials.toml") in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({}, True),
        ({"host": "api.shop.example"}, True),
        ({"host": "*.shop.example", "method": "post", "path": "/charges/*"}, True),
        ({"host": "shop.example"}, False),
        ({"method": "GET"}, False),
        ({"path": "/charges"}, False),
        ({"path": "/charges/1"}, True),
        ({"path": "/charges/1?full=1"}, True),
        ({"path": "/charges/1?full=2"}, False),
    ],
)
def test_an_answer_is_for_the_requests_that_it_names(given: dict[str, Any], fits: bool) -> None:
    asked = Asked("POST", "/charges/1?full=1", "", None, "API.shop.example:443")

    assert Supplied(**given).fits(asked) is fits


def ask(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_stand_in_gives_the_first_answer_that_fits() -> None:
    with StandIn() as outside:
        outside.answers = (
            Supplied(path="/declined", status=402, body={"error": "declined"}),
            Supplied(path="/text", body="plain"),
            Supplied(path="/slow", delay=0.3),
        )
        assert ask(f"{outside.url}/declined") == (402, b'{"error": "declined"}')
        assert ask(f"{outside.url}/text") == (200, b"plain")
        assert ask(f"{outside.url}/else") == (200, b"{}")
        began = time.monotonic()
        ask(f"{outside.url}/slow")
        assert time.monotonic() - began >= 0.3
        outside.forget()
        assert ask(f"{outside.url}/declined")[0] == 402, "what the reader supplies holds for every world"


@pytest.mark.parametrize(
    ("authorizer", "payload", "way"),
    [
        ("jwt", "2.0", ["jwt", "claims"]),
        ("cognito", "1.0", ["claims"]),
        ("lambda", "2.0", ["lambda"]),
        ("lambda", "1.0", []),
    ],
)
def test_claims_are_the_reader_s(authorizer: str, payload: str, way: list[str]) -> None:
    source = Source(Kind.HTTP, "F", "F.Get", route=Route("GET", "/a", payload, authorizer))
    first, *_ = samples({"Resources": {}}, [], source, {}, claims={"custom:tenant": "t-1"})
    held = first.payload["requestContext"]["authorizer"]
    for key in way:
        held = held[key]

    assert held["custom:tenant"] == "t-1"
    assert held["sub"]


def test_secrets_are_texts_or_tables_as_json(tmp_path: Path) -> None:
    found = project(tmp_path, '[secrets]\nplain = "s"\n"/shop/key" = "k"\ntable = { user = "a" }')

    assert found.supply.secrets == {"plain": "s", "/shop/key": "k", "table": json.dumps({"user": "a"})}


def test_a_secret_goes_where_its_name_belongs() -> None:
    calls: list[tuple[str, str, dict[str, Any]]] = []

    class Client:
        def __init__(self, service: str) -> None:
            self.service = service

        def __getattr__(self, operation: str) -> Any:
            return lambda **given: calls.append((self.service, operation, given))

    class Local:
        def client(self, service: str) -> Any:
            return Client(service)

    keep_secrets(Local(), {"/shop/key": "k", "shop/other": "o"})  # type: ignore[arg-type]

    assert [(service, operation, given["Name"]) for service, operation, given in calls] == [
        ("ssm", "put_parameter", "/shop/key"),
        ("secretsmanager", "create_secret", "shop/other"),
    ]
    assert calls[0][2]["Type"] == "SecureString"


def test_a_mistake_ends_the_command_with_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "trials.toml").write_text("[outsides]")
    code = own.run(own.Wish(tmp_path, as_json=True), Console(), Console(file=io.StringIO()))

    assert code == 2
    assert "there is no [outsides]" in json.loads(capsys.readouterr().out)["error"]
