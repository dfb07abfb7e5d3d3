"""Nothing in the log is overwritten or lost, no card is overdrawn, and the balances always follow the log."""

import itertools
import json
import os
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.documents import ROOT
from support.handlers import Context, Died, Example, event, failed
from support.streams import deliver
from trials.local_aws import REGION, LocalAws
from trials.local_aws.synthesis import NODE
from trials.template import read_template

RESOURCES = read_template(ROOT / "examples" / "event_store" / "template.yaml")["Resources"]
MAPPING = RESOURCES["Project"]["Properties"]["Events"]["Stream"]["Properties"]
THROTTLED = {"code": "ProvisionedThroughputExceededException"}
RETRIES_IN_OUTAGE = 40
CARDS = (f"card-{n}" for n in itertools.count())
USED = {"refused": "the command id was used for another command"}
# Plays [handler, event, commands by the call to AWS that they come before], and prints each answer and its calls.
TYPESCRIPT = """
import { readFileSync } from "node:fs";
import * as command from "./command";
import { dynamodb } from "./ledger";
import * as project from "./project";

const context = { functionName: "under-test", awsRequestId: "1", getRemainingTimeInMillis: () => 60_000 };
let before = async () => {};
dynamodb.middlewareStack.add((next) => async (given) => (await before(), next(given)), { step: "initialize" });

const played = [];
for (const [name, event, meanwhile] of JSON.parse(readFileSync(0, "utf8"))) {
  let calls = 0;
  const count = async () => {
    const next = meanwhile[++calls];
    if (!next) return;
    before = async () => {};
    await command.handler(next, context);
    before = count;
  };
  before = count;
  const answer = await { command, project }[name].handler(event, context).catch((error) => ({ error: `${error}` }));
  played.push([answer, calls]);
}
console.error(JSON.stringify(played)); // the logger has the standard output
"""


@pytest.fixture
def shop(example: Callable[..., Example]) -> Example:
    return example("event_store", AlarmTopicArn="arn:aws:sns:us-east-1:123456789012:alerts")


@pytest.fixture
def command(shop: Example) -> ModuleType:
    return shop.environment("command")


@pytest.fixture
def project(shop: Example) -> ModuleType:
    return shop.environment("project")


def grant(command_id: str, cents: int, card: str = "gift-1") -> dict[str, Any]:
    return {"command_id": command_id, "card": card, "kind": "CreditGranted", "cents": cents}


def spend(command_id: str, cents: int, card: str = "gift-1") -> dict[str, Any]:
    return {"command_id": command_id, "card": card, "kind": "CreditSpent", "cents": cents}


def log(shop: Example, card: str = "gift-1") -> list[dict[str, Any]]:
    pages = shop.aws.client("dynamodb").get_paginator("scan").paginate(TableName=shop.stack.resources["Log"])
    items = [item for page in pages for item in page["Items"] if item["card"]["S"] == card]
    return sorted((i for i in items if i["place"]["S"].startswith("event#")), key=lambda i: str(i["place"]["S"]))


def balances(shop: Example) -> dict[str, tuple[int, int]]:
    table = shop.stack.resources["Balances"]
    items = shop.aws.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
    return {item["card"]["S"]: (int(item["version"]["N"]), int(item["cents"]["N"])) for item in items}


def records(*cards: str) -> dict[str, Any]:
    """A DynamoDB stream batch, keys only, as the event source mapping delivers it."""
    return {
        "Records": [
            {
                "eventID": str(number),
                "eventName": "INSERT",
                "dynamodb": {"Keys": {"card": {"S": card}, "place": {"S": "event#1"}}, "SequenceNumber": str(number)},
                "eventSource": "aws:dynamodb",
            }
            for number, card in enumerate(cards, start=1)
        ]
    }


Meanwhile = dict[int, dict[str, Any]]
Step = tuple[str, dict[str, Any], Meanwhile]


