"""A resolver that answers every name with an address on loopback, and remembers the names that were asked for."""

from typing import Any, Self

from dnslib import QTYPE, RR, A
from dnslib.server import BaseResolver, DNSLogger, DNSServer

from trials.local_aws.outside import ADDRESS


class Names(BaseResolver):
    """Context manager around the resolver; `asked` are the names, without this machine's own."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def resolve(self, request: Any, handler: Any) -> Any:  # noqa: ARG002
        reply = request.reply()
        name = str(request.q.qname).rstrip(".")
        if name not in self.asked:
            self.asked.append(name)
        if QTYPE[request.q.qtype] == "A":
            reply.add_answer(RR(request.q.qname, QTYPE.A, ttl=1, rdata=A(ADDRESS)))
        return reply

    def __enter__(self) -> Self:
        self._server = DNSServer(self, port=53, address="127.0.0.1", logger=DNSLogger("-request,-reply"))
        self._server.start_thread()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        self._server.server.server_close()
