"""Inputs for a state machine: the project's own, what starts it, else what its definition and functions read."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from trials.deliveries.records import message_record
from trials.local_aws import ACCOUNT, REGION
from trials.machines.definition import State, scopes, states
from trials.machines.intrinsics import PATH, read, steps, texts
from trials.moment import TEXT
from trials.project.sources import Kind, Source
from trials.samples.derive import filled
from trials.samples.made import ID, bus_event
from trials.samples.reads import EACH, Reads, Steps
from trials.samples.sample import Sample
from trials.samples.sample_files import SampleFile, given
from trials.template import Model, Resource, as_dict, listed

STEPS_OF_JSONATA = r"((?:\.[A-Za-z_]\w*|\[\d+\])+)"
LITERAL = r"(?:\s*=\s*(true|false|-?\d+(?:\.\d+)?|'[^']*'|\"[^\"]*\"))?"  # what a path is compared with, if it is
OF_STATE = re.compile(r"\$states\.input" + STEPS_OF_JSONATA + LITERAL)
OF_EXECUTION = re.compile(r"\$states\.context\.Execution\.Input" + STEPS_OF_JSONATA + LITERAL)
FAILURE = re.compile(r"fail|error|abort|reject|invalid|cancel|deni|denied|declin|timed.?out|stop", re.IGNORECASE)
INNER = ("ItemProcessor", "Iterator", "Branches", "Catch", "Result", "ResultSelector", "ResultPath", "OutputPath")
WITH_PATH = re.compile(r"(String|Numeric|Boolean|Timestamp)(?:Greater|Less)?(?:Than)?EqualsPath$")
EQUAL = {"String": "1", "Numeric": 1, "Boolean": True, "Timestamp": TEXT}  # what two paths may hold
Code = Callable[[str], Reads | None]


def inputs(
    model: Model, machine: Resource, definition: State, files: list[SampleFile], passed: Sample | None, code: Code
) -> list[Sample]:
    """The inputs that are tried, best first; `code` tells what the function of a physical name reads of its event."""
    own, exact = given(files, Source(Kind.MACHINE, machine.name, machine.name))
    if exact:
        return own
    if passed:
        return [passed]
    wanted = reads(definition, code)
    sent = list(by_starters(model, machine))
    made = sent or [Sample({"id": ID}, "made up")]
    whole = [made_whole(each, wanted) for each in made]
    return [*own[:2], *whole] if not sent else [*whole, *own[:2]]


def made_whole(sample: Sample, wanted: Reads) -> Sample:
    """The sample with what is read of it; a batch is taken as it is."""
    return filled(sample, Source(Kind.DIRECT, "", ""), wanted) if isinstance(sample.payload, dict) else sample


def by_starters(model: Model, machine: Resource) -> Iterator[Sample]:
    """What rules and schedules of the template start it with."""
    for target in model.targets:
        if target.destination is not machine:
            continue
        pattern = target.only("Pattern")
        source = model.resources.get(target.source)
        if not isinstance(pattern, dict) and source:
            pattern = source.only("EventPattern")
        event = bus_event(pattern) if isinstance(pattern, dict) else None
        if target.scheduled and event is None:
            event = bus_event({"source": ["aws.events"], "detail-type": ["Scheduled Event"]})
        written = target.only("Input")
        with suppress(ValueError):
            if isinstance(written, str):
                yield Sample(json.loads(written), f"the input that {target.source} gives")
                continue
        path = target.only("InputPath")
        if event is not None and not target.absent("InputTransformer"):
            continue
        if event is not None and path == "$.detail":
            yield Sample(event["detail"], f"made from the pattern of {target.source}")
        elif event is not None:
            yield Sample(event, f"made from {target.source}")
    for pipe in model.of("AWS::Pipes::Pipe"):
        queue = pipe.refers("Source")
        asked = machine in (pipe.refers("Target"), pipe.refers("Enrichment"))
        if asked and queue and queue.type == "AWS::SQS::Queue":
            message: dict[str, Any] = {
                "MessageId": ID,
                "ReceiptHandle": ID,
                "Body": json.dumps({"id": ID}),
                "MD5OfBody": ID,
            }
            message["Attributes"] = {"ApproximateReceiveCount": "1"}
            record = message_record(message, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue.name}")
            yield Sample([record], f"made up, the batch that {pipe.name} passes on")


def reads(definition: State, code: Code) -> Reads:
    """What a definition reads of its input, and what its first functions read of what they are passed of it."""
    input_reads = Reads()
    for state, prefix in before_results(definition):
        for path, value in of_state(state):
            put(input_reads, (*prefix, *path), value)
        for path, function in passed_on(state):
            inner = code(function)
            for rest in inner.paths if inner else ():
                put(input_reads, (*prefix, *path, *rest), inner.values.get(rest) if inner else None)
                input_reads.numbers |= {(*prefix, *path, *rest)} if inner and rest in inner.numbers else set()
    for state in every_state(definition):
        for path, value in of_whole(state):
            put(input_reads, path, value)
    return input_reads


def put(into: Reads, path: Steps, value: Any) -> None:
    if path:
        into.paths.add(path)
        if value is not None:
            into.values.setdefault(path, value)


def before_results(machine: State, prefix: Steps = ()) -> Iterator[tuple[State, Steps]]:
    """The states whose input is still that of the machine, or a part of it at `prefix`."""
    todo, seen = [machine.get("StartAt")], set()
    while todo:
        name = str(todo.pop(0))
        state = states(machine).get(name)
        if name in seen or state is None:
            continue
        seen.add(name)
        yield state, prefix
        kind = state.get("Type")
        if kind == "Parallel":
            for inner in scopes(state):
                yield from before_results(inner, prefix)
        if kind == "Map" and (match := PATH.match(str(state.get("ItemsPath", "")))):
            for inner in scopes(state):
                yield from before_results(inner, (*prefix, *steps(match[1]), EACH))
        keeps = kind in ("Choice", "Wait") or str(state.get("ResultPath", "$")) != "$"
        passes = kind == "Pass" and not {"Result", "Parameters", "Output", "ResultPath"} & set(state)
        if keeps or passes:
            todo += [state.get("Next"), state.get("Default"), *(each.get("Next") for each in rules(state))]


def rules(state: State) -> list[dict[str, Any]]:
    return [each for each in listed(state.get("Choices")) if isinstance(each, dict)]


def own(state: State) -> State:
    """A state without what stands within it, and without what is not of its input."""
    return {key: each for key, each in state.items() if key not in INNER}


def of_state(state: State) -> Iterator[tuple[Steps, Any]]:
    """The paths that a state reads of its input, each with a value that it is compared with."""
    for rule in sorted(rules(state), key=fails):
        yield from compared(rule, fails(rule))
    for key, text in texts(own(state)):
        yield from read(key, text, whole=False)
        for mention in OF_STATE.finditer(text):
            value = literal(mention[2])
            yield steps(mention[1]), None if isinstance(value, str) and FAILURE.search(value) else value


def of_whole(state: State) -> Iterator[tuple[Steps, Any]]:
    """The paths that a state reads of the execution's own input, wherever the state stands."""
    for key, text in texts(own(state)):
        yield from read(key, text, whole=True)
        for mention in OF_EXECUTION.finditer(text):
            yield steps(mention[1]), literal(mention[2])


