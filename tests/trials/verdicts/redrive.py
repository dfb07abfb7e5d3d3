"""What an outage that outlasts the retries leaves, and what sending it again makes of that."""

from dataclasses import dataclass

from trials.deliveries.history import Delivery, Reference
from trials.deliveries.parcels import MOST_RECEIVES
from trials.project.sources import Kind, Source
from trials.verdicts.judge import own_queue
from trials.verdicts.words import MEANT, Judgement, Promise, broken, held, unproved
from trials.world.compare import World, differences, tellable

BY_HAND = "a redrive in an account of yours"
NO_GRAVE = "give it a dead-letter queue (RedrivePolicy), or an on-failure destination"


@dataclass(frozen=True)
class Outage:
    """A call was refused, or went unanswered, until the source gave up; what then lay in `kept` was sent again.

    `declared` is where the template says that a failed event is kept, `after` the world in the end, also if nothing was
    kept, and `before` the one in which it was sent again.
    """

    what: str
    delivery: Delivery
    kept: str = ""
    declared: str = ""
    redrive: Delivery | None = None
    after: World | None = None
    before: World | None = None  # of the redrive
    expired: frozenset[str] = frozenset()  # places of items whose time was over by then


def redriven(outage: Outage, source: Source, reference: Reference) -> Judgement:
    """Whether an event that met an outage has its effect once in the end."""
    what, delivery = outage.what, outage.delivery
    if not delivery.failures:
        text = f"{what}: the delivery counts as done all the same, so nothing is sent again"
        return unproved(text, supply=MEANT)
    if not outage.kept:
        return not_kept(outage, source, reference)
    if outage.redrive is None or outage.after is None:
        text = f"{what}: kept in {outage.kept}, in a form that cannot be sent again here"
        return unproved(text, supply=BY_HAND)
    changed = differences(reference.world, outage.after, reference.noise)
    changed = [each for each in changed if not tellable(each, reference.world)]
    changed = [each for each in changed if each.new or each.place not in outage.expired]
    details = [str(each) for each in changed]
    gone = [each for each in changed if each.gone]
    if not changed:
        return held(f"{what}: kept in {outage.kept}, and done once when it is sent again")
    if gone and outage.redrive.failures:
        # What an outage leaves for a human to settle is refused for good, as it should be.
        text = f"{what}: sent again a day later, it is still refused: {outage.redrive.last_error}"
        return unproved(text, *details, supply="nothing, if somebody settles it by hand")
    if not gone and any(reference.world.get(each.place) != reference.empty.get(each.place) for each in changed):
        return broken(Promise.DOUBLED, f"{what}: sent again, it is done again: {changed[0]}", *details)
    if len(gone) == len(changed) and not any(each.new for each in changed):
        return broken(Promise.LOST, f"{what}: sent again, it is taken for done: {gone[0]}", *details)
    if was_done(outage, reference):
        return broken(Promise.DOUBLED, f"{what}: it was done, and is done again: {changed[0]}", *details)
    return unproved(f"{what}: sent again, it has another outcome: {changed[0]}", *details, supply=MEANT)


def unless_too_late(lost: Judgement, late: World, reference: Reference) -> Judgement:
    """What is lost; `late` is what the event leaves if it comes for the first time when it was sent again.

    Less than at its own time, the function goes by the event's age, and the redrive shows nothing.
    """
    if not any(each.gone for each in differences(reference.world, late, reference.noise)):
        return lost
    text = f"{lost.happened}; so is the event if it comes a day late for the first time"
    return unproved(text, supply="nothing, if an event may be too old; else take it whatever its age")


def was_done(outage: Outage, reference: Reference) -> bool:
    """Whether all that the event does was there before it was sent again, but for items whose time was over."""
    if outage.before is None:
        return False
    missing = differences(reference.world, outage.before, reference.noise)
    return all(not each.new and each.place in outage.expired for each in missing)


def not_kept(outage: Outage, source: Source, reference: Reference) -> Judgement:
    what, delivery = outage.what, outage.delivery
    after = outage.after or {}
    changed = differences(reference.world, after, reference.noise) if outage.after is not None else []
    if outage.after is not None and not changed:
        return held(f"{what}: done once all the same, by a retry that needs no such call")
    if source.kind is Kind.QUEUE and delivery.stuck:
        return unproved(f"{what}: there is nothing to send again, {delivery.stuck}", supply=NO_GRAVE)
    if source.kind is Kind.QUEUE and after.get(own_queue(source)):
        text = f"{what}: it comes back more than {MOST_RECEIVES} times before anything keeps it"
        return unproved(text, supply="a smaller maxReceiveCount")
    if outage.declared:
        return unproved(f"{what}: the template keeps it in {outage.declared}, which shows nothing", supply=BY_HAND)
    if outage.after is not None and not any(each.gone for each in changed):
        text = f"{what}: after the last retry the event lies nowhere, but its effect is there: {changed[0]}"
        return unproved(text, supply=MEANT)
    text = f"{what}: after the last retry the event lies nowhere"
    return broken(Promise.LOST, text, delivery.error)
