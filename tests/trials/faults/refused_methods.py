"""A route to a function whose code refuses the route's method, whatever comes with it: its refusal is its answer."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Answer, Delivery
from trials.project.source import ANY, Source
from trials.samples.sample import Sample
from trials.samples.sought import texts
from trials.stage import Stage
from trials.verdicts import Judgement, held

NOT_THIS_METHOD = re.compile(
    r"(?:unsupported|unknown|invalid|unexpected)\W+(?:http\W+|request\W+)?method\b"
    r"|(?:^|[^\w\s]\s*|http\s|request\s|the\s|this\s)method\b.{0,30}\bnot\b.{0,12}\b(?:allowed|supported|implemented)",
    re.IGNORECASE,
)
ASKED = re.compile(r"""httpMethod|http_method|\bhttp['"\]?.\[(]+\s*(?:get\W+)?method|routeKey|route_key""")
PREFLIGHT = "; a browser's preflight fails by that, unless the API itself answers it"


def by_its_method(stage: Stage, source: Source, sample: Sample, delivery: Delivery) -> Judgement | None:
    """What a refusal tells that three requests of the method get alike, if the code speaks of that method nowhere."""
    route, answer = source.route, delivery.answers[-1] if delivery.answers else Answer()
    if route is None or route.websocket or sample.file or not tells(answer):
        return None
    method = route.method.upper()
    if method in ANY or not refuses(stage.project.code(source.function)[0], method):
        return None
    for payload in forms(sample.payload):
        stage.fresh()
        others = deliver(stage, source, [replace(sample, payload=payload)]).answers
        if not others or others[-1].text != answer.text:
            return None
    text = f"{sample.origin}: the code refuses the method {method}, whatever comes with it: {answer.text[:120]}"
    return held(f"{text}{PREFLIGHT if method == 'OPTIONS' else ''}")


def tells(answer: Answer) -> bool:
    """Whether an answer says that it is the method that is refused."""
    return answer.status == 405 or (400 <= answer.status < 500 and bool(NOT_THIS_METHOD.search(answer.text)))


def refuses(folder: Path, method: str) -> bool:
    """Whether code can refuse a method: it asks for that of its request, and speaks of this one nowhere."""
    text = "\n".join(texts(folder))
    return bool(ASKED.search(text)) and not re.search(rf"\b{method}\b", text, re.IGNORECASE)


def forms(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A request without a body and a query, and one with both."""
    yield {**payload, "body": None, "queryStringParameters": None}
    yield {**payload, "body": '{"id": "trial-1"}', "queryStringParameters": {"id": "trial-1"}}
