"""Verdicts over recorded histories: pure functions, each of which can be tried with a history typed by hand."""

import json
import re
import sys
from base64 import b64encode
from contextlib import suppress
from typing import Any

from trials.deliveries.history import Answer, Delivery, History, Reference
from trials.deliveries.parcels import MOST_RECEIVES, reported
from trials.project.effects import READS
from trials.project.sources import Kind, Source
from trials.samples.sample import WITH_KEY
from trials.verdicts.words import MEANT, Judgement, Promise, broken, held, unproved
from trials.world.compare import SINKS, Difference, World, differences, recurring, tellable

MADE_UP = "made up from the route"  # how the origin of a request begins whose key binds nobody
POISON = "trial-poison {not JSON"
MARK = "trial-poison"
CODED = re.compile("|".join(b64encode(b" " * shift + MARK.encode()).decode()[4:-4] for shift in range(3)))
REAL_EVENT = "put a real event of this source into events/{file}.json"
OF_A_LAYER = "name the package beside the code (requirements.txt or package.json), or make the layer a folder here"
ONLY_LOGS = "taken; its code calls nothing beyond itself, so its log is all that it leaves"
ONLY_READ = "taken; its code does nothing but read what AWS holds, so its log is all that it leaves"
VERSIONS = ("version", "sequence", "sequence_number", "seq", "revision")
NO_PACKAGE = re.compile(r"No module named|Cannot find (module|package)|Unable to import module|ImportModuleError")
OLD_SDK = re.compile(r"Cannot find (?:module|package) 'aws-sdk['/]")
LOAD_ERRORS = re.compile(  # what a handler raises once it runs must not look like these: a SyntaxError is JSON's too
    r"Runtime\.(UserCodeSyntaxError|HandlerNotFound|MalformedHandlerName|InvalidEntrypoint|ExitError)"
    r"|Worker init failed: .*(\(\w+\.py, line \d+\)|module '[\w.]+' has no attribute|cannot import name|SyntaxError"
    r"|not enough values to unpack|has already been declared|Unexpected end of input|missing \) after argument list"
    r"|Unexpected token(?!.*JSON))"
    r"|is undefined or not exported|Handler '.*' missing|Handler \S+ is not a function in"
)
NO_VARIABLE = re.compile(r"(?:KeyError|Worker init failed): ['\"]{1,2}([A-Z][A-Z0-9_]{2,})['\"]{1,2}$")
NOT_HERE = re.compile(r"An error occurred \((?:400|501)\) when calling the (\w+) operation:$")  # without a reason
TIMED_OUT = re.compile(r"Task timed out|Sandbox\.Timedout|timed out after")


def supply_event(source: Source) -> str:
    return REAL_EVENT.format(file=source.file)


def own_queue(source: Source) -> str:
    """The place where the source's own messages wait."""
    return f"queue {source.origin}"


# ---- the undisturbed delivery


def refusal(delivery: Delivery) -> str:
    """Why a function did not do what it was asked to; empty if it did."""
    if delivery.failures:
        return delivery.error
    last = delivery.answers[-1] if delivery.answers else Answer()
    return last.text[:200] if last.status >= 400 or tells_of_failure(last) else ""


def tells_of_failure(answer: Answer) -> bool:
    """Whether an answer says in its content that the work was not done, whatever its status is."""
    content = answer.body.get("body", answer.body) if isinstance(answer.body, dict) else answer.body
    with suppress(ValueError):
        content = json.loads(content) if isinstance(content, str) else content
    if not isinstance(content, dict):
        return False
    said_so = any(content.get(key) is False for key in ("success", "ok"))
    return said_so or set(content) in ({"error"}, {"errors"}) or content.get("status") in ("error", "failed", "failure")


