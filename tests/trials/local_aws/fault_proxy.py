"""Microburst with what it lacks: environments killed after or before a call, partial refusals, calls that meet.

Run by the local AWS's own Python; `PUT /_trials/fault` with JSON sets the fault, `DELETE` takes it away:
`{"kind": "kill", "call": 3}` kills the process whose third call from now on has just been done, before it is answered;
`{"kind": "hold", "call": 3}` keeps that call waiting until the fault is taken away, then kills whoever asked for it;
`{"kind": "partial"}` leaves one entry out of every batch and says so under HTTP 200, as the services do; with
`"for_good": true` by a code that no retry changes, where a service has one for single entries;
`{"kind": "meet", "patience": 2, "alone": 0.3}` lets a call wait until another of the same operation has come, two
seconds at most, so that two invocations of one function take each step together however busy the machine is. Once
nobody came, each call only takes 0.3 s longer.
`{"kind": "conflict"}` cancels each transaction of DynamoDB, because another one is at work on its last item;
`{"kind": "pages"}` lets each page of a Query, a Scan or a list of objects that names no size of its own hold one item;
`{"kind": "early", "known": […]}` lets reads of DynamoDB see only these items, unless they ask for a consistent answer.
`GET` tells how often the fault was met, and since the last `DELETE` what was looked up in DynamoDB, what was asked for
in vain elsewhere, who sent mails, and which answers of services that the local AWS lacks were made up.
"""

import asyncio
import importlib.util
import json
import logging
import os
import signal
import urllib.parse
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar
from xml.sax.saxutils import escape

import cbor2
import microburst.cli
import psutil
from aiohttp import ClientSession, web
from microburst.app import make_app as microburst_app
from yarl import URL


def beside(name: str) -> Any:
    """A module of this folder; a script has no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


noted = beside("noted")
outward = beside("outward")
extension = beside("extension")
passing = noted.Noted(beside("sought"))
reads = beside("reads")
recognised = beside("recognised")
unserved = beside("unserved")
instead = recognised.instead = beside("instead").Instead(unserved, noted, passing)
logging.getLogger("aiohttp.access").setLevel("WARNING")

CONTROL = "/_trials/fault"
HOP_BY_HOP = {"content-length", "transfer-encoding", "connection", "content-encoding"}
Cut = Callable[[dict[str, Any]], tuple[dict[str, Any] | None, Callable[[dict[str, Any]], dict[str, Any]]]]


class Fault:
    """The fault that is set, and how often it was met."""

    kind = ""
    call = 0
    for_good = False
    known: ClassVar[list[dict[str, Any]]] = []  # items that a read sees which comes too early
    seen = 0
    met = 0
    patience = 0.0  # seconds
    alone = 0.0  # seconds
    books = False  # whether what a durable execution asks of itself counts as a call
    waiting: ClassVar[dict[str, asyncio.Event]] = {}  # by operation
    pid: int | None = None  # of the process whose calls wait


def owner(request: web.Request) -> int | None:
    """The process at the other end of a request's connection, or the one for which the extension there asks."""
    if asked_by := request.headers.get(extension.ASKED_BY):
        return int(asked_by)
    peer = request.transport.get_extra_info("peername") if request.transport else None
    ours = request.transport.get_extra_info("sockname") if request.transport else None
    for connection in psutil.net_connections("tcp"):
        ends = (connection.laddr.port, connection.raddr.port) if connection.laddr and connection.raddr else None
        if peer and ours and ends == (peer[1], ours[1]):
            return int(connection.pid) if connection.pid else None
    return None


async def forwarded(
    upstream: str, request: web.Request, body: bytes, more: str = ""
) -> tuple[int, dict[str, str], bytes]:
    """Do a call, with `more` at the end of its query: status, headers and body of the answer."""
    headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
    async with ClientSession(auto_decompress=False) as session:
        url = URL(upstream + request.rel_url.raw_path_qs + more, encoded=True)
        async with session.request(request.method, url, headers=headers, data=body) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            return answer.status, kept, await answer.read()


