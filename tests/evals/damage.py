"""Damage good answers in every way of a few kinds, and count how much of it the graders notice.

uv run --directory tests python -m evals.damage [--json FILE] [TASK …]

Python: a condition is turned round, two neighbouring statements that call something change places, a `raise` goes, an
argument goes that is a condition. Templates: an action of a policy goes, or a property that a promise rests on.
"""

import argparse
import ast
import copy
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from evals.scoring import Check, Task, scored_tasks
from support.documents import ROOT
from trials.local_aws import LocalAws

RESULTS = Path(__file__).resolve().parent / "results"
ENOUGH = 0.9

GUARDS = ("ConditionExpression", "MessageGroupId", "headers", "ConsistentRead")
PROPERTIES = re.compile(  # those whose absence no default of AWS makes good
    r"^ +(RedrivePolicy|FunctionResponseTypes|VisibilityTimeout|AlarmActions|AuthorizerId|RequestParameters"
    r"|DestinationConfig|TenancyConfig): .*\n",
    re.MULTILINE,
)
ACTIONS = re.compile(r"(?<=Action: )(?:\[[^\]]+\]|[\w:*]+)")
NAMES = re.compile(r"[\w:*]+")
TYPES = re.compile(r"^    Type: (\S+)", re.MULTILINE)
PURE = {"int", "str", "dict", "list", "set", "len", "sorted", "ZoneInfo", "fromisoformat", "astimezone", "date"}
PURE |= {"loads", "get", "items", "strip", "split", "encode", "decode", "partition", "uuid4", "sha256", "hexdigest"}
NOTHING = "sts:GetCallerIdentity"  # what everybody may do, so that a statement stays one that linters accept


@dataclass(frozen=True)
class Damage:
    """One file of an answer as it is after the damage."""

    file: str
    what: str
    text: str


@dataclass(frozen=True)
class Measured:
    """How much damage a task's good answer was done, and what of it no check noticed."""

    tried: int
    missed: list[str]

    @property
    def noticed(self) -> int:
        return self.tried - len(self.missed)


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
                first, second = node.body[place : place + 2]
                if calls(first) and calls(second) and not independent(tree, first, second):
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


def independent(tree: ast.Module, first: ast.stmt, second: ast.stmt) -> bool:
    """Whether it cannot matter which of two comes first: both only compute a name that the other does not use."""
    uses_second = names(first) & sets(second)
    uses_first = names(second) & sets(first)
    both_compute = all(sets(one) and computes(tree, one) for one in (first, second))
    return both_compute and not uses_first and not uses_second


