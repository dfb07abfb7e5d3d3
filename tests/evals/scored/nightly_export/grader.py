"""One function that may run for 25 minutes, started by its schedule, and somebody who hears of a night that failed.

canary-93e5ab12-aws-serverless-eda: not for training
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.harness import Missing, beside, text
from evals.scoring import Checks, Severity
from evals.system import System
from support.templates import findings
from trials.local_aws import LocalAws
from trials.template import Model, read_template

CHECKS = Checks()
NEEDED, MOST = 1500, 1800  # seconds: what the export takes, and what Lambda allows
OLD_LIMIT = "E3717"  # cfn-lint's, of 900 s


def export(answer: Path) -> Any:
    text(answer, "template.yaml")
    for function in Model(read_template(answer / "template.yaml"), answer / "template.yaml").functions:
        if function.name == "Export":
            return function
    raise Missing("there is no function Export")


@CHECKS(Severity.ASKED)
def it_may_run_for_as_long_as_it_takes(answer: Path, aws: LocalAws) -> Iterator[str]:
    timeout = int(export(answer).only("Timeout") or 3)
    if not NEEDED <= timeout <= MOST:
        yield f"an export of up to {NEEDED} s has {timeout} s, of {MOST} that there are"


@CHECKS(Severity.LOSES)
def the_schedule_still_starts_it(answer: Path, aws: LocalAws) -> Iterator[str]:
    function = export(answer)
    targets = [each for each in function.template.targets if each.destination is function]
    expressions = [expression for each in targets for expression in each.expression]
    if expressions != ["cron(15 1 * * ? *)"]:
        yield f"it is started by {expressions}"


@CHECKS(Severity.HIDES)
def a_failed_night_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    function = export(answer)
    config = function.only("EventInvokeConfig") or {}
    configs = function.template.of("AWS::Lambda::EventInvokeConfig")
    kept = config.get("DestinationConfig", {}).get("OnFailure") or function.only("DeadLetterQueue")
    if not kept and not [each for each in configs if each.values("DestinationConfig", "OnFailure") != [None]]:
        yield "an export that fails every time is gone: no destination on failure and no dead-letter queue"


@CHECKS(Severity.BLOCKS)
def it_can_be_deployed(answer: Path, aws: LocalAws) -> Iterator[str]:
    said = [each for each in findings(answer / "template.yaml") if each.startswith("E")]
    yield from (each for each in said if not each.startswith(OLD_LIMIT))


@CHECKS(Severity.LOSES)
def the_role_allows_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    with beside("warehouse", rows=lambda: ("2026-11-27", ["o-1,1200"])):
        system.call("Export", {})
    stored = aws.client("s3").list_objects_v2(Bucket=system.id("Exports")).get("KeyCount")
    if not stored:
        yield "nothing is stored"
    yield from system.denied()