async def killed(upstream: str, request: web.Request) -> web.StreamResponse:
    """Do the call, then kill whoever asked, who never learns that it was done."""
    await forwarded(upstream, request, await request.read())
    Fault.met += kill(owner(request))
    if request.transport:
        request.transport.abort()
    return web.Response(status=500)


async def together(request: web.Request) -> None:
    """Wait for the other call of this operation, if it may still come."""
    target = request.headers.get("X-Amz-Target") or f"{request.method} {request.host} {request.path}"
    if partner := Fault.waiting.pop(target, None):
        Fault.met += 1
        partner.set()
    elif Fault.patience:
        Fault.waiting[target] = partner = asyncio.Event()
        try:
            await asyncio.wait_for(partner.wait(), Fault.patience)
        except TimeoutError:
            Fault.waiting.pop(target, None)
            Fault.patience = 0
    else:
        await asyncio.sleep(Fault.alone)


async def held(request: web.Request) -> web.StreamResponse:
    """Let a call wait until the fault is taken away, then kill whoever asked: it was never done."""
    while Fault.kind == "hold":
        await asyncio.sleep(0.05)
    kill(Fault.pid)
    Fault.pid = None
    if request.transport:
        request.transport.abort()
    return web.Response(status=500)


def is_held(request: web.Request) -> bool:
    """Whether a call waits: the n-th, and whatever its process then asks for, having lost patience."""
    if Fault.seen == Fault.call:
        Fault.pid, Fault.met = owner(request), 1
        return Fault.pid is not None
    return Fault.pid is not None and owner(request) == Fault.pid


def kill(pid: int | None) -> bool:
    """Whether there was such a process."""
    if pid is None or pid == os.getpid():
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


# ---- partial refusals: the request without one entry, and how the answer then tells of it


def without_last(field: str, told: Callable[[Any], Any], count: str, results: str) -> Cut:
    """Of services whose results stand in the order of the entries."""

    def cut(body: dict[str, Any]) -> tuple[dict[str, Any] | None, Callable[[dict[str, Any]], dict[str, Any]]]:
        entries = body.get(field) or []
        rest = {**body, field: entries[:-1]} if len(entries) > 1 else None

        def merge(answer: dict[str, Any]) -> dict[str, Any]:
            return {**answer, count: 1, results: [*answer.get(results, []), told(entries[-1])]}

        return rest, merge

    return cut


def failed_by_id(body: dict[str, Any]) -> tuple[dict[str, Any] | None, Callable[[dict[str, Any]], dict[str, Any]]]:
    """Of SQS, whose answer names the entries that failed."""
    entries = body.get("Entries") or []
    rest = {**body, "Entries": entries[:-1]} if len(entries) > 1 else None
    failure = {"Id": entries[-1].get("Id"), "Code": "InternalError", "SenderFault": False, "Message": "try again"}
    if Fault.for_good:
        failure |= {"Code": "InvalidMessageContents", "SenderFault": True, "Message": "never"}
    return rest, lambda answer: {"Successful": [], **answer, "Failed": [failure]}


def unprocessed(field: str) -> Cut:
    """Of DynamoDB, whose answer gives back what was not processed."""

    def cut(body: dict[str, Any]) -> tuple[dict[str, Any] | None, Callable[[dict[str, Any]], dict[str, Any]]]:
        asked = dict(body.get("RequestItems") or {})
        table = next(reversed(asked))
        if field == "UnprocessedItems":
            entries = asked[table]  # to delete what is not there does nothing, so that nobody would miss it
            at = max((at for at, entry in enumerate(entries) if "PutRequest" in entry), default=len(entries) - 1)
            left, kept = entries[at : at + 1], entries[:at] + entries[at + 1 :]
        else:
            keys = asked[table]["Keys"]
            left = {**asked[table], "Keys": keys[-1:]}
            kept = {**asked[table], "Keys": keys[:-1]} if len(keys) > 1 else []
        rest = {**asked, table: kept} if kept else {name: each for name, each in asked.items() if name != table}

        def merge(answer: dict[str, Any]) -> dict[str, Any]:
            return {**answer, field: {table: left}}

        return ({**body, "RequestItems": rest} if rest else None), merge

    return cut


