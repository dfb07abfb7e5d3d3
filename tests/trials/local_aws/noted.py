"""What the fault proxy notes of the calls that pass, until it is told to forget."""

import re
from typing import Any

KEEPS_BOOKS = re.compile(r"/durable-executions/.*/(?:checkpoint|state)$")  # paths of what an execution asks of itself
NOTED = ("lookups", "missing", "senders", "made_up", "sent")


class Noted:
    def __init__(self, sought: Any) -> None:
        self._sought = sought  # the module: a script has no package
        self.forget()

    def forget(self) -> None:
        self.lookups: list[dict[str, Any]] = []  # operation and request of each
        self.missing: list[tuple[str, str]] = []  # kinds and names of what was asked for in vain
        self.senders: list[str] = []  # addresses
        self.made_up: list[str] = []  # operations of services that are not here
        self.sent: list[dict[str, Any]] = []  # what these were asked to do

    async def before(self, request: Any) -> bytes:
        """Note what is asked for, and hand on the body if it may tell what was not there."""
        target, path = request.headers.get("X-Amz-Target", ""), request.path
        form, mail = "form-urlencoded" in request.content_type, path.startswith(self._sought.MAILS)
        body = await body_of(request) if target or form or mail else b""
        self.lookups += self._sought.lookups(target, body)[: self._sought.MOST - len(self.lookups)]
        self.senders += {self._sought.sender_of(path, body)} - {"", *self.senders}
        return body

    def after(self, request: Any, body: bytes, status: int) -> None:
        asked = (request.method, request.path, request.query_string, request.headers, body, status)
        self.missing += [each for each in self._sought.missing(*asked) if each not in self.missing][: self._sought.MOST]

    def made(self, service: str, operation: str, sent: list[dict[str, Any]]) -> None:
        """Note a call to a service that is not here."""
        self.made_up.append(f"{service} {operation}")
        self.sent += sent

    def told(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in NOTED}


async def body_of(request: Any) -> bytes:  # aiohttp's, which only the local AWS's own Python has
    """The body, which whoever handles the request afterwards still finds: microburst streams what was not read."""
    body = await request.read()
    if request.content.at_eof():
        request.content.unread_data(body)
    return body
