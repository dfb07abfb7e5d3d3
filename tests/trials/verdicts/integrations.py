"""What the answers of an API that calls a service itself, and what came of its calls, tell: pure functions."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from trials.project.source import Source
from trials.verdicts.judge import supply_event
from trials.verdicts.words import Judgement, Promise, broken, held, unproved

READS = ("Get", "Query", "Scan", "Describe", "List", "BatchGet", "Receive")
ASK_AN_ACCOUNT = "a look in an account of yours: send one request, and look whether it arrives"
COUNTED = "nothing, if every caller reads the count of failed entries"
VALIDATED = "nothing, if the consumer bears it; else a model and a request validator for the method"


class Backend(Protocol):
    @property
    def status(self) -> int: ...
    @property
    def body(self) -> str: ...


class Answer(Protocol):
    """What a caller gets; `backend` is what the service answered, if it was asked at all."""

    @property
    def status(self) -> int: ...
    @property
    def body(self) -> str: ...
    @property
    def backend(self) -> Backend | None: ...
    @property
    def refused(self) -> bool: ...
    @property
    def status_told(self) -> bool: ...


def says_so(answer: Answer) -> bool:
    """Whether the body tells the caller of entries that failed."""
    return any(word in answer.body for word in ("InternalFailure", "FailedEntryCount", "FailedRecordCount"))


def short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) < 160 else f"{flat[:157]}…"


def once(place: str, source: Source, request: object, answer: Answer, came: list[Any], own: bool) -> Judgement:
    """What became of a request that fits; `own` if it is the project's."""
    sent = f"{request}{'' if own else ', made up,'} answered with {answer.status}"
    if answer.backend is None or answer.refused:
        said = answer.backend.body if answer.backend else answer.body
        who = "the service" if answer.backend else "API Gateway"
        return unproved(f"{sent}: {who} refused it: {short(said)}", supply=supply_event(source))
    assert source.call
    if came and answer.status >= 400:
        text = f"{sent}, and yet it came to {place}: no response of the integration takes what the service answers"
        return unproved(text, supply="a response of the integration for 200, so that the caller does not ask again")
    if came:
        return held(f"{sent}; at {place} came {short(json.dumps(came[0], default=str))}")
    if source.call.action.startswith(READS):
        return held(f"{sent}: {short(answer.body)}")
    return unproved(f"{sent}, and nothing came at {place}", supply=ASK_AN_ACCOUNT)


def no_json(place: str, answer: Answer, came: list[Any]) -> Judgement:
    """What became of a body that is no JSON."""
    if came and answer.status < 400:
        text = f"a body that is no JSON is answered with {answer.status} and comes to {place}"
        return unproved(text, supply=VALIDATED)
    if answer.refused and answer.status < 400 and says_so(answer):
        text = f"a body that is no JSON is refused, and answered with {answer.status}; only the body says so"
        return unproved(text, supply=COUNTED)
    if answer.refused and answer.status < 400 and answer.status_told:
        text = f"a body that is no JSON is refused, and the caller is told {answer.status}"
        return broken(Promise.SILENT, text)
    if answer.status >= 400:
        return held(f"a body that is no JSON is answered with {answer.status}")
    return unproved(f"a body that is no JSON is answered with {answer.status}, and nothing came", supply=ASK_AN_ACCOUNT)


def lacking(place: str, results: Sequence[tuple[str, Answer, list[Any]]]) -> Judgement:
    """What became of requests each of which lacks something that the mapping reads: what, the answer, what came."""
    details = [f"{what}: {answer.status}{', and it comes' if came else ''}" for what, answer, came in results]
    for what, answer, _ in results:
        if answer.refused and answer.status < 400 and answer.status_told and not says_so(answer):
            text = f"{what} is refused by the service, and the caller is told {answer.status}"
            return broken(Promise.SILENT, text, *details)
    passed = [what for what, answer, came in results if came and answer.status < 400]
    if passed:
        text = f"{passed[0]} is answered as a good one, and comes to {place} with nothing in its place"
        return unproved(text, *details, supply=VALIDATED)
    if all(answer.status >= 400 for _, answer, _ in results):
        return held("what lacks a part that is read is an error for the caller", *details)
    return unproved("of a request that lacks a part, nothing came", *details, supply=ASK_AN_ACCOUNT)


def validated() -> Judgement:
    """What becomes of a body that is no JSON where the method has a model and a validator."""
    return held("a body that is no JSON does not pass the request validator of the method")


def broken_out(place: str, what: str, field: str, answer: Answer, came: list[Any]) -> Judgement:
    """What became of a good request whose text changed the call beyond itself."""
    if came:
        arrived = short(json.dumps(came[0], default=str))
        text = f"of a good request with {what} in {field!r} a part is lost on its way to {place}: {arrived} arrives"
        return broken(Promise.LOST, f"{text}, and the caller is told {answer.status}")
    text = f"a good request with {what} in {field!r} makes a call that the service cannot read"
    if answer.status < 400:
        return broken(Promise.SILENT, f"{text}: nothing arrives, and the caller is told {answer.status}")
    return broken(Promise.BLOCKED, f"{text}: it is refused with {answer.status} each time it comes")


def refused(answers: Iterable[Answer]) -> Judgement:
    """What the caller gets when the service refuses the call, with each status that was tried."""
    told = {each.backend.status: each for each in answers if each.backend}
    silent = [status for status, each in told.items() if each.status < 400 and each.status_told]
    details = [f"the service answers {status}: the caller is told {each.status}" for status, each in told.items()]
    if silent:
        text = f"the service refuses the call with {silent[0]}, and the caller is told {told[silent[0]].status}"
        return broken(Promise.SILENT, text, *details)
    if all(each.status_told for each in told.values()):
        return held("a call that the service refuses is an error for the caller too", *details)
    text = "what an HTTP API answers when the service refuses its call, nothing here tells"
    return unproved(text, supply=ASK_AN_ACCOUNT)


def partly(answer: Answer) -> Judgement:
    """What the caller gets when the service refuses an entry under 200."""
    if answer.status >= 400:
        return held(f"an entry that is refused under 200 is answered with {answer.status}")
    if says_so(answer):
        text = f"an entry that is refused under 200 is answered with {answer.status}; only the body says so"
        return unproved(text, supply=COUNTED)
    text = f"an entry that is refused under 200 is answered with {answer.status}, and the mapped body does not say so"
    return broken(Promise.LOST, text)


def failed_execution(answer: Answer) -> Judgement:
    """What the caller gets when the execution that it waits for fails."""
    if answer.status >= 400:
        return held(f"an execution that fails is answered with {answer.status}")
    if "FAILED" in answer.body or "TrialError" in answer.body:
        text = f"an execution that fails is answered with {answer.status}; only the body says so"
        return unproved(text, supply="nothing, if every caller reads the status in the body")
    text = f"an execution that fails is answered with {answer.status}, and the mapped body does not say so"
    return broken(Promise.SILENT, text)