def in_python(shop: Example) -> Callable[..., list[list[Any]]]:
    """Plays steps: a handler, its event, and commands of another environment by the call that they come before."""

    def play(*steps: Step) -> list[list[Any]]:
        other, played = shop.environment("command"), []
        for name, sent, meanwhile in steps:
            module, calls = shop.environment(name), itertools.count(1)
            answer: Any = None

            def before(meanwhile: Meanwhile = meanwhile, calls: Any = calls, **_: Any) -> None:
                if following := meanwhile.get(next(calls)):
                    other.handler(following, Context())

            module.dynamodb.meta.events.register("before-call.dynamodb", before)
            try:
                answer = module.handler(sent, Context())
            except Exception as error:
                answer = {"error": type(error).__name__}
            played.append([answer, next(calls) - 1])
        return played

    return play


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("typescript") / "played.mjs"
    here = str(NODE / "node_modules")
    options = ["--bundle", "--platform=node", "--format=esm", "--log-level=error", f"--outfile={made}"]
    needs = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
    command = [f"{here}/.bin/esbuild", *options, f"--banner:js={needs}"]
    folder, env = ROOT / "examples" / "event_store", {**os.environ, "NODE_PATH": here}
    subprocess.run(command, input=TYPESCRIPT, cwd=folder, env=env, text=True, check=True, timeout=60)
    return made


def in_typescript(bundle: Path) -> Callable[..., list[list[Any]]]:
    def play(*steps: Step) -> list[list[Any]]:
        command, env = ["node", str(bundle)], {**os.environ, "AWS_REGION": REGION}
        done = subprocess.run(
            command, input=json.dumps(steps), env=env, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        played = json.loads(done.stderr.splitlines()[-1])
        assert isinstance(played, list)
        return played

    return play


@pytest.fixture(params=["python", pytest.param("typescript", marks=pytest.mark.e2e)])
def play(request: pytest.FixtureRequest, shop: Example) -> Callable[..., list[list[Any]]]:
    if request.param == "python":
        return in_python(shop)
    return in_typescript(request.getfixturevalue("bundle"))


def test_the_sample_event_is_carried_out(command: ModuleType, shop: Example, context: Context) -> None:
    assert command.handler(event(shop.folder), context) == {"version": 1, "cents": 5000}


def test_a_command_sent_again_is_done_once_and_answered_the_same(
    command: ModuleType, shop: Example, context: Context
) -> None:
    command.handler(grant("g", 100), context)
    answers = [command.handler(spend("s", 100), context) for _ in range(3)]

    assert answers == [{"version": 2, "cents": 0}] * 3
    assert len(log(shop)) == 2


def test_a_repeat_gets_its_answer_whichever_of_its_calls_the_original_commits_before(
    play: Callable[..., list[list[Any]]], shop: Example
) -> None:
    """The card is empty afterwards, so a repeat that reads the original's event and not its mark would refuse."""
    ((_, alone),) = play(("command", grant("g", 100, card="alone"), {}))
    assert alone >= 4, "snapshot, log, mark and transaction"

    steps: list[Step] = []
    for call in range(1, alone + 1):
        again = spend("s", 100, card=f"card-{call}")
        steps += [("command", grant("g", 100, card=f"card-{call}"), {}), ("command", again, {call: again})]
    answers = [answer for answer, _ in play(*steps)[1::2]]

    assert answers == [{"version": 2, "cents": 0}] * alone
    assert [len(log(shop, f"card-{call}")) for call in range(1, alone + 1)] == [2] * alone


def test_another_command_under_a_used_id_is_refused_and_not_answered_with_the_first_result(
    play: Callable[..., list[list[Any]]], shop: Example
) -> None:
    steps: list[Step] = [("command", each, {}) for each in (grant("g", 5), grant("g", 6), spend("g", 5), grant("g", 5))]
    first, larger, opposite, again = [answer for answer, _ in play(*steps)]

    assert (larger, opposite) == (USED, USED)
    assert first == again == {"version": 1, "cents": 5}
    assert len(log(shop)) == 1


def test_an_id_that_another_command_takes_at_the_same_moment_is_refused(
    play: Callable[..., list[list[Any]]], shop: Example
) -> None:
    ((_, alone),) = play(("command", grant("g", 1, card="alone"), {}))
    cards = [f"card-{call}" for call in range(1, alone + 1)]
    steps: list[Step] = [
        ("command", grant("g", 5, card), {call: grant("g", 6, card)}) for call, card in enumerate(cards, 1)
    ]

    assert [answer for answer, _ in play(*steps)] == [USED] * alone
    assert [len(log(shop, card)) for card in cards] == [1] * alone


def test_no_overdraft_and_a_refusal_may_be_tried_again(command: ModuleType, shop: Example, context: Context) -> None:
    command.handler(grant("g", 100), context)
    assert command.handler(spend("s", 101), context) == {"refused": "not enough credit"}
    assert len(log(shop)) == 1

    command.handler(grant("more", 1), context)

    assert command.handler(spend("s", 101), context) == {"version": 3, "cents": 0}


@pytest.mark.e2e
def test_fifty_writers_at_once_lose_nothing_and_overdraw_nothing(shop: Example) -> None:
    """The backend is shown to be atomic in test_support.py."""
    shop.environment("command").handler(grant("g", 30), Context())
    environments = [shop.environment("command") for _ in range(5)]
    start = threading.Barrier(len(environments))

    def ten_spends(number: int) -> list[dict[str, Any]]:
        start.wait()
        module, answers = environments[number], []
        for n in range(10):
            answer: dict[str, Any] | None = None
            while answer is None:
                try:
                    answer = module.handler(spend(f"s-{number}-{n}", 1), Context())
                except TimeoutError:  # too busy: the caller sends the same command again
                    continue
            answers.append(answer)
        return answers

    with ThreadPoolExecutor(len(environments)) as pool:
        answers = [answer for found in pool.map(ten_spends, range(len(environments))) for answer in found]

    spent = [answer["version"] for answer in answers if "version" in answer]
    assert sorted(spent) == list(range(2, 32))
    assert len(answers) - len(spent) == 20
    assert [int(item["place"]["S"].removeprefix("event#")) for item in log(shop)] == list(range(1, 32))


def test_the_same_command_at_once_is_one_event(shop: Example) -> None:
    environments = [shop.environment("command") for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda module: module.handler(grant("g", 5), Context()), environments))

    assert answers == [{"version": 1, "cents": 5}] * 6
    assert len(log(shop)) == 1


