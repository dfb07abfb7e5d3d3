"""What is sent through a mapping to try it: texts that a template must encode, and answers that a service may give."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from trials.integrations.calling import FORMS, Sent
from trials.integrations.requests import Request, reads_whole, wanted
from trials.project.source import Call
from trials.samples.derive import words
from trials.samples.reads import EACH, Steps

POISON = "trial-poison {not JSON"
TEXTS = {  # by what is said of them
    "an ampersand": "salt & pepper=1",
    "a plus and a per cent sign": "1+1 100%25",
    "a quotation mark": 'a "quoted" word',
    "an apostrophe": "O'Brien",
    "a line break": "two\nlines",
}
FREE = "note"  # a field that nothing gives a meaning
HARMLESS = "a harmless text"
MOST_LACKING = 3  # parameters that are left out, each alone
IDENTIFIERS = {  # last words of names of fields that hold no prose
    *("id", "key", "type", "kind", "source", "status", "code", "action", "bus", "group", "arn", "url", "uri", "token"),
    *(
        "date",
        "time",
        "datetime",
        "timestamp",
        "email",
        "phone",
        "number",
        "version",
        "currency",
        "country",
        "language",
        "stream",
    ),
}
CONTENT = ("MessageBody", "Message")  # of a form: what may hold any text
FAILED_EXECUTION = {"status": "FAILED", "error": "TrialError", "cause": "trial", "input": "{}", "name": "trial-1"}
ENTRY = {"ErrorCode": "InternalFailure", "ErrorMessage": "trial"}
PARTLY: dict[str, dict[str, Any]] = {  # answers under 200 that say that an entry was refused
    "PutEvents": {"FailedEntryCount": 1, "Entries": [ENTRY]},
    "PutRecords": {"FailedRecordCount": 1, "Records": [ENTRY]},
}


@dataclass(frozen=True)
class Odd:
    """A good request with an odd text in one field; `name` says what is in it, `safe` is a body with a harmless one."""

    name: str
    field: str
    text: str
    body: str
    safe: str


def odd_texts(body: str, integration: dict[str, Any]) -> Iterator[Odd]:
    """The request's body with each odd text in a field that nothing constrains, and in each field that is read."""
    try:
        plain = json.loads(body)
    except ValueError:
        return
    paths: list[Steps] = [each for each in sorted(wanted(integration).paths) if not is_identifier(each)]
    if isinstance(plain, dict) and reads_whole(integration):
        plain[FREE], paths = HARMLESS, [(FREE,), *paths]
    for name, text in TEXTS.items():
        for steps in paths:
            changed, safe = changed_at(plain, steps, text), changed_at(plain, steps, HARMLESS)
            if changed is not None:
                field = ".".join(each for each in steps if each != EACH)
                yield Odd(name, field, text, *(json.dumps(each, ensure_ascii=False) for each in (changed, safe)))


def lacking(request: Request, call: Call, integration: dict[str, Any]) -> Iterator[tuple[str, Request]]:
    """The request without what the mapping reads of it, each time with what it lacks; not what a validator asks for."""
    asked, required = wanted(integration), call.body.get("requires") or []
    if asked.paths and request.body and not call.body.get("validates"):
        yield "a body without the fields that are read", replace(request, body="{}")
    for name in sorted({each for _, each in asked.parameters} - set(required))[:MOST_LACKING]:
        query = {key: each for key, each in request.query.items() if key != name}
        headers = {key: each for key, each in request.headers.items() if key != name}
        if len(query) + len(headers) < len(request.query) + len(request.headers):
            yield f"a request without {name!r}", replace(request, query=query, headers=headers)


def is_identifier(steps: Steps) -> bool:
    """Whether a field is one that nobody fills with prose, by the last word of its name."""
    last = words(steps[-1]).split()
    return bool(last) and last[-1] in IDENTIFIERS


def changed_at(value: Any, steps: Steps, text: str) -> Any:
    """The value with the text at the end of the steps; None if no text stands there."""
    whole = deepcopy(value)
    here = whole
    for step in steps[:-1]:
        here = here[0] if step == EACH and isinstance(here, list) and here else here
        here = here.get(step) if step != EACH and isinstance(here, dict) else here
    last = steps[-1] if steps else EACH
    if not isinstance(here, dict) or not isinstance(here.get(last), str):
        return None
    here[last] = text
    return whole


def broken_out(safe: Sent, odd: Sent, text: str) -> bool:
    """Whether a text does not arrive as it is: the call cannot be read any more, or its content is cut or changed."""
    if safe.is_form:
        return carried(safe, HARMLESS) and not carried(odd, text)
    return safe.readable and not odd.readable


def carried(sent: Sent, text: str) -> bool:
    """Whether the content of a form holds a text, as it is or as JSON writes it."""
    forms = (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    return any(form in value for key, value in sent.form if key in CONTENT for form in forms)


def refusal(call: Call, status: int) -> str:
    """What a service says when it refuses a call."""
    code = "ThrottlingException" if status < 500 else "InternalFailure"
    if call.service in FORMS:
        return json.dumps({"Error": {"Code": code, "Message": "trial", "Type": "Sender"}})
    return json.dumps({"__type": code, "message": "trial"})
