"""mysql-mimic as it is imported here: from its sources, so that what it lacks can be added.

What is added: values of prepared statements cannot be read as SQL, bytes may stand in a statement, and TLS begins
although the client's first words came together with its wish for it.
"""

import asyncio
import codecs
import importlib.machinery
import ssl
import sys
from typing import Any


def sources_only(path: str) -> Any:
    """A way of importing that passes over what is compiled, where nothing can be replaced."""
    if not path.endswith("mysql_mimic"):
        raise ImportError
    loaders = (importlib.machinery.SourceFileLoader, importlib.machinery.SOURCE_SUFFIXES)
    return importlib.machinery.FileFinder(path, loaders)


sys.path_hooks.insert(0, sources_only)
import mysql_mimic  # noqa: E402, F401
from mysql_mimic import charset, errors, packets, stream, types  # noqa: E402
from mysql_mimic.connection import Connection  # noqa: E402

LENIENT = "lenient_utf_8"
DUPLICATE, NULL, LOCKED = 1062, 1048, 1205  # codes of errors


def in_sql(value: Any) -> str:
    """A value of a prepared statement, in a form in which nothing of it can be read as SQL."""
    if isinstance(value, str):
        return f"_utf8mb4 x'{value.encode().hex()}'"
    if isinstance(value, bytes | bytearray):
        return f"x'{bytes(value).hex()}'"
    if value is None or isinstance(value, bool):
        return "NULL" if value is None else str(value).upper()
    return str(value) if isinstance(value, int | float) else f"'{value}'"


def lenient(name: str) -> codecs.CodecInfo | None:
    """UTF-8 that keeps bytes which are none, for they stand in statements between quotation marks."""
    if name != LENIENT:
        return None
    return codecs.CodecInfo(
        lambda text, _="": (text.encode("utf-8", "surrogateescape"), len(text)),
        lambda raw, _="": (bytes(raw).decode("utf-8", "surrogateescape"), len(raw)),
        name=LENIENT,
    )


async def start_tls(self: Any, context: ssl.SSLContext) -> None:
    transport, loop = self.writer.transport, asyncio.get_running_loop()
    plain, come = transport.get_protocol(), bytes(self.reader._buffer)
    self.reader._buffer.clear()

    def go_on() -> None:
        protocol = transport.get_protocol()
        protocol.get_buffer(len(come))[: len(come)] = come
        protocol.buffer_updated(len(come))

    if come:
        loop.call_soon(loop.call_soon, go_on)  # once the protocol of TLS has been told of its connection
    secure = await loop.start_tls(transport, plain, context, server_side=True)
    self.writer._transport = self.reader._transport = secure


begin = Connection.connection_phase


async def connection_phase(self: Any) -> None:
    self.status_flags |= types.ServerStatus.SERVER_STATUS_AUTOCOMMIT  # as clients expect it unless they are told
    await begin(self)


Connection.connection_phase = connection_phase
codecs.register(lenient)
errors.SQLSTATES |= {DUPLICATE: b"23000", NULL: b"23000"}
packets._encode_param_as_sql = in_sql
plain_codec = charset.CharacterSet.codec.fget
charset.CharacterSet.codec = property(
    lambda self: {"utf-8": LENIENT, "utf8": LENIENT}.get(name := plain_codec(self), name)
)
stream.MysqlStream.start_tls = start_tls
