"""A call that is refused during the first delivery: each AWS call of the function in turn, and the outside service."""

from collections.abc import Callable, Iterator
from functools import partial

from trials.deliveries.deliver import deliver
from trials.deliveries.history import History, Reference
from trials.project.sources import Source
from trials.stage import Stage
from trials.verdicts import Judgement, Promise, Verdict, held
from trials.verdicts.recovery import recovered

CODES = {"dynamodb": "ProvisionedThroughputExceededException", "s3": "SlowDown"}  # others: ThrottlingException
TRANSACTION = ("dynamodb", "TransactWriteItems")
MOST_CALLS = 5  # kinds of calls that are refused, each in a trial of its own
ATTEMPTS = 2  # of the SDK: as many refusals fail one step of a durable execution, which is then tried again
SECONDS = 3  # of the function's timeout where the time between deliveries counts

Judge = Callable[[History, Source, Reference, frozenset[str]], Judgement]


def throttled(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    for service, operation in reference.calls[:MOST_CALLS]:
        refuse = refusal_of(stage, service, operation, times=source.durable and ATTEMPTS)
        yield passing(stage, source, reference, f"{service} {operation}", refuse, stage.local.clear_faults)
    if TRANSACTION in reference.calls:
        conflict = stage.local.refuse_transactions
        yield passing(stage, source, reference, "a transaction in conflict", conflict, stage.local.clear_faults)
    if reference.world.get("outside"):
        down = partial(stage.outside.refuse, times=int(source.durable))
        yield passing(stage, source, reference, "the outside service", down, stage.outside.take_again)


def refusal_of(stage: Stage, service: str, operation: str, times: int = 0) -> Callable[[], None]:
    """What makes each call of a kind be refused from then on, or so many of them."""
    error = {"code": CODES.get(service, "ThrottlingException")}
    so_often = {"times": times} if times else {}
    return partial(stage.local.fault, service=service, operation=operation, error=error, **so_often)


def passing(
    stage: Stage,
    source: Source,
    reference: Reference,
    what: str,
    begin: Callable[[], None],
    end: Callable[[], None],
    judge: Judge = recovered,
) -> Judgement:
    """Deliver under a fault that ends with the first delivery.

    Deliveries follow one another at once. Where that leaves something undone, the trial is done anew with the time
    between them that a visibility timeout sees to: by then whatever a function left in progress has expired.
    """
    judgement = under(stage, source, reference, what, begin, end, judge, pause=0)
    if judgement.verdict is not Verdict.UNPROVED and judgement.promise is not Promise.BLOCKED:
        return judgement
    patient = under(stage, source, reference, what, begin, end, judge, pause=SECONDS)
    return held(f"{patient.happened}, once its timeout was over") if patient.verdict is Verdict.HELD else patient


def under(
    stage: Stage,
    source: Source,
    reference: Reference,
    what: str,
    begin: Callable[[], None],
    end: Callable[[], None],
    judge: Judge,
    pause: float,
) -> Judgement:
    stage.fresh()
    if pause:
        stage.limit(source.function, SECONDS)
    empty = stage.now()
    begin()
    result = deliver(stage, source, reference.batch, after_first=end, pause=pause)
    return judge(History(what, result, empty, stage.world()), source, reference, stage.graves)
