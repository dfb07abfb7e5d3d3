"""Every failure at every step, executed: what was done is undone backwards, and the execution fails."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from saga.scenario import configure

from evals.harness import graded, text, unique
from support import templates
from trials.local_aws import ACCOUNT, REGION, LocalAws, wait_for

FORWARD = ["ReserveStock", "ChargeCard", "BookShipment"]
BACKWARD = ["CancelShipment", "RefundCard", "ReleaseStock"]
REFUSALS = {"ReserveStock": "OutOfStock", "ChargeCard": "CardDeclined", "BookShipment": "AddressRejected"}
PASSING = ["Lambda.TooManyRequestsException", "States.Timeout", "ConnectionError"]
CASES: dict[str, dict[str, str]] = {"no failure": {}}  # what each state throws, at every attempt
for _step in FORWARD:
    CASES |= {f"{error} in {_step}": {_step: error} for error in [REFUSALS[_step], *PASSING]}
for _step in BACKWARD:
    CASES[f"ConnectionError in {_step}"] = {_step: "ConnectionError", "BookShipment": "AddressRejected"}


def ended(aws: LocalAws, arn: str) -> tuple[str, list[str], Counter[str]]:
    """How an execution ended, the tasks it entered, and how often each was tried."""
    states = aws.client("stepfunctions")
    status: Any = wait_for(
        "an execution to end",
        lambda: None if (now := states.describe_execution(executionArn=arn)["status"]) == "RUNNING" else now,
        timeout=10,
    )
    path: list[str] = []
    tries: Counter[str] = Counter()
    for event in states.get_execution_history(executionArn=arn, maxResults=1000)["events"]:
        if event["type"] == "TaskStateEntered":
            path.append(event["stateEnteredEventDetails"]["name"])
        elif event["type"] == "TaskScheduled":
            tries[path[-1]] += 1
    return status, path, tries


def refusals(definition: str) -> list[str]:
    """What cfn-lint says of the definition alone."""
    properties = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/any", "Definition": json.loads(definition)}
    template = {"Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}}
    with NamedTemporaryFile("w", suffix=".json") as file:
        file.write(json.dumps(template))
        file.flush()
        return [each for each in templates.findings(Path(file.name)) if each.startswith("E3")]


def executions(definition: str, aws: LocalAws) -> dict[str, tuple[str, list[str], Counter[str]]]:
    """Every case's outcome; all run at once."""
    errors = {error for failing in CASES.values() for error in failing.values()}
    responses: dict[str, Any] = {error: {"0": {"Throw": {"Error": error, "Cause": "why"}}} for error in errors}
    responses["done"] = {"0": {"Return": {"StatusCode": 200, "Payload": {}}}}
    plan = {
        f"case-{number}": {state: failing.get(state, "done") for state in [*FORWARD, *BACKWARD]}
        for number, failing in enumerate(CASES.values())
    }
    name = unique("saga")
    states = aws.client("stepfunctions")
    machine = states.create_state_machine(name=name, definition=definition, roleArn=f"arn:aws:iam::{ACCOUNT}:role/any")[
        "stateMachineArn"
    ]
    mock = {"StateMachines": {name: {"TestCases": plan}}, "MockedResponses": responses}
    configure(aws, _sfn_mock_config=mock, _SFN_WAIT_SCALE=0)
    try:
        given = json.dumps({"order_id": "o-1"})
        arns = [
            states.start_execution(stateMachineArn=f"{machine}#{case}", name=case, input=given)["executionArn"]
            for case in plan
        ]
        return dict(zip(CASES, [ended(aws, arn) for arn in arns], strict=True))
    finally:
        configure(aws, _sfn_mock_config={}, _SFN_WAIT_SCALE=0.02)


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
    ran = executions(definition, aws)
    for case, (status, path, tries) in ran.items():
        if case == "no failure":
            if (status, path) != ("SUCCEEDED", FORWARD):
                yield f"{case}: {status} after {' '.join(path)}"
            continue
        step, error = next(iter(CASES[case].items()))
        if status != "FAILED":
            yield f"{case}: the execution {status.lower()}"
        if step in BACKWARD:
            if tries[step] < 3:
                yield f"{case}: tried {tries[step]} times"
            continue
        done = FORWARD.index(step) + 1
        if path[done:] != BACKWARD[-done:]:
            yield f"{case}: {' '.join(path[done:]) or 'nothing'} instead of {' '.join(BACKWARD[-done:])}"
        if (tries[step] == 1) != (error == REFUSALS[step]):
            yield f"{case}: tried {tries[step]} times"
