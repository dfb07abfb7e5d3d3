"""Verdicts on a fault that passes: afterwards the world is as if it had not been."""

import re

from trials.deliveries.history import Answer, Delivery, History, Reference
from trials.project.sources import Kind, Source
from trials.verdicts.forms import no_response
from trials.verdicts.judge import set_aside, short, tells_of_failure
from trials.verdicts.tenants import returned
from trials.verdicts.words import MEANT, Judgement, Promise, Verdict, broken, held, unproved
from trials.world.compare import Difference, differences, tellable

ASK_AGAIN = (402, 408, 409, 412, 423, 424, 425, 428, 429)  # what of 4xx may say that the request is right later
CLOSED = (401, 403)  # as whoever cannot be looked up is told, where a door fails closed
TO_THE_FUNCTION = re.compile(r'when calling the|"retryable":|"\$(?:fault|metadata)":')  # an error of the SDK, as it is
LATER = re.compile(r"(?i)try again|retry|later|temporar|unavailable")


def recovered(history: History, source: Source, reference: Reference, graves: frozenset[str]) -> Judgement:
    """A call failed during the first delivery only: afterwards the world is as one undisturbed delivery leaves it."""
    what, delivery = history.fault, history.delivery
    changed = differences(reference.world, history.after, reference.noise)
    changed = [each for each in changed if not tellable(each, reference.world) or each.place in graves]
    details = [str(each) for each in changed]
    dead = [each for each in changed if set_aside(each, graves)]
    gone = [each for each in changed if each.gone]
    more = [each for each in changed if each.new and each not in dead]
    last = delivery.last_error
    if not changed and (otherwise := told_otherwise(what, source, delivery, reference)):
        return otherwise
    if not changed:
        return held(f"{what}: {'done on a retry' if delivery.failures else 'done all the same'}")
    if more and not gone and not dead and (not delivery.failures or not any(filled(each, reference) for each in more)):
        return unproved(f"{what}: something else was done: {more[0]}", *details, supply=MEANT)
    if more and not gone and not dead:
        return broken(Promise.DOUBLED, f"{what}: the retry did more than once does: {more[0]}", *details)
    if dead:
        number = len(delivery.answers)
        text = f"{what}: kept as a dead letter after {number} deliveries: {last or delivery.error}"
        return unproved(text, *details, supply="nothing, if somebody redrives it; else a retry that is not refused")
    if gone and not more:
        if delivery.stuck or (delivery.discarded and last):
            text = f"{what}: still refused after {len(delivery.answers)} deliveries: {last}"
            return unproved(text, *details, supply="nothing, if whoever sent it learns of that; else a later retry")
        told_more = source.kind in (Kind.TASK, Kind.DIRECT) and delivery.answers[-1] != reference.answer
        after_an_error = source.kind is Kind.TASK and delivery.failures and not last  # a task fails by raising
        if told_more and not after_an_error:
            told = short(delivery.answers[-1])
            text = f"{what}: whoever called was told {told}, and may know it for a failure"
            return unproved(
                text, *details, supply="nothing, if the caller reads that as a failure; else an error raised"
            )
        if not delivery.failures and source.route and source.route.unheard:
            return unheard(what, source.route.path, delivery.answers[-1], str(gone[0]), details)
        if not delivery.failures and source.kind is Kind.HTTP:
            return answered(what, delivery, str(gone[0]), details, reference.sample.signing is not None)
        if not delivery.failures:
            return broken(
                Promise.LOST, f"{what}: failed, was reported as done, and never came again: {gone[0]}", *details
            )
        return broken(Promise.LOST, f"{what}: the retry took it for done: {gone[0]}", *details)
    return unproved(f"{what}: another outcome: {changed[0]}", *details, supply=MEANT)


def cut_off(history: History, source: Source, reference: Reference, graves: frozenset[str]) -> Judgement:
    """The environment ended during the first delivery: as `recovered`, but retries that are refused for good block."""
    judgement = recovered(history, source, reference, graves)
    again = len(history.delivery.answers) > 1
    changed = differences(reference.world, history.after, reference.noise)
    undone = any(each.gone for each in changed if each.place not in graves)
    if judgement.verdict is Verdict.UNPROVED and undone and again and history.delivery.last_error:
        text = f"{history.fault}: every later delivery was refused: {history.delivery.last_error}"
        return broken(Promise.BLOCKED, text, *judgement.details)
    return judgement


def filled(difference: Difference, reference: Reference) -> bool:
    """Whether an undisturbed delivery leaves something in the same place."""
    return reference.world.get(difference.place) != reference.empty.get(difference.place)


def told_otherwise(what: str, source: Source, delivery: Delivery, reference: Reference) -> Judgement | None:
    """What a caller learns of a failure where the world is as without it; None if it is as it should be."""
    read = source.kind is Kind.HTTP and not (source.route and source.route.websocket)
    if not read or delivery.failures or (reference.answer.status or 200) >= 400:
        return None
    answer = delivery.answers[-1]
    if no_response(source, answer):
        return held(f"{what}: the caller was told 502, for what was returned is no response")
    if answer.status >= 400 and reference.has_effect:
        text = f"{what}: all was done, and the caller was told {answer.status}"
        return unproved(text, supply="nothing, if the client learns in another way that it is done")
    if answer.status >= 400 or tells_of_failure(answer):
        return answered(what, delivery, "", [], reference.sample.signing is not None)
    changed = differences(returned(reference.answer.body), returned(answer.body), reference.noise)
    if not changed:
        return None
    return unproved(
        f"{what}: the caller was told {answer.status or 200}, and something else: {changed[0]}", supply=MEANT
    )


def unheard(what: str, path: str, answer: Answer, gone: str, details: list[str]) -> Judgement:
    """API Gateway passes what a WebSocket's function returns on to nobody, unless the route has a response."""
    why = f", for the route has no response to pass its {answer.status} on" if answer.status >= 400 else ""
    text = f"{what}: failed, and nobody learns of it{why}"
    if path == "$disconnect":  # which comes once, if at all
        supply = "nothing, if a TTL, or a post that is told 410, takes away what stays"
        return unproved(text, *details, supply=supply)
    return broken(Promise.LOST, f"{text}: {gone}", *details)


def answered(what: str, delivery: Delivery, gone: str, details: list[str], signed: bool) -> Judgement:
    """`signed` says that another program sends it, which has nothing to log in with."""
    answer = delivery.answers[-1]
    status = answer.status or 200
    if 400 <= status < 500 and status not in ASK_AGAIN and not asks_again(answer):
        text = f"{what}: failed, and the caller was told {status}"
        if status in CLOSED and not signed:
            supply = "nothing, if the client logs in and asks again; else a 503"
            return unproved(f"{text}, as if it had no right to ask", *details, supply=supply)
        return broken(Promise.LOST, f"{text}, that its request is wrong: it does not ask again", *details)
    if status >= 400 or tells_of_failure(answer):
        told = f"{status}" if status >= 400 else short(answer)
        return held(f"{what}: the caller was told {told}", *details)
    return broken(Promise.LOST, f"{what}: failed, but the caller was told {status}: {gone}", *details)


def asks_again(answer: Answer) -> bool:
    """Whether an answer says that the same request may be right later, in a header or in words of its own."""
    body = answer.body if isinstance(answer.body, dict) else {}
    headers = [name.lower() for name in {**(body.get("headers") or {}), **(body.get("multiValueHeaders") or {})}]
    text = str(body.get("body"))
    return "retry-after" in headers or (bool(LATER.search(text)) and not TO_THE_FUNCTION.search(text))
