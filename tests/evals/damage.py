"""Damage good answers in every way of a few kinds, and count how much of it the graders notice.

uv run --directory tests python -m evals.damage [TASK …]

Python: a condition is turned round, two neighbouring statements that call something change places, a `raise` goes, an
argument goes that is a condition. Templates: an action of a policy goes, or a property that a promise rests on.
"""

import ast
import copy
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evals.scoring import Task, scored_tasks
from trials.local_aws import LocalAws

GUARDS = ("ConditionExpression", "MessageGroupId", "headers", "ConsistentRead")
PROPERTIES = re.compile(  # those whose absence no default of AWS makes good
    r"^ +(RedrivePolicy|FunctionResponseTypes|VisibilityTimeout|AlarmActions|AuthorizerId|RequestParameters"
    r"|DestinationConfig|TenancyConfig): .*\n",
    re.MULTILINE,
)
ACTIONS = re.compile(r"Action: (\[[^\]]+\]|\S+)")


@dataclass(frozen=True)
class Damage:
    """One file of an answer as it is after the damage."""

    file: str
    what: str
    text: str


def damages(answer: Path, files: set[str]) -> Iterator[Damage]:
    """All damage to these files of an answer."""
    for name in sorted(files):
        text = (answer / name).read_text()
        found = in_python(text) if name.endswith(".py") else in_template(text) if name.endswith(".yaml") else []
        yield from (Damage(name, what, damaged) for what, damaged in found)


def in_python(text: str) -> Iterator[tuple[str, str]]:
    tree = ast.parse(text)
    for number, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.If | ast.IfExp):
            yield f"line {node.lineno}: condition turned round", changed(tree, number, turned)
        elif isinstance(node, ast.Raise):
            yield f"line {node.lineno}: no raise", changed(tree, number, None)
        elif isinstance(node, ast.Call | ast.Dict):
            for guard in GUARDS:
                if has(node, guard):
                    yield (
                        f"line {node.lineno}: no {guard}",
                        changed(tree, number, lambda one, name=guard: drop(one, name)),
                    )
        elif isinstance(node, ast.FunctionDef):
            for place in range(len(node.body) - 1):
                if all(calls(each) for each in node.body[place : place + 2]):
                    at = node.body[place].lineno
                    yield f"line {at}: swapped with the next", changed(tree, number, lambda one, i=place: swap(one, i))


def changed(tree: ast.Module, number: int, change: object) -> str:
    """The source after a change of the node that a walk meets as this number; None takes a statement out."""
    damaged = copy.deepcopy(tree)
    node = list(ast.walk(damaged))[number]
    if callable(change):
        change(node)
    else:
        node.__class__ = ast.Pass
        node.__dict__ = {key: value for key, value in node.__dict__.items() if "line" in key or "col" in key}
    return ast.unparse(ast.fix_missing_locations(damaged)) + "\n"


def turned(node: ast.If | ast.IfExp) -> None:
    node.test = ast.UnaryOp(ast.Not(), node.test)


def has(node: ast.Call | ast.Dict, name: str) -> bool:
    if isinstance(node, ast.Call):
        return any(keyword.arg == name for keyword in node.keywords)
    return any(isinstance(key, ast.Constant) and key.value == name for key in node.keys)


def drop(node: ast.Call | ast.Dict, name: str) -> None:
    if isinstance(node, ast.Call):
        node.keywords = [keyword for keyword in node.keywords if keyword.arg != name]
        return
    pairs = [
        (key, value) for key, value in zip(node.keys, node.values, strict=True) if getattr(key, "value", "") != name
    ]
    node.keys, node.values = [key for key, _ in pairs], [value for _, value in pairs]


def calls(statement: ast.stmt) -> bool:
    plain = isinstance(statement, ast.Expr | ast.Assign | ast.If | ast.Try)
    return plain and any(isinstance(node, ast.Call) for node in ast.walk(statement))


def swap(node: ast.FunctionDef, place: int) -> None:
    node.body[place], node.body[place + 1] = node.body[place + 1], node.body[place]


def in_template(text: str) -> Iterator[tuple[str, str]]:
    for match in PROPERTIES.finditer(text):
        yield f"no {match[1]}, {match.start()}", text[: match.start()] + text[match.end() :]
    for match in ACTIONS.finditer(text):
        names = [name.strip() for name in match[1].strip("[]").split(",")]
        if not names[0].startswith("lambda:"):
            for name in names:
                yield (
                    f"may not {name}",
                    text[: match.start()] + match[0].replace(name, "sts:None") + text[match.end() :],
                )


def main(names: list[str]) -> int:
    """Prints, for each task, what is not noticed. Exit 1 if that is more than a tenth of all."""
    noticed = tried = 0
    with LocalAws(faults=True) as aws, tempfile.TemporaryDirectory() as place:
        for task in scored_tasks():
            if not names or task.name in names:
                of_one = list(unnoticed(task, aws, Path(place).resolve()))
                tried += len(of_one)
                noticed += sum(seen for _, seen in of_one)
                missed = [f"  {damage.file}, {damage.what}" for damage, seen in of_one if not seen]
                print("\n".join([f"{task.name}: {len(of_one) - len(missed)} of {len(of_one)}", *missed]))  # noqa: T201
    print(f"{noticed} of {tried} damages noticed")  # noqa: T201
    return 0 if noticed >= 0.9 * tried else 1


def unnoticed(task: Task, aws: LocalAws, place: Path) -> Iterator[tuple[Damage, bool]]:
    """Each damage to a task's good answer, and whether its score is below 1."""
    files = {path.relative_to(task.folder / "good").as_posix() for path in (task.folder / "good").rglob("*.*")}
    answer = task.good(place / task.name)
    for damage in list(damages(answer, files)):
        whole = (answer / damage.file).read_text()
        (answer / damage.file).write_text(damage.text)
        yield damage, task.score(answer, aws).value < 1
        (answer / damage.file).write_text(whole)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
