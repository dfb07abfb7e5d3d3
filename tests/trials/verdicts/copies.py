"""What a message's second copy did while the first was at work, and whether the work outlived the first."""

from dataclasses import dataclass

from trials.deliveries.history import Reference
from trials.verdicts.words import MEANT, Judgement, Promise, broken, held, unproved
from trials.world.compare import World, differences, tellable


@dataclass(frozen=True)
class Copy:
    """The first was held up before its last call, a copy came, the first died, and what was left came again.

    `taken` says that the copy was reported as done, so that its message was deleted; `before` and `after` are the
    worlds around it, `end` the one in the end.
    """

    what: str
    taken: bool
    before: World
    after: World
    end: World


def outlived(copy: Copy, reference: Reference) -> Judgement:
    changed = differences(reference.world, copy.end, reference.noise)
    changed = [each for each in changed if not tellable(each, reference.world)]
    details = [str(each) for each in changed]
    did = differences(copy.before, copy.after, reference.noise)
    if not changed:
        return held(
            f"{copy.what}: {'the copy did the work' if copy.taken else 'the copy came again, and did the work'}"
        )
    if copy.taken and not did and any(each.gone for each in changed):
        text = f"{copy.what}: its copy did nothing and was reported as done, so the message is gone: {changed[0]}"
        return broken(Promise.LOST, text, *details)
    more = [each for each in changed if len(each.new) > len(each.gone)]
    if any(reference.world.get(each.place) != reference.empty.get(each.place) for each in more):
        return broken(Promise.DOUBLED, f"{copy.what}: what came again did it once more: {more[0]}", *details)
    return unproved(f"{copy.what}, with a copy beside it: another outcome: {changed[0]}", *details, supply=MEANT)
