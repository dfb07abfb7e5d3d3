"""Two events whose identities are the same text once they are joined: a key made so takes one for the other."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.project.sources import Source
from trials.samples.sample import Sample
from trials.samples.stranger import UUID, known_identities, replaced
from trials.stage import Stage
from trials.verdicts import Judgement, Promise, broken, held
from trials.verdicts.judge import refusal
from trials.world import differences

SEPARATORS = ("", ":", "#", "/", "-", "_", "|", ".")
MOST_PAIRS = 6


def joined(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Of each two identities, a part of the second moves to the end of the first, with what may stand between them."""
    kinds = {str(resource.get("Type")) for resource in stage.project.body["Resources"].values()}
    own = [value for value in known_identities(reference.sample, source) if not UUID.fullmatch(value)]
    pairs = list(permutations(own, 2))[:MOST_PAIRS]
    if not pairs or any(kind.startswith("AWS::Cognito::UserPool") for kind in kinds):
        return  # Cognito makes its users' ids itself
    for pair in pairs:
        if between := taken_for_another(stage, source, reference, pair):
            text = f"the key joins {pair[0]!r} and {pair[1]!r}, {between}: of two events whose parts are the same text"
            yield broken(Promise.SILENT, f"{text} once they are joined, the second is taken for a repeat of the first")
            return
    yield held("no two events are taken for one because their identities, joined, are the same text")


def taken_for_another(stage: Stage, source: Source, reference: Reference, pair: tuple[str, str]) -> str:
    """What stands between two identities in the key; empty if it is none of them joined."""
    stage.fresh()
    for number, between in enumerate(SEPARATORS):
        if between and any(value.isdigit() for value in pair):
            continue  # a number holds no separator
        mark = str(number + 2) * 2
        first = variant(reference.sample, pair, f"1{mark}{between}34", "56")
        second = variant(reference.sample, pair, f"1{mark}", f"34{between}56")
        third = variant(reference.sample, pair, f"1{mark}", f"34{between}57")
        taken = adds(stage, source, reference, first) and adds(stage, source, reference, second) is False
        if taken and adds(stage, source, reference, third):  # so it is known by what is joined, and by nothing else
            return f"with {between!r} between them" if between else "with nothing between them"
    return ""


def variant(sample: Sample, pair: tuple[str, str], one: str, other: str) -> Sample:
    return replace(sample, payload=replaced(sample.payload, {pair[0]: one, pair[1]: other}))


def adds(stage: Stage, source: Source, reference: Reference, sample: Sample) -> bool | None:
    """Whether an event leaves something in the world; None if it was refused."""
    before = stage.now()
    if refusal(deliver(stage, source, [sample])):
        return None
    return bool(differences(before, stage.world(), reference.noise))
