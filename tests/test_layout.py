"""Trials, rules and checks: only one part of them reads templates, and no module is too long to read."""

import ast
from collections.abc import Iterator

import pytest

from support.documents import ROOT

LARGEST = 400  # lines of a module
MODULES = sorted(path for folder in ("trials", "rules", "support") for path in (ROOT / "tests" / folder).rglob("*.py"))
MODULES = [path for path in MODULES if "node_modules" not in path.parts]
READER = ROOT / "tests" / "trials" / "template"
MAY_READ_PROPERTIES = {  # outside the reader, and why
    "tests/trials/project/deployable.py": "changes the template that is then deployed",
    "tests/trials/project/synthesised.py": "changes what CDK and the Serverless Framework wrote before it is read",
    "tests/trials/local_aws/deployment.py": "writes into the template where a function's package lies",
    "tests/support/deployed.py": "compares what SAM and CDK made, word by word",
}


def long_modules(sizes: dict[str, int]) -> list[str]:
    return [
        f"{name} has {lines} lines: split it by what its parts do" for name, lines in sizes.items() if lines > LARGEST
    ]


def properties_read(source: str) -> Iterator[int]:
    """The lines that take `Properties` out of a resource: by index, by `get`, by `pop`, by a match."""
    for node in ast.walk(ast.parse(source)):
        keys: list[ast.expr | None] = []
        if isinstance(node, ast.Subscript):
            keys = [node.slice]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            keys = list(node.args[:1]) if node.func.attr in ("get", "pop", "setdefault") else []
        elif isinstance(node, ast.MatchMapping):
            keys = list(node.keys)
        if any(isinstance(key, ast.Constant) and key.value == "Properties" for key in keys):
            yield node.lineno if hasattr(node, "lineno") else 0


def test_no_module_is_longer_than_one_can_keep_in_mind() -> None:
    sizes = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in MODULES}

    assert {name.split("/")[1] for name in sizes} == {"trials", "rules", "support"}
    assert long_modules(sizes) == []


def test_only_the_reader_of_templates_looks_into_their_properties() -> None:
    outside = [path for path in MODULES if READER not in path.parents]
    found = {path.relative_to(ROOT).as_posix(): list(properties_read(path.read_text())) for path in outside}
    read = {name: lines for name, lines in found.items() if lines}

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
    assert list(properties_read(source)) == lines


def test_a_module_is_long_from_the_first_line_too_many() -> None:
    assert [each.split()[0] for each in long_modules({"short.py": LARGEST, "long.py": LARGEST + 1})] == ["long.py"]
