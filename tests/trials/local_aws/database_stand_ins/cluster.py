"""PostgreSQL's tables: those of the project's SQL, and those that come into being when a statement speaks of them."""

import json
import re
import threading
from contextlib import suppress
from typing import Any

import statements as read
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

WORLD = "trial"  # the one database, whatever the name that a function asks for
PIECE = re.compile(r"(\$\w*\$).*?\1|'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|;|[^;'\"$/-]+|.", re.DOTALL)
COPIED = re.compile(r"(?ims)^COPY\s.*?^\\\.$")  # rows of a dump
BUILDS = re.compile(r"(?i)(?:CREATE|ALTER|INSERT|DO)\b(?!\s+(?:DATABASE|ROLE|USER)\b)")
CREATES = re.compile(r"(?i)\s*CREATE\s+TABLE\s+(IF\s+NOT\s+EXISTS\s+)?([\w.\"]+)")
MISSING, UNKNOWN = "42P01", "42703"  # codes of errors: a relation, a column
MOST = 500  # rows of a table that are looked at
FIRST = 1_000  # number of a row that a function adds, so that it meets none that was laid
NUMBERS = re.compile(r"(?i)(?:.*_)?(?:count|amount|price|cost|score|quantity|qty|total|balance|age|stock|lat|lng)")
TIMES = re.compile(r"(?i).*_(?:at|on|date|time)|timestamp|\w+(?:At|Date)")
BASE = """
CREATE FUNCTION uuid_generate_v4() RETURNS uuid LANGUAGE sql AS 'SELECT gen_random_uuid()';
CREATE FUNCTION uuid_generate_v1() RETURNS uuid LANGUAGE sql AS 'SELECT gen_random_uuid()';
"""
FOR_MADE_UP = (  # numbers may be compared with columns of which nobody knows whether they hold numbers
    "CREATE CAST (integer AS text) WITH INOUT AS IMPLICIT",
    "CREATE CAST (bigint AS text) WITH INOUT AS IMPLICIT",
    f"CREATE SEQUENCE made_up_ids START {FIRST}",
)
LISTED = """
SELECT CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname, c.oid FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg_temp%' ORDER BY 1
"""
COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), atthasdef OR attidentity <> '', attnotnull, typcategory, typname
FROM pg_attribute JOIN pg_type t ON t.oid = atttypid WHERE attrelid = :oid AND attnum > 0 AND NOT attisdropped
"""
SAMPLES = {"N": "1", "B": "true", "D": "now()", "A": "'{}'", "I": "'10.0.0.1'", "T": "'1 day'", "S": "'x'"}
SAMPLES_BY_NAME = {"uuid": "gen_random_uuid()", "json": "'{}'", "jsonb": "'{}'", "bytea": "'x'"}


def pieces(script: str) -> list[str]:
    """The statements of a script."""
    parts, latest = [], ""
    for match in PIECE.finditer(COPIED.sub("", script)):
        if match[0] == ";":
            parts.append(latest.strip())
            latest = ""
        elif not match[0].startswith(("--", "/*")):
            latest += match[0]
    return [part for part in (*parts, latest.strip()) if part]


def quoted(name: str) -> str:
    """A table's name, with its schema before a dot, or a column's."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def meant(written: str) -> str:
    """The table that a name in SQL means, as it is listed here."""
    return (written.replace('"', "") if '"' in written else written.lower()).removeprefix("public.")


def text(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def tree(sql: str, values: list[Any]) -> exp.Expression | None:
    """A statement with its values, its names as PostgreSQL reads them; None for one that sqlglot cannot read."""
    try:
        node = parse_one(sql, read="postgres")
    except SqlglotError:
        return None
    for name in node.find_all(exp.Identifier):
        name.set("this", name.name if name.quoted else name.name.lower())
    for table in node.find_all(exp.Table):
        if table.db and isinstance(table.this, exp.Identifier):
            table.this.set("this", table.name if table.db == "public" else f"{table.db}.{table.name}")
            table.set("alias", table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name)))
            table.set("db", None)

    def plain(part: exp.Expression) -> exp.Expression:
        if isinstance(part, exp.Cast) and isinstance(part.this, exp.Parameter | exp.Literal):
            part = part.this
        number = part.name if isinstance(part, exp.Parameter) else ""
        if not number.isdigit() or not 0 < int(number) <= len(values) or values[int(number) - 1] is None:
            return part
        value = values[int(number) - 1]
        return exp.Literal.number(value) if isinstance(value, int) else exp.Literal.string(value)

    return node.transform(plain)