def test_a_log_of_more_than_a_megabyte_is_read_to_its_end(command: ModuleType, shop: Example, context: Context) -> None:
    dynamodb, table = shop.aws.client("dynamodb"), shop.stack.resources["Log"]
    for version in range(1, 6):
        item = {"card": {"S": "big"}, "place": {"S": f"event#{version:012}"}, "kind": {"S": "CreditGranted"}}
        dynamodb.put_item(TableName=table, Item={**item, "cents": {"N": "1"}, "note": {"S": "x" * 390_000}})
    assert "LastEvaluatedKey" in dynamodb.scan(TableName=table), "the log must not fit one page"

    assert command.handler(spend("s", 5, card="big"), context) == {"version": 6, "cents": 0}


def test_every_read_that_decides_is_consistent(command: ModuleType, project: ModuleType, context: Context) -> None:
    reads: list[dict[str, Any]] = []
    for module in (command, project):
        for operation in ("GetItem", "Query"):
            name = f"provide-client-params.dynamodb.{operation}"
            module.dynamodb.meta.events.register(name, lambda params, **_: reads.append(params))
    command.handler(grant("g", 5), context)
    project.handler(records("gift-1"), context)

    assert len(reads) >= 5
    assert all(read.get("ConsistentRead") for read in reads)


def test_a_snapshot_is_taken_every_hundred_events_and_the_rest_is_read_from_there(
    command: ModuleType, shop: Example, context: Context
) -> None:
    dynamodb, table = shop.aws.client("dynamodb"), shop.stack.resources["Log"]
    events = [{"card": {"S": "gift-1"}, "place": {"S": f"event#{version:012}"}} for version in range(1, 99)]

    def write(*requests: dict[str, Any]) -> None:
        for start in range(0, len(requests), 25):
            assert not dynamodb.batch_write_item(RequestItems={table: requests[start : start + 25]})["UnprocessedItems"]

    granted = {"kind": {"S": "CreditGranted"}, "cents": {"N": "1"}}
    write(*({"PutRequest": {"Item": {**event, **granted}}} for event in events))
    for n in range(4):
        command.handler(grant(f"g-{n}", 1), context)
    snapshot = dynamodb.get_item(TableName=table, Key={**events[0], "place": {"S": "snapshot"}})["Item"]
    assert (snapshot["version"]["N"], snapshot["cents"]["N"]) == ("100", "100")

    write(*({"DeleteRequest": {"Key": event}} for event in events))  # what it covers is not read any more

    assert command.handler(spend("s", 102), context) == {"version": 103, "cents": 0}


