"""Tables that come into being when a statement first speaks of them, kept in SQLite."""

import json
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

INTEGERS = ("INT", "BIGINT", "UBIGINT", "UINT")
UNKNOWN = "VARCHAR(255)"  # what the project's code calls a text, or by a type that is not known here
TEXTS = ("ENUM", "SET", "JSON")  # whose names would give a column in SQLite the wrong kind
KEY_LIKE = re.compile(r"(?i)(?:.*[_-])?(?:id|key|uuid|email)|\w+I[dD]")
PATIENCE = 5  # seconds for a lock

for kind in ("datetime", "timestamp"):
    sqlite3.register_converter(kind, lambda raw: moment(raw.decode()))
sqlite3.register_converter("date", lambda raw: date.fromisoformat(raw.decode()[:10]))


def moment(text: str) -> Any:
    with suppress(ValueError):
        return datetime.fromisoformat(text).replace(tzinfo=None)
    return text


class Tables:
    """The tables of one world. Those without a CREATE TABLE are `made_up`: their keys are unknown."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, 0
        self.lock = threading.RLock()
        self.renew({"statements": [], "declared": {}})

    def renew(self, schema: dict[str, Any]) -> None:
        """Forget everything; the `statements` of a schema create tables."""
        with self.lock:
            self.declared: dict[str, dict[str, str]] = schema["declared"]  # types that code says, by table and column
            self._number += 1
            self.made_up: set[str] = set()
            self.given: set[str] = set()  # by the project, and created by nobody yet
            self.created: list[str] = []
            self.calls: list[Any] = []  # of procedures, which are not here
            self.sought: list[tuple[str, str]] = []  # what the last statement that found nothing looked for
            self.asked = 0
            connection = self.connect()
            for text in schema["statements"]:
                with suppress(SqlglotError, sqlite3.Error):
                    for node in filter(None, parse(text, read="mysql")):
                        if isinstance(node, exp.Create):
                            self.create(connection, node)
            self.given, self.created = set(self.created), []
            connection.close()

    def count_on(self) -> None:
        """SQLite gives each row the number that it had in the world before, whatever was refused meanwhile."""

    def connect(self) -> sqlite3.Connection:
        path = self._folder / f"tables-{self._number}.sqlite"
        connection = sqlite3.connect(
            path,
            isolation_level=None,
            timeout=PATIENCE,
            detect_types=sqlite3.PARSE_DECLTYPES,
            check_same_thread=False,
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        return connection

    def create(self, connection: sqlite3.Connection, node: exp.Create) -> None:
        if not isinstance(node.this, exp.Schema) or str(node.args.get("kind")).upper() != "TABLE":
            unique = node.args.get("unique")
            if str(node.args.get("kind")).upper() == "INDEX" and unique:
                connection.execute(node.sql("sqlite"))
            return
        name, lines, keys, primary = node.this.this.name, [], [], []
        for part in node.this.expressions:
            if isinstance(part, exp.ColumnDef):
                lines.append(column(part, primary, keys))
            elif isinstance(part, exp.PrimaryKey):
                primary[:] = [each.name for each in part.expressions]
            else:
                found_key = part.find(exp.UniqueColumnConstraint)
                keys += [[each.name for each in found_key.find_all(exp.Column)]] if found_key else []
        if len(primary) == 1 and any(re.match(f"{re.escape(quoted(primary[0]))} INTEGER\\b", line) for line in lines):
            own = f"{quoted(primary[0])} "
            lines = [f"{own}INTEGER PRIMARY KEY" if line.startswith(own) else line for line in lines]
        elif primary:
            keys.append(primary)
        lines += [f"UNIQUE ({', '.join(map(quoted, key))})" for key in keys if key]
        if name in self.given:
            connection.execute(f"DROP TABLE IF EXISTS {quoted(name)}")
            self.given.discard(name)
        new = not self.columns(connection, name)
        exists = "IF NOT EXISTS " if node.args.get("exists") else ""
        connection.execute(f"CREATE TABLE {exists}{quoted(name)} ({', '.join(lines)})")
        self.made_up.discard(name)
        self.created += [name] if new else []

    def columns(self, connection: sqlite3.Connection, table: str) -> dict[str, str]:
        """The columns of a table with their types; none if it is not there."""
        return {row[1].lower(): row[2] for row in connection.execute(f"PRAGMA table_info({quoted(table)})")}

    def widen(self, connection: sqlite3.Connection, table: str, wanted: dict[str, str]) -> None:
        """Let a table have columns, with these types where they are new."""
        known = self.columns(connection, table)
        if not known:
            self.made_up.add(table)
            connection.execute(f"CREATE TABLE {quoted(table)} (id)")
            known = {"id": ""}
        declared = self.declared.get(table, {})
        for name, kind in wanted.items():
            if name.lower() not in known:
                of_code = declared.get(name, UNKNOWN)
                known[name.lower()] = kind = kind if of_code == UNKNOWN else in_sqlite(of_code)
                connection.execute(f"ALTER TABLE {quoted(table)} ADD COLUMN {quoted(name)} {kind}")

    def shown(self, connection: sqlite3.Connection, table: str) -> str:
        """The statement that SHOW CREATE TABLE tells: of a table that is made up, with the columns that code names."""
        declared = self.declared.get(table, {})
        if table in self.made_up or not self.columns(connection, table):
            self.widen(connection, table, {name: in_sqlite(kind) for name, kind in declared.items()})
        rows = connection.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
        rows = [row for row in rows if row[2] or row[1] in declared] or rows  # without an `id` that nobody speaks of
        names = [row[1] for row in rows]
        kinds = {row[1]: declared.get(row[1]) or ("" if row[2] == "VARCHAR" else row[2]) or UNKNOWN for row in rows}
        key = [row[1] for row in rows if row[5]] or key_of(names)
        lines = [f"  `{name}` {kinds[name].lower()}{' NOT NULL' * (name in key)}" for name in names]
        lines.append(f"  PRIMARY KEY ({', '.join(f'`{name}`' for name in key)})")
        listed = ",\n".join(lines)
        return f"CREATE TABLE `{table}` (\n{listed}\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"

    def records(self, connection: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
        cursor = connection.execute(f"SELECT * FROM {quoted(table)}")  # noqa: S608
        names = [each[0] for each in cursor.description]
        for row in cursor:
            yield {name: told(value) for name, value in zip(names, row, strict=True) if value is not None}

    def world(self) -> dict[str, list[Any]]:
        connection = self.connect()
        listed = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        names = [row[0] for row in listed.fetchall()]
        places = {self.place(name): list(self.records(connection, name)) for name in names}
        connection.close()
        made = {"MySQL, tables created": [{"table": name} for name in self.created]} if self.created else {}
        return {**{place: rows for place, rows in places.items() if rows}, **made, **self.called()}

    def place(self, name: str) -> str:
        return f"MySQL {name}, whose keys are not known here" if name in self.made_up else f"MySQL {name}"

    def called(self) -> dict[str, list[Any]]:
        return {"MySQL procedures, whose keys are not known here": list(self.calls)} if self.calls else {}

    def lay(self, table: str, row: dict[str, Any]) -> None:
        connection = self.connect()
        values = {name: bytes.fromhex(kept["hex"]) if isinstance(kept, dict) else kept for name, kept in row.items()}
        self.widen(connection, table, {name: kind_of(value) for name, value in values.items()})
        names, marks = ", ".join(map(quoted, values)), ", ".join("?" * len(values))
        with suppress(sqlite3.Error):
            connection.execute(f"INSERT INTO {quoted(table)} ({names}) VALUES ({marks})", list(values.values()))  # noqa: S608
        connection.close()


def column(part: exp.ColumnDef, primary: list[str], keys: list[list[str]]) -> str:
    """A line of CREATE TABLE for SQLite; what it says of keys is added to those."""
    kind = in_sqlite(part.kind.this.name if part.kind else "")
    line, _, compared = f"{quoted(part.name)} {kind}".partition(" COLLATE")
    for constraint in part.constraints:
        if isinstance(constraint.kind, exp.PrimaryKeyColumnConstraint):
            primary[:] = [part.name]
        elif isinstance(constraint.kind, exp.UniqueColumnConstraint):
            keys.append([part.name])
        elif isinstance(constraint.kind, exp.NotNullColumnConstraint) and not constraint.kind.args.get("allow_null"):
            line += " NOT NULL"
        elif isinstance(constraint.kind, exp.DefaultColumnConstraint):
            line += f" DEFAULT {constraint.kind.this.sql('sqlite')}"
    return f"{line} COLLATE{compared}" if compared else line


def in_sqlite(kind: str) -> str:
    """A type of MySQL as that of a column in SQLite."""
    kind = kind.split("(")[0]
    kind = "VARCHAR" if kind in TEXTS else "INTEGER" if kind in INTEGERS else kind
    return f"{kind} COLLATE NOCASE" if re.search("CHAR|TEXT", kind) else kind


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def kind_of(value: Any) -> str:
    """The type of a column that is made for a value."""
    if isinstance(value, str):
        return "VARCHAR COLLATE NOCASE"
    return "NUMERIC" if isinstance(value, int | float) else ""


def told(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, int | float | str) else str(value)


def key_of(names: list[str]) -> list[str]:
    """The columns by which a row that must not come twice is probably known."""
    return [name for name in names if KEY_LIKE.fullmatch(name)][:1] or names[:1]


def changed(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> tuple[int, int]:
    """How many records are new, and how many are others than before."""
    ours, theirs = (Counter(json.dumps(row, sort_keys=True) for row in rows) for rows in (before, after))
    others = sum((theirs - ours).values())
    new = max(0, len(after) - len(before))
    return new, max(0, others - new)
