"""What others answer is made of what the code reads, so that what follows can be tried."""

import importlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bench.test_own import run

from trials.deliveries.history import Answer, Delivery, Reference
from trials.faults.once import Attempt, Try
from trials.faults.otherwise import is_there_already
from trials.project import Kind, Source
from trials.project.sources import Route
from trials.samples.answers import answer_of, is_no_json, spoken
from trials.samples.made import made
from trials.samples.named import asking_for_known
from trials.samples.refused import Refusal
from trials.samples.sample import Sample
from trials.stage import PASSED
from trials.verdicts import held, unproved


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("app.js", "body.all.map(fact => fact.text)"),
        ("app.ts", "for (const fact of body.all) { use(fact.text) }"),
        ("app.py", "for fact in body['all']:\n    use(fact['text'])"),
        ("app.py", "texts = [fact['text'] for fact in body.get('all', [])]\nfor fact in body.get('all', []): pass"),
        ("app.py", "texts = [fact['text'] for fact in body['all']]"),
        ("app.py", "texts = [fact['text'] for fact in body['all'] if fact]"),
        ("app.py", "body['all'][0]['text']"),
    ],
)
def test_an_answer_has_what_the_code_reads_and_lists_where_it_goes_through_one(
    tmp_path: Path, name: str, code: str
) -> None:
    (tmp_path / name).write_text(code)

    assert answer_of(tmp_path)["all"][0]["text"] == "trial-1"


def test_a_model_says_json_as_the_code_takes_it_out(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "text = between(said, '<json>', '</json>')\nif '```json' in text: pass\ntotal = json.loads(text)['total']"
    )

    plain, tagged, fenced, listed = spoken(tmp_path)

    assert json.loads(plain)["total"] == json.loads(listed)[0]["total"] == 1
    assert (tagged, fenced) == (f"<json>{plain}</json>", f"```json\n{plain}\n```")


@pytest.mark.parametrize(
    ("text", "no_json"),
    [
        ("Expecting value: line 1 column 1 (char 0)", True),
        ("SyntaxError: Unexpected token 't', \"trial\" is not valid JSON", True),
        ("KeyError: 'total'", False),
    ],
)
def test_what_cannot_be_read_as_json_is_told_by_its_words(text: str, no_json: bool) -> None:
    assert is_no_json(Refusal((text,))) is no_json


@pytest.mark.parametrize(
    ("status", "said", "there"),
    [
        (400, "This email is already registered", True),
        (409, "conflict", True),
        (400, "a user of that name exists", True),
        (400, "the order does not exist", False),
        (400, "email is required", False),
        (500, "already closed", False),
    ],
)
def test_who_makes_what_is_there_is_told(status: int, said: str, there: bool) -> None:
    answer = Answer({"statusCode": status, "body": said})
    fared = Try(Sample({}, "made up"), Delivery(answers=[answer], failures=1), [], [], {}, refused=f"{status}: {said}")

    assert is_there_already(fared) is there


ROUTE = Route("GET", "/entities/{entityId}")
SOURCE = Source(Kind.HTTP, "Get", "Get.One", route=ROUTE)


@pytest.mark.parametrize(
    ("name", "text", "asked"),
    [
        ("data.json", '[{"id": "state-1", "type": "state", "children": [{"id": "city-1"}]}]', "state-1"),
        ("data.json", '[{"id": "a", "entityId": "e-7"}]', "e-7"),
        ("app.js", "const all = [{ id: 3, name: 'one' }]", "3"),
        ("app.py", "ALL = [{'name': 'one', 'id': 'p-1'}]", "p-1"),
        ("package.json", '{"id": "no-data"}', None),
        ("app.py", "def get(id: str) -> str: ...", None),
    ],
)
def test_a_path_names_what_the_code_s_own_data_has(tmp_path: Path, name: str, text: str, asked: str | None) -> None:
    (tmp_path / name).write_text(text)

    sample = asking_for_known(made({"Resources": {}}, SOURCE), ROUTE, tmp_path)

    assert (sample.payload["pathParameters"]["entityId"] if sample else None) == asked
    assert sample is None or f"/entities/{asked}" in json.dumps(sample.payload)


# ---- which samples give way to others

QUEUE = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")
FILE = Sample("a", "events/a.json", file="events/a.json")
SENT, MADE = Sample("s", PASSED), Sample("m", "made up")


