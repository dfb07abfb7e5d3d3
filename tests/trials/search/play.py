"""Sequences played on a stage, each in a world of its own."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Answer, Delivery
from trials.deliveries.parcels import Parcel, parcel, reported
from trials.deliveries.records import lane
from trials.faults.redrive import attributes, dead_letters
from trials.faults.refusals import refusal_of
from trials.faults.repeats import PATIENCE
from trials.project.graves import keeps_failures
from trials.project.sources import Kind, Source
from trials.samples import Sample
from trials.search.plan import Fault, Names, Plan, Step
from trials.search.verdict import Events, Failure, Left, wrong
from trials.stage import Stage
from trials.world import Noise, World

KINDS = {
    Fault.THROTTLED: "throttled",
    Fault.OUTAGE: "throttled",
    Fault.KILLED: "killed",
    Fault.UNANSWERED: "unanswered",
}
TOLD_AT_ONCE = (Kind.HTTP, Kind.TASK, Kind.DIRECT)  # whoever calls reads the answer


@dataclass(frozen=True)
class Sent:
    """One event of one source, and the AWS calls that it makes."""

    source: Source
    sample: Sample
    calls: tuple[tuple[str, str], ...]
    name: str


@dataclass(frozen=True)
class Invocation:
    """One invocation under a fault, if `kind` names one: of calls of an operation, or after so many calls."""

    function: str
    event: Any
    kind: str = ""
    service: str = ""
    operation: str = ""
    call: int = 0
    renewed: bool = False


@dataclass
class Fate:
    """What became of the events of a sequence so far."""

    done: set[int] = field(default_factory=set)
    told: set[int] = field(default_factory=set)
    nowhere: set[int] = field(default_factory=set)
    messages: dict[int, Any] = field(default_factory=dict)  # those of a queue, as they were first delivered
    kept: list[int] = field(default_factory=list)  # asynchronous ones, in their on-failure destination


class Copy(Parcel):
    """A message that a standard queue delivers once more, though it was deleted."""

    def __init__(self, event: Any, reports_failures: bool) -> None:
        super().__init__(event)
        self._reports = reports_failures

    def failed(self, answer: Answer) -> list[str]:
        return reported(answer, self._reports, [each["messageId"] for each in self._event["Records"]])


NOTHING = Step(0)
SHRINKING = 40  # steps in which hypothesis may shrink a sequence that failed, and we after it


@dataclass
class Player:
    """`budget` is how many steps are played, and those that end a sequence; what was played is known from then on."""

    stage: Stage
    events: list[Sent]
    newer: dict[int, int]
    noise: Noise
    budget: int
    played: int = 0  # sequences
    spent: int = 0  # steps
    invocations: list[Invocation] = field(default_factory=list)  # of the sequence that was played last
    found_in: int = 0  # the number of the first sequence that failed
    failed: dict[Plan, Failure | None] = field(default_factory=dict)
    _alone: dict[Events, World] = field(default_factory=dict)
    _fault: Step = NOTHING  # what invocations meet now

    @property
    def names(self) -> Names:
        calls = tuple(tuple(f"{service} {operation}" for service, operation in each.calls) for each in self.events)
        return Names(tuple(each.name for each in self.events), calls)

    @property
    def ignored(self) -> frozenset[str]:
        """Places in which events wait for their function or lie when it failed."""
        return self.stage.graves | {f"queue {each.source.origin}" for each in self.events}

    def alone(self, events: Events) -> World:
        if events not in self._alone:
            self._alone[events] = self.undisturbed(events)
        return self._alone[events]

    def undisturbed(self, events: Events) -> World:
        self.stage.fresh()
        for number in events:
            deliver(self.stage, self.events[number].source, [self.events[number].sample])
        return self.stage.world()

    def failure(self, plan: Plan) -> Failure | None:
        """What is wrong with the world that a sequence leaves; nothing either once the budget is spent."""
        if plan not in self.failed:
            if self.spent >= self.budget:
                return None
            self.spent, self.played = self.spent + len(plan), self.played + 1
            self.failed[plan] = wrong(self.play(plan), self.alone, self.newer, self.noise, self.ignored)
            if self.failed[plan] and not self.found_in:
                self.found_in = self.played
                self.budget = min(self.budget, self.spent + SHRINKING)
        return self.failed[plan]

    def play(self, plan: Plan) -> Left:
        self.stage.fresh()
        self.invocations.clear()
        self._fault = NOTHING
        fate = Fate()
        for step in plan:
            self.step(step, fate)
        self.stage.local.clear_faults()
        return Left(self.stage.world(), frozenset(fate.done), frozenset(fate.told), frozenset(fate.nowhere))

    def step(self, step: Step, fate: Fate) -> None:
        if step.fault is Fault.REDRIVE:
            self.redrive(fate)
        elif step.beside is not None and self.overlap(step.event, step.beside):
            self.at_once((step.event, step.beside), fate)
        else:
            sent = self.events[step.event]
            carrier = self.carrier(step.event, fate)
            self.begin(step, sent)
            fared = self.carried(carrier, sent.source, None if step.fault is Fault.OUTAGE else self.over)
            self.over()
            self.note(step.event, fared, fate)

    def overlap(self, one: int, other: int) -> bool:
        """Whether two events may be worked on together; a FIFO queue, and a stream within a key, give them in turn."""
        sent = [self.events[each] for each in (one, other)]
        places = (self.stage.stack.resources.get(each.source.origin, "") for each in sent)
        if any(place.endswith(".fifo") for place in places):
            return False
        first = sent[0].source
        in_a_stream = first == sent[1].source and first.kind in (Kind.STREAM, Kind.TABLE)
        key = next(iter(self.stage.keys().get(first.origin, {})), "") if in_a_stream else ""
        return not in_a_stream or len({lane(each.sample.payload, key) for each in sent}) == 2

    def carrier(self, number: int, fate: Fate) -> Parcel:
        """An event on its way; a message that comes again is the same message, as a standard queue may deliver it."""
        sent = self.events[number]
        if number in fate.messages:
            return Copy(fate.messages[number], sent.source.batching.reports_failures)
        return parcel(self.stage, sent.source, [sent.sample])

    def carried(self, carrier: Parcel, source: Source, over: Callable[[], None] | None) -> Delivery:
        """Delivered until nothing is left of it; `over` is called after the first delivery."""
        fared = Delivery()
        while (event := carrier.event()) is not None:
            fared.event = fared.event or event
            answer = self.invoke(source.function, event)
            self.settle(carrier, answer, fared)
            if over:
                over()
                over = None
        fared.stuck, fared.discarded = carrier.stuck, carrier.discarded
        return fared

    def settle(self, carrier: Parcel, answer: Answer, fared: Delivery) -> None:
        failed = carrier.failed(answer)
        fared.answers.append(answer)
        fared.failures += bool(failed)
        carrier.settle(failed, bool(answer.error))

    def invoke(self, function: str, event: Any) -> Answer:
        step = self._fault
        calls = self.events[step.event].calls
        service, operation = calls[step.call] if calls and step.fault in KINDS else ("", "")
        kind, renewed = KINDS.get(step.fault, "") if calls else "", step.fault is Fault.RENEWED
        self.invocations.append(Invocation(function, event, kind, service, operation, step.call + 1, renewed))
        return self.stage.invoke(function, event)

    def over(self) -> None:
        self.stage.local.clear_faults()
        self._fault = NOTHING

    def watched(self, plan: Plan) -> tuple[list[Invocation], Left]:
        """A sequence played once more, and each of its invocations."""
        left = self.play(plan)
        return list(self.invocations), left

    def begin(self, step: Step, sent: Sent) -> None:
        """Nothing for a fault of a call, if the function makes none."""
        local, self._fault = self.stage.local, step
        if step.fault is Fault.RENEWED:
            self.stage.renew(sent.source.function)
        elif sent.calls and step.fault is not Fault.NONE:
            service, operation = sent.calls[step.call]
            refuse = refusal_of(self.stage, service, operation)
            cut = {"service": service, "operation": operation, "response": {"abort_bytes": 0}, "times": 1}
            begin: dict[Fault, Callable[[], None]] = {
                Fault.THROTTLED: refuse,
                Fault.OUTAGE: refuse,
                Fault.KILLED: partial(local.kill_after, step.call + 1),
                Fault.UNANSWERED: partial(local.fault, **cut),
            }
            begin[step.fault]()

    def note(self, event: int, fared: Delivery, fate: Fate) -> None:
        """An event is done with its last delivery; else somebody is told of it, or it lies nowhere."""
        if self.events[event].source.kind is Kind.QUEUE and fared.event is not None:
            fate.messages.setdefault(event, fared.event)
        source, last = self.events[event].source, fared.answers[-1] if fared.answers else Answer()
        refused = source.kind is Kind.HTTP and last.status >= 400
        if fared.failures < len(fared.answers) and not refused:
            fate.done.add(event)
            return
        fate.told.add(event)
        if source.kind in (*TOLD_AT_ONCE, Kind.QUEUE):
            return
        if source.kind in (Kind.STREAM, Kind.TABLE):
            kept = not fared.discarded or source.batching.keeps_discarded
        else:
            kept = bool(keeps_failures(self.stage.project.body, source.function))
            fate.kept += [event] if kept else []
        if not kept:
            fate.nowhere.add(event)

    def redrive(self, fate: Fate) -> None:
        kept, fate.kept = fate.kept, []
        for event in kept:
            sent = self.events[event]
            self.note(event, self.carried(parcel(self.stage, sent.source, [sent.sample]), sent.source, None), fate)
        for source in {
            sent.source.origin: sent.source for sent in self.events if sent.source.kind is Kind.QUEUE
        }.values():
            for message in dead_letters(self.stage, source)[1]:
                sample = Sample(message["Body"], "a redrive", attributes(message))
                fared = self.carried(parcel(self.stage, source, [sample]), source, None)
                for event in self.of_body(source, message["Body"]):
                    self.note(event, fared, fate)

    def of_body(self, source: Source, body: str) -> Iterator[int]:
        for number, sent in enumerate(self.events):
            if sent.source == source and sent.sample.payload == body:
                yield number

    def at_once(self, pair: tuple[int, int], fate: Fate) -> None:
        """Two events that are received one after the other and worked on together; later deliveries are in turn."""
        carriers, first = list[Parcel](), list[Any]()
        for number in pair:
            carriers.append(self.carrier(number, fate))
            first.append(carriers[-1].event())
            if self.events[number].source.kind is Kind.QUEUE and first[-1] is not None:
                fate.messages.setdefault(number, first[-1])
        functions = [self.events[number].source.function for number in pair]
        self.stage.meet(PATIENCE)
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(self.invoke, functions, first))
        self.stage.local.clear_faults()
        for number, carrier, event, answer in zip(pair, carriers, first, answers, strict=True):
            fared = Delivery(event)
            self.settle(carrier, answer, fared)
            rest = self.carried(carrier, self.events[number].source, None)
            fared.answers += rest.answers
            fared.failures += rest.failures
            fared.stuck, fared.discarded = rest.stuck, rest.discarded
            self.note(number, fared, fate)
