"""Trials, rules and checks: one part reads templates, no module is too long to read, and each name tells something."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from support.documents import ROOT

LARGEST = 400  # lines of a module
MODULES = sorted(path for folder in ("trials", "rules", "support") for path in (ROOT / "tests" / folder).rglob("*.py"))
MODULES = [path for path in MODULES if "node_modules" not in path.parts]
EMPTY = {"each", "found"}  # names that tell nothing once their comprehension is out of sight
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
READER = ROOT / "tests" / "trials" / "template"
MAY_READ_PROPERTIES = {  # outside the reader, and why
    "tests/trials/project/deployable.py": "changes the template that is then deployed",
    "tests/trials/project/lent.py": "adds layers to the functions of the template that is then deployed",
    "tests/trials/project/synthesised.py": "changes what CDK and the Serverless Framework wrote before it is read",
    "tests/trials/local_aws/deployment.py": "writes into the template where a function's package lies",
    "tests/support/deployed.py": "compares what SAM and CDK made, word by word",
}


def long_modules(sizes: dict[str, int]) -> list[str]:
    return [
        f"{name} has {lines} lines: split it by what its parts do" for name, lines in sizes.items() if lines > LARGEST
    ]


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def properties_read(tree: ast.Module) -> Iterator[int]:
    """The lines that take `Properties` out of a resource: by index, by `get`, by `pop`, by a match."""
    for node in ast.walk(tree):
        keys: list[ast.expr | None] = []
        if isinstance(node, ast.Subscript):
            keys = [node.slice]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            keys = list(node.args[:1]) if node.func.attr in ("get", "pop", "setdefault") else []
        elif isinstance(node, ast.MatchMapping):
            keys = list(node.keys)
        if any(isinstance(key, ast.Constant) and key.value == "Properties" for key in keys):
            yield node.lineno if hasattr(node, "lineno") else 0


def name_of(node: ast.AST) -> str | None:
    """What a node calls a variable, a parameter, an attribute that it sets, an import, a function or a class."""
    match node:
        case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name, ctx=ast.Store()):
            return name
        case ast.ExceptHandler(name=name) | ast.MatchAs(name=name) | ast.MatchStar(name=name):
            return name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.MatchMapping(rest=name):
            return name
        case ast.alias(name=imported, asname=name):
            return name or imported
    return None


def empty_names(node: ast.AST) -> Iterator[int]:
    """The lines with a name that tells nothing, unless a comprehension that stands on one line has it."""
    if isinstance(node, COMPREHENSIONS) and node.lineno == node.end_lineno:
        return
    if name_of(node) in EMPTY and hasattr(node, "lineno"):
        yield node.lineno
    for child in ast.iter_child_nodes(node):
        yield from empty_names(child)


def test_no_module_is_longer_than_one_can_keep_in_mind() -> None:
    sizes = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in MODULES}

    assert {name.split("/")[1] for name in sizes} == {"trials", "rules", "support"}
    assert long_modules(sizes) == []


@pytest.mark.e2e
def test_only_the_reader_of_templates_looks_into_their_properties() -> None:
    outside = [path for path in MODULES if READER not in path.parents]
    lines_of = {path.relative_to(ROOT).as_posix(): list(properties_read(parsed(path))) for path in outside}
    read = {name: lines for name, lines in lines_of.items() if lines}

    assert {name: lines for name, lines in read.items() if name not in MAY_READ_PROPERTIES} == {}, (
        "ask trials.template.Model: `resource.only(…)`, `resource.written(…)`, `resource.items(…)`"
    )
    assert MAY_READ_PROPERTIES.keys() <= read.keys(), "an exception that nothing needs"


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('resource["Properties"]', [1]),
        ('\nas_dict(resource.get("Properties") or {})', [2]),
        ('resource.pop("Properties")', [1]),
        ('match resource:\n    case {"Properties": found}:\n        pass', [2]),
        ('path == "Properties"', []),
        ('resource.only("Events")', []),
    ],
)
def test_a_look_into_properties_is_seen_in_each_of_its_forms(source: str, lines: list[int]) -> None:
    assert list(properties_read(ast.parse(source))) == lines


def test_a_module_is_long_from_the_first_line_too_many() -> None:
    assert [each.split()[0] for each in long_modules({"short.py": LARGEST, "long.py": LARGEST + 1})] == ["long.py"]


def test_a_name_tells_what_it_holds() -> None:
    modules = {path.relative_to(ROOT).as_posix(): parsed(path) for path in MODULES}
    named = {name: tree for name, tree in modules.items() if name.startswith(("tests/rules/", "tests/trials/"))}
    lines_of = {name: sorted(set(empty_names(tree))) for name, tree in named.items()}

    for folder in ("tests/rules/", "tests/trials/"):
        trees = [tree for name, tree in named.items() if name.startswith(folder)]
        assert any(name_of(node) for tree in trees for node in ast.walk(tree)), f"{folder}: nothing was looked at"
    empty = [f"{name}:{line}" for name, lines in lines_of.items() for line in lines]
    assert not empty, "\n".join(["say what it holds: `each` and `found` are for comprehensions of one line", *empty])


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("for each in rows:\n    pass", [1]),
        ("for index, each in enumerate(rows):\n    keep(each)", [1, 2]),
        ("async def keep():\n    async for each in rows:\n        pass", [2]),
        ("\nfound = rows", [2]),
        ("found: list[str] = []", [1]),
        ("first, *found = rows", [1]),
        ("if found := first(rows):\n    pass", [1]),
        ("with opened() as found:\n    pass", [1]),
        ("self.found = rows", [1]),
        ("def keep(row, each):\n    pass", [1]),
        ("def keep(each, /, *, found=None):\n    pass", [1, 1]),
        ("def keep(*each, **found):\n    pass", [1, 1]),
        ("sort(rows, key=lambda each: 1)", [1]),
        ("kept = [\n    each\n    for row in rows\n    for each in row\n]", [2, 4]),
        ("kept = all(\n    each for each in rows\n)", [2, 2]),
        ("kept = {\n    each: [1 for one in each] for each in rows\n}", [2, 2]),
        ("for row in rows:\n    keep([one for one in row], found)", [2]),
        ("try:\n    pass\nexcept OSError as found:\n    pass", [3]),
        ("match row:\n    case [found]:\n        pass", [2]),
        ("match row:\n    case [1, *each]:\n        pass", [2]),
        ("match row:\n    case {1: 2, **found}:\n        pass", [2]),
        ("from trials import samples as found", [1]),
        ("from trials.samples import found", [1]),
        ("def found():\n    pass", [1]),
        ("def found(each):\n    each += 1", [1, 1, 2]),
        ("async def found():\n    pass", [1]),
        ("class found:\n    pass", [1]),
        ("[each for each in rows]", []),
        ("{each: found for each, found in rows.items()}", []),
        ("kept = {each for each in rows}", []),
        ("all(each.kept for each in rows)", []),
        ("kept = [\n    [each for each in row]\n    for row in rows\n]", []),
        ("for row in rows:\n    keep(each for each in row)", []),
        ('f"{[each for each in rows]}"', []),
        ("row.found", []),
        ("keep(found=1)", []),
        ("from trials.samples.found import given", []),
        ("reached = founder  # each was found", []),
        ('"found each"', []),
    ],
)
def test_a_name_that_tells_nothing_is_seen_in_each_of_its_forms(source: str, lines: list[int]) -> None:
    assert list(empty_names(ast.parse(source))) == lines
