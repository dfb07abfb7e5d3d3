"""What texts of a definition in JSONPath read of an input: paths, and intrinsic functions with paths in them."""

import re
from collections.abc import Iterator
from typing import Any

from trials.samples.reads import EACH, Steps

STEPS = r"((?:\.[A-Za-z_][\w-]*|\['[\w-]+'\]|\[\d+\]|\[\*\])+)"
PATH = re.compile(rf"^\${STEPS}$")
WHOLE = re.compile(rf"^\$\$\.Execution\.Input{STEPS}?$")
STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\['([\w-]+)'\]|(\[)")
LITERAL = re.compile(r"'(?:\\.|[^'\\])*'(?!\])")
CALLED = re.compile(rf"(?:States\.(\w+)\(\s*)?(?<!\$)(\$\$\.Execution\.Input|\$){STEPS}")
LISTS = ("ArrayLength", "ArrayContains", "ArrayGetItem", "ArrayPartition", "ArrayUnique")
VALUES = {"MathAdd": 1, "MathRandom": 1, "StringToJson": '{"id": "trial-1"}'}  # of a function's first argument
TYPED = {"N.$": "1", "BOOL.$": True}  # attributes of DynamoDB, where a path stands for the whole


def steps(path: str) -> Steps:
    return tuple(step[1] or step[2] or EACH for step in STEP.finditer(path))


def texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """All texts of a piece of a definition, each with the key under which it stands."""
    if isinstance(value, str):
        yield key, value
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield from texts(inner, str(name))
    for inner in value if isinstance(value, list) else ():
        yield from texts(inner, key)


def read(key: str, text: str, whole: bool) -> Iterator[tuple[Steps, Any]]:
    """The paths that a text under a key reads of its state's input, or of the `whole` execution's, with a value."""
    if match := (WHOLE if whole else PATH).match(text):
        if match[1]:
            yield steps(match[1]), TYPED.get(key)
    elif text.startswith("States."):
        for function, root, path in CALLED.findall(LITERAL.sub("''", text)):
            if whole == root.startswith("$$"):
                number = 1 if key == "N.$" else None
                yield (*steps(path), *((EACH,) if function in LISTS else ())), VALUES.get(function, number)