NEVER = {"ErrorCode": "MalformedDetail", "ErrorMessage": "never"}
BUSY = {"ErrorCode": "ThrottlingException", "ErrorMessage": "try again"}
FULL = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "try again"}
PARTIAL: dict[str, Cut] = {
    "DynamoDB_20120810.BatchWriteItem": unprocessed("UnprocessedItems"),
    "DynamoDB_20120810.BatchGetItem": unprocessed("UnprocessedKeys"),
    "AWSEvents.PutEvents": without_last(
        "Entries", lambda _: NEVER if Fault.for_good else BUSY, "FailedEntryCount", "Entries"
    ),
    "Kinesis_20131202.PutRecords": without_last("Records", lambda _: FULL, "FailedRecordCount", "Records"),
    "Firehose_20150804.PutRecordBatch": without_last("Records", lambda _: FULL, "FailedPutCount", "RequestResponses"),
    "AmazonSQS.SendMessageBatch": failed_by_id,
    "AmazonSQS.DeleteMessageBatch": failed_by_id,
}
CUSTOM_BUS = "/service/AWSEventsV2/operation/PutEvents"  # the path of a protocol without targets, in CBOR
PARTIAL[CUSTOM_BUS] = PARTIAL["AWSEvents.PutEvents"]

FOR_GOOD = ("AWSEvents.PutEvents", CUSTOM_BUS, "AmazonSQS.SendMessageBatch")  # beside PublishBatch, which is a form


async def partly(upstream: str, request: web.Request, cut: Cut) -> web.StreamResponse:
    cbor = request.path == CUSTOM_BUS
    read: Callable[[bytes], Any] = cbor2.loads if cbor else json.loads
    write: Callable[[Any], bytes] = cbor2.dumps if cbor else lambda value: json.dumps(value).encode()
    asked = read(await request.read())
    rest, merge = cut(asked)
    status, headers, answer = 200, {"Content-Type": "application/x-amz-json-1.0"}, write({})
    if cbor:
        headers = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    if rest is not None:
        status, headers, answer = await forwarded(upstream, request, write(rest))
    Fault.met += 1
    if status != 200:
        return web.Response(status=status, headers=headers, body=answer)
    headers = {name: value for name, value in headers.items() if "crc32" not in name.lower()}
    return web.Response(headers=headers, body=write(merge(read(answer) if answer else {})))


TRANSACTION = "DynamoDB_20120810.TransactWriteItems"


async def in_conflict(request: web.Request) -> web.Response:
    """A transaction that meets another: nothing is done, and nothing is wrong with it."""
    items = json.loads(await request.read())["TransactItems"]
    reasons: list[dict[str, str]] = [{"Code": "None"} for _ in items]
    reasons[-1] = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
    codes = ", ".join(each["Code"] for each in reasons)
    told = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        "CancellationReasons": reasons,
    }
    Fault.met += 1
    return web.Response(status=400, content_type="application/x-amz-json-1.0", body=json.dumps(told).encode())


async def read_otherwise(upstream: str, request: web.Request) -> web.Response | None:
    """A read in pages, or one that comes too early; None for any other call."""
    if Fault.kind == "pages":
        read = await reads.page_of_one(forwarded, upstream, request)
    else:
        read = await reads.too_early(forwarded, upstream, request, await noted.body_of(request), Fault.known)
    if read is None:
        return None
    (status, headers, answer), number = read
    Fault.met += number
    return web.Response(status=status, headers=headers, body=answer)


MEMBER = "PublishBatchRequestEntries.member"


