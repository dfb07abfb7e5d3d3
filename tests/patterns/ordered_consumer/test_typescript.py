"""The handlers in TypeScript do what the scenario cannot show: what they answer and leave when a call fails."""

import json
from pathlib import Path
from typing import Any

import pytest

from patterns.test_correlation_in_typescript import played
from trials.local_aws.synthesis import EXAMPLES

pytestmark = pytest.mark.e2e  # they start Node.js

MESSAGES = """
const { ConditionalCheckFailedException, TransactionCanceledException } = require("@aws-sdk/client-dynamodb");
const awaited = { ...context, getRemainingTimeInMillis: () => 60_000 };
const fifo = (id, sku, number, receives = 1) => {
  const made = message(id, JSON.stringify({ number, kind: "RECEIVED", pieces: 1 }));
  return { ...made, attributes: { ApproximateReceiveCount: String(receives), MessageGroupId: sku } };
};
const sku = ({ Key, Item, TransactItems }) => (Key ?? Item ?? TransactItems[0].Put.Item).sku;
const down = (input) => {
  if (sku(input) === "mug") throw new Error("down");
  return {};
};
const say = (answered) => console.log(JSON.stringify({ answered }));
"""
FAILED = (
    MESSAGES
    + """
answer = down;
const Records = [fifo("m-0", "mug", 1), fifo("m-1", "cup", 1), fifo("m-2", "mug", 2), fifo("m-3", "mug", 3)];
require("./app").handler({ Records: Records.slice(FROM, TO) }, context).then(say);
"""
)
RELEASED = (
    MESSAGES
    + """
let conflicts = 2, applied = 1;
const waits = [{ number: 2, kind: "SOLD", pieces: 3 }, { number: 3, kind: "SOLD", pieces: 9 }];
answer = ({ KeyConditionExpression, TransactItems, Key }) => {
  if (Key) return { Item: { sku: "mug", version: 4, applied, pieces: applied === 1 ? 5 : 2, parked: true } };
  if (KeyConditionExpression) return { Items: waits.slice(applied - 1, applied) };
  if (conflicts--) throw new ERROR({ message: "moved on", $metadata: {} });
  applied += 1;
  return {};
};
require("./release").handler({ sku: "mug", by: "ana" }, awaited).then(say, (error) => say(error.message));
"""
)


def answered(script: str, tmp_path: Path) -> tuple[Any, list[dict[str, Any]]]:
    """What the handler answers, and every line that was printed."""
    printed = played(EXAMPLES / "ordered_consumer", script, tmp_path / "played.cjs")
    (answer,) = [line["answered"] for line in printed if "answered" in line]
    return answer, printed


@pytest.mark.parametrize(("begin", "end", "failed"), [(0, 4, ["m-0", "m-2", "m-3"]), (2, 4, ["m-2", "m-3"])])
def test_a_failure_holds_back_its_own_group_alone_and_is_no_error(
    tmp_path: Path, begin: int, end: int, failed: list[str]
) -> None:
    answer, printed = answered(FAILED.replace("FROM", str(begin)).replace("TO", str(end)), tmp_path)

    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == failed
    written = [line["sent"]["Item"]["sku"] for line in printed if "Item" in line.get("sent", {})]
    assert written == (["cup"] if begin == 0 else [])
    assert "TransactItems" not in json.dumps(printed), "what failed for a while was parked"


@pytest.mark.parametrize("error", ["ConditionalCheckFailedException", "TransactionCanceledException"])
def test_a_release_goes_on_past_a_change_that_came_meanwhile_and_says_what_ends_it(tmp_path: Path, error: str) -> None:
    answer, _ = answered(RELEASED.replace("ERROR", error), tmp_path)

    assert answer == {"sku": "mug", "applied": 2, "pieces": 2, "parked": True, "why": "change 3 takes 9 of 2"}


def test_a_release_goes_on_where_another_was_faster(tmp_path: Path) -> None:
    script = (
        MESSAGES
        + """
let applied = 1, looks = 0;
answer = ({ KeyConditionExpression, Key }) => {
  if (KeyConditionExpression) return (looks += 1) === 1 ? ((applied = 3), { Items: [{ number: 3 }] }) : { Items: [] };
  return Key ? { Item: { sku: "mug", version: 3 + applied, applied, pieces: 2, parked: looks < 2 } } : {};
};
require("./release").handler({ sku: "mug", by: "ana" }, awaited).then(say);
"""
    )
    assert answered(script, tmp_path)[0] == {"sku": "mug", "applied": 3, "pieces": 2, "parked": False, "why": ""}


def test_a_release_that_fails_otherwise_fails(tmp_path: Path) -> None:
    assert answered(RELEASED.replace("new ERROR({ message:", "Object({ message:"), tmp_path)[0] == "moved on"


def test_late_receives_are_counted(tmp_path: Path) -> None:
    script = (
        MESSAGES
        + """
const Records = [fifo("m-0", "mug", 1, 4), fifo("m-1", "cup", 1, 5)];
require("./app").handler({ Records }, context).then(say);
"""
    )
    answer, printed = answered(script, tmp_path)

    assert answer == {"batchItemFailures": []}
    assert len([line for line in printed if "ChangeDelayed" in line]) == 1
