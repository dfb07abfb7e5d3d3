"""API Gateway's mapping templates, in Velocity, with the variables that it gives them."""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from airspeed import Template, TemplateError

from trials.integrations.requests import STEP, Request
from trials.moment import MILLISECONDS, OF_REQUEST
from trials.samples.made import ID

SHORT = {"\b": "\\b", "\n": "\\n", "\t": "\\t", "\f": "\\f", "\r": "\\r"}
SIMPLE = re.compile(r"^\$(?:\.[A-Za-z_][\w-]*|\['[^']+'\]|\[\d+\])*$")


class Untold(Exception):
    """Something of which nothing here says what API Gateway makes of it."""


class NoJson(Exception):
    """A template reads into a body that is no JSON: API Gateway refuses the request with 400 itself."""


@dataclass(frozen=True)
class Rendered:
    """What a template makes, and what it overrides on the way."""

    text: str
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    status: int = 0  # of the answer; 0 for none


class Input:
    """`$input`: the body, and the request's parameters."""

    def __init__(self, body: str, request: Request) -> None:
        self.body = body
        self._request = request

    def path(self, path: str) -> Any:
        value = node(self.body, path)
        return "" if value is None else value

    def json(self, path: str) -> str:
        value = node(self.body, path)
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False) if value is not None else '""'

    def params(self, name: str | None = None) -> Any:
        """By its name, looked for in the path, then in the query and the headers; all of them without one."""
        places = self._request.parameters
        if name is None:
            return places
        if name in places:
            return places[name]
        lower = {key.lower(): value for key, value in self._request.headers.items()}
        return places["path"].get(name) or places["querystring"].get(name) or lower.get(name.lower(), "")


def node(body: str, path: str) -> Any:
    """What stands at a path of a body; None for nothing. Raises `NoJson` and, for paths of other forms, `Untold`."""
    if not SIMPLE.match(path):
        raise Untold(f"the JSONPath {path}")
    try:
        here = json.loads(body or "{}")
    except ValueError as error:
        raise NoJson(str(error)) from error
    for step in STEP.finditer(path):
        key = step[1] or step[2]
        if key:
            here = here.get(key) if isinstance(here, dict) else None
        else:
            index = int(step[3].strip("[]"))
            here = here[index] if isinstance(here, list) and index < len(here) else None
        if here is None:
            return None
    return here


class Util:
    """`$util`."""

    def escapeJavaScript(self, value: Any) -> str:  # noqa: N802
        return "".join(escaped(each) for each in plain(value))

    def urlEncode(self, value: Any) -> str:  # noqa: N802
        return quote_plus(plain(value), safe="*-._")

    def urlDecode(self, value: Any) -> str:  # noqa: N802
        return unquote_plus(plain(value))

    def base64Encode(self, value: Any) -> str:  # noqa: N802
        return base64.b64encode(plain(value).encode()).decode()

    def base64Decode(self, value: Any) -> str:  # noqa: N802
        return base64.b64decode(plain(value)).decode(errors="replace")

    def parseJson(self, value: Any) -> Any:  # noqa: N802
        try:
            return json.loads(plain(value))
        except ValueError as error:
            raise NoJson(str(error)) from error


def plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def escaped(character: str) -> str:
    """As in a text of JavaScript: a single quote becomes one that JSON does not know."""
    if character in "'\"\\/":
        return f"\\{character}"
    if character in SHORT:
        return SHORT[character]
    return character if " " <= character <= "~" else "".join(f"\\u{unit:04X}" for unit in units(character))


def units(character: str) -> list[int]:
    """A character's units of 16 bits."""
    raw = character.encode("utf-16-be", errors="surrogatepass")
    return [int.from_bytes(raw[place : place + 2], "big") for place in range(0, len(raw), 2)]


def context(request: Request) -> dict[str, Any]:
    identity = {"sourceIp": "127.0.0.1", "userAgent": "trial", "userArn": "", "caller": "", "cognitoIdentityId": ""}
    claims = {"sub": "9f1b6c3e-trial", "email": "trial@example.com", "cognito:username": "trial"}
    return {
        "requestId": ID,
        "extendedRequestId": ID,
        "accountId": "123456789012",
        "apiId": "trial",
        "stage": "Prod",
        "connectionId": "L0SM9cOFvHcCIhw=",
        "connectedAt": MILLISECONDS,
        "domainName": "trial.execute-api.us-east-1.amazonaws.com",
        "eventType": {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(request.path, "MESSAGE"),
        "routeKey": request.path,
        "httpMethod": request.method,
        "path": request.path,
        "resourcePath": request.path,
        "protocol": "HTTP/1.1",
        "requestTime": OF_REQUEST,
        "requestTimeEpoch": MILLISECONDS,
        "identity": identity,
        "authorizer": {"claims": claims, "principalId": "trial", **claims},
        "requestOverride": {"header": {}, "querystring": {}, "path": {}},
        "responseOverride": {"header": {}},
    }


def rendered(template: str, body: str, request: Request) -> Rendered:
    """What a template makes of a body. Raises `NoJson`, and `Untold` for what is not Velocity as it is known here."""
    given = context(request)
    names = {"input": Input(body, request), "util": Util(), "context": given, "stageVariables": {}}
    try:
        text = Template(template).merge(names)
    except (NoJson, Untold):
        raise
    except (TemplateError, TypeError, AttributeError, KeyError, ValueError, IndexError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, NoJson | Untold):
            raise cause from error
        raise Untold(f"its mapping template: {type(error).__name__}: {' '.join(str(error).split())[:200]}") from error
    override = given["requestOverride"]
    status = str(given["responseOverride"].get("status", "") or 0)
    headers = {str(key): str(value) for key, value in override["header"].items()}
    query = {str(key): str(value) for key, value in override["querystring"].items()}
    return Rendered(text, headers, query, int(status) if status.isdigit() else 0)