def test_a_throttled_log_is_an_error_and_the_command_sent_again_is_done_once(
    command: ModuleType, aws: LocalAws, context: Context
) -> None:
    aws.fault(service="dynamodb", operation="TransactWriteItems", error=THROTTLED, times=3)
    with pytest.raises(command.dynamodb.exceptions.ClientError):
        command.handler(grant("g", 5), context)

    assert command.handler(grant("g", 5), context) == {"version": 1, "cents": 5}


def test_a_death_after_the_append_is_answered_with_the_first_result(
    shop: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    doomed = shop.environment("command")
    append = doomed.append

    def append_then_die(*given: Any) -> None:
        append(*given)
        raise Died

    monkeypatch.setattr(doomed, "append", append_then_die)
    with pytest.raises(Died):
        doomed.handler(grant("g", 5), Context())

    assert shop.environment("command").handler(grant("g", 5), Context()) == {"version": 1, "cents": 5}
    assert len(log(shop)) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"cents": 0},
        {"cents": -5},
        {"cents": "5"},
        {"cents": 1.5},
        {"kind": "CreditStolen"},
        {"card": ""},
        {"command_id": ""},
    ],
    ids=str,
)
def test_what_is_no_command_is_an_error_and_leaves_no_trace(
    command: ModuleType, shop: Example, context: Context, changed: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="validation error"):
        command.handler({**grant("g", 5), **changed}, context)

    assert log(shop) == []


def test_the_projection_follows_however_often_and_late_it_hears(
    command: ModuleType, project: ModuleType, shop: Example, context: Context
) -> None:
    command.handler(grant("g", 5), context)
    command.handler(spend("s", 2), context)

    for _ in range(3):
        assert failed(project.handler(records("gift-1", "gift-1"), context)) == []

    assert balances(shop) == {"gift-1": (2, 3)}