def does_not_start(error: str, variables: set[str] | None = None, layers_are_here: bool = True) -> str:
    """Why code can never run, from the error of its first delivery; `variables` are those that its template sets.

    A package that is missing says nothing if a layer was left out, for it may have held it, or if Lambda brings it.
    """
    lacking = layers_are_here and NO_PACKAGE.search(error) and "@aws-sdk/" not in error  # which Lambda brings
    if lacking and OLD_SDK.search(error):
        return f"it calls version 2 of the SDK, which Lambda no longer brings from Node.js 18 on: {error}"
    if LOAD_ERRORS.search(error) or lacking:
        return f"its code does not load: {error}"
    missing = NO_VARIABLE.search(error.strip())
    if missing and variables is not None and missing[1] not in variables:
        return f"it reads the variable {missing[1]}, which the template does not set: {error}"
    return ""


# What an older Python says of syntax and names that came later; any other syntax error is one in every Python.
NEW_SYNTAX = re.compile(r"f-string|expected '\('|invalid syntax|multiple exception types")
NEW_NAME = re.compile(r"cannot import name '\w+' from '(\w+)")
COMPILED = re.compile(  # what is said where a package's compiled module is for another Python or another machine
    r"cannot import name '_\w+' from|No module named '[\w.]+\._\w+'|ELF (?:header|class|file)|undefined symbol"
)


def of_a_newer_python(error: str, runtime: str, here: tuple[int, ...] = sys.version_info[:2]) -> Judgement | None:
    """Code that does not load here, and is written or compiled for another Python than the one that runs it."""
    asked = tuple(map(int, re.findall(r"\d+", runtime))) if runtime.startswith("python") else ()
    if asked and asked != here and COMPILED.search(error) and "init failed" in error:
        text = f"a module of a package is compiled for {runtime} or another machine, and does not load here: {error}"
        return unproved(text, supply=f"the package for Python {'.'.join(map(str, here))}, in place of the compiled one")
    missing = NEW_NAME.search(error)
    new = NEW_SYNTAX.search(error) or (missing and missing[1] in sys.stdlib_module_names)
    if asked <= here or not LOAD_ERRORS.search(error) or not new:
        return None
    wanted = ".".join(map(str, asked))
    text = f"its code is written for {runtime} and does not load under Python {'.'.join(map(str, here))}, which runs it"
    return unproved(f"{text} here: {error}", supply=f"Python {wanted}: UV_PYTHON={wanted} before `uv run`")


PLAIN_FUNCTION = re.compile(r"\bexports\b|\bexport\b")  # of a module in JavaScript


def never_called_back(error: str, code: str, called: bool) -> Judgement | None:
    """A plain function in JavaScript that hands nothing back: Lambda ends it when nothing is left to wait for."""
    if called or not TIMED_OUT.search(error) or not PLAIN_FUNCTION.search(code) or "async" in code:
        return None
    text = "it neither returned a promise nor called back, and the local AWS waits for one of them until the timeout"
    return unproved(text, supply="make the handler async, so that its end can be told")


def refused_sample(
    source: Source,
    origin: str,
    error: str,
    delivery: Delivery,
    called: bool,
    outside: str,
    lacking: str = "",
    last: tuple[str, str] = ("", ""),
) -> Judgement:
    """What the first delivery tells when the function did not take the sample.

    `called` says that it called something before it failed, `outside` names an address that it could not reach,
    `lacking` what the project's own file lacks by the words of the refusal, `last` its last call to AWS.
    """
    if TIMED_OUT.search(delivery.last_error or error) and not called and not outside:
        return broken(Promise.DOES_NOT_START, f"{origin}: it called nothing and ran into its timeout: {error}")
    if outside:
        text = f"{origin}: it called {outside}, which cannot be reached from here: {error}"
        return unproved(text, supply=f"make the address of {outside} a parameter or a variable of the template")
    if absent := not_here(error.strip(), last):
        text = f"{origin}: it called {absent}, which the local AWS does not know: {error.strip()}"
        return unproved(text, supply="a trial in an account of yours: this service is not here")
    text = f"{origin}: the function did not take it, so nothing else can be told: {error}"
    if lacking:
        return unproved(text, supply=f"{lacking}, which the event in {origin} lacks")
    return unproved(text, supply=OF_A_LAYER if NO_PACKAGE.search(error) else supply_event(source))


