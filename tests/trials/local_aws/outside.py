"""A service that AWS does not run, on loopback: what functions call, and what they must be safe against."""

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    """One request; `key` is its `Idempotency-Key`, `body` its JSON."""

    method: str
    path: str
    key: str
    body: Any


class Outside:
    """Context manager around an HTTP server; a subclass says in `reply` what it answers. `url` has no path."""

    url = ""

    def reply(self, asked: Asked) -> tuple[int, Any] | None:
        """Status and JSON of the answer, or None for a connection cut off without one. Called by several threads."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or each body waits 40 ms for the acknowledgement of its headers

            def answer(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
                key = self.headers.get("Idempotency-Key", "")
                answer = service.reply(Asked(self.command, self.path, key, body))
                if answer is None:
                    self.close_connection = True
                    return
                text = json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 64  # the default of 5 makes the sixth caller wait longer than its timeout

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