def test_a_projection_that_is_slow_never_undoes_a_newer_one(
    command: ModuleType, shop: Example, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, fast = shop.environment("project"), shop.environment("project")
    command.handler(grant("g", 5), context)
    replay = slow.replay

    def replay_then_wait(*given: Any) -> Any:
        old = replay(*given)
        command.handler(grant("more", 1), context)
        fast.handler(records("gift-1"), context)
        return old

    monkeypatch.setattr(slow, "replay", replay_then_wait)
    assert failed(slow.handler(records("gift-1"), context)) == []

    assert balances(shop) == {"gift-1": (2, 6)}


def test_a_failure_stops_the_batch_there_and_the_retry_finishes_it(
    command: ModuleType, project: ModuleType, shop: Example, aws: LocalAws, context: Context
) -> None:
    for card in ("a", "b"):
        command.handler(grant("g", 5, card=card), context)
    of_b = "ExpressionAttributeValues.\":card\".S == 'b'"
    aws.fault(service="dynamodb", operation="Query", body=of_b, error=THROTTLED, times=3)

    assert failed(project.handler(records("a", "b"), context)) == ["2"]
    assert balances(shop) == {"a": (1, 5)}
    assert failed(project.handler(records("a", "b"), context)) == []
    assert balances(shop) == {"a": (1, 5), "b": (1, 5)}


def spoil(shop: Example, card: str) -> None:
    """The card's log holds an event that nobody can add up."""
    bad = {"card": {"S": card}, "place": {"S": f"event#{1:012}"}, "schema": {"N": "99"}}
    shop.aws.client("dynamodb").put_item(TableName=shop.stack.resources["Log"], Item=bad)


def test_a_card_that_cannot_be_projected_is_an_error_at_the_front_and_named_behind_it(
    play: Callable[..., list[list[Any]]], shop: Example
) -> None:
    spoil(shop, "bad")
    batches: list[Step] = [("project", records("bad", "a"), {}), ("project", records("a", "bad"), {})]
    _, (in_front, _), (behind, _) = play(("command", grant("g", 5, card="a"), {}), *batches)

    assert "error" in in_front
    assert failed(behind) == ["2"]


def test_wherever_a_bad_card_stands_in_a_batch_only_its_record_is_given_up(
    command: ModuleType, project: ModuleType, shop: Example, context: Context
) -> None:
    spoil(shop, "bad")
    good = ["a", "b", "c"]
    for card in good:
        command.handler(grant("g", 5, card=card), context)

    for position in range(4):
        batch = records(*good[:position], "bad", *good[position:])["Records"]
        assert deliver(project.handler, batch, attempts=2) == [str(position + 1)]
        assert balances(shop) == dict.fromkeys(good, (1, 5))


def test_an_outage_of_dozens_of_retries_gives_up_no_balance(
    command: ModuleType, project: ModuleType, shop: Example, aws: LocalAws, context: Context
) -> None:
    cards = ["a", "b", "c"]
    for card in cards:
        command.handler(grant("g", 5, card=card), context)
    tries, most = itertools.count(1), MAPPING.get("MaximumRetryAttempts", -1)

    def in_an_outage(event: dict[str, Any], context: Any) -> Any:
        if next(tries) == RETRIES_IN_OUTAGE:
            aws.clear_faults()
        return project.handler(event, context)

    aws.fault(service="dynamodb", operation="PutItem", error=THROTTLED)
    assert deliver(in_an_outage, records(*cards)["Records"], attempts=most if most >= 0 else 10_000) == []

    assert next(tries) > RETRIES_IN_OUTAGE
    assert balances(shop) == dict.fromkeys(cards, (1, 5))


def test_a_rebuild_goes_past_a_card_that_cannot_be_projected_and_names_it(
    play: Callable[..., list[list[Any]]], shop: Example
) -> None:
    spoil(shop, "b")
    grants: list[Step] = [("command", grant("g", 5, card=card), {}) for card in ("a", "c")]
    (answer, _) = play(*grants, ("project", {}, {}))[-1]

    assert answer == {"cards": 3, "unprojected": ["b"]}
    assert balances(shop) == {"a": (1, 5), "c": (1, 5)}


@pytest.mark.e2e
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(st.tuples(st.booleans(), st.integers(1, 20)), max_size=12), heard=st.data())
def test_rebuilt_from_zero_it_is_what_it_was(
    command: ModuleType, project: ModuleType, shop: Example, amounts: list[tuple[bool, int]], heard: st.DataObject
) -> None:
    card, total, version = next(CARDS), 0, 0
    for number, (gives, cents) in enumerate(amounts):
        answer = command.handler((grant if gives else spend)(f"c-{number}", cents, card=card), Context())
        if "version" in answer:
            total, version = total + (cents if gives else -cents), version + 1
        if heard.draw(st.booleans()):
            project.handler(records(card), Context())
    project.handler(records(card), Context())
    wanted = (version, total)
    assert balances(shop)[card] == wanted

    shop.aws.client("dynamodb").delete_item(TableName=shop.stack.resources["Balances"], Key={"card": {"S": card}})
    project.handler({}, Context())

    assert balances(shop).get(card, (0, 0)) == wanted


def test_the_policy_of_the_writer_grants_neither_update_nor_delete() -> None:
    (policy,) = RESOURCES["Command"]["Properties"]["Policies"]
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}

    assert actions == {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"}


def test_the_stream_is_bounded_keeps_what_it_gives_up_and_hears_of_events_only() -> None:
    assert MAPPING["StartingPosition"] == "TRIM_HORIZON"
    assert MAPPING["BisectBatchOnFunctionError"]
    assert MAPPING["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert MAPPING.get("MaximumRetryAttempts", -1) == -1, "a count may end before the outage does"
    assert 4 * 3600 <= MAPPING["MaximumRecordAgeInSeconds"] < 86_400  # a DynamoDB stream keeps a record for a day
    assert MAPPING["DestinationConfig"]["OnFailure"]["Destination"]
    assert '"prefix": "event#"' in MAPPING["FilterCriteria"]["Filters"][0]["Pattern"]


def test_an_alarm_tells_when_the_balances_fall_behind_long_before_records_are_given_up() -> None:
    alarm = RESOURCES["StreamStuck"]["Properties"]

    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/Lambda", "IteratorAge", "Maximum")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "Project"}}]
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert alarm["Threshold"] * 4 <= MAPPING["MaximumRecordAgeInSeconds"] * 1000
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]


def test_the_log_outlives_its_stack_and_can_be_restored() -> None:
    log = RESOURCES["Log"]

    assert log["DeletionPolicy"] == log["UpdateReplacePolicy"] == "Retain"
    assert log["Properties"]["DeletionProtectionEnabled"] is True
    assert log["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
