"""Whether an API finds at once what it has just said that it made."""

from trials.deliveries.history import Answer
from trials.verdicts.words import Judgement, Promise, broken, held, unproved


def found_at_once(place: str, early: Answer, held_back: bool) -> Judgement:
    """`early` is what a GET of the place is told that the answer named, while a read may not yet see what was made."""
    if early.status == 404 and held_back:
        text = f"the request was answered 201 with Location {place}, and a GET of it at once is answered 404"
        return broken(Promise.SILENT, f"{text}: its read may not see yet what was written, unless it is consistent")
    if early.error or early.status >= 400:
        text = f"a GET of {place}, which the answer named, fails at once: {early.error or early.text[:200]}"
        return unproved(text, supply="a request that the GET takes, as a file of events/")
    return held(f"a GET of {place}, which the answer named, finds it at once")