@pytest.mark.parametrize(
    ("samples", "fates", "taken"),
    [
        ([FILE, MADE], {"events/a.json": "refused"}, "made up, for events/a.json came to nothing"),
        ([FILE, MADE], {}, "events/a.json"),
        ([SENT, MADE], {PASSED: "mute"}, f"made up, for {PASSED} came to nothing"),
        ([SENT, MADE], {PASSED: "refused"}, ""),
    ],
)
def test_a_sample_that_comes_to_nothing_gives_way_unless_another_function_sent_what_is_refused(
    samples: list[Sample], fates: dict[str, str], taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delivered(_: Any, __: Any, sample: Sample) -> Try:
        refused = fates.get(sample.origin) == "refused"
        return Try(sample, Delivery(answers=[Answer()]), [], [], {}, refused="500" if refused else "")

    def told(_: Any, __: Any, fared: Try, tried: list[str]) -> Attempt:
        mute = fates.get(fared.sample.origin) == "mute"
        reference = None if fared.refused else Reference(fared.sample, {}, set(), (), (), Answer(), {})
        return Attempt(unproved("nothing") if fared.refused or mute else held("done"), reference, tried)

    module = importlib.import_module("trials.faults.once")
    monkeypatch.setattr(module, "deliveries", delivered)
    monkeypatch.setattr(module, "taken", told)
    monkeypatch.setattr(module, "with_its_items", lambda *_: iter(()))
    stage: Any = SimpleNamespace(
        outside=SimpleNamespace(asked=[]), project=SimpleNamespace(code=lambda _: (Path(),)), passed_on={}
    )

    attempt = module.once(stage, QUEUE, samples)

    assert (attempt.reference.sample.origin if attempt.reference and attempt.complete else "") == taken


@pytest.mark.parametrize(("calls", "told"), [([("dynamodb", "GetItem"), ("lambda", "Send")], "410"), ([], "404")])
def test_the_refusal_that_came_last_on_the_way_is_told(
    calls: list[tuple[str, str]], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An item that is laid there leads to the next refusal; one that leads nowhere leaves the first."""
    read = [("dynamodb", "GetItem")]

    def fared(status: str, made_calls: list[tuple[str, str]]) -> Try:
        return Try(MADE, Delivery(answers=[Answer()]), [], made_calls, {}, refused=status)

    module = importlib.import_module("trials.faults.once")
    monkeypatch.setattr(module, "deliveries", lambda *_: fared("404", read))
    monkeypatch.setattr(module, "taken", lambda _, __, tried, ___: Attempt(unproved(tried.refused)))
    monkeypatch.setattr(module, "with_its_items", lambda *_: iter([fared("410", calls)]))
    stage: Any = SimpleNamespace(
        outside=SimpleNamespace(asked=[]), project=SimpleNamespace(code=lambda _: (Path(),)), passed_on={}
    )

    assert module.once(stage, QUEUE, [MADE]).judgement.happened == told


# ---- on the local AWS

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: { Function: { Runtime: python3.13, Handler: index.handler, Timeout: 10 } }
Resources:
  Done: { Type: AWS::SQS::Queue }
  Sum:
    Type: AWS::Serverless::Function
    Properties:
      Environment: { Variables: { DONE: !Ref Done } }
      InlineCode: |
        import json, os
        import boto3

        def handler(event, context):
            body = json.dumps({"max_tokens": 9, "messages": [{"role": "user", "content": "as <json>"}]})
            model = "anthropic.claude-3-haiku-20240307-v1:0"
            answer = boto3.client("bedrock-runtime").invoke_model(modelId=model, body=body)
            said = json.loads(answer["body"].read())["content"][0]["text"]
            lines = json.loads(said[said.find("<json>") + len("<json>"):said.find("</json>")])
            skus = [line["sku"] for line in lines["order_lines"]]
            boto3.client("sqs").send_message(QueueUrl=os.environ["DONE"], MessageBody=json.dumps(skus))
  Facts:
    Type: AWS::Serverless::Function
    Properties:
      Environment: { Variables: { DONE: !Ref Done } }
      InlineCode: |
        import json, os, urllib.request
        import boto3

        def handler(event, context):
            with urllib.request.urlopen("https://facts.example.com/facts") as answer:
                body = json.load(answer)
            if "every" not in body:
                raise ValueError("no facts")
            facts = [fact["text"] for fact in body["every"]]
            boto3.client("sqs").send_message(QueueUrl=os.environ["DONE"], MessageBody=json.dumps(facts))
"""


@pytest.mark.e2e
def test_functions_go_on_with_what_a_model_and_a_service_outside_say(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    outcome = json.loads(run(str(tmp_path), "--json").stdout)

    told = {row["source"]: row["happened"] for row in outcome["findings"] if row["trial"] == "once"}
    assert {row["status"] for row in outcome["sources"]} == {"delivered"}, told
    assert "where a model says JSON" in told["direct Sum → Sum"]
    assert "where an outside service answers" in told["direct Facts → Facts"]
