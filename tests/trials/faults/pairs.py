"""The sample and another event beside it, worked on at the same time: what both change must hold both changes."""

from collections.abc import Iterator

from trials.deliveries.history import Reference
from trials.project.sources import Source
from trials.samples.sample import Sample
from trials.samples.stranger import others_alike
from trials.search.plan import Step
from trials.search.play import Player, Sent
from trials.stage import Stage
from trials.verdicts import Judgement, broken, held
from trials.world import differences, noise

MOST_IDENTITIES = 2  # of a sample, each of which may be the one that tells events apart
BOTH = (0, 1)


def another_at_once(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Compared with the two in either order; an event that differs in one identity may meet the sample in a record."""
    stage.fresh()
    if stage.stack.resources.get(source.origin, "").endswith(".fifo"):
        return
    tried = 0
    for (other,) in others_alike(reference.sample, source, 1)[:MOST_IDENTITIES]:
        player = pair(stage, source, reference, other)
        if not player.overlap(*BOTH):
            continue
        if not differences(player.alone((0,)), player.alone(BOTH), player.noise):
            continue  # it was refused, or taken for a repeat
        tried += 1
        if failure := player.failure((Step(0, beside=1),)):
            text = f"two events at once leave what neither order of them does: {failure.happened}"
            yield broken(failure.promise, text)
            return
    if tried:
        yield held("two events at once leave what one order of them does")


def pair(stage: Stage, source: Source, reference: Reference, other: Sample) -> Player:
    calls = reference.every_call[:6]
    events = [Sent(source, each, calls, str(source)) for each in (reference.sample, other)]
    player = Player(stage, events, {}, reference.noise, budget=1)
    player.noise |= noise(player.alone(BOTH), player.undisturbed(BOTH))
    return player