class Tables:
    """The tables of one world. Those that nothing in the project creates are `made_up`: their keys are unknown."""

    def __init__(self, port: int) -> None:
        self._port, self.lock = port, threading.RLock()
        self._given: dict[str, str] = {}  # by table, what code says to create it
        self._built = False  # whether what the project's SQL files say is done
        self._known: set[str] = set()  # tables that no function created in this world
        self._again: list[str] = []  # what made tables, to be done in each world
        self.made_up: set[str] = set()
        self._connection: Connection | None = None
        self.asked, self.sought = 0, []

    def _open(self, database: str) -> Connection:
        connection = Connection("postgres", host="127.0.0.1", port=self._port, database=database)
        connection.run("SET lock_timeout = '1s'; SET statement_timeout = '10s'; SET client_min_messages = error")
        return connection

    def ready(self) -> bool:
        with suppress(DatabaseError, InterfaceError):  # it does not listen yet, or says that it is starting
            self._open("postgres").close()
            return True
        return False

    def renew(self, schema: dict[str, Any]) -> None:
        """Forget everything but what the project's SQL makes, and tables that had to be made up."""
        with self.lock:
            if self._connection:
                self._connection.close()
            control = self._open("postgres")
            if not self._built:
                control.run("CREATE DATABASE base")
                self._build(schema)
                self._built = True
            control.run(f"DROP DATABASE IF EXISTS {WORLD} WITH (FORCE)")
            control.run(f"CREATE DATABASE {WORLD} TEMPLATE base STRATEGY file_copy")
            control.close()
            self._connection = self._open(WORLD)
            for statement in self._again:
                self._tried(statement)
            self._known = set(self._listed())
            self.asked, self.sought = 0, []

    def _build(self, schema: dict[str, Any]) -> None:
        """Do what the project's SQL files say, and note what its code says."""
        self._connection = self._open("base")
        self._connection.run(BASE)
        todo = [piece for script in schema["scripts"] for piece in pieces(script) if BUILDS.match(piece)]
        while len(left := [piece for piece in todo if self._tried(piece)]) < len(todo):  # what needs a later one waits
            todo = left
        self._count_on(f"greatest(nextval('%s'), {FIRST})")
        for statement in schema["statements"]:
            if match := CREATES.match(statement):
                self._given.setdefault(meant(match[2]), statement)
        self._connection.close()

    def _count_on(self, number: str) -> None:
        """Let each sequence go on behind a number, which SQL tells, with `%s` for the sequence's name."""
        for (name,) in self._connection.run("SELECT format('%I.%I', schemaname, sequencename) FROM pg_sequences"):
            self._tried(f"SELECT setval('{name}', {number.replace('%s', name)})")

    def count_on(self) -> None:
        """Leave numbers out, as whoever was refused a row does: no number of a sequence is promised to anybody."""
        with self.lock:
            self._count_on(f"nextval('%s') + {FIRST}")

    def _tried(self, statement: str) -> dict[str, str]:
        """What PostgreSQL says against a statement; empty once it is done."""
        try:
            self._connection.run(statement)
        except DatabaseError as error:
            return dict(error.args[0])
        return {}

    def _listed(self) -> dict[str, int]:
        return dict(self._connection.run(LISTED))

    def _columns(self, oid: int) -> dict[str, tuple[str, bool, bool, str, str]]:
        return {row[0]: tuple(row[1:]) for row in self._connection.run(COLUMNS, oid=oid)}

    def widen(self, sql: str) -> None:
        """Let the tables and columns of statements be there, which PostgreSQL would not find otherwise."""
        with self.lock:
            self.asked += 1
            statements = pieces(sql)
            creates = list(filter(None, map(CREATES.match, statements)))
            for match in creates:
                if not match[1] and meant(match[2]) in self._known:  # it is the function that creates it
                    self._tried(f"DROP TABLE {match[2]} CASCADE")
                    self._known.discard(meant(match[2]))
            for statement in () if creates else statements:
                before = ""
                while (said := self._lacking(statement)) and said["M"] != before:
                    before = said["M"]
                    self._make(statement, said)

    def _lacking(self, statement: str) -> dict[str, str]:
        """What PostgreSQL says if it does not find a table or a column of a statement."""
        said = self._tried(f"PREPARE checked AS {statement}")
        if not said:
            self._tried("DEALLOCATE checked")
        return said if said.get("C") in (MISSING, UNKNOWN) else {}

    def _make(self, sql: str, said: dict[str, str]) -> None:
        """Make what PostgreSQL did not find: as code says it, else of all that the statement speaks of."""
        named = re.search(r'relation "([^"]+)" does not exist', said["M"])
        name = meant(f'"{named[1]}"') if named else ""
        if name in self._given and self._done(self._given[name]):
            self._known.add(name)
            return
        node = tree(sql, [])
        if node is None:
            return
        listed = self._listed()
        known = {name: set(self._columns(listed[name])) for name in read.tables(node).values() if name in listed}
        for table, row in read.columns(node, known, self.made_up).items():
            if table in known or self._made(table):
                for column in [name for name in row if name not in known.get(table, {"id"})]:
                    self._add(table, column, row[column])
        keys = conflict_keys(node)
        if keys and (table := next(iter(read.tables(node).values()))) in self.made_up:
            self._done(f"CREATE UNIQUE INDEX ON {quoted(table)} ({', '.join(map(quoted, keys))})")

    def _made(self, table: str) -> bool:
        """Make a table up, unless a function does just that in a transaction."""
        for statement in () if self.made_up else FOR_MADE_UP:
            self._done(statement)
        if "." in table:
            self._done(f"CREATE SCHEMA IF NOT EXISTS {quoted(table.split('.')[0])}")
        if self._done(f"CREATE TABLE {quoted(table)} (id text DEFAULT nextval('public.made_up_ids')::text)"):
            self.made_up.add(table)
            self._known.add(table)
        return table in self.made_up

    def _add(self, table: str, column: str, value: Any) -> None:
        if self._done(f"ALTER TABLE {quoted(table)} ADD COLUMN {quoted(column)} {kind_of(column, value)}"):
            self.made_up.add(table)

    def _done(self, statement: str) -> bool:
        """Do a statement in this world and in those to come."""
        if self._tried(statement):
            return False
        self._again.append(statement)
        return True

    def note(self, sql: str, values: list[Any]) -> None:
        """Remember what a statement that found no row looked for."""
        node = tree(sql, values)
        if node is None:
            return
        with self.lock, suppress(DatabaseError):
            listed = self._listed()
            columns = {name: self._columns(listed[name]) for name in read.tables(node).values() if name in listed}
            if not columns or set(read.tables(node).values()) - columns.keys():
                return
            wanted = read.columns(node, {name: set(each) for name, each in columns.items()}, self.made_up)
            kinds = {name: without_default(kept) for name, kept in columns.items()}
            self.sought = read.sought(node, wanted, kinds, self.made_up) or self.sought

    def note_unknown(self, table: str, constraint: str, detail: str) -> None:
        """Remember the row that a foreign key asks for in vain."""
        named = re.search(r'\(([\w", ]+)\)=\((.*?)\) is not present in table "([^"]+)"', detail)
        with self.lock, suppress(DatabaseError):
            rows = self._connection.run(
                "SELECT confrelid, (SELECT array_agg(attname) FROM pg_attribute WHERE attrelid = confrelid "
                "AND attnum = ANY (confkey)) FROM pg_constraint WHERE conname = :name",
                name=constraint,
            )
            if named and rows and table:
                names = {oid: name for name, oid in self._listed().items()}
                row = dict(zip(rows[0][1], named[2].split(", "), strict=False))
                asked = {"row": row, "numbers": [], "star": False, "made_up": False}
                self.sought = [(names[rows[0][0]], json.dumps(asked, sort_keys=True))]

    def world(self) -> dict[str, list[Any]]:
        with self.lock:
            listed = self._listed() if self._connection else {}
            places = {self._place(name): self._rows(name) for name in listed}
            made = [{"table": name} for name in listed if name not in self._known]
            places["PostgreSQL, tables created"] = made
            return {place: rows for place, rows in places.items() if rows}

    def _place(self, name: str) -> str:
        return f"PostgreSQL {name}, whose keys are not known here" if name in self.made_up else f"PostgreSQL {name}"

    def _rows(self, name: str) -> list[Any]:
        with suppress(DatabaseError):  # it is locked
            rows = self._connection.run(f"SELECT to_jsonb(t) FROM {quoted(name)} t ORDER BY ctid LIMIT {MOST}")  # noqa: S608
            return [{column: value for column, value in row[0].items() if value is not None} for row in rows]
        return []

    def lay(self, table: str, row: dict[str, Any]) -> None:
        """Put a row into a table, with values that its columns take, whatever its foreign keys say."""
        with self.lock, suppress(DatabaseError):
            oid = self._listed().get(table)
            if oid is None:
                return
            lacking = [name for name in row if name not in self._columns(oid)] if table in self.made_up else []
            for column in lacking:
                self._add(table, column, row[column])
            values = {}
            for column, (kind, has_default, needed, category, name) in self._columns(oid).items():
                value = row.get(column)
                value = f"\\x{value['hex']}" if isinstance(value, dict) else value
                fits = "SELECT pg_input_is_valid(:value, :kind)"
                if value is not None and self._connection.run(fits, value=str(value), kind=kind)[0][0]:
                    values[column] = text(value)
                elif value is not None or (needed and not has_default):
                    first = f"(enum_range(NULL::{kind}))[1]" if category == "E" else SAMPLES.get(category, "NULL")
                    values[column] = SAMPLES_BY_NAME.get(name, first)
            names = ", ".join(map(quoted, values))
            self._tried("SET session_replication_role = replica")  # for which foreign keys bind nobody
            self._tried(f"INSERT INTO {quoted(table)} ({names}) VALUES ({', '.join(values.values())})")  # noqa: S608
            self._tried("RESET session_replication_role")


def without_default(columns: dict[str, tuple[str, bool, bool, str, str]]) -> dict[str, str]:
    """The types of the columns that a row must name."""
    return {column: kind.upper() for column, (kind, has_default, *_) in columns.items() if not has_default}


def kind_of(column: str, value: Any) -> str:
    """The type of a column that is made for a value, or by its name."""
    if isinstance(value, bool) or re.match(r"(?i)(?:is|has)_", column):
        return "boolean"
    if isinstance(value, int | float) or NUMBERS.fullmatch(column):
        return "double precision"
    return "timestamptz" if value is None and TIMES.fullmatch(column) else "text"


def conflict_keys(node: exp.Insert) -> list[str]:
    conflict = node.args.get("conflict")
    return [each.name for each in conflict.args.get("conflict_keys") or ()] if conflict else []
