"""Whether one connection that is gone keeps a message from the others."""

from trials.deliveries.history import Answer
from trials.verdicts.words import Judgement, Promise, broken, held


def broadcast(everybody: list[str], some: list[str], answer: Answer) -> Judgement:
    """`everybody` are the connections that a message was posted to, `some` those when the first was gone."""
    left_out = [each for each in everybody[1:] if each not in some]
    told = f": {answer.error}" if answer.error else ""
    what = f"of {len(everybody)} connections the first is gone (410)"
    if left_out:
        return broken(Promise.BLOCKED, f"{what}, and {len(left_out)} of the others get nothing{told}")
    return held(f"{what}, and the others get the message{told}")
