"""Twelve planted defects by file and line, and that what is found is mostly one of them.

canary-c4f0d8b7-aws-serverless-eda: not for training
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evals.harness import text
from evals.scoring import Checks, Severity
from trials.local_aws import LocalAws

CHECKS = Checks()
FILES = Path(__file__).parent / "files"
NEAR = 2  # lines
TRUE_PART = 0.7


@dataclass(frozen=True)
class Defect:
    """Where it stands: from the line of `first` to that of `last`, in the part of the file that begins with `after`."""

    severity: Severity
    file: str
    after: str
    first: str
    last: str = ""

    @property
    def lines(self) -> range:
        lines = (FILES / self.file).read_text().splitlines()
        start = next(number for number, line in enumerate(lines) if self.after in line)
        first = next(number for number in range(start, len(lines)) if self.first in lines[number])
        last = next(number for number in range(first, len(lines)) if (self.last or self.first) in lines[number])
        return range(first + 1, last + 2)


DEFECTS = {
    "any_queue_of_the_account": Defect(
        Severity.EXPOSES, "template.yaml", "  TakeOrder:", "Action: sqs:*", 'Resource: "*"'
    ),
    "visible_while_it_works": Defect(Severity.DOUBLES, "template.yaml", "  Orders:", "VisibilityTimeout: 30"),
    "dead_letters_expire_first": Defect(Severity.LOSES, "template.yaml", "  OrdersDlq:", "MessageRetentionPeriod"),
    "answer_not_read": Defect(Severity.LOSES, "template.yaml", "  Charge:", "Type: SQS", "BatchSize: 10"),
    "poison_blocks_the_stream": Defect(
        Severity.BLOCKS, "template.yaml", "  Project:", "Type: DynamoDB", "BatchSize: 100"
    ),
    "begins_too_late": Defect(Severity.LOSES, "template.yaml", "  Project:", "StartingPosition: LATEST"),
    "the_rule_may_not_send": Defect(
        Severity.LOSES, "template.yaml", "  Warehouse:", "Warehouse:", "Arn: !GetAtt Warehouse"
    ),
    "the_rule_keeps_nothing": Defect(Severity.LOSES, "template.yaml", "  ToWarehouse:", "Targets:", "Arn: !GetAtt"),
    "one_try_and_no_grave": Defect(
        Severity.LOSES, "template.yaml", "  Mailed:", "Type: EventBridgeRule", "RetryPolicy"
    ),
    "a_key_for_each_call": Defect(Severity.DOUBLES, "src/charge.py", "def charge", "http.request(", "Idempotency-Key"),
    "a_refusal_counts_as_charged": Defect(Severity.LOSES, "src/charge.py", "def charge", "http.request(", "put_item"),
    "refused_events_unread": Defect(Severity.LOSES, "src/charge.py", "def charge", "put_events(", "        ]"),
}


def findings(answer: Path) -> list[dict[str, object]]:
    found = json.loads(text(answer, "review.json"))
    return [dict(each) for each in found]


def says(finding: dict[str, object], defect: Defect) -> bool:
    line = int(str(finding["line"]))
    near = range(defect.lines.start - NEAR, defect.lines.stop + NEAR)
    return str(finding["file"]).removeprefix("./") == defect.file and line in near


@CHECKS(Severity.ASKED)
def it_is_a_review(answer: Path, aws: LocalAws) -> Iterator[str]:
    found = findings(answer)
    if not all({"file", "line", "problem"} <= each.keys() for each in found) or not found:
        yield "not every finding has a file, a line and a problem"


def told(found: list[dict[str, object]]) -> set[str]:
    """The defects that are found, by as many findings: one finding stands for one defect, the most that can be."""
    of_finding: dict[int, str] = {}

    def place(name: str, tried: set[int]) -> bool:
        for number, finding in enumerate(found):
            if number not in tried and says(finding, DEFECTS[name]):
                tried.add(number)
                if number not in of_finding or place(of_finding[number], tried):
                    of_finding[number] = name
                    return True
        return False

    return {name for name in DEFECTS if place(name, set())}


def found_by(name: str, defect: Defect) -> None:
    def check(answer: Path, aws: LocalAws) -> Iterator[str]:
        if name not in told(findings(answer)):
            yield f"nothing is said of {defect.file}:{defect.lines.start}"

    check.__name__ = name
    CHECKS(defect.severity)(check)


for each_name, each_defect in DEFECTS.items():
    found_by(each_name, each_defect)


@CHECKS(Severity.COSTS)
def most_of_it_is_true(answer: Path, aws: LocalAws) -> Iterator[str]:
    found = findings(answer)
    true = len(told(found))
    if true < TRUE_PART * len(found):
        yield f"{len(found) - true} of {len(found)} findings are at no defect, or say one again"
