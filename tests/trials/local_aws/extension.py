"""The AWS Parameters and Secrets Lambda Extension, as functions with its layer find it on loopback.

One server answers every environment; whose request it is, the process at the other end of the connection tells. With
that environment's credentials it makes the call that it is asked for, to where the environment's own calls go: the
call is seen, refused and lost as they are, and needs the same permission. Who has no such layer finds nobody here.

What AWS documents: a value is kept for 300 seconds unless a variable says otherwise, a request names the environment's
session token, and none is served before the code is loaded. With which status it refuses, its page does not tell: 400
with these words is what functions were seen to get, and 401 without the token is made up.

Part of the fault proxy, which the local AWS's own Python runs.
"""

import json
import ssl
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from aiohttp import ClientError, ClientSession, ClientTimeout, web

MARK = "TRIALS_EXTENSION"  # a variable of the functions that may have its layer
PORT = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"
ASKED_BY = "X-Trials-Asked-By"  # the process in whose name a call is made
LOOPBACK = ("127.0.0.1", "::1")
FAILED = "an unexpected error occurred while executing request"
NOT_READY = "not ready to serve traffic, please wait"
SERVICES = {  # by path: the service, its target, and the variables for how long a value is kept and a call may take
    "/secretsmanager/get": (
        "secretsmanager",
        "secretsmanager.GetSecretValue",
        "SECRETS_MANAGER_TTL",
        "SECRETS_MANAGER_TIMEOUT_MILLIS",
    ),
    "/systemsmanager/parameters/get": (
        "ssm",
        "AmazonSSM.GetParameter",
        "SSM_PARAMETER_STORE_TTL",
        "SSM_PARAMETER_STORE_TIMEOUT_MILLIS",
    ),
}
Variables = dict[str, str]
kept: defaultdict[tuple[int, float], dict[str, tuple[float, Any]]] = defaultdict(dict)  # by process, by request
listening: set[int] = set()


async def listen(ports: list[int], owner: Callable[[web.Request], int | None]) -> None:
    """Answer at these ports of loopback too; `owner` tells whose request one is."""

    async def handle(request: web.Request) -> web.Response:
        return await answered(request, owner(request))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    for port in set(ports) - listening:
        listening.add(port)
        for address in LOOPBACK:
            with suppress(OSError):  # without IPv6, or taken by the reader's own
                await web.TCPSite(runner, address, port).start()


async def answered(request: web.Request, pid: int | None) -> web.Response:
    process, variables = environment(pid)
    if process is None or MARK not in variables or port_of(variables) != asked_port(request):
        if request.transport:
            request.transport.abort()  # nobody listens there
        return web.Response(status=500)
    if not begun(process, variables):
        return web.Response(status=400, text=NOT_READY)
    if request.headers.get("X-Aws-Parameters-Secrets-Token") != variables.get("AWS_SESSION_TOKEN"):
        return web.Response(status=401, text="not authorized")
    path = request.path.rstrip("/")
    if path not in SERVICES:
        return web.Response(status=404)
    if request.method != "GET":
        return web.Response(status=405)
    values = kept[process.pid, process.create_time()]
    until, answer = values.get(request.path_qs, (0.0, None))
    if until < time.monotonic():
        answer = await called(path, dict(request.query), variables, process.pid)
        if answer is None:
            return web.Response(status=400, text=FAILED)
        values[request.path_qs] = (time.monotonic() + lifetime(variables, SERVICES[path][2]), answer)
    return web.json_response(answer)


def environment(pid: int | None) -> tuple[psutil.Process | None, Variables]:
    """A process and the variables with which it began."""
    with suppress(psutil.Error):
        process = psutil.Process(pid) if pid else None
        return process, process.environ() if process else {}
    return None, {}


def asked_port(request: web.Request) -> int:
    ours = request.transport.get_extra_info("sockname") if request.transport else None
    return int(ours[1]) if ours else 0


def port_of(variables: Variables) -> int:
    return number(variables, PORT, 2773)


def number(variables: Variables, name: str, otherwise: int) -> int:
    given = variables.get(name, "")
    return int(given) if given.isdecimal() else otherwise


def lifetime(variables: Variables, name: str) -> int:
    """For how many seconds a value is kept."""
    keeps = variables.get("PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED", "true").lower() != "false"
    size = number(variables, "PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE", 1000)
    return number(variables, name, 300) if keeps and size else 0


def begun(process: psutil.Process, variables: Variables) -> bool:
    """Whether the code of an environment is loaded; a process that it started asks in its name."""
    folder = Path(variables.get("TRIALS_HOME", ""), "begun")
    with suppress(psutil.Error):
        return any((folder / str(one.pid)).exists() for one in (process, *process.parents()))
    return False


def wanted(path: str, query: dict[str, str]) -> dict[str, Any]:
    """The request to the service; of a version and a label the first is meant."""
    if path.startswith("/secretsmanager"):
        names = {"secretId": "SecretId", "versionId": "VersionId", "versionStage": "VersionStage"}
        return {names[name]: value for name, value in query.items() if name in names}
    selectors = [value for name, value in query.items() if name in ("version", "label")]
    name = ":".join([query.get("name", ""), *selectors[:1]])
    return {"Name": name, "WithDecryption": query.get("withDecryption", "").lower() == "true"}


async def called(path: str, query: dict[str, str], variables: Variables, pid: int) -> Any:
    """What the service answers, as the extension tells it; None if it refuses, or says nothing."""
    service, target, _, limit = SERVICES[path]
    body = json.dumps(wanted(path, query)).encode()
    url = variables["AWS_ENDPOINT_URL"]
    headers = signed(service, target, url, body, variables)
    trusted = ssl.create_default_context(cafile=variables.get("AWS_CA_BUNDLE")) if url.startswith("https") else None
    timeout = ClientTimeout(total=number(variables, limit, 0) / 1000 or None)
    with suppress(ClientError, TimeoutError):
        async with ClientSession(timeout=timeout) as session:
            more = {"ssl": trusted} if trusted else {}
            async with session.post(url, data=body, headers={**headers, ASKED_BY: str(pid)}, **more) as answer:
                content = await answer.read()
                return told(json.loads(content)) if answer.status == 200 else None
    return None


def signed(service: str, target: str, url: str, body: bytes, variables: Variables) -> dict[str, str]:
    from botocore.auth import SigV4Auth  # costs the proxy's start more than all of it
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", f"{url}/", headers, body)
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    SigV4Auth(Credentials(*(variables[name] for name in names)), service, variables["AWS_REGION"]).add_auth(request)
    return dict(request.headers.items())


def told(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer with its times as texts and with what is not there, as the SDK for Go writes one."""
    if "Parameter" in answer:
        parameter = {"Selector": None, "SourceResult": None, **dated(answer["Parameter"])}
        return {"Parameter": parameter, "ResultMetadata": {}}
    return {"SecretBinary": None, "SecretString": None, **dated(answer), "ResultMetadata": {}}


def dated(members: dict[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
        if name.endswith("Date") and isinstance(value, int | float)
        else value
        for name, value in members.items()
    }
