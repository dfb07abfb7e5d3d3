"""How the trials ask a stand-in for a database: a line of JSON each. And how statements wait for one another."""

import asyncio
import importlib.util
import json
import ssl
import sys
from pathlib import Path
from typing import Any

import trustme

BESIDE = Path(__file__).resolve().parent.parent / "outside.py"


class Meeting:
    """Lets each statement wait for the same one of another session, if it may still come."""

    def __init__(self) -> None:
        self.patience: float = 0
        self._waiting: dict[str, asyncio.Event] = {}

    async def wait(self, sql: str) -> None:
        if partner := self._waiting.pop(sql, None):
            partner.set()
        elif self.patience:
            self._waiting[sql] = partner = asyncio.Event()
            try:
                await asyncio.wait_for(partner.wait(), self.patience)
            except TimeoutError:
                self._waiting.pop(sql, None)
                self.patience = 0


meeting = Meeting()
schema: dict[str, Any] = {"statements": [], "scripts": [], "declared": {}}


def told(world: Any, asked: dict[str, Any]) -> Any:
    """The answer to what the trials ask."""
    if asked["do"] == "reset":
        meeting.patience = 0
        world.renew(schema)
        if asked["elsewhere"]:
            world.count_on()
    elif asked["do"] == "schema":
        schema.update({name: asked[name] for name in schema})
    elif asked["do"] == "lay":
        world.lay(asked["table"], asked["row"])
    elif asked["do"] == "meet":
        meeting.patience = asked["patience"]
    else:
        made_up = sorted(world.made_up)
        return {"world": world.world(), "sought": world.sought, "asked": world.asked, "made_up": made_up}
    return {}


async def answer_trials(world: Any, port: int) -> asyncio.Server:
    async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            answer = await asyncio.to_thread(told, world, json.loads(line))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    return await asyncio.start_server(control, "127.0.0.1", port, limit=2**26)


def certified(state: Path) -> ssl.SSLContext:
    """A context with certificates of the authority in `state`, which functions trust."""
    beside = importlib.util.spec_from_file_location("outside", BESIDE)
    outside = importlib.util.module_from_spec(beside)
    sys.modules["outside"] = outside
    beside.loader.exec_module(outside)
    authority = trustme.CA.from_pem((state / "authority.pem").read_bytes(), (state / "authority.key").read_bytes())
    return outside.certified(authority)
