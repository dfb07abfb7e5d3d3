"""What a project's Python says of its tables to SQLAlchemy: their columns, with types in MySQL's words."""

import ast
import re
from collections.abc import Iterator

Tables = dict[str, dict[str, str]]  # types by column, by table
UNKNOWN = "VARCHAR(255)"
TYPES = {
    "BIGINT": "BIGINT",
    "BINARY": "BINARY",
    "Binary": "BINARY(16)",
    "BigInteger": "BIGINT",
    "Boolean": "TINYINT",
    "DATE": "DATE",
    "DATETIME": "DATETIME",
    "DECIMAL": "DECIMAL",
    "Date": "DATE",
    "DateTime": "DATETIME",
    "Enum": "ENUM",
    "Float": "FLOAT",
    "INT": "INT",
    "INTEGER": "INT",
    "Integer": "INT",
    "JSON": "JSON",
    "LargeBinary": "BINARY(16)",
    "Numeric": "DECIMAL",
    "SmallInteger": "SMALLINT",
    "TIMESTAMP": "TIMESTAMP",
    "VARBINARY": "VARBINARY",
}


def declared(text: str) -> Tables:
    """Tables made by `Table(…)`, classes with a `__tablename__`, and columns that are asked for by `table.c.name`."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):  # it is no Python, or that of another version
        return {}
    tables: Tables = {}
    variables: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) == "Table" and (name := first_text(node)):
            tables.setdefault(name, {}).update(columns(node.args))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and called(node.value) == "Table":
            variables |= {target.id: first_text(node.value) for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ClassDef) and (name := table_of(node)):
            tables.setdefault(name, {}).update(of_class(node))
    for variable, column in asked_for(tree):
        if table := variables.get(variable):
            tables.setdefault(table, {}).setdefault(column, UNKNOWN)
    return tables


def merged(texts: Iterator[str]) -> Tables:
    """What all of them say; a type that is known goes before one that is not."""
    tables: Tables = {}
    for text in texts:
        speaks = re.search(r"\bColumn\b|mapped_column|\bTable\b", text)
        for name, kinds in declared(text).items() if speaks else ():
            known = tables.setdefault(name, {})
            known |= {column: kind for column, kind in kinds.items() if known.get(column, UNKNOWN) == UNKNOWN}
    return tables


def called(node: ast.expr) -> str:
    """The last name of what is called, or of a type that is named without a call."""
    function = node.func if isinstance(node, ast.Call) else node
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def first_text(node: ast.Call) -> str:
    first = node.args[0] if node.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def columns(parts: list[ast.expr]) -> dict[str, str]:
    made = [part for part in parts if isinstance(part, ast.Call) and called(part) == "Column"]
    return {name: kind_of(part.args[1:]) for part in made if (name := first_text(part))}


def table_of(node: ast.ClassDef) -> str:
    named = [value for name, value in assigned(node) if name == "__tablename__"]
    return str(named[0].value) if named and isinstance(named[0], ast.Constant) else ""


def of_class(node: ast.ClassDef) -> dict[str, str]:
    kinds = {}
    for name, value in assigned(node):
        if isinstance(value, ast.Call) and called(value) in ("Column", "mapped_column"):
            own = first_text(value)
            kinds[own or name] = kind_of(value.args[1:] if own else value.args)
    return kinds


def assigned(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr | None]]:
    """The attributes of a class, each with what it is assigned."""
    for part in node.body:
        if isinstance(part, ast.Assign):
            yield from ((target.id, part.value) for target in part.targets if isinstance(target, ast.Name))
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            yield part.target.id, part.value


def kind_of(parts: list[ast.expr]) -> str:
    """A type in MySQL's words, with its length or its values."""
    kind = TYPES.get(called(parts[0]), "") if parts else ""
    values = [each.value for each in getattr(parts[0], "args", []) if isinstance(each, ast.Constant)] if kind else []
    if kind == "ENUM":
        texts = ["'" + str(value).replace("'", "''") + "'" for value in values]
        return f"ENUM({','.join(texts)})" if texts else UNKNOWN
    if kind in ("BINARY", "VARBINARY", "DECIMAL") and values:
        return f"{kind}({','.join(map(str, values))})"
    return kind or UNKNOWN


def asked_for(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Variables and columns of `variable.c.column`."""
    for node in ast.walk(tree):
        held = node.value if isinstance(node, ast.Attribute) else None
        if isinstance(held, ast.Attribute) and held.attr in ("c", "columns") and isinstance(held.value, ast.Name):
            yield held.value.id, str(getattr(node, "attr", ""))
