"""What one batch makes of two events that are both done when each comes alone."""

from trials.verdicts.words import Judgement, Promise, broken
from trials.world.compare import Noise, World, differences


def dropped(apart: World, together: World, noise: Noise) -> Judgement | None:
    """Of events that were taken in one batch; nothing where the batch leaves as much, or something else instead."""
    missing = differences(apart, together, noise)
    if not missing or any(each.new for each in missing):
        return None
    text = "of two events in one batch one is dropped, and both are reported as done"
    return broken(Promise.LOST, f"{text}: {missing[0]}", *map(str, missing))
