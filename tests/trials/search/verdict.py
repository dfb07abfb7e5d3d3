"""Which worlds a sequence may leave, and what is wrong with the one that it left."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, permutations

from trials.verdicts import Promise
from trials.world import Difference, Noise, World, differences, tellable
from trials.world.compare import timeless

MOST_ORDERS = 24  # of the same events that are compared with
Events = tuple[int, ...]  # in the order of their first delivery


@dataclass(frozen=True)
class Left:
    """What a sequence left: the world, the events that are done, and those of which somebody was told."""

    world: World
    done: frozenset[int]
    told: frozenset[int]
    nowhere: frozenset[int] = frozenset()  # given up, and kept nowhere


@dataclass(frozen=True)
class Failure:
    promise: Promise
    happened: str


def wrong(
    left: Left,
    alone: Callable[[Events], World],
    newer: dict[int, int],
    noise: Noise,
    ignored: frozenset[str],
) -> Failure | None:
    """What the invariants say: each effect is there once, or its event lies where somebody is told; the newest wins.

    `alone` is the world that events leave which are delivered undisturbed, one after the other; `newer` maps an event
    to the one that follows it in version; `ignored` are places where events wait or are kept.
    """
    if left.nowhere - left.done:
        return Failure(Promise.LOST, "an event was given up and lies nowhere")
    world = without(left.world, ignored)
    for events in orders(left, newer):
        expected = without(alone(events), ignored)
        changed = differences(expected, world, noise)
        if all(tellable(each, expected) for each in changed):
            return None
    if left.told - left.done and between(left, world, alone, noise, ignored):
        return None
    return closest(left, world, alone, newer, noise, ignored)


def orders(left: Left, newer: dict[int, int]) -> Iterator[Events]:
    """The events in each order that may stand, those of which somebody was told with and without."""
    open_ = sorted(left.told - left.done)
    for number in range(len(open_) + 1):
        for more in combinations(open_, number):
            allowed = (each for each in permutations(sorted({*left.done, *more})) if in_order(each, newer))
            yield from (events for _, events in zip(range(MOST_ORDERS), allowed, strict=False))


def in_order(events: Events, newer: dict[int, int]) -> bool:
    """Whether no event comes after one that is newer."""
    return all(events.index(old) < events.index(new) for old, new in newer.items() if {old, new} <= set(events))


def between(left: Left, world: World, alone: Callable[[Events], World], noise: Noise, ignored: frozenset[str]) -> bool:
    """Whether an event of which somebody was told is done by half, and nothing else differs."""
    least, most = alone(tuple(sorted(left.done))), alone(tuple(sorted(left.done | left.told)))
    beyond = [each for each in differences(without(most, ignored), world, noise) if each.new]
    unlike = [record for each in beyond for record in each.new]  # what would be there had all been done

    def overtaken(difference: Difference) -> bool:
        """Whether what is gone was replaced by what all events together leave."""
        return sum(record not in unlike for record in difference.new) >= len(difference.gone)

    missing = [each for each in differences(without(least, ignored), world, noise) if each.gone and not overtaken(each)]
    return not missing and all(begun(each) for each in beyond)


def begun(difference: Difference) -> bool:
    """Whether records only hold other values than they do in the end, such as a claim that was not yet fulfilled."""
    return len(difference.new) <= len(difference.gone) and rewritten(difference) is not Promise.DOUBLED


def closest(
    left: Left,
    world: World,
    alone: Callable[[Events], World],
    newer: dict[int, int],
    noise: Noise,
    ignored: frozenset[str],
) -> Failure:
    expected = without(alone(next(orders(left, newer))), ignored)
    changed = [each for each in differences(expected, world, noise) if not tellable(each, expected)]
    more = [each for each in changed if len(each.new) > len(each.gone)]
    if more or not changed:
        return Failure(Promise.DOUBLED, str(more[0]) if more else "an effect is there more than once")
    fewer = [each for each in changed if len(each.gone) > len(each.new)]
    if fewer:
        return Failure(Promise.LOST, str(fewer[0]))
    return Failure(rewritten(changed[0]), str(changed[0]))


def rewritten(difference: Difference) -> Promise:
    """A record that holds other values: more than it should, or else less."""
    pairs = zip(map(timeless, difference.gone), map(timeless, difference.new), strict=False)
    grown = [
        after > before
        for ours, theirs in pairs
        if isinstance(ours, dict) and isinstance(theirs, dict)
        for before, after in ((number(ours[key]), number(theirs[key])) for key in ours.keys() & theirs.keys())
        if before is not None and after is not None and before != after
    ]
    return Promise.DOUBLED if grown and all(grown) else Promise.LOST


def number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None


def without(world: World, ignored: frozenset[str]) -> World:
    return {place: records for place, records in world.items() if place not in ignored}
