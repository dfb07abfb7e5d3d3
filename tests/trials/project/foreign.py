"""Queues of other stacks that a template only names: one of the trials' own stands in for each."""

import re
from typing import Any

from trials.template import Model, as_dict, logical_id, text
from trials.template.nodes import Mapping
from trials.template.values import service

NAMED = re.compile(r"(?i)queue|sqs")
HELD = 900  # seconds of visibility, more than any function may run
PLANTED = "ForeignQueue"


def with_queues(body: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """The template with a queue for each one that its mappings name and it does not make."""
    template = Model(body)
    planted: dict[str, dict[str, Any]] = {}
    ends: dict[str, str] = {}  # by what is named: the logical id of what stands in
    places: list[tuple[Mapping, str, str]] = []
    for mapping in template.mappings:
        key = "Queue" if mapping.event else "EventSourceArn"
        written = mapping.written(key)
        named = text(written) or str(written)
        if mapping.source or not is_queue(template, mapping, written) or logical_id(written) in template.resources:
            continue
        if named not in ends:
            ends[named] = f"{PLANTED}{len(ends) or ''}"
            planted |= queue(ends[named], named)
            notes.append(
                f"{ends[named]} stands in for {named}, of another stack: its dead-letter queue takes a message "
                "after five receives, and what becomes of a malformed one is not tried, for nobody here knows its own"
            )
        places.append((mapping, key, ends[named]))
    if not planted:
        return body
    kept = copied(body)
    for mapping, key, name in places:
        here: Any = kept
        for step in mapping.path:
            here = here[step]
        here[key] = {"Fn::GetAtt": [name, "Arn"]}
    kept["Resources"] |= planted
    return kept


def is_queue(template: Model, mapping: Mapping, written: Any) -> bool:
    """Whether a mapping reads a queue: SAM says so, or the ARN, or how what holds the ARN is called."""
    if mapping.kind:
        return mapping.kind == "SQS"
    if mapping.event or not written or service(written):
        return False
    default = as_dict(template.parameters.get(logical_id(written))).get("Default")
    return bool(NAMED.search(str(written)) or ":sqs:" in str(default))


def queue(name: str, named: str) -> dict[str, dict[str, Any]]:
    fifo = named.endswith(".fifo")
    own = re.fullmatch(r"arn:.*:([\w-]+(?:\.fifo)?)", named)  # no name where only deployment tells it
    properties: dict[str, Any] = {"VisibilityTimeout": HELD, **({"FifoQueue": True} if fifo else {})}
    dead: dict[str, Any] = {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True} if fifo else {}}
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": [f"{name}Dead", "Arn"]}, "maxReceiveCount": 5}
    properties |= {"RedrivePolicy": redrive, **({"QueueName": own[1]} if own else {})}
    return {name: {"Type": "AWS::SQS::Queue", "Properties": properties}, f"{name}Dead": dead}


def copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value
