"""What answers in place of the local AWS where it lacks a service, or an operation of one, by the service's model.

`noted`, `unserved` and the list of what passes are handed in: a script has no package.
"""

import re
from collections.abc import AsyncIterable
from typing import Any

from aiohttp import ClientSession, web

OTHERWISE_CALLED = ("es", "kinesisanalytics", "execute-api")  # services that it has under another name
LACKS = re.compile(rb"\bUnknown (?:\w+ )?(?:action|operation)\b|\bUnknownOperationException\b|\bInvalidAction\b")
REFUSES = (400, 404, 501)  # with which the local AWS answers for an operation that it lacks


class Instead:
    def __init__(self, unserved: Any, noted: Any, passing: Any) -> None:
        self._unserved, self._noted, self._passing = unserved, noted, passing
        self._served: set[str] = set()  # the services that are here

    async def is_served(self, upstream: str, service: str) -> bool:
        """Whether the local AWS has a service; asked by a call, it reads the models of all services, for seconds."""
        if not self._served:
            async with ClientSession() as session, session.get(f"{upstream}/_ministack/health") as answer:
                self._served |= {*OTHERWISE_CALLED, *(await answer.json())["services"]}
        return service in self._served or not self._served.isdisjoint(self._unserved.services_of(service))

    async def of_no_service(self, upstream: str, request: web.Request) -> web.Response | None:
        """What a service answers that the local AWS lacks; None for one that is here."""
        service = self._unserved.scope_of(request.headers.get("Authorization", ""))
        if not service or await self.is_served(upstream, service):
            return None
        return await self.by_model(request)

    async def of_no_operation(
        self, request: web.Request, status: int, chunks: AsyncIterable[bytes]
    ) -> web.Response | bytes | None:
        """What a service answers whose operation the local AWS lacks, else the refusal; None for an answer."""
        if status not in REFUSES:
            return None
        told = b"".join([chunk async for chunk in chunks])
        return (await self.by_model(request) if LACKS.search(told) else None) or told

    async def by_model(self, request: web.Request) -> web.Response | None:
        """The answer that the service's model tells; None if it tells none."""
        service = self._unserved.scope_of(request.headers.get("Authorization", ""))
        asked = await self._noted.body_of(request)
        target = request.headers.get("X-Amz-Target", "")
        self._unserved.home = f"http://{request.host}"
        if not service or not (made := self._unserved.answer(service, target, request.method, request.path, asked)):
            return None
        self._passing.made(service, made[0], self._unserved.sent(service, made[0], asked))
        protocol = {"smithy-protocol": "rpc-v2-cbor"} if made[1] == "application/cbor" else {}
        return web.Response(headers={"Content-Type": made[1], **protocol}, body=made[2])