async def published_partly(upstream: str, request: web.Request) -> web.StreamResponse:
    """Of SNS, which takes forms and answers in XML."""
    form = dict(urllib.parse.parse_qsl((await request.read()).decode(), keep_blank_values=True))
    numbers = sorted({int(name.split(".")[2]) for name in form if name.startswith(MEMBER)})
    last = f"{MEMBER}.{numbers[-1]}."
    rest = {name: value for name, value in form.items() if not name.startswith(last)}
    code, fault = ("InvalidParameter", "true") if Fault.for_good else ("InternalError", "false")
    failure = f"<member><Id>{escape(form.get(f'{last}Id', ''))}</Id><Code>{code}</Code>"
    failed = f"<Failed>{failure}<SenderFault>{fault}</SenderFault></member></Failed>"
    answer = (
        f"<PublishBatchResponse><PublishBatchResult><Successful/>{failed}</PublishBatchResult></PublishBatchResponse>"
    )
    headers = {"Content-Type": "text/xml"}
    if len(numbers) > 1:
        _, headers, body = await forwarded(upstream, request, urllib.parse.urlencode(rest).encode())
        text = body.decode().replace("<Failed/>", "").replace("<Failed></Failed>", "")
        answer = text.replace("</PublishBatchResult>", f"{failed}</PublishBatchResult>")
    Fault.met += 1
    return web.Response(headers=headers, body=answer.encode())


def with_faults(upstream: str) -> Any:
    @web.middleware
    async def middleware(request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path.startswith(CONTROL):
            return await control(request)
        if request.path.startswith("/_microburst") or (not Fault.books and noted.KEEPS_BOOKS.search(request.path)):
            return await handler(request)
        if (answer := await outward.answered(request)) is not None:
            return answer
        request = recognised.at_home(request)
        Fault.seen += 1
        body = await passing.before(request)
        if Fault.kind == "kill" and Fault.seen == Fault.call:
            return await killed(upstream, request)
        if Fault.kind == "meet":
            await together(request)
        if Fault.kind == "hold" and is_held(request):
            return await held(request)
        if Fault.kind == "conflict" and request.headers.get("X-Amz-Target") == TRANSACTION:
            return await in_conflict(request)
        if Fault.kind in ("pages", "early") and (answer := await read_otherwise(upstream, request)) is not None:
            return answer
        if Fault.kind == "partial":
            target = request.path if request.path == CUSTOM_BUS else request.headers.get("X-Amz-Target", "")
            if Fault.for_good and target and target not in FOR_GOOD:
                return await handler(request)
            if cut := PARTIAL.get(target):
                return await partly(upstream, request, cut)
            if b"Action=PublishBatch" in await noted.body_of(request):
                return await published_partly(upstream, request)
        answer = await instead.of_no_service(upstream, request) or await handler(request)
        passing.after(request, body, answer.status)
        return answer

    return middleware


async def control(request: web.Request) -> web.Response:
    if request.method == "PUT":
        asked = await request.json()
        Fault.kind, Fault.call, Fault.seen, Fault.met = asked["kind"], asked.get("call", 0), 0, 0
        Fault.for_good, Fault.pid, Fault.known = asked.get("for_good", False), None, asked.get("known", [])
        Fault.patience, Fault.alone = asked.get("patience", 0), asked.get("alone", 0)
        Fault.books = asked.get("books", False)
        Fault.waiting.clear()
    elif request.method == "POST":
        return web.json_response(unserved.chat(await request.json()))
    elif request.method == "PATCH":
        await extension.listen((await request.json())["ports"], owner)
    elif request.method == "DELETE":
        Fault.kind = ""
        passing.forget()
    return web.json_response({"met": Fault.met, "seen": Fault.seen, **passing.told()})


def make_app(microburst: Any, watch_config: str | None = None) -> web.Application:
    app = microburst_app(microburst, watch_config)
    app.middlewares.append(with_faults(microburst.upstream.base_url))
    return app


if __name__ == "__main__":
    microburst.cli.make_app = make_app
    microburst.cli.main()