def not_here(error: str, last: tuple[str, str]) -> str:
    """The call that the local AWS refused without a reason, as it does for a service that it has not; empty for none.

    S3 gives none to Node.js either, when an object is not there.
    """
    if refused_call := NOT_HERE.search(error):
        return refused_call[1]
    return last[1] if error.endswith("UnknownError") and last[0] not in ("", "s3") else ""


def undisturbed(
    source: Source, reference: Reference, calls_nothing: bool = False, only_reads: bool = False
) -> Judgement:
    """What one delivery did; without an effect or an answer to compare there is nothing to try.

    If the function's code `calls_nothing`, or `only_reads` what AWS holds, it is done when it took the event: its log
    is all that it can leave.
    """
    changed = differences(reference.empty, reference.world, set())
    origin = reference.sample.origin
    effects = [each for each in changed if each.place != own_queue(source)]
    changed = [each for each in changed if each in effects or each.new]  # what it took from its own queue is no effect
    if changed and not effects:
        text = f"{origin}: all it did was to send to its own queue again: {changed[0]}"
        return unproved(text, supply=f"{supply_event(source)}, one whose work ends")
    if effects:
        return held(f"{origin}: {'; '.join(map(str, effects))}", *map(str, effects))
    if comparable_answer(source, reference.answer):
        return held(f"{origin}: nothing that can be seen changed; it answered {short(reference.answer)}")
    if calls_nothing and not reference.calls:
        return held(f"{origin}: {ONLY_LOGS}")
    if only_reads and reference.calls and all(READS.match(operation) for _, operation in reference.calls):
        return held(f"{origin}: {ONLY_READ}")
    calls = ", ".join(sorted({f"{service} {operation}" for service, operation in reference.calls}))
    text = f"{origin}: nothing that can be seen changed" + (f"; it called {calls}" if calls else ", nothing was called")
    return unproved(text, supply=supply_event(source))


def returned_early() -> Judgement:
    text = "it answered before its calls had ended: Lambda freezes the environment then, and they end late or never"
    return broken(Promise.LOST, f"{text}; nothing else was tried, for what it leaves is chance")


def comparable_answer(source: Source, answer: Answer) -> bool:
    """Whether somebody reads what the function returns, and it returned something."""
    if source.kind is Kind.HTTP:
        return answer.body is not None
    return source.kind in (Kind.TASK, Kind.DIRECT) and answer.body not in (None, "", {}, [])


def short(answer: Answer) -> str:
    text = answer.error or json.dumps(answer.body, default=str)
    return text if len(text) <= 120 else text[:119] + "…"


def passed_on(place: str, sent: str, before: World, after: World) -> Judgement:
    """What a way without a function did with an event that fits: it must come out at the place where the way ends."""
    came = [each for each in differences(before, after, set()) if each.place == place and each.new]
    if came:
        return held(f"{sent} came out: {came[0]}", *map(str, came))
    text = f"{sent} did not come out at {place}: the local AWS may not know this way"
    return unproved(text, supply="send one in an account of yours and look whether it arrives")


# ---- a repeat


def repeated(history: History, source: Source, reference: Reference, graves: frozenset[str]) -> Judgement:
    """What a repeat did to the world: nothing, something its receiver can tell as a repeat, or more than once does."""
    changed = differences(history.before, history.after, reference.noise)
    alone = history.before is reference.world  # in a world of its own, whose ids are others
    sent = recurring(history.after) if alone else history.before
    told = [each for each in changed if tellable(each, sent)]
    doubled = [each for each in changed if each not in told and not set_aside(each, graves)]
    late = [each for each in doubled if sent_late(each, reference)]
    doubled = [each for each in doubled if each not in late]
    details = [str(each) for each in changed]
    error = repeat_error(history, source)
    if doubled and source.kind is Kind.HTTP and not has_key(reference):
        what = "message" if source.route and source.route.websocket else "request"
        text = f"a repeated {what} does it again; safe only if no client retries, for it has no idempotency key"
        return unproved(text, *details, supply="a sample request that carries the key by which a repeat is known")
    if doubled and history.again is None and not any(each.new for each in doubled):
        return broken(Promise.LOST, f"neither of the two left what one alone does: {doubled[0]}", *details)
    if doubled:
        return broken(Promise.DOUBLED, str(doubled[0]), *details)
    if late:
        text = f"something was sent, which one delivery alone had not done by its end: {late[0]}"
        return unproved(text, *details, supply="nothing, if work goes on after the answer")
    if error:
        supply = "nothing, if whoever repeats it bears that; else an answer as to the first"
        return unproved(f"no more was done, but the repeat was refused: {error}", *details, supply=supply)
    if told:
        return held(f"sent on again with equal content, so its receiver can tell: {told[0].place}", *details)
    return held("nothing more" if any(history.before.values()) else "nothing to double was seen", *details)


