"""Code blocks that quote a file: the text of a fence equals the named symbols of the file behind it.

Repair after an edit of the file:  uv run --directory tests python -m support.snippets
"""

import ast
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import tree_sitter_typescript
import yaml
from tree_sitter import Language, Node, Parser

from support.documents import ROOT, Fence, documents, fences

REPAIR = "uv run --directory tests python -m support.snippets"
QUOTED = ("examples/", "tests/counterexamples/", "tests/references/", "tests/rules/", ".github/")
LONGEST = 20
TYPESCRIPT = Parser(Language(tree_sitter_typescript.language_typescript()))
Span = tuple[int, int]


class SnippetError(Exception):
    """A fence that cannot be filled: no such file or symbol."""


def quotes(fence: Fence) -> bool:
    return fence.address.startswith(QUOTED)


def excerpt(address: str, root: Path = ROOT) -> str:
    """The text a fence with this address must hold.

    `path` alone is the whole file; `path#Name,Name` are top-level Python names with their decorators, a class's methods
    and what they assign (`Class.name`), exported TypeScript names, sections, logical ids or state names of a template
    or state machine, dedented, in the order asked for.
    """
    name, _, wanted = address.partition("#")
    path = root / name
    if not path.is_file():
        raise SnippetError(f"{name} does not exist")
    text = path.read_text()
    if not wanted:
        return text
    known = spans(path)
    lines = text.splitlines()
    parts = []
    for symbol in wanted.split(","):
        if symbol not in known:
            raise SnippetError(f"{name} has no {symbol}; it has {', '.join(known) or 'no symbols'}")
        first, last = known[symbol]
        parts.append(textwrap.dedent("\n".join(lines[first:last])).rstrip())
    return ("\n\n" if path.suffix in (".py", ".ts") else "\n").join(parts) + "\n"


def spans(path: Path) -> dict[str, Span]:
    """Zero-based, half-open line ranges of the symbols of a file."""
    text = path.read_text()
    if path.suffix == ".py":
        return dict(_python(ast.parse(text)))
    if path.suffix in (".yaml", ".yml", ".json"):
        return dict(_mapping(yaml.compose(text, Loader=yaml.SafeLoader), text.splitlines()))
    if path.suffix == ".ts":
        return dict(_typescript(TYPESCRIPT.parse(text.encode()).root_node))
    return {}


def _python(module: ast.Module) -> Iterator[tuple[str, Span]]:
    """Top-level names; a class's methods, and what they assign to a name, as `Class.name`."""
    yield from _named(module.body)
    for own in (node for node in module.body if isinstance(node, ast.ClassDef)):
        methods = [node for node in own.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        for body in (own.body, *(method.body for method in methods)):
            yield from ((f"{own.name}.{name}", span) for name, span in _named(body))


def _named(body: list[ast.stmt]) -> Iterator[tuple[str, Span]]:
    for node in body:
        names: list[str] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        decorators = [each.lineno for each in getattr(node, "decorator_list", [])]
        for name in names:
            assert node.end_lineno
            yield name, (min([node.lineno, *decorators]) - 1, node.end_lineno)


def _typescript(module: Node) -> Iterator[tuple[str, Span]]:
    for node in module.named_children:
        declaration = node.child_by_field_name("declaration") if node.type == "export_statement" else None
        if declaration:
            named = [declaration, *declaration.named_children]  # `const x` has its name one level down
            for name in filter(None, (each.child_by_field_name("name") for each in named)):
                if name.text:
                    yield name.text.decode(), (node.start_point.row, node.end_point.row + 1)
                break


def _mapping(node: yaml.Node | None, lines: list[str]) -> Iterator[tuple[str, Span]]:
    """Sections; logical ids and their properties (`Name.Property`); states and their fields
    (`Name.Field`), those of nested machines too; jobs."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        yield key.value, _span(key, value, lines)
        if key.value in ("Resources", "jobs") and isinstance(value, yaml.MappingNode):
            for name, body in value.value:
                yield name.value, _span(name, body, lines)
                for inner, properties in body.value:
                    if inner.value == "Properties" and isinstance(properties, yaml.MappingNode):
                        yield from ((f"{name.value}.{k.value}", _span(k, v, lines)) for k, v in properties.value)
        else:
            yield from _states(key, value, lines)


def _states(key: yaml.Node, value: yaml.Node, lines: list[str]) -> Iterator[tuple[str, Span]]:
    if isinstance(value, yaml.SequenceNode):
        for each in value.value:
            yield from _states(key, each, lines)
    if isinstance(value, yaml.MappingNode):
        for name, body in value.value:
            if key.value == "States":
                yield name.value, _span(name, body, lines)
                if isinstance(body, yaml.MappingNode):
                    yield from ((f"{name.value}.{field.value}", _span(field, v, lines)) for field, v in body.value)
            yield from _states(name, body, lines)


def _span(key: yaml.Node, value: yaml.Node, lines: list[str]) -> Span:
    return _trimmed(key.start_mark.line, value.end_mark, lines)


def _trimmed(first: int, end: yaml.Mark, lines: list[str]) -> Span:
    last = end.line + 1 if end.column and lines[end.line][: end.column].strip() else end.line
    while last > first + 1 and not lines[last - 1].strip():
        last -= 1
    return first, last


def stale(fence: Fence) -> bool:
    return fence.text != excerpt(fence.address)


def repair(path: Path) -> int:
    """Rewrite the quoting fences of one document; return how many changed."""
    changed = 0
    lines = path.read_text().splitlines(keepends=True)
    for fence in reversed(fences(path)):
        if quotes(fence) and stale(fence):
            lines[fence.first : fence.last] = [excerpt(fence.address)]
            changed += 1
    path.write_text("".join(lines))
    return changed


if __name__ == "__main__":
    try:
        for document in documents():
            if count := repair(document):
                print(f"{document.relative_to(ROOT)}: {count} fences filled")
    except SnippetError as error:
        sys.exit(f"snippets: {error}")
