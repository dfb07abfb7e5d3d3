"""Which module's function a name means that another module brings in."""

import posixpath
import re
from collections.abc import Iterator

from tree_sitter import Node

from trials.samples.javascript.shapes import key, literal, text

WHOLE = "*"  # in place of one name: the module itself


def brought(node: Node) -> Iterator[tuple[str, str, str]]:
    """By an import or a `require`: a name, the path of its module, and how it is called there."""
    if node.type == "import_statement":
        path = literal(node.child_by_field_name("source"))
        for part in descendants(node) if isinstance(path, str) else ():
            if part.type == "import_specifier":
                name = text(part.child_by_field_name("name"))
                yield text(part.child_by_field_name("alias")) or name, str(path), name
            elif part.type == "namespace_import":
                yield text(part.named_children[-1]), str(path), WHOLE
            elif part.type == "identifier" and part.parent is not None and part.parent.type == "import_clause":
                yield text(part), str(path), WHOLE
    elif node.type == "variable_declarator" and (path := required(node.child_by_field_name("value"))):
        target = node.child_by_field_name("name")
        if target is not None and target.type == "identifier":
            yield text(target), path, WHOLE
        for part in target.named_children if target is not None and target.type == "object_pattern" else []:
            if part.type == "shorthand_property_identifier_pattern":
                yield text(part), path, text(part)
            elif part.type == "pair_pattern":
                yield text(part.child_by_field_name("value")), path, key(part.child_by_field_name("key"))


def required(value: Node | None) -> str:
    """The path of `require('./orders')`; empty for anything else."""
    called = value.child_by_field_name("function") if value is not None and value.type == "call_expression" else None
    listed = value.child_by_field_name("arguments") if value is not None and called is not None else None
    path = literal(listed.named_children[0]) if listed is not None and listed.named_children else None
    return path if text(called) == "require" and isinstance(path, str) else ""


def descendants(node: Node) -> Iterator[Node]:
    for child in node.named_children:
        yield child
        yield from descendants(child)


def module_of(path: str, importer: str, modules: dict[str, dict[str, Node]]) -> dict[str, Node]:
    """What the module defines that a path means, from the module that names it; nothing for a package."""
    if not path.startswith("."):
        return {}
    place = posixpath.normpath(posixpath.join(posixpath.dirname(importer), path))
    place = re.sub(r"\.[cm]?[jt]sx?$", "", place)
    return modules.get(place) or modules.get(f"{place}/index") or {}
