"""The queues of a template in which failed events are kept."""

from collections.abc import Iterator
from typing import Any

from trials.template import Model, logical_id, references

KEYS = ("deadLetterTargetArn", "DeadLetterConfig", "DeadLetterQueue", "OnFailure")
OF_FUNCTIONS = ("DeadLetterConfig", "DeadLetterQueue", "EventInvokeConfig")  # properties of a function


def graves(body: dict[str, Any]) -> set[str]:
    """Logical ids of all that a redrive policy, a dead-letter configuration or an on-failure destination names."""
    return set(named(body.get("Resources")))


def keeps_failures(body: dict[str, Any], function: str) -> str:
    """Where the template says that failed asynchronous events of a function are kept; empty if nowhere.

    The dead-letter queue of a subscription, a rule or a schedule takes what could not be handed over to the function,
    not what the function then fails to do.
    """
    template = Model(body)
    own = template.resources.get(function)
    places = list(named({key: own.body.get(key) for key in OF_FUNCTIONS})) if own else []
    for config in template.of("AWS::Lambda::EventInvokeConfig"):
        if logical_id(config.written("FunctionName")) == function:
            places += named(config.body)
    return next(iter(places), "")


def named(value: Any) -> Iterator[str]:
    """All that stands under these keys, each branch of a condition: what one of them may be is kept there."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in KEYS:
                yield from sorted(references(inner))
            yield from named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from named(inner)
