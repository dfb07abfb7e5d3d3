"""What the same event did on another day."""

from typing import Any

from trials.deliveries.history import History, Reference
from trials.verdicts.judge import set_aside
from trials.verdicts.words import MEANT, Judgement, Promise, broken, held, unproved
from trials.world.compare import Difference, World, differences, tellable


def on_another_day(history: History, reference: Reference, graves: frozenset[str]) -> Judgement:
    """Only what is there once more tells: that a record holds another date than before is as it should be."""
    changed = [str(each) for each in differences(history.before, history.after, reference.noise)]
    more = added(history.before, history.after, reference, graves)
    text = "the repeat came after midnight"
    if more and all(each.place.startswith("bucket") for each in more):
        return unproved(f"{text}, and what was stored by day lies there twice: {more[0]}", *changed, supply=MEANT)
    if more:
        return broken(Promise.DOUBLED, f"{text}: {more[0]}", *changed)
    if history.again is not None and history.again.error:
        text = f"no more was done, but the repeat after midnight was refused: {history.again.error}"
        return unproved(text, *changed, supply=MEANT)
    return held("nothing more on the next day")


def added(before: World, after: World, reference: Reference, graves: frozenset[str]) -> list[Difference]:
    """Where more records are than before: no message that its receiver can tell, no question, no dead letter."""
    changed = differences(before, after, reference.noise)
    more = [each for each in changed if len(each.new) > len(each.gone) and not tellable(each, before)]
    return [each for each in more if not set_aside(each, graves) and not only_asks(each.new)]


def only_asks(records: list[Any]) -> bool:
    """Whether all that is new are requests that read."""
    return all(isinstance(each, dict) and each.get("method") in ("GET", "HEAD") for each in records)
