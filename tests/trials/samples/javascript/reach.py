"""What one handler of a module that holds several can reach: whether it calls anything beyond itself."""

from collections.abc import Iterator
from pathlib import Path

from tree_sitter import Node

from trials.project.effects import IMPORTS, NODE, UNTOLD_SCRIPT, WRITES_LOGS
from trials.samples.javascript.code import Code, everywhere, parsed
from trials.samples.javascript.shapes import text

NAMES = ("identifier", "shorthand_property_identifier", "property_identifier", "type_identifier")
MOST = 200  # pieces of code that are followed


def calls_nothing(folder: Path, handler: str, runtime: str) -> bool:
    """Whether nothing that a handler reaches in its own code is more than harmless; False where that is not told."""
    if not runtime.startswith("nodejs") or not folder.is_dir():
        return False
    module, _, name = handler.rpartition(".")
    code = parsed(folder)
    entry = code.find(name, module)
    pieces = list(reached(code, entry)) if entry is not None else []
    return 0 < len(pieces) < MOST and all(map(harmless, pieces))


def reached(code: Code, entry: Node) -> Iterator[Node]:
    """The definitions that a piece of code leads to by their names, to the last; imports of packages among them."""
    todo, seen = [entry], set[int]()
    imports = imported(code)
    while todo and len(seen) < MOST:
        piece = todo.pop()
        if piece.id in seen:
            continue
        seen.add(piece.id)
        yield piece
        for node in everywhere(piece):
            if node.type in NAMES:
                meant = code.known(text(node), node) or code.everything.get(text(node)) or imports.get(text(node))
                todo += [meant] if meant is not None else []


def imported(code: Code) -> dict[str, Node]:
    """By name: the statement or the declaration that brings it from elsewhere."""
    brought: dict[str, Node] = {}
    for root in code.trees:
        for node in everywhere(root):
            names = node.child_by_field_name("name") if node.type == "variable_declarator" else node
            if names is not None and (node.type == "import_statement" or (names != node and "require(" in text(node))):
                brought |= {text(each): node for each in everywhere(names) if each.type in (*NAMES, PATTERN)}
    return brought


PATTERN = "shorthand_property_identifier_pattern"


def harmless(piece: Node) -> bool:
    written = text(piece)
    names = [name for _, name in IMPORTS.findall(written)]
    known = all(name.startswith((".", *WRITES_LOGS)) or name.removeprefix("node:") in NODE for name in names)
    return known and not UNTOLD_SCRIPT.search(written)
