"""Whether an object is found whose key has a space, a plus and an umlaut."""

import re

from trials.deliveries.history import Delivery
from trials.verdicts.words import Judgement, Promise, broken, held, unproved

NOT_THERE = re.compile(r"NoSuchKey|specified key does not exist|\(404\) when calling the HeadObject|\bNotFound\b")
WHAT = "an object whose key has a space, a plus and an umlaut"


def unusual_key(delivery: Delivery, log: list[str], kept: list[str], done: bool | None = None) -> Judgement:
    """`kept` are the places where an event waits that its function refused for good.

    `done` says whether it left something where an object with a plain key does; None if that one leaves nothing, or
    if something else came of it.
    """
    error = delivery.last_error or delivery.error
    not_there = next((line for line in [error, *log] if NOT_THERE.search(line)), "")
    text = f"{WHAT} is looked for under another key, and not found"
    if not delivery.failures and (done or (done is None and not not_there)):
        return held(f"{WHAT} is taken")
    if not delivery.failures and not_there and done is False:
        return broken(Promise.LOST, f"{text}; its event is reported as done, and gone", not_there)
    if not delivery.failures:
        how = f"and its function's log says: {not_there}" if not_there else "and nothing comes of it"
        return unproved(f"{WHAT} is taken, {how}", supply="what the function wants of a key")
    if not not_there:
        return unproved(f"{WHAT} was refused: {error}", supply="what the function wants of a key")
    if kept:
        return broken(Promise.BLOCKED, f"{text}; each retry is refused, and its event ends in {kept[0]}", error)
    return broken(Promise.LOST, f"{text}; after the retries its event is gone", error)
