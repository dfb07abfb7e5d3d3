"""The same event again while its first delivery is still at work, held up in a call until its time is almost over."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from trials.deliveries.history import Answer, Delivery, History, Reference
from trials.deliveries.parcels import parcel
from trials.local_aws import LocalAwsError, wait_for
from trials.project.sources import Source
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.judge import repeated

LEAST = 10  # seconds of a timeout of which a part can be let pass
BEFORE_ITS_END = 5  # seconds before the timeout at which the event comes again
HELD = 4_000  # milliseconds that the call really takes


def held_up(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """In the last call that the function makes; the second environment's clock says how late it is."""
    stage.fresh()
    timeout = stage.timeout(source.function)
    if not reference.calls or timeout < LEAST:
        return
    service, operation = reference.calls[-1]
    carrier = parcel(stage, source, [reference.sample])
    event = carrier.event()
    stage.local.fault(service=service, operation=operation, latency=HELD, times=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(stage.invoke, source.function, event)
        try:
            wait_for("the call that is held up", stage.local.faulted, timeout=HELD / 1000)
        except LocalAwsError:  # it ended before it came to the call
            first.result()
            stage.local.clear_faults()
            return
        time.sleep(0.2)
        stage.local.move_clock(timeout - BEFORE_ITS_END)
        again = stage.invoke(source.function, event)
        answer: Answer = first.result()
    stage.local.clear_faults()
    fared = Delivery(event, [answer])
    while True:
        failed = carrier.failed(fared.answers[-1])
        fared.failures += bool(failed)
        carrier.settle(failed, bool(fared.answers[-1].error))
        if (event := carrier.event()) is None:
            break
        fared.answers.append(stage.invoke(source.function, event))
    history = History(f"held up in {service} {operation}", fared, reference.world, stage.world(), again)
    yield repeated(history, source, reference, stage.graves)