def literal(text: str | None) -> Any:
    if text is None or text in ("true", "false"):
        return None if text is None else text == "true"
    return text[1:-1] if text[0] in "'\"" else float(text) if "." in text else int(text)


def every_state(machine: State) -> Iterator[State]:
    for state in states(machine).values():
        yield state
        for inner in scopes(state):
            yield from every_state(inner)


def fails(rule: dict[str, Any]) -> bool:
    """Whether a rule of a Choice leads to what sounds like a failure."""
    return bool(FAILURE.search(str(rule.get("Next", ""))))


def compared(rule: dict[str, Any], fails: bool = False) -> Iterator[tuple[Steps, Any]]:
    """What a rule of a Choice compares, with a value that fits, or does not if it leads to where it `fails`."""
    for inner in (*listed(rule.get("And")), *listed(rule.get("Or"))):
        yield from compared(as_dict(inner), fails)
    if not (match := PATH.match(str(rule.get("Variable", "")))):
        return
    value = None
    for key, wanted in rule.items():
        other = PATH.match(str(wanted))
        if other and not fails and (kind := WITH_PATH.match(key)):
            value = EQUAL[kind[1]]
            yield steps(other[1]), value
        if key in ("StringEquals", "BooleanEquals", "NumericEquals", "TimestampEquals"):
            value = wanted
        elif key in ("NumericGreaterThan", "NumericLessThan") and isinstance(wanted, int | float):
            value = wanted + (1 if key == "NumericGreaterThan" else -1)
        elif key in ("NumericGreaterThanEquals", "NumericLessThanEquals"):
            value = wanted
        elif key == "StringMatches" and isinstance(wanted, str):
            value = wanted.replace("*", "trial")
    if fails or (isinstance(value, str) and FAILURE.search(value)):
        value = not value if isinstance(value, bool) else None
    yield steps(match[1]), value


def passed_on(state: State) -> Iterator[tuple[Steps, str]]:
    """Where in the state's input that lies what a function gets as its event, with the function's name."""
    resource = str(state.get("Resource", ""))
    given = state.get("Arguments") if "Arguments" in state else state.get("Parameters")
    called = resource if ":function:" in resource else str(as_dict(given).get("FunctionName", ""))
    name = called.split(":function:")[-1].split(":")[0]
    if state.get("Type") != "Task" or not name:
        return
    payload = given if ":function:" in resource else as_dict(given).get("Payload", as_dict(given).get("Payload.$"))
    if payload in (None, "$", "{% $states.input %}"):
        yield (), name
    elif isinstance(payload, str) and (match := PATH.match(payload)):
        yield steps(match[1]), name
