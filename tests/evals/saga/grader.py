"""Every failure at every step, executed: what may have been done is undone backwards, and the execution fails."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

from evals.harness import graded, text
from support import templates
from support.executions import execute
from trials.local_aws import ACCOUNT, REGION, LocalAws

FORWARD = ["ReserveStock", "ChargeCard", "BookShipment"]
BACKWARD = ["CancelShipment", "RefundCard", "ReleaseStock"]
REFUSALS = {"ReserveStock": "OutOfStock", "ChargeCard": "CardDeclined", "BookShipment": "AddressRejected"}
PASSING = ["Lambda.TooManyRequestsException", "States.Timeout", "ConnectionError"]
CASES: dict[str, dict[str, list[str]]] = {"no failure": {}}  # what each state throws, the last at every attempt more
for _step in FORWARD:
    _refusal = REFUSALS[_step]
    for _errors in ([_refusal], *([each] for each in PASSING), ["ConnectionError", _refusal]):
        CASES[f"{', then '.join(_errors)} in {_step}"] = {_step: _errors}
for _step in BACKWARD:
    CASES[f"ConnectionError in {_step}"] = {_step: ["ConnectionError"], "BookShipment": ["ConnectionError"]}
LONG_WAITS = 200  # of a minute or more; an answer that goes on trying is asked no further


def refusals(definition: str) -> list[str]:
    """What cfn-lint says of the definition alone."""
    properties = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/any", "Definition": json.loads(definition)}
    template = {"Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}}
    with NamedTemporaryFile("w", suffix=".json") as file:
        file.write(json.dumps(template))
        file.flush()
        return [each for each in templates.findings(Path(file.name)) if each.startswith("E3")]


@graded
def grade(answer: Path, aws: LocalAws) -> Iterator[str]:
    definition = text(answer, "statemachine.asl.json")
    names = json.loads(definition)["States"]
    for state in [*FORWARD, *BACKWARD]:
        if state not in names:
            yield f"there is no state {state}"
            return
        definition = definition.replace(f"${{{state}}}", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{state}")

    if invalid := refusals(definition):
        yield f"AWS would refuse it: {invalid[0]}"
        return
    for case, failing in CASES.items():
        ran = execute(json.loads(definition), {"order_id": "o-1"}, failing, LONG_WAITS)
        if not failing:
            if (ran.status, ran.path) != ("SUCCEEDED", FORWARD):
                yield f"{case}: {ran.status} after {' '.join(ran.path)}"
            continue
        step, errors = next(iter(failing.items()))
        if ran.status != "FAILED":
            yield f"{case}: the execution {ran.status.lower()}"
        if step in BACKWARD:
            if ran.tries(step) < 3:
                yield f"{case}: tried {ran.tries(step)} times"
            if left := [undo for undo in BACKWARD if undo not in ran.path]:
                yield f"{case}: no {' '.join(left)}"
            continue
        refused = errors == [REFUSALS[step]]
        done = FORWARD.index(step) + (0 if refused else 1)
        undone, wanted = ran.path[FORWARD.index(step) + 1 :], BACKWARD[len(BACKWARD) - done :]
        if undone != wanted:
            yield f"{case}: {' '.join(undone) or 'nothing'} instead of {' '.join(wanted) or 'nothing'}"
        if (ran.tries(step) == 1) != refused:
            yield f"{case}: tried {ran.tries(step)} times"
