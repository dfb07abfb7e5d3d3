"""Whether an object is found whose key has a space, a plus and an umlaut."""

import re

from trials.deliveries.history import Delivery
from trials.verdicts.words import Judgement, Promise, broken, held, unproved

NOT_THERE = re.compile(r"NoSuchKey|specified key does not exist|\(404\) when calling the HeadObject|\bNotFound\b")
WHAT = "an object whose key has a space, a plus and an umlaut"


def unusual_key(delivery: Delivery, log: list[str], kept: list[str]) -> Judgement:
    """`kept` are the places where an event waits that its function refused for good."""
    if not delivery.failures:
        return held(f"{WHAT} is taken")
    error = delivery.last_error or delivery.error
    if not NOT_THERE.search("\n".join([error, *log])):
        return unproved(f"{WHAT} was refused: {error}", supply="what the function wants of a key")
    text = f"{WHAT} is looked for under another key, and not found"
    if kept:
        return broken(Promise.BLOCKED, f"{text}; each retry is refused, and its event ends in {kept[0]}", error)
    return broken(Promise.LOST, f"{text}; after the retries its event is gone", error)
