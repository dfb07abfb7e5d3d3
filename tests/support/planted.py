"""Ten defects in fences of each language, as an edit by hand would leave them, and the law that notices each.

The table:  uv run --directory tests python -m support.planted
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from support import logs_insights, node
from support.commands import complaints
from support.documents import Fence, documents, fences
from support.policies import unknown_actions
from support.snippets import LONGEST, SnippetError, excerpt, quotes

QUOTABLE = ("python", "yaml", "json", "typescript")
KIND, QUOTE, LENGTH = "is of a kind that something proves", "equals its source", "is short"
COMMAND, JSON = "has commands that exist", "parses and names real actions"
QUERY, DIAGRAM = "is a query that runs", "is a diagram that is drawn"
TYPESCRIPT = ("webhook/keys.ts#prove", "event_store/ledger.ts#NEW,after,place", "event_store/ledger.ts#replay")


@dataclass(frozen=True)
class Plant:
    """`old` is what stands in the Markdown of a fence, its first line included; `law` is what the edit breaks."""

    language: str
    old: str
    new: str
    law: str

    def __str__(self) -> str:
        return f"{self.language}: {shown(self.old)} -> {shown(self.new)}"


def shown(text: str) -> str:
    return " ".join(text.split()) or "nothing"


PLANTED = [
    Plant("python", "compare_digest(digest, each)", "compare_digest(each, digest)", QUOTE),
    Plant("python", "expires_after_seconds=2592000", "expires_after_seconds=3600", QUOTE),
    Plant("python", "raise_on_no_idempotency_key=True, ", "", QUOTE),
    Plant("python", '            logger.exception("not projected", record=record)\n', "", QUOTE),
    Plant("python", "receive.py#prove", "receive.py#proof", QUOTE),
    Plant("python", "examples/webhook/receive.py", "examples/webhooks/receive.py", QUOTE),
    Plant("python", " examples/webhook/receive.py#prove", "", KIND),
    Plant("python", "examples/webhook/receive.py#prove", "tests/test_skill.py#prove", KIND),
    Plant("python", "if before.parked:", "if not before.parked:", QUOTE),
    Plant("python", "client: Any, table: str", "client, table: str", QUOTE),
    Plant("yaml", "QueryResultsToAlarm: 2", "QueryResultsToAlarm: 3", QUOTE),
    Plant("yaml", "StartTimeOffset: 360", "StartTimeOffset: 300", QUOTE),
    Plant("yaml", "  TreatMissingData: notBreaching\n", "", QUOTE),
    Plant("yaml", "# some retries are normal\n", "# always\n", QUOTE),
    Plant("yaml", "alarms.yaml#Errors", "alarms.yaml#Error", QUOTE),
    Plant("yaml", "tests/references/alarms.yaml", "tests/references/alarm.yaml", QUOTE),
    Plant("yaml", " tests/references/alarms.yaml#Errors", "", KIND),
    Plant("yaml", "tests/references/alarms.yaml", "SKILL.md", KIND),
    Plant("yaml", "```yaml", "```yml", KIND),
    Plant("yaml", "environment: test\n", "environment: production\n", QUOTE),
    Plant("json", '"exists": false }] }', '"exists": false }]', JSON),
    Plant("json", '"exists": false', '"exists": False', JSON),
    Plant("json", '"$or": [', '"$or": [ // either\n', JSON),
    Plant("json", '["XX"]', "['XX']", JSON),
    Plant("json", '{ "detail": {', '{ "Effect": "Allow", "Action": "events:PutEvent", "detail": {', JSON),
    Plant("json", "RetryCount = 0", "RetryCount = 1", QUOTE),
    Plant("json", '"CardDeclined"', '"CardRefused"', QUOTE),
    Plant("json", ', "charge"]', "]", QUOTE),
    Plant("json", "#ChargeCard.Catch", "#Charge.Catch", QUOTE),
    Plant("json", "examples/saga/", "saga/", KIND),
    Plant("typescript", "same(digest, each)", "digest.equals(each)", QUOTE),
    Plant("typescript", "export async function prove", "async function prove", QUOTE),
    Plant("typescript", "#prove", "#Prove", QUOTE),
    Plant("typescript", "keys.ts#prove", "key.ts#prove", QUOTE),
    Plant("typescript", " examples/webhook/keys.ts#prove", "", KIND),
    Plant("typescript", "examples/webhook/keys.ts", "webhook/keys.ts", KIND),
    Plant("typescript", "```typescript", "```ts", KIND),
    Plant("typescript", "version: 0", "version: 1", QUOTE),
    Plant("typescript", "#NEW,after,place", "#after,NEW,place", QUOTE),
    Plant("typescript", "ConsistentRead: true", "ConsistentRead: false", QUOTE),
    Plant("bash", "start-message-move-task", "start-message-move", COMMAND),
    Plant("bash", "--max-number-of-messages-per-second", "--messages-per-second", COMMAND),
    Plant("bash", "aws deploy stop-deployment", "aws codedeploy stop-deployment", COMMAND),
    Plant("bash", "--no-enabled", "--disabled", COMMAND),
    Plant("bash", "--message-system-attribute-names", "--system-attributes", COMMAND),
    Plant("bash", "sam remote invoke", "sam invoke", COMMAND),
    Plant(
        "bash", "sam sync --stack-name shipping-dev --watch", "sam sync --stack-name shipping-dev --watching", COMMAND
    ),
    Plant("bash", "--python-platform", "--platform", COMMAND),
    Plant("bash", "uv audit", "uv check-audit", COMMAND),
    Plant("bash", "--query-string '", "--query-string ", COMMAND),
    Plant("logs-insights", "latest(correlation_id)", "newest(correlation_id)", QUERY),
    Plant("logs-insights", "| sort lines desc", "| sort lines descending", QUERY),
    Plant("logs-insights", "stats count(*)", "stat count(*)", QUERY),
    Plant("logs-insights", "pct(record.metrics.initDurationMs, 99)", "pct(record.metrics.initDurationMs)", QUERY),
    Plant("logs-insights", "bin(1h)", "bin()", QUERY),
    Plant("logs-insights", "| limit 20", "limit 20", QUERY),
    Plant("logs-insights", '"platform.report"', '"platform.report', QUERY),
    Plant("logs-insights", "| sort megabytes desc", "| sort @timestamp desc", QUERY),
    Plant("logs-insights", "ispresent(Shipped)", "ispresent(Shipped", QUERY),
    Plant("logs-insights", "sum(strlen(@message)) / 1000000", "sum(strlen(@message)) / ", QUERY),
    Plant("mermaid", "flowchart LR", "flow LR", DIAGRAM),
    Plant("mermaid", "Reserve --> Charge --> Book", "Reserve --> Charge => Book", DIAGRAM),
    Plant("mermaid", "-- 40 receives -->", "-- 40 receives ->", DIAGRAM),
    Plant("mermaid", "Q[Lambda's queue]", "Q[Lambda's queue", DIAGRAM),
    Plant("mermaid", "-->|batch per lane|", "-->|batch per lane", DIAGRAM),
    Plant("mermaid", "T[(jobs)]", "T[(jobs]", DIAGRAM),
    Plant("mermaid", "G[HTTP API]", "G[HTTP (API)]", DIAGRAM),
    Plant("mermaid", "W[work: dedupes]", 'W[work "dedupes"]', DIAGRAM),
    Plant("mermaid", "S[Scheduler] -->|async|", "S[Scheduler] -->|async (twice)|", DIAGRAM),
    Plant("mermaid", "A[API: 202]", "A[API: {202}", DIAGRAM),
]


@cache
def pages() -> list[tuple[str, str]]:
    """Language and Markdown of every fence; of TypeScript, which the documents only link to, what might be there."""
    found = [fence for path in documents() for fence in fences(path)]
    documented = [(each.language, markdown(each.language, each.address, each.text)) for each in found]
    might = [f"examples/{address}" for address in TYPESCRIPT]
    return documented + [("typescript", markdown("typescript", address, excerpt(address))) for address in might]


def markdown(language: str, address: str, text: str) -> str:
    return f"```{f'{language} {address}'.strip()}\n{text}```\n"


def broken(page: str) -> str:
    """The first law that the one fence of a page breaks, or nothing."""
    with TemporaryDirectory() as folder:
        (path := Path(folder) / "page.md").write_text(page)
        (fence,) = fences(path)
    if fence.language in QUOTABLE and fence.address:
        return _quote(fence)
    if fence.address or fence.language not in INLINE:
        return KIND
    said, law = INLINE[fence.language]
    return law if said(fence.text) else ""


def _quote(fence: Fence) -> str:
    if not quotes(fence):
        return KIND
    try:
        same = fence.text == excerpt(fence.address)
    except SnippetError:
        return QUOTE
    if not same:
        return QUOTE
    return LENGTH if len(fence.text.splitlines()) > LONGEST else ""


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    return True


@cache
def _drawn() -> dict[str, str]:
    """What Mermaid says of every planted diagram, asked at once: to start it takes two seconds."""
    texts = ["\n".join(sown(each).splitlines()[1:-1]) + "\n" for each in PLANTED if each.language == "mermaid"]
    return dict(zip(texts, node.diagrams(texts), strict=True))


INLINE: dict[str, tuple[Callable[[str], Any], str]] = {
    "bash": (complaints, COMMAND),
    "json": (lambda text: not _parses(text) or unknown_actions(json.loads(text)), JSON),
    "logs-insights": (logs_insights.complaints, QUERY),
    "mermaid": (lambda text: _drawn()[text], DIAGRAM),
    "text": (lambda _: "", ""),
}


def sown(plant: Plant) -> str:
    """The first fence of the language that has what the plant replaces, with the defect in it."""
    for language, page in pages():
        if language == plant.language and plant.old in page:
            return page.replace(plant.old, plant.new, 1)
    raise LookupError(f"no fence has {plant.old!r} any more: {plant}")


if __name__ == "__main__":
    for plant in PLANTED:
        print(f"{plant} | no longer {broken(sown(plant)) or 'ANYTHING'}")  # noqa: T201
