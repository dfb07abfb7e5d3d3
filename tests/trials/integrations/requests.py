"""A request to an API, made so that the integration finds in it what it reads."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from trials.project.source import ANY, Route
from trials.samples.derive import guess, put_all
from trials.samples.made import ID
from trials.samples.reads import EACH, Steps
from trials.samples.sample import Sample
from trials.template import as_dict

WITH_BODY = ("POST", "PUT", "PATCH")
STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\['([^']+)'\]|(\[(?:\d+|\*)\])")
JSON_PATH = r"""\(\s*['"](\$[^'"]*|\$(?:\[\\?['"][^\]]*\])+)['"]\s*\)"""
INPUT = re.compile(r"\$!?\{?input\.(?:path|json)" + JSON_PATH + r"((?:\.[A-Za-z_][\w-]*(?!\w*\())*)")
ASSIGNED = re.compile(r"#set\s*\(\s*\$!?\{?(\w+)\}?\s*=\s*\$input\.path" + JSON_PATH)
ASSIGNED_WHOLE = re.compile(r"""#set\s*\(\s*\$!?\{?\w+\}?\s*=\s*\$input\.path\(\s*['"]\$['"]\s*\)\s*\)""")
LOOP = re.compile(r"#foreach\s*\(\s*\$!?\{?(\w+)\}?\s+in\s+(.+?)\)\s*(?:\n|\{|\"|\$|,|\[|$)")
VARIABLE = re.compile(r"\$!?\{?(\w+)((?:\.[A-Za-z_][\w-]*(?!\w*\())+)")
NUMBER = re.compile(r'"N"\s*:\s*"\$!?\{?input\.path' + JSON_PATH)
PARAMETER = re.compile(r"""\$input\.params\(\s*['"]([\w-]+)['"]\s*\)""")
OF_PLACE = re.compile(
    r"""\$input\.params\(\)\.(header|querystring|path)(?:\.get\(['"]|\.)([\w-]+)"""
    r"""|\$input\.params\(['"](header|querystring|path)['"]\)(?:\.get\(['"]|\.)([\w-]+)"""
)
MAPPED = re.compile(r"(?:method\.|\$\{?)request\.(header|querystring|path)\.([\w-]+)")
OF_BODY = re.compile(r"(?:method\.|\$\{?)request\.body((?:\.[A-Za-z_][\w-]*)*)")


@dataclass(frozen=True)
class Request:
    """A request for a route; `path_parameters` are the parts of its path by name."""

    method: str
    path: str
    path_parameters: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    @property
    def parameters(self) -> dict[str, dict[str, str]]:
        return {"path": self.path_parameters, "querystring": self.query, "header": self.headers}

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Wanted:
    """What an integration reads of a request: paths into its body, and parameters by their place."""

    paths: frozenset[Steps] = frozenset()
    numbers: frozenset[Steps] = frozenset()
    parameters: frozenset[tuple[str, str]] = frozenset()  # (header, querystring, path or empty for any; name)


def steps_of(path: str) -> Steps:
    return tuple(found[1] or found[2] or EACH for found in STEP.finditer(path))


def wanted(integration: dict[str, Any]) -> Wanted:
    """What is read in an integration's templates and parameters."""
    templates = as_dict(integration.get("requestTemplates"))
    mapped = " ".join(str(each) for each in as_dict(integration.get("requestParameters")).values())
    paths, numbers, parameters = set[Steps](), set[Steps](), set[tuple[str, str]]()
    for template in map(str, templates.values()):
        paths |= set(of_template(template))
        numbers |= {steps_of(each[0]) for each in NUMBER.findall(template)}
        parameters |= {("", name) for name in PARAMETER.findall(template)}
        parameters |= {(a or c, b or d) for a, b, c, d in OF_PLACE.findall(template)}
    paths |= {steps_of(each) for each in OF_BODY.findall(mapped)}
    parameters |= set(MAPPED.findall(mapped))
    return Wanted(frozenset(paths - {()}), frozenset(numbers - {()}), frozenset(parameters))


def of_template(template: str) -> Iterator[Steps]:
    """The paths of the body that a mapping template reads."""
    known: dict[str, Steps] = {name: steps_of(path) for name, path in ASSIGNED.findall(template)}
    for name, among in LOOP.findall(template):
        inner = next(iter(_read(among, known)), None)
        if inner is not None:
            known[name] = (*inner, EACH)
            yield known[name]
    yield from _read(template, known)


def _read(text: str, known: dict[str, Steps]) -> Iterator[Steps]:
    for path, rest in INPUT.findall(text):
        yield (*steps_of(path), *steps_of(rest))
    for name, rest in VARIABLE.findall(text):
        if name in known:
            yield (*known[name], *steps_of(rest))


def made(route: Route, integration: dict[str, Any]) -> Request:
    """A request for a route, made up, with what the integration reads of it."""
    if route.websocket:
        return _message(route, integration)
    asked = wanted(integration)
    method = "POST" if route.method.upper() in ANY else route.method.upper()
    names = re.findall(r"\{(.*?)\+?\}", route.path)
    path = re.sub(r"\{.*?\}", "1", route.path)
    query, headers = dict[str, str](), {"content-type": "application/json"}
    for place, name in sorted(asked.parameters):
        value = str(guess(name, None))
        if place == "header" and name.lower() not in headers:
            headers[name] = value
        elif place == "querystring" or (not place and name not in names):
            query[name] = value
    body = {"id": ID} if not asked.paths or reads_whole(integration) else None
    known: dict[Steps, Any] = dict.fromkeys(asked.numbers, 1)
    known |= {steps: json.dumps({"id": ID}) for steps in asked.paths if steps[-1].lower() == "detail"}  # JSON as a text
    body = put_all(body, sorted(asked.paths), known)
    text = json.dumps(body) if method in WITH_BODY else ""
    return Request(method, path, dict.fromkeys(names, "1"), query, headers, text)


def _message(route: Route, integration: dict[str, Any]) -> Request:
    """A message to a route of a WebSocket API; none comes with a connection's begin and end."""
    asked = wanted(integration)
    body = put_all({"action": route.path, "id": ID}, sorted(asked.paths), dict.fromkeys(asked.numbers, 1))
    query = {name: str(guess(name, None)) for place, name in sorted(asked.parameters) if place != "header"}
    silent = route.path in ("$connect", "$disconnect")
    return Request("MESSAGE", route.path, {}, query, {}, "" if silent else json.dumps(body))


END = "the-end-of-the-way"  # in place of a name that each world has anew


def naming(request: Request, parameter: str) -> Request:
    """The request with the name of the way's end under a parameter."""
    if not parameter:
        return request
    if parameter in request.path_parameters:
        return replace(request, path_parameters={**request.path_parameters, parameter: END})
    return replace(request, query={**request.query, parameter: END})


def reads_whole(integration: dict[str, Any]) -> bool:
    """Whether the whole body is handed on, so that whatever stands in it matters."""
    templates = [str(each) for each in as_dict(integration.get("requestTemplates")).values()]
    mapped = [str(each) for each in as_dict(integration.get("requestParameters")).values()]
    whole = re.compile(r"\$!?\{?input\.(?:body|(?:json|path)\(\s*['\"]\$['\"]\s*\))(?!\w)")
    taken = [ASSIGNED_WHOLE.sub("", each) for each in templates]
    return any(map(whole.search, taken)) or any(re.search(r"\$\{?request\.body(?![.\w])", each) for each in mapped)


def given(request: Request, sample: Sample) -> Request:
    """A request of the project's: an event as API Gateway hands it to functions, or the body alone."""
    event = sample.payload
    if not isinstance(event, dict) or not {"body", "httpMethod", "requestContext"} & event.keys():
        return replace(request, body=json.dumps(event))
    headers = {str(key).lower(): str(value) for key, value in as_dict(event.get("headers")).items()}
    query = {key: str(value) for key, value in as_dict(event.get("queryStringParameters")).items()}
    named = {key: str(value) for key, value in as_dict(event.get("pathParameters")).items()}
    body = event.get("body")
    return replace(
        request,
        headers={**request.headers, **headers},
        query=query or request.query,
        path_parameters=named or request.path_parameters,
        path=str(event.get("path") or event.get("rawPath") or request.path),
        body=body if isinstance(body, str) else json.dumps(body) if body is not None else "",
    )
