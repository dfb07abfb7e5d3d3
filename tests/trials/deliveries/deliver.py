"""Hand samples over as their source would, until it has nothing left of them."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from trials.deliveries.history import Answer, Delivery
from trials.deliveries.parcels import parcel
from trials.project.sources import Source
from trials.samples.sample import Sample

if TYPE_CHECKING:
    from trials.stage import Stage

NOT_INVOKED = Answer(error="Rate Exceeded.")


def deliver(
    stage: "Stage",
    source: Source,
    samples: list[Sample],
    at_once: int = 1,
    after_first: Callable[[], None] | None = None,
    pause: float = 0,
    throttled: int = 0,
) -> Delivery:
    """With `at_once`, each delivery that many times in parallel; `after_first` is called after the first one.

    `pause` is how many seconds pass after a delivery that failed. The first `throttled` receives reach nobody, for the
    function is at its limit.
    """
    sent, fared = parcel(stage, source, samples), Delivery()
    with ThreadPoolExecutor(at_once) as pool:
        while (event := sent.event()) is not None:
            if throttled:
                throttled -= 1
                sent.settle(sent.failed(NOT_INVOKED), error=True)
                continue
            fared.event = fared.event or event
            answers = list(pool.map(lambda _: stage.invoke(source.function, event), range(at_once)))
            best = min(answers, key=lambda answer: len(sent.failed(answer)))
            failed = sent.failed(best)
            fared.answers += answers
            fared.failures += bool(failed)
            sent.settle(failed, bool(best.error))
            if after_first:
                after_first()
                after_first = None
            if failed and pause:
                time.sleep(pause)
    fared.stuck, fared.discarded = sent.stuck, sent.discarded
    return fared
