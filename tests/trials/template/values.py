"""What a piece of a template is, before anything is deployed: a literal, a text with references in it, or a reference.

Each of these questions has one answer for rules, trials and checks: `text`, `references`, `logical_id`.
"""

import json
import re
from typing import Any


class Opaque:
    """A value that is there and that nobody can know before deployment."""

    def __repr__(self) -> str:
        return "OPAQUE"


OPAQUE = Opaque()
NO_VALUE = {"Ref": "AWS::NoValue"}
NAME = re.compile(r"\$\{([A-Za-z0-9]+)(?![:A-Za-z0-9])")  # in a text, of what it refers to; no pseudo parameter


def is_intrinsic(value: Any) -> bool:
    return isinstance(value, dict) and (
        "Fn::Transform" in value
        or (len(value) == 1 and str(next(iter(value))).startswith(("Fn::", "Ref", "Condition")))
    )


def number(value: Any) -> int | None:
    """The whole number that a literal is, also as text; `None` if it is anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def flag(value: Any) -> bool | None:
    """The truth that a literal is, also as text; `None` if it is anything else."""
    return {"true": True, "false": False}.get(str(value).lower())


def as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_text(value: Any) -> str:
    """A text as it is, anything else as JSON writes it: of YAML's true, the word."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def listed(value: Any) -> list[Any]:
    """A list as it is, nothing as an empty one, anything else as a list of itself."""
    return value if isinstance(value, list) else [] if value is None else [value]


def lacks(value: Any, word: str) -> bool:
    """A list of words that are all known, none of which is this one."""
    return isinstance(value, list) and all(isinstance(each, str) and each != word for each in value)


def substituted(argument: Any) -> tuple[Any, dict[str, Any]]:
    """The text of an `Fn::Sub` and the values that it brings along."""
    if not isinstance(argument, list):
        return argument, {}
    written, own = [*argument, "", {}][:2]
    return written, as_dict(own)


def text(value: Any) -> str:
    """A string with its references left as `${Name.Attribute}`; empty for what is no string."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Ref":
            return f"${{{argument}}}"
        if function == "Fn::GetAtt":
            return f"${{{'.'.join(map(str, listed(argument)))}}}"
        if function == "Fn::Sub":
            written, own = substituted(argument)
            return re.sub(r"\$\{([^!}]+)\}", lambda m: text(own.get(m[1])) or m[0], text(written))
        if function == "Fn::Join" and isinstance(argument, list) and len(argument) == 2:
            return str(argument[0]).join(text(part) for part in argument[1]) if isinstance(argument[1], list) else ""
    return ""


def service(arn: Any) -> str:
    """The service of an ARN that is written out, whatever stands for its partition."""
    match = re.match(r"arn:(?:\$\{AWS::Partition\}|[^:]*):([a-z0-9-]+):", text(arn))
    return match[1] if match else ""


def references(value: Any) -> set[str]:
    """Every name that a piece of a template needs, however deep, `DependsOn` included, pseudo parameters left out."""
    if isinstance(value, list):
        return {name for each in value for name in references(each)}
    if not isinstance(value, dict):
        return set()
    names: set[str] = set()
    for key, argument in value.items():
        if key in ("Ref", "Fn::GetAtt"):
            names |= set(NAME.findall(text({key: argument})))
        elif key == "Fn::Sub":
            written, own = substituted(argument)
            names |= set(NAME.findall(text(written))) - own.keys() | references(own)
        elif key == "DependsOn":
            names.update(each for each in listed(argument) if isinstance(each, str))
        else:
            names |= references(argument)
    return names


def logical_id(value: Any) -> str:
    """The one name that an expression means, through `!Ref X`, `!GetAtt X.Arn`, or a text in which only X is named.

    A condition means what all its branches mean, nothing left out; a choice from a list means the chosen one; what is
    imported or looked up is not of this template.
    """
    if not is_intrinsic(value) or len(value) != 1:
        return ""
    ((function, argument),) = value.items()
    if function in ("Ref", "Fn::GetAtt", "Fn::Sub"):
        names = references(value)
    elif function == "Fn::Join" and isinstance(argument, list):
        names = set() if imports(argument) else references(argument)
    elif function == "Fn::If" and isinstance(argument, list):
        names = {logical_id(branch) for branch in argument[1:] if branch != NO_VALUE}
    elif function == "Fn::Select" and isinstance(argument, list) and len(argument) == 2:
        index, among = number(argument[0]), argument[1]
        if not isinstance(among, list):
            return logical_id(among)
        return logical_id(among[index]) if index is not None and index < len(among) else ""
    elif function == "Fn::Split" and isinstance(argument, list) and len(argument) == 2:
        return logical_id(argument[1])
    else:
        return ""
    return names.pop() if len(names) == 1 else ""


def imports(value: Any) -> bool:
    """Whether a part of an expression comes from another stack or from a table of the template."""
    if isinstance(value, dict):
        return bool(value.keys() & {"Fn::ImportValue", "Fn::FindInMap"}) or any(map(imports, value.values()))
    return isinstance(value, list) and any(map(imports, value))
