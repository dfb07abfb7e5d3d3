"""Whether an environment mixes what it did for one event into what it does for the next."""

import json
import re
from typing import Any

from trials.verdicts.words import MEANT, Judgement, Promise, broken, held, unproved
from trials.world.compare import Noise, World, differences
from trials.world.snapshot import parsed

ANSWER = "the answer"  # the place of what the function returned


def returned(body: Any) -> World:
    """What a function returned, as a place whose fields may be noise, also those in a text of JSON."""
    return {ANSWER: [parsed(body)]}


def own_records(before: World, after: World, noise: Noise) -> World:
    """What a delivery added to the world, by place."""
    return {each.place: each.new for each in differences(before, after, noise) if each.new}


def marked(world: World, strange: frozenset[str]) -> set[tuple[str, str]]:
    """The places that show an identity of the other, with it: also where noise hides what differs."""
    return {(place, mark) for place, records in world.items() for mark in strange if mark in told(records)}


def as_if_alone(alone: World, warm: World, noise: Noise, strange: frozenset[str]) -> bool:
    """Whether an event did after another what it does alone."""
    return not differences(alone, warm, noise) and marked(warm, strange) <= marked(alone, strange)


def leaked(alone: World, warm: World, cold: World, noise: Noise, strange: frozenset[str]) -> Judgement:
    """What an event did after another's, in the same environment (`warm`) and in a new one (`cold`).

    What the new one does as well comes from a store and is meant. `strange` are the other's identities.
    """
    if as_if_alone(alone, warm, noise, strange):
        return held("does after another's event what it does alone")
    changed = differences(cold, warm, noise)
    details = [str(each) for each in changed]
    carried = sorted(marked(warm, strange) - marked(cold, strange))
    if not changed and not carried:
        return held("after another's event it does something else than alone, in a new environment too: by its stores")
    for difference in changed:
        shown = [mark for mark in sorted(strange) if any(mark in told(record) for record in difference.new)]
        known = [mark for mark in shown if any(mark in told(record) for record in cold.get(difference.place, []))]
        if carried_over := [mark for mark in shown if mark not in known]:
            text = f"what it does for one event holds {carried_over[0]!r} of the event before: {difference}"
            return broken(Promise.LEAKED, text, *details)
    if carried:
        place, mark = carried[0]
        return broken(
            Promise.LEAKED, f"what it does for one event holds {mark!r} of the event before: {place}", *details
        )
    text = f"an environment that was used does something else than a new one: {changed[0]}"
    return unproved(text, *details, supply=MEANT)


NO_KEY = re.compile(  # of what two events may well have the same, and are two all the same
    r"(?i)(^|_)(address|street|city|zip|postcode|amount|cents|total|price|quantity)$"
)


def taken_for_a_repeat(name: str, own: bool = True) -> Judgement:
    """Of an event that left nothing after another's: `name` is the field that only one of both must not share.

    `own` says that the event alone leaves something that names it: else what both leave may be one state, as the rate
    of a country, which is there already. A category may be a key by design, as of an alarm that is told once.
    """
    if NO_KEY.search(name) and own:
        text = f"an event of somebody else that has the same {name} came before, and this one is taken for its repeat"
        return broken(Promise.LOST, text)
    if name:
        text = f"after another's event that has the same {name} it leaves nothing"
        return unproved(text, supply=f"{name} is the key of both: if two events may share it, the second is lost")
    return held("after another's event it does something else than alone, in a new environment too: by its stores")


def names_it(left: World, own: list[str]) -> bool:
    """Whether what an event left holds one of its own identities."""
    return any(value in told(record) for records in left.values() for record in records for value in own)


def told(record: object) -> str:
    return json.dumps(record, default=str, ensure_ascii=False)
