"""A stand-in for MySQL: `python FILE STATE PORT`, run by the local AWS's own Python.

`STATE` is a folder with an authority that functions trust (`authority.pem`, its key `authority.key`); `PORT` is where
the trials ask, a line of JSON each. It is no MySQL: types are SQLite's, and foreign keys bind nobody.
"""

import asyncio
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from asked import answer_trials, certified, meeting
from mended import DUPLICATE, LOCKED, NULL, mysql_mimic, packets  # before anything else of mysql_mimic
from mysql_mimic.auth import IdentityProvider, NativePasswordAuthPlugin, User
from mysql_mimic.charset import CharacterSet
from mysql_mimic.connection import Connection
from mysql_mimic.errors import ErrorCode, MysqlError
from mysql_mimic.types import ServerStatus
from sqlglot import exp, parse
from statements import columns, on_conflict, plain, sought, tables, updated
from tables import Tables, changed, key_of, kind_of, quoted

MYSQL = 3306
STATE = Path(sys.argv[1])
world = Tables(STATE)


class Anybody(NativePasswordAuthPlugin):
    def password_matches(self, user: User, scramble: bytes, nonce: bytes) -> bool:  # noqa: ARG002
        return True


class Everybody(IdentityProvider):
    """Any user with any password."""

    def get_plugins(self) -> list[Any]:
        return [Anybody()]

    async def get_user(self, username: str) -> User:
        return User(name=username, auth_plugin=Anybody.name)