def sent_late(difference: Difference, reference: Reference) -> bool:
    """Whether something was sent where one delivery had left nothing at all by its end: it may be what comes later."""
    return difference.place.split(" ")[0] in SINKS and not reference.has_effect


def repeat_error(history: History, source: Source) -> str:
    if history.again is None:
        return history.delivery.error
    named = reported(history.again, source.batching.reports_failures, ["?"])
    return history.again.error or str((named and history.again.body) or "")


def set_aside(difference: Difference, graves: frozenset[str]) -> bool:
    """Whether something only ended up among the dead letters."""
    return bool(difference.new) and not difference.gone and difference.place in graves


def has_key(reference: Reference) -> bool:
    """Whether a request carries a key by which a repeat can be known."""
    request = reference.sample.payload
    headers = request.get("headers") or {}
    context = request.get("requestContext") or {}
    method = str(request.get("httpMethod") or (context.get("http") or {}).get("method") or "")
    own = not reference.sample.origin.startswith(MADE_UP) or WITH_KEY in reference.sample.origin
    return method in ("PUT", "DELETE") or (own and any(name.lower() == "idempotency-key" for name in headers))


# ---- order


def ordered(in_order: World, reversed_order: World, reference: Reference) -> Judgement:
    changed = differences(in_order, reversed_order, reference.noise)
    changed = [each for each in changed if not each.place.startswith("queue")]
    details = [str(each) for each in changed]
    if not changed:
        return held("the same in either order")
    if any(older_won(each) for each in changed):
        return broken(Promise.LOST, f"an older event overwrote a newer one: {changed[0]}", *details)
    return unproved(f"the order shows: {changed[0]}", *details, supply=MEANT)


def older_won(difference: Difference) -> bool:
    """Whether, of as many records, a version is lower than after delivery in order."""
    if len(difference.gone) != len(difference.new):
        return False
    pairs = zip(difference.gone, difference.new, strict=True)
    return any(lower(theirs, ours) for ours, theirs in pairs if isinstance(ours, dict) and isinstance(theirs, dict))


def lower(one: dict[str, Any], other: dict[str, Any]) -> bool:
    for name in VERSIONS:
        try:
            if int(one[name]) < int(other[name]):
                return True
        except (KeyError, TypeError, ValueError):
            continue
    return False


# ---- a malformed event


def holds_poison(records: Any) -> bool:
    text = json.dumps(records, default=str)
    return MARK in text or bool(CODED.search(text))


