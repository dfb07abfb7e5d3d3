"""What the reader supplies in `trials.toml` beside the template: answers of outside services, values, claims."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trials.local_aws import LocalAwsError
from trials.local_aws.outside import Supplied
from trials.template import as_text

NAME = "trials.toml"
OUTSIDE: dict[str, tuple[type, ...]] = {
    "host": (str,),
    "method": (str,),
    "path": (str,),
    "status": (int,),
    "body": (str, dict, list),
    "delay": (int, float),
}


@dataclass(frozen=True)
class Supply:
    """`secrets` and `parameters` are texts by name; a table is kept as JSON."""

    outside: tuple[Supplied, ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    tasks: dict[str, Any] = field(default_factory=dict)  # by state: what a task that cannot be done here answers


def supplied(folder: Path, parameters: dict[str, Any]) -> Supply:
    """What stands in the file, or nothing without one; `parameters` are those of the template."""
    path = folder / NAME
    if not path.is_file():
        return Supply()
    try:
        return of_file(tomllib.loads(path.read_text(encoding="utf-8")), parameters)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LocalAwsError(f"{path} is no TOML: {' '.join(str(error).split())}") from error
    except ValueError as error:
        raise LocalAwsError(f"{path}: {error}") from error


def of_file(content: dict[str, Any], parameters: dict[str, Any]) -> Supply:
    known = ("outside", "parameters", "secrets", "claims", "tasks")
    if unknown := [name for name in content if name not in known]:
        raise ValueError(f"there is no [{unknown[0]}]; there are {', '.join(known)}")
    answers = content.get("outside", [])
    if not isinstance(answers, list) or not all(isinstance(each, dict) for each in answers):
        raise ValueError("outside is a list of tables: write [[outside]]")
    for name in ("parameters", "secrets", "claims"):
        if not isinstance(content.get(name, {}), dict):
            raise ValueError(f"{name} is a table: write [{name}]")
    values = {name: as_text(value) for name, value in content.get("parameters", {}).items()}
    if strange := [name for name in values if name not in parameters]:
        raise ValueError(
            f"[parameters] names {strange[0]}, and the template has {', '.join(parameters) or 'no parameters'}"
        )
    secrets = {name: as_text(value) for name, value in content.get("secrets", {}).items()}
    listed = tuple(answer(each, number) for number, each in enumerate(answers, start=1))
    return Supply(listed, values, secrets, content.get("claims", {}), of_tasks(content.get("tasks", [])))


def of_tasks(given: Any) -> dict[str, Any]:
    """The answers of tasks, by state."""
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise ValueError("tasks is a list of tables: write [[tasks]]")
    for number, task in enumerate(given, start=1):
        if set(task) != {"state", "answer"} or not isinstance(task["state"], str):
            raise ValueError(f"[[tasks]] {number} has {', '.join(task) or 'nothing'}; it needs state and answer")
    return {each["state"]: each["answer"] for each in given}


def answer(given: dict[str, Any], number: int) -> Supplied:
    """One answer of an outside service."""
    for name, value in given.items():
        if name not in OUTSIDE:
            raise ValueError(f"[[outside]] {number} has {name}; it may have {', '.join(OUTSIDE)}")
        if not isinstance(value, OUTSIDE[name]) or isinstance(value, bool):
            wanted = " or ".join(kind.__name__ for kind in OUTSIDE[name])
            raise ValueError(f"[[outside]] {number}: {name} is a {type(value).__name__}, and must be {wanted}")
    if not 100 <= given.get("status", 200) <= 599:
        raise ValueError(f"[[outside]] {number}: {given['status']} is no status of HTTP")
    if given.get("delay", 0) < 0:
        raise ValueError(f"[[outside]] {number}: a delay is at least 0 seconds")
    return Supplied(**given)