class Session(mysql_mimic.Session):
    """One connection: what it writes is seen by others when it commits."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = world.connect()
        self.begun, self.last_id, self.told = False, 0, {}
        self.middlewares.insert(0, self._in_plain_words)

    async def init(self, connection: Connection) -> None:
        await super().init(connection)
        plain_ok = connection.ok

        def ok(**more: Any) -> bytes:
            on = self.variables.get("autocommit")
            connection.status_flags = ServerStatus.SERVER_STATUS_AUTOCOMMIT if on else ServerStatus(0)
            return plain_ok(**{**self.told, **more})

        connection.ok = ok

    async def close(self) -> None:
        self.tables.close()
        await super().close()

    async def reset(self) -> None:
        self._end("ROLLBACK")

    async def handle_query(self, sql: str, attrs: dict[str, str]) -> Any:
        self.told = {}
        world.asked += 1
        await meeting.wait(sql)
        try:
            return await super().handle_query(sql, attrs)
        except sqlite3.IntegrityError as error:
            unique = "UNIQUE" in str(error)
            text = f"{'Duplicate entry' if unique else 'Column cannot be null'} ({error})"
            raise MysqlError(text, DUPLICATE if unique else NULL) from error
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise MysqlError("Lock wait timeout exceeded; try restarting transaction", LOCKED) from error
            raise MysqlError(f"the stand-in for MySQL does not know this: {error}", ErrorCode.PARSE_ERROR) from error

    def _parse(self, sql: str) -> list[exp.Expression]:
        words = sql.lstrip()
        if words[:8].upper() == "REPLACE ":
            nodes = [each for each in parse(f"INSERT {words[8:]}", read="mysql") if each]
            for node in nodes:
                node.set("alternative", "REPLACE")
            return nodes
        return super()._parse(sql)

    async def _in_plain_words(self, q: Any) -> Any:
        q.expression = plain(q.expression, self.last_id)
        return await q.next()

    async def _show_middleware(self, q: Any) -> Any:
        shows = q.expression if isinstance(q.expression, exp.Show) else None
        if shows and shows.name.upper() == "CREATE TABLE":
            return await asyncio.to_thread(self.shown, shows.args["target"].name)
        return await super()._show_middleware(q)

    def shown(self, table: str) -> Any:
        with world.lock:
            return [(table, world.shown(self.tables, table))], ["Table", "Create Table"]

    async def _begin_middleware(self, q: Any) -> Any:
        if isinstance(q.expression, exp.Transaction):
            self._end("COMMIT")
            self.begun = True
            return None
        return await q.next()

    async def _commit_middleware(self, q: Any) -> Any:
        return self._end("COMMIT") if isinstance(q.expression, exp.Commit) else await q.next()

    async def _rollback_middleware(self, q: Any) -> Any:
        return self._end("ROLLBACK") if isinstance(q.expression, exp.Rollback) else await q.next()

    def _end(self, how: str) -> None:
        self.begun = False
        if self.tables.in_transaction:
            self.tables.execute(how)

    def _lock(self) -> None:
        """A transaction begins with its first write: what it reads before may be changed by others, as in MySQL."""
        inside = self.begun or not self.variables.get("autocommit")
        if inside and not self.tables.in_transaction:
            self.tables.execute("BEGIN IMMEDIATE")

    async def schema(self) -> dict[str, Any]:
        names = self.tables.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        listed = {name: {c: k or "TEXT" for c, k in world.columns(self.tables, name).items()} for (name,) in names}
        return {self.database or "trial": listed}

    async def query(self, expression: exp.Expression, sql: str, attrs: dict[str, str]) -> Any:  # noqa: ARG002
        return await asyncio.to_thread(self.answer, expression, sql)

    def answer(self, node: exp.Expression, sql: str) -> Any:
        if isinstance(node, exp.Create):
            self._end("COMMIT")
            world.create(self.tables, node)
            return None
        if isinstance(node, exp.Command):
            if node.name.upper() == "CALL":
                world.calls.append({"call": " ".join(sql.split())})
            return None
        if isinstance(node, exp.Alter | exp.Drop | exp.TruncateTable):
            self._end("COMMIT")
            with suppress(sqlite3.Error):  # what SQLite cannot change stays as it is
                self.tables.execute(node.sql("sqlite"))
            return None
        writes = isinstance(node, exp.Insert | exp.Update | exp.Delete)
        if writes or node.args.get("locks"):
            self._lock()
        with world.lock:
            wanted = self.widened(node)
        return self.write(node, wanted) if writes else self.read(node, wanted)

    def widened(self, node: exp.Expression) -> dict[str, dict[str, Any]]:
        known = {name: set(world.columns(self.tables, name)) for name in tables(node).values()}
        wanted = columns(node, known, world.made_up)
        for table, row in wanted.items():
            world.widen(self.tables, table, {name: kind_of(value) for name, value in row.items()})
        return wanted

    def read(self, node: exp.Expression, wanted: dict[str, dict[str, Any]]) -> Any:
        cursor = self.tables.execute(node.sql("sqlite"))
        rows = cursor.fetchall()
        if not rows:
            self.note(node, wanted)
        return rows, [result_column(each[0], [row[at] for row in rows]) for at, each in enumerate(cursor.description)]

    def note(self, node: exp.Expression, wanted: dict[str, dict[str, Any]]) -> None:
        kinds = {table: world.columns(self.tables, table) for table in wanted}
        world.sought = sought(node, wanted, kinds, world.made_up) or world.sought

    def write(self, node: exp.Expression, wanted: dict[str, dict[str, Any]]) -> None:
        table = next(iter(tables(node).values()), "")
        for name in ("limit", "order"):
            node.set(name, None) if isinstance(node, exp.Update | exp.Delete) else None
        more = ""
        if isinstance(node, exp.Insert):
            self.with_a_key(node, table)
            more = on_conflict(node)
        before = list(world.records(self.tables, table))
        cursor = self.tables.execute(node.sql("sqlite") + more)
        if isinstance(node, exp.Insert) and table in world.made_up:
            self.tables.execute(f"UPDATE {quoted(table)} SET id = rowid WHERE id IS NULL")  # noqa: S608
        after = list(world.records(self.tables, table))
        new, others = changed(before, after)
        if isinstance(node, exp.Insert):
            self.last_id = (cursor.lastrowid or 0) if new else self.last_id
            self.told = {"affected_rows": new + 2 * others, "last_insert_id": self.last_id if new else 0}
            return
        by_match = packets.Capabilities.CLIENT_FOUND_ROWS in self.connection.capabilities
        self.told = {"affected_rows": others if isinstance(node, exp.Update) and not by_match else cursor.rowcount}
        if not cursor.rowcount:
            self.note(node, wanted)

    def with_a_key(self, node: exp.Insert, table: str) -> None:
        """A statement that meets a key which is there must have one: of a table without CREATE TABLE it is made up."""
        relies = node.args.get("conflict") or node.args.get("ignore") or node.args.get("alternative")
        names = [each.name for each in node.this.expressions] if isinstance(node.this, exp.Schema) else []
        if relies and names and table in world.made_up:
            key = key_of([name for name in names if name not in updated(node)] or names)
            index = f"CREATE UNIQUE INDEX IF NOT EXISTS {quoted(f'key of {table}')}"
            self.tables.execute(f"{index} ON {quoted(table)} ({', '.join(map(quoted, key))})")


def result_column(name: str, values: list[Any]) -> Any:
    """A column of an answer, which for bytes is none of text."""
    if any(isinstance(value, bytes) for value in values):
        return mysql_mimic.ResultColumn(name, mysql_mimic.ColumnType.BLOB, CharacterSet.binary)
    return name


async def main() -> None:
    server = mysql_mimic.MysqlServer(Session, identity_provider=Everybody(), ssl=certified(STATE))
    await server.start_server(host="0.0.0.0", port=MYSQL)  # noqa: S104, in a namespace that has loopback alone
    asking = await answer_trials(world, int(sys.argv[2]))
    await asyncio.gather(server.serve_forever(), asking.serve_forever())


if __name__ == "__main__":
    asyncio.run(main())
