"""What becomes of a message that Lambda could not hand over because its function was at its limit."""

from trials.deliveries.history import History
from trials.verdicts.words import Judgement, Promise, broken, held, unproved


def throttled_once(history: History, graves: frozenset[str], reserved: int) -> Judgement:
    """A receive that was throttled counts; the function is to see the message all the same."""
    buried = [place for place in sorted(graves) if history.after.get(place) and not history.before.get(place)]
    what = f"received once while {reserved} run, which is all that is reserved"
    if buried and not history.delivery.answers:
        text = f"{what}: a good message is in {buried[0]}, and the function never saw it"
        return broken(Promise.BLOCKED, text)
    if history.delivery.failures or buried:
        return unproved(
            f"{what}: then refused: {history.delivery.error}", supply="an event that the function takes twice"
        )
    return held(f"{what}: done at the next receive")
