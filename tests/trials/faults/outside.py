"""The outside service has too much to do (429) or answers later than the function lives."""

from collections.abc import Iterator
from functools import partial

from trials.deliveries.history import Reference
from trials.faults.refusals import SECONDS, passing, under
from trials.project.sources import Kind, Source
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.outside import with_requests
from trials.verdicts.recovery import cut_off

TOO_MANY = 429
# how often a source delivers at most; a queue's policy, a client and a state machine decide themselves
REPEATS = dict.fromkeys((Kind.BUS, Kind.TOPIC, Kind.SCHEDULE, Kind.BUCKET, Kind.LOGS), 3)


def busy_or_slow(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    if not reference.world.get("outside"):
        return
    outside, requests = stage.outside, list[int]()

    def enough() -> None:
        requests.append(outside.turned_away)
        outside.refuses_with = 0

    refuse = partial(setattr, outside, "refuses_with", TOO_MANY)
    judgement = passing(stage, source, reference, "the outside service answering 429", refuse, enough)
    yield with_requests(judgement, requests[0], REPEATS.get(source.kind, 1))
    if source.kind is Kind.HTTP:
        return  # a client that asks again after a timeout is tried by the repeats
    late, prompt = partial(setattr, outside, "delay", SECONDS + 2), partial(setattr, outside, "delay", 0)
    what = "the outside service doing it and answering too late"
    yield under(stage, source, reference, what, late, prompt, cut_off, pause=SECONDS)