def sets(statement: ast.stmt) -> set[str]:
    """The names that a statement sets; none if it sets anything else."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return {one.id for one in targets if isinstance(one, ast.Name)} if len(targets) == 1 else set()


def names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def computes(tree: ast.Module, statement: ast.AST) -> bool:
    """Whether a statement calls nothing that anything else could notice."""
    clients = {name for node in tree.body if isinstance(node, ast.Assign) for name in sets(node)}
    own = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for call in (node for node in ast.walk(statement) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id in own:
            if not computes(tree, own[call.func.id]):
                return False
        elif names(call.func) & clients or getattr(call.func, "attr", getattr(call.func, "id", "")) not in PURE:
            return False
    return True


def swap(node: ast.FunctionDef, place: int) -> None:
    node.body[place], node.body[place + 1] = node.body[place + 1], node.body[place]


def in_template(text: str) -> Iterator[tuple[str, str]]:
    for match in PROPERTIES.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield f"line {line}: no {match[1]}", text[: match.start()] + text[match.end() :]
    for actions in ACTIONS.finditer(text):
        *_, kind = ["", *TYPES.findall(text[: actions.start()])]
        for name in NAMES.finditer(text, *actions.span()) if kind != "AWS::Lambda::Permission" else ():
            line = text.count("\n", 0, name.start()) + 1
            yield f"line {line}: may not {name[0]}", text[: name.start()] + NOTHING + text[name.end() :]


def of_task(task: Task, answer: Path) -> list[Damage]:
    """All damage to the files of a good answer that lies in a folder."""
    files = {path.relative_to(task.folder / "good").as_posix() for path in (task.folder / "good").rglob("*.*")}
    return list(damages(answer, files))


def unnoticed(task: Task, aws: LocalAws, place: Path) -> Measured:
    """Damages a task's good answer in every way, and keeps what leaves its score at 1.

    Raises `SystemExit` if the score is below that before.
    """
    answer, order = task.good(place / task.name), list(task.checks)
    if failed := [check.name for check in order if check.grade(answer, aws)]:
        raise SystemExit(f"{task.name}: the good answer fails {', '.join(failed)}, as any damage to it would")
    missed: list[str] = []
    everything = of_task(task, answer)
    for damage in everything:
        whole = (answer / damage.file).read_text()
        (answer / damage.file).write_text(damage.text)
        if not objects(order, answer, aws):
            missed.append(f"{damage.file}, {damage.what}")
        (answer / damage.file).write_text(whole)
    return Measured(len(everything), missed)


def objects(order: list[Check], answer: Path, aws: LocalAws) -> bool:
    """Whether a check fails, so that the score is below 1; those that failed last are asked first."""
    for check in order:
        if check.grade(answer, aws):
            order.remove(check)
            order.insert(0, check)
            return True
    return False


def measured(file: Path) -> dict[str, Measured]:
    """What a file of figures says of each task."""
    return {name: Measured(**one) for name, one in json.loads(file.read_text())["tasks"].items()}


def keep(figures: dict[str, Measured], file: Path, commit: str) -> None:
    """Adds figures to a file, unless those in it are of another commit, which are dropped."""
    before = json.loads(file.read_text()) if file.exists() else {}
    known = before["tasks"] if before.get("commit") == commit else {}
    tasks = dict(sorted((known | {name: asdict(one) for name, one in figures.items()}).items()))
    whole = {"commit": commit, "date": f"{datetime.now(UTC):%Y-%m-%d}", "tasks": tasks}
    file.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")


def committed() -> str:
    """The commit that stands here. Raises `SystemExit` if the evals or the bench differ from it."""
    git = partial(subprocess.run, cwd=ROOT, check=True, capture_output=True, text=True)
    changed = git(["git", "status", "--porcelain", "--", "tests", "examples", f":!{RESULTS.relative_to(ROOT)}"]).stdout
    if changed:
        raise SystemExit(f"commit first: figures belong to one commit\n{changed}")
    return git(["git", "rev-parse", "--short=12", "HEAD"]).stdout.strip()


def main(arguments: list[str]) -> int:
    """Prints, for each task, what is not noticed. Exit 1 if that is more than a tenth of all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="names of tasks (all)")
    parser.add_argument("--json", type=Path, help="a file of figures of one commit, to which these are added")
    given = parser.parse_args(arguments)
    commit = committed() if given.json else ""
    figures: dict[str, Measured] = {}
    with LocalAws(faults=True) as aws, tempfile.TemporaryDirectory() as place:
        for task in scored_tasks():
            if not given.tasks or task.name in given.tasks:
                figures[task.name] = one = unnoticed(task, aws, Path(place).resolve())
                print("\n  ".join([f"{task.name}: {one.noticed} of {one.tried}", *one.missed]), flush=True)  # noqa: T201
                if given.json:
                    keep({task.name: one}, given.json, commit)
    noticed, tried = total(figures)
    print(f"{noticed} of {tried} damages noticed")  # noqa: T201
    return 0 if noticed >= ENOUGH * tried else 1


def total(figures: dict[str, Measured]) -> tuple[int, int]:
    """How many damages were noticed, and of how many."""
    return sum(one.noticed for one in figures.values()), sum(one.tried for one in figures.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
