"""What functions ask the local AWS for, and the stand-in for everything outside answers.

MiniStack leads whatever a Node.js function asks of `amazonaws.com` to itself. It knows no connection of a WebSocket
whose events are made up, so each message to one would be told that it is gone.
"""

import re

from aiohttp import ClientConnectorError, ClientError, ClientSession, web
from yarl import URL

POOL_S_KEYS = re.compile(r"/([a-z-]+\d)_\w+/\.well-known/jwks\.json")
CONNECTION = re.compile(r"(/[\w-]+)?/@connections/[^/]+")
OUTSIDE = "http://127.0.0.2"  # where every name leads that is none of the local AWS


async def answered(request: web.Request) -> web.Response | None:
    """The keys of a user pool, or a WebSocket's connection; None for anything else, and where no stand-in listens."""
    if pool := POOL_S_KEYS.fullmatch(request.path):
        return await asked(request, f"cognito-idp.{pool[1]}.amazonaws.com")
    if CONNECTION.fullmatch(request.path):
        return await asked(request, request.host)
    return None


async def asked(request: web.Request, host: str) -> web.Response | None:
    headers = {"Host": host, "Content-Type": request.headers.get("Content-Type", "")}
    url, body = URL(OUTSIDE + request.raw_path, encoded=True), await request.read()
    try:
        async with ClientSession() as session:
            async with session.request(request.method, url, headers=headers, data=body) as answer:
                content = await answer.read()
                return web.Response(status=answer.status, body=content, content_type="application/json")
    except ClientConnectorError:
        return None
    except ClientError:  # it was asked, and does not answer
        if request.transport:
            request.transport.abort()
        return web.Response(status=500)
