"""Statements, read by sqlglot: their values, tables and columns, and what they look for."""

import json
import re
import uuid
from typing import Any

from sqlglot import exp

VALUES = (exp.Literal, exp.HexString, exp.Neg, exp.Boolean)


def plain(node: exp.Expression, last_id: int) -> exp.Expression:
    """The statement with every text and number in SQLite's own form."""

    def one(part: exp.Expression) -> exp.Expression:
        if isinstance(part, exp.Introducer):
            value = part.expression
            if isinstance(value, exp.HexString):
                raw = bytes.fromhex(value.name)
            else:
                raw = value.name.encode("utf-8", "surrogateescape")
            binary = part.name.lower() == "_binary"
            return exp.HexString(this=raw.hex()) if binary else exp.Literal.string(raw.decode(errors="replace"))
        if isinstance(part, exp.Literal) and any("\udc80" <= letter <= "\udcff" for letter in part.name):
            return exp.HexString(this=part.name.encode("utf-8", "surrogateescape").hex())
        if isinstance(part, exp.Anonymous) and part.name.upper() == "LAST_INSERT_ID":
            return exp.Literal.number(last_id)
        if isinstance(part, exp.Uuid):
            return exp.Literal.string(str(uuid.uuid4()))
        return part

    return node.transform(one)


def value_of(node: Any) -> Any:
    """A value that JSON can hold."""
    if isinstance(node, exp.HexString):
        return {"hex": node.name}
    if isinstance(node, exp.Neg):
        return -value_of(node.this)
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Literal) and not node.is_string:
        return float(node.name) if re.search(r"[.eE]", node.name) else int(node.name)
    return node.name if isinstance(node, exp.Literal) else None


def tables(node: exp.Expression) -> dict[str, str]:
    """The tables of a statement, by the name under which its columns speak of them."""
    own = {each.alias for each in node.find_all(exp.CTE)}
    named = [each for each in node.find_all(exp.Table) if isinstance(each.this, exp.Identifier)]
    return {each.alias_or_name: each.name for each in named if each.name not in own}


def columns(node: exp.Expression, known: dict[str, set[str]], made_up: set[str]) -> dict[str, dict[str, Any]]:
    """By table: the columns that a statement speaks of, with a value where it says one."""
    by_name, wanted = tables(node), {name: {} for name in tables(node).values()}
    aliases = {each.alias for each in node.find_all(exp.Alias)}
    for part in node.find_all(exp.Column):
        table = owner(part, by_name, known, made_up)
        if table and isinstance(part.this, exp.Identifier) and (part.table or part.name not in aliases):
            wanted[table].setdefault(part.name, None)
    if isinstance(node, exp.Insert) and isinstance(node.this, exp.Schema):
        rows = node.expression.expressions if isinstance(node.expression, exp.Values) else []
        values = rows[0].expressions if rows and isinstance(rows[0], exp.Tuple) else []
        names = [each.name for each in node.this.expressions]
        for at, name in enumerate(names):
            wanted[node.this.this.name][name] = value_of(values[at]) if at < len(values) else None
    for left, right in equalities(node):
        table = owner(left, by_name, known, made_up)
        if table:
            wanted[table][left.name] = right
    return wanted


def owner(part: exp.Column, by_name: dict[str, str], known: dict[str, set[str]], made_up: set[str]) -> str:
    """The table of a column: the one it names, else one that has it, else one that is made up, else the first."""
    if part.table:
        return by_name.get(part.table, "")
    having = [name for name in by_name.values() if part.name.lower() in known.get(name, ())]
    open_ones = [name for name in by_name.values() if name in made_up or not known.get(name)]
    return next(iter([*having, *open_ones, *by_name.values()]), "")


def equalities(node: exp.Expression) -> list[tuple[exp.Column, Any]]:
    """What columns are compared with, where that is a value."""
    where = node.args.get("where")
    found_pairs = []
    for part in where.find_all(exp.EQ, exp.In) if where else ():
        right = part.expression if isinstance(part, exp.EQ) else next(iter(part.expressions), None)
        left = part.this
        if isinstance(right, exp.Column) and isinstance(left, VALUES):
            left, right = right, left
        if isinstance(left, exp.Column) and isinstance(right, VALUES):
            found_pairs.append((left, value_of(right)))
    return found_pairs


def joined(node: exp.Expression, by_name: dict[str, str]) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Pairs of table and column that must be equal."""
    pairs = [(part.this, part.expression) for part in node.find_all(exp.EQ)]
    both = [(left, right) for left, right in pairs if isinstance(left, exp.Column) and isinstance(right, exp.Column)]
    return [
        ((by_name.get(left.table, ""), left.name), (by_name.get(right.table, ""), right.name)) for left, right in both
    ]


def sought(
    node: exp.Expression, wanted: dict[str, dict[str, Any]], kinds: dict[str, dict[str, str]], made_up: set[str]
) -> list[tuple[str, str]]:
    """The rows that a statement which found nothing looked for: table and, as JSON, what is known of the row."""
    if not (node.args.get("where") or isinstance(node, exp.Select)):
        return []
    for (table, name), (other, other_name) in joined(node, tables(node)):
        if table in wanted and other in wanted:
            value = wanted[table].get(name) or wanted[other].get(other_name) or "trial-1"
            wanted[table][name] = wanted[other][other_name] = value
    rows = []
    for table, row in wanted.items():
        types = kinds.get(table, {})
        full = {**dict.fromkeys(name for name in types if name != "id" or types[name]), **row}
        numbers = [name for name in full if re.search(r"INT|DEC|NUM|REAL|FLOA|DOUB", types.get(name.lower(), ""))]
        star = any(node.find_all(exp.Star))
        rows.append(
            (
                table,
                json.dumps(
                    {"row": full, "numbers": numbers, "star": star, "made_up": table in made_up}, sort_keys=True
                ),
            )
        )
    return rows


def on_conflict(node: exp.Insert) -> str:
    """What SQLite calls ON DUPLICATE KEY UPDATE; empty for an INSERT without it. The node loses it."""
    conflict = node.args.get("conflict")
    alias = node.expression.alias if isinstance(node.expression, exp.Values) else ""
    if conflict is None:
        return ""

    def from_new(part: exp.Expression) -> exp.Expression:
        if isinstance(part, exp.Anonymous) and part.name.upper() == "VALUES":
            return exp.column(part.expressions[0].name, table="excluded")
        if isinstance(part, exp.Column) and alias and part.table == alias:
            return exp.column(part.name, table="excluded")
        return part

    sets = [each.transform(from_new) for each in conflict.expressions]
    node.set("conflict", None)
    node.expression.set("alias", None)
    told = [f'"{each.this.name}" = {each.expression.sql("sqlite")}' for each in sets]
    return f" ON CONFLICT DO UPDATE SET {', '.join(told)}"


def updated(node: exp.Insert) -> set[str]:
    conflict = node.args.get("conflict")
    return {each.this.name for each in conflict.expressions} if conflict else set()
