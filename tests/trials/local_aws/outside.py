"""A service that AWS does not run, on loopback: what functions call, and what they must be safe against."""

import json
import ssl
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

import trustme

ADDRESS = "127.0.0.2"  # where every name leads, see `names`
APPCONFIG = ("127.0.0.1", 2772)  # where the extension of AWS AppConfig listens beside a function


@dataclass(frozen=True)
class Asked:
    """One request; `key` is its `Idempotency-Key`, `body` its JSON, or its text if it is none."""

    method: str
    path: str
    key: str
    body: Any
    host: str = ""


@dataclass(frozen=True)
class Supplied:
    """An answer that the reader supplies; `*` in host and path stands for anything, a query only if it is named."""

    host: str = "*"
    method: str = "*"
    path: str = "*"
    status: int = 200
    body: Any = field(default_factory=dict)
    delay: float = 0  # seconds

    def fits(self, asked: Asked) -> bool:
        path = asked.path if "?" in self.path else asked.path.split("?")[0]
        host = asked.host.split(":")[0].lower()
        own = fnmatchcase(host, self.host.lower()) and fnmatchcase(path, self.path)
        return own and self.method.upper() in ("*", asked.method)


class Outside:
    """Context manager around an HTTP server; a subclass says in `reply` what it answers. `url` has no path."""

    url = ""

    def reply(self, asked: Asked) -> tuple[int, Any] | None:
        """Status and JSON, or bytes, of the answer; None cuts the connection off. Called by several threads."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or each body waits 40 ms for the acknowledgement of its headers

            def answer(self) -> None:
                body = content(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                key = self.headers.get("Idempotency-Key", "")
                answer = service.reply(Asked(self.command, self.path, key, body, self.headers.get("Host", "")))
                if answer is None:
                    self.close_connection = True
                    return
                text = answer[1] if isinstance(answer[1], bytes) else json.dumps(answer[1]).encode()
                with suppress(ConnectionError):  # whoever asked has ended
                    self.send_response(answer[0])
                    self.send_header("Content-Length", str(len(text)))
                    self.send_header("Content-Type", "application/json")
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(text)

            do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815
            do_PATCH = do_HEAD = do_OPTIONS = answer  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._servers = [Server(("127.0.0.1", 0), Handler)]
        self.url = f"http://127.0.0.1:{self._servers[0].server_port}"
        self.listen_too(Handler)
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.004,), daemon=True).start()
        return self

    def listen_too(self, handler: type[BaseHTTPRequestHandler]) -> None:
        """Add servers on further addresses."""

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


class Server(ThreadingHTTPServer):
    request_queue_size = 64  # the default of 5 makes the sixth caller wait longer than its timeout
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """That a caller breaks off, or cannot agree on TLS, is no news to whoever reads the terminal."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def content(body: bytes) -> Any:
    """The JSON of a body; of a form, XML or anything else, its text."""
    text = body.decode(errors="replace")
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


class StandIn(Outside):
    """Any outside service: it takes whatever it is asked, and remembers; or it is down.

    It gives the first of `answers` that fits, else an object that holds what it was `taught`.

    Where `everywhere`, every name leads here: it listens on the ports of HTTP and HTTPS of all addresses, with a
    certificate for whichever host is asked for, signed by an authority whose certificate is `ca`.
    """

    def __init__(self, everywhere: bool = False, home: Path | None = None) -> None:
        self.asked: list[Asked] = []
        self.down = False
        self.times = 0  # requests that it refuses while it is down; then it is up again; 0 for no end
        self.answers: tuple[Supplied, ...] = ()
        self.taught: dict[str, Any] = {}  # what a function read of an answer that had none
        self.refuses_with = 0  # a status, if it has too much to do
        self.turned_away = 0  # requests that were refused
        self.gone = ""  # a WebSocket connection that has ended
        self.delay: float = 0  # seconds between doing what it is asked and saying so
        self.mute = False  # it does what it is asked and never says so
        from trials.local_aws.issuer import Issuer  # whose packages the local AWS's own Python, which reads this, lacks

        self.issuer = Issuer()
        self.ca: Path | None = None
        self.authority: trustme.CA | None = None
        self._everywhere, self._home = everywhere, home
        self._lock = threading.Lock()

    def listen_too(self, handler: type[BaseHTTPRequestHandler]) -> None:
        if not self._everywhere or self._home is None:
            return
        authority = self.authority = trustme.CA()
        self.ca = self._home / "outside.pem"
        self.ca.write_bytes(authority.cert_pem.bytes())
        plain, secure = Server((ADDRESS, 80), handler), Server((ADDRESS, 443), handler)
        self._servers.append(Server(APPCONFIG, handler))
        secure.socket = certified(authority).wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
        self._servers += [plain, secure]

    def reply(self, asked: Asked) -> tuple[int, Any] | None:
        with self._lock:
            if status := 503 if self.down else self.refuses_with:
                self.turned_away += 1
                self.times -= 1
                self.down = self.down and self.times != 0
                return status, {}
            if self.gone and unquote(asked.path).endswith(f"/@connections/{self.gone}"):
                return 410, {"__type": "GoneException", "message": "gone"}
            self.asked.append(asked)
        if self.mute:
            return None
        time.sleep(self.delay)
        for answer in self.answers:
            if answer.fits(asked):
                time.sleep(answer.delay)
                return answer.status, answer.body.encode() if isinstance(answer.body, str) else answer.body
        return 200, self.issuer.publishes(asked.host, asked.path) or dict(self.taught)

    def refuse(self, times: int = 0) -> None:
        """Be down from now on, or for so many requests."""
        self.down, self.times = True, times

    def take_again(self) -> None:
        self.down = False

    def forget(self) -> None:
        self.asked.clear()
        self.down, self.refuses_with, self.turned_away, self.delay = False, 0, 0, 0
        self.gone, self.mute = "", False

    def records(self) -> list[Any]:
        kept = [each for each in self.asked if each.method not in ("GET", "HEAD", "OPTIONS")]
        return [{"method": each.method, **place(each), "key": each.key, "body": each.body} for each in kept]


def place(asked: Asked) -> dict[str, str]:
    """Where a request went; the host only if it is one of the world's."""
    local = asked.host.split(":")[0] in ("127.0.0.1", "localhost", "")
    return {"path": asked.path} if local else {"host": asked.host, "path": asked.path}


def certified(authority: trustme.CA) -> ssl.SSLContext:
    """A server's context that has a certificate for every name it is asked for."""
    contexts: dict[str, ssl.SSLContext] = {}

    def context_of(name: str) -> ssl.SSLContext:
        if name not in contexts:
            contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(name).configure_cert(contexts[name])
        return contexts[name]

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = context_of(name or ADDRESS)

    first = context_of(ADDRESS)
    first.sni_callback = choose
    return first