def beside_poison(
    history: History, source: Source, reference: Reference, graves: frozenset[str], fifo: bool
) -> Judgement:
    """A malformed record and a good one came together: the good one is done, the other is kept."""
    delivery = history.delivery
    changed = differences(reference.world, history.after, reference.noise)
    details = [str(each) for each in changed]
    own_place = own_queue(source)
    kept = [each.place for each in changed if holds_poison(each.new) and each.place != own_place]
    undone = [each for each in changed if len(each.gone) > len([one for one in each.new if not holds_poison(one)])]
    altered = [each for each in changed if each.gone and each not in undone]
    good_kept = [each for each in changed if each.place in graves and any(not holds_poison(one) for one in each.new)]
    strays = [record for each in changed for record in each.new]
    has_destination = source.batching.keeps_discarded
    if delivery.stuck and source.kind is Kind.STREAM:
        return broken(Promise.BLOCKED, f"the malformed record never leaves: {delivery.stuck}", *details)
    if fifo and good_kept and not set(kept) & graves:
        text = f"the malformed one passes as good, and the one behind it in its group is in {good_kept[0].place}"
        return unproved(text, *details, supply="nothing, if it waits by design: no visibility timeout is waited for")
    if fifo and good_kept:
        return held(f"the malformed one and what stood behind it in its group are in {good_kept[0].place}", *details)
    if undone and good_kept:
        return broken(Promise.BLOCKED, "the good one shared the fate of the malformed one", *details)
    if undone and not delivery.discarded and not history.after.get(own_place):
        return broken(Promise.LOST, "the good one was not done, and is kept nowhere", *details)
    if undone and not (delivery.discarded and has_destination):
        return broken(Promise.BLOCKED, "the good one shared the fate of the malformed one", *details)
    if undone:
        return broken(Promise.BLOCKED, "the good one was given up together with the malformed one", *details)
    if good_kept and delivery.failures and kept:
        return broken(Promise.BLOCKED, "the good one is among the dead letters, with the malformed one", *details)
    if altered and not delivery.stuck:
        return unproved(f"the good one left something else than it does alone: {altered[0]}", *details, supply=MEANT)
    if delivery.stuck and kept:
        return unproved(f"kept in {', '.join(kept)}, but {delivery.stuck}", *details, supply=MEANT)
    if delivery.stuck:
        return broken(Promise.LOST, f"the malformed message is never kept: {delivery.stuck}", *details)
    if delivery.discarded and not has_destination:
        return broken(
            Promise.LOST, "the malformed record is dropped after its retries: no on-failure destination", *details
        )
    if delivery.discarded > 1 and not reference.has_effect:
        text = "both were given up together; whether the good one was done before cannot be seen"
        return unproved(text, *details, supply=supply_event(source))
    if kept or delivery.discarded:
        where = ", ".join(kept) or "the on-failure destination (not delivered locally)"
        done = "the good one is done, " if reference.has_effect else ""
        return held(f"{done}the malformed one is in {where}", *details)
    if history.after.get(own_place) and delivery.failures:
        return held(f"it comes back until its dead-letter queue takes it, after more than {MOST_RECEIVES} receives")
    if not delivery.failures and not strays:
        if not reference.has_effect:
            return unproved("taken without a trace, but the good one leaves none either", supply=supply_event(source))
        return broken(Promise.SILENT, "the malformed one was reported as done and left no trace", *details)
    return unproved("; ".join(details) or "the malformed one was retried, then vanished", *details, supply=MEANT)


def kept_after_retries(places: list[str], error: str, declared: str = "") -> Judgement:
    """An asynchronous event that fails every time must be kept somewhere; `declared` is where the template says."""
    if places:
        return held(f"refused and kept in {', '.join(places)}", error)
    if declared:
        text = f"refused; the template keeps it in {declared}, where it cannot be seen"
        return unproved(text, error, supply=f"a look into {declared} in an account of yours")
    text = "refused, and after the retries it is gone: the function has no on-failure destination and no DLQ"
    return broken(Promise.LOST, text, error)


def alone(history: History, source: Source) -> Judgement:
    """A malformed event that came by itself and raised nothing."""
    delivery, answer = history.delivery, history.delivery.answers[-1]
    if source.kind is Kind.HTTP:
        if delivery.failures:
            text = "answered as the function's own fault (5xx), so a client would retry it"
            return unproved(text, delivery.error, supply="nothing, if clients may send it again; else an answer of 400")
        status = answer.status or 200
        if status >= 400:
            return held(f"refused with {status}")
    elif answer.status >= 500 and not holds_poison(history.after):
        text = f"answered with {answer.status}, which nobody reads: it counts as done and is gone"
        return broken(Promise.SILENT, text, str(answer.body)[:200])
    changed = [place for place, records in history.after.items() if records != history.before.get(place)]
    text = f"taken as if it were good; changed {', '.join(changed)}" if changed else "taken without a trace"
    return unproved(text, supply="nothing, if it is good as it came; else a check that refuses it")
