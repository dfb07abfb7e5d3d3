"""What a function makes of an item that is gone."""

from trials.deliveries.history import Delivery
from trials.verdicts.words import Judgement, Promise, broken, held, unproved

FILTER = "a filter for the kinds of change that the function takes, or code that lets REMOVE pass"


def of_a_removal(delivery: Delivery, deletes: str, kept: list[str]) -> Judgement:
    """`deletes` says what takes items out of the table; `kept` where a refused record waits for somebody."""
    if not delivery.failures:
        return held("the REMOVE of an item is taken")
    error = delivery.last_error or delivery.error
    text = f"the REMOVE of an item, which has no NewImage, is refused: {error}"
    if not deletes:
        return unproved(f"{text}; nothing here is seen to delete one", supply=FILTER)
    if kept and not delivery.stuck:
        return unproved(f"{text}; {deletes}, and each ends in {kept[0]}", supply=FILTER)
    what = delivery.stuck or "each holds up the records behind it until its retries are over"
    return broken(Promise.BLOCKED, f"{text}; {deletes}, and {what}", error)
