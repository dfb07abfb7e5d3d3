"""What a function makes of an answer that comes in several pages."""

from trials.verdicts.words import MEANT, Judgement, Promise, broken, held, unproved
from trials.world.compare import SINKS, Noise, World, differences


def in_pages(plain: World, paged: World, refused: str, noise: Noise) -> Judgement:
    """`refused` says why an event was refused that is done where an answer is whole."""
    changed = differences(plain, paged, noise)
    details = [str(each) for each in changed]
    text = "an answer in pages of one item"
    if not changed:
        return held(f"{text} is read to its end")
    if any(each.new and each.place.split(" ")[0] in SINKS for each in changed):  # it may go on from there
        return unproved(f"{text} leaves something else: {changed[0]}", *details, supply=MEANT)
    if refused:
        return broken(Promise.BLOCKED, f"{text} is read as if whole, and the event refused: {refused}", *details)
    if any(each.gone for each in changed):
        return broken(Promise.LOST, f"{text} is read as if whole: {changed[0]}", *details)
    return broken(Promise.DOUBLED, f"{text} is read as if whole: {changed[0]}", *details)
