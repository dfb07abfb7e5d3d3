"""The trials: each puts one fault around the delivery of a sample and hands the recorded history to a judge.

A trial is a function `(stage, source, reference)` that yields judgements; `ALL` names them in the order of the report.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from trials.deliveries.history import Reference
from trials.faults import (
    batches,
    connections,
    copies,
    deaths,
    early,
    forged,
    held_up,
    joined,
    keys,
    late,
    limits,
    malformed,
    next_run,
    order,
    outside,
    pages,
    pairs,
    partial,
    permissions,
    placeholders,
    redrive,
    refusals,
    removed,
    repeats,
    spoilt,
    tenants,
    told_too_much,
    used_keys,
)
from trials.project.foreign import PLANTED
from trials.project.sources import Kind, Source
from trials.stage import Stage
from trials.verdicts import Judgement


@dataclass(frozen=True)
class Trial:
    """`skips` are the kinds of sources that cannot meet this fault; `needs_effect` if only an effect can tell."""

    name: str
    run: Callable[[Stage, Source, Reference], Iterator[Judgement]]
    skips: tuple[Kind, ...] = ()
    needs_effect: bool = True
    thorough: bool = False  # only when `--thorough` asks for it
    policy: bool = False  # or when `--policy` does

    def applies(self, source: Source) -> bool:
        kept = not source.origin.startswith(PLANTED) or self.name not in OF_ITS_QUEUE
        played = not source.durable or self.name in OF_DURABLE
        return kept and played and source.kind not in self.skips


OF_ITS_QUEUE = ("at its limit", "malformed", "malformed in many ways", "outage and redrive")  # by its redrive policy

OF_DURABLE = (  # whose fault does not last until the first delivery is over: by then an execution has retried in vain
    *("twice", "twice at once", "after another", "out of order", "at its limit", "unusual key", "item removed"),
    *(
        "malformed",
        "malformed in many ways",
        "throttled",
        "another at once",
        "another under its key",
        "forged",
        "told too much",
    ),
    *("late repeat", "identities joined", "text with a placeholder", "under its role", "dies", "answer lost"),
)


WITHOUT_ORDER = (Kind.HTTP, Kind.SCHEDULE, Kind.TABLE, Kind.TASK, Kind.BUCKET, Kind.LOGS, Kind.DIRECT)
WITHOUT_IDENTITY = (Kind.SCHEDULE, Kind.BUCKET, Kind.LOGS)
TOLD_THEIR_CALLER = (Kind.HTTP, Kind.TASK, Kind.DIRECT, Kind.STREAM, Kind.TABLE)  # or keep no event to send again
MADE_BY_AWS = (Kind.SCHEDULE, Kind.TABLE, Kind.TASK, Kind.BUCKET, Kind.LOGS, Kind.DIRECT)
OTHERS_THAN_TABLES = tuple(set(Kind) - {Kind.TABLE})
ALL: tuple[Trial, ...] = (
    Trial("twice", repeats.twice),
    Trial("twice at once", repeats.at_once),
    Trial("after another", tenants.after_another, WITHOUT_IDENTITY),
    Trial("out of order", order.out_of_order, WITHOUT_ORDER),
    Trial("at its limit", limits.at_its_limit, needs_effect=False),
    Trial("connection gone", connections.one_is_gone, needs_effect=False),
    Trial("unusual key", keys.unusual, needs_effect=False),
    Trial("item removed", removed.item_removed, OTHERS_THAN_TABLES, needs_effect=False),
    Trial("malformed", malformed.malformed, MADE_BY_AWS, needs_effect=False),
    Trial("malformed in many ways", spoilt.in_many_ways, MADE_BY_AWS, needs_effect=False, thorough=True),
    Trial("throttled", refusals.throttled),
    Trial("throttled in a batch", batches.within_a_batch, thorough=True),
    Trial("partly refused", partial.partly_refused),
    Trial("refused for good", partial.refused_for_good, thorough=True),
    Trial("another at once", pairs.another_at_once, WITHOUT_IDENTITY, thorough=True),
    Trial("another under its key", used_keys.another_under_its_key, thorough=True),
    Trial("forged", forged.forged, thorough=True),
    Trial("told too much", told_too_much.told_too_much, needs_effect=False, thorough=True),
    Trial("read at once", early.asked_at_once, needs_effect=False, thorough=True),
    Trial("late repeat", late.late_repeat, thorough=True),
    Trial("identities joined", joined.joined, WITHOUT_IDENTITY, thorough=True),
    Trial("text with a placeholder", placeholders.filled_in, needs_effect=False, thorough=True),
    Trial("in pages", pages.read_in_pages, thorough=True),
    Trial("outside busy or slow", outside.busy_or_slow, thorough=True),
    Trial("under its role", permissions.under_its_role, needs_effect=False, thorough=True, policy=True),
    Trial("outage and redrive", redrive.outage_and_redrive, TOLD_THEIR_CALLER, thorough=True),
    Trial("held up", held_up.held_up, thorough=True),
    Trial("twice, over midnight", repeats.over_midnight, thorough=True),
    Trial("next run", next_run.next_run, thorough=True),
    Trial("dies beside a copy", copies.dies_beside_a_copy, thorough=True),
    Trial("dies", deaths.dies, thorough=True),
    Trial("answer lost", deaths.loses_answers, thorough=True),
    Trial("times out", deaths.times_out, thorough=True),
)
