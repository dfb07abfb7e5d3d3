"""All trials of one way that an API opens into a service, as the stream of events that every source is."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from trials.integrations import oddities
from trials.integrations.calling import Answered, Backend, Unmapped, answered, prepared, replied
from trials.integrations.mapping import NoJson, Untold
from trials.integrations.requests import END, WITH_BODY, Request, given, made, naming
from trials.project import Source
from trials.project.integrations import ANSWERS, DEFAULT_BUS, HOLDER, grown, named_by_caller, planted_id
from trials.report.events import Event, SamplesUsed, SourceEnded, Told, TrialStarted
from trials.samples import sample_files as own
from trials.samples.waits import TASK_TOKEN, WAITS
from trials.stage import Stage
from trials.template import as_dict
from trials.verdicts import Finding, Judgement, Status, Verdict, unproved
from trials.verdicts import integrations as verdicts
from trials.verdicts.remedies import remedy
from trials.world import PLACES, differences

STATUS = {Verdict.HELD: Status.DELIVERED, Verdict.UNPROVED: Status.UNPROVED, Verdict.BROKEN: Status.BROKEN}
ACCOUNT_TOO = "a look in an account of yours: send one request"
NO_TOKEN = "no token"
REFUSALS = (400, 500)  # with which a service answers: the call is wrong or too much, or the service is down


class Trying:
    """One way on a stage; each request comes into a world of its own."""

    def __init__(self, stage: Stage, source: Source) -> None:
        assert source.call
        assert source.route
        stage.seeds, stage.laid, stage.ending, stage.bearer = [], [], "", None  # those of the source before
        stage.fresh()
        self.stage, self.source, self.call = stage, source, source.call
        self.integration = deployed(stage, source)
        place = "bus" if source.function == DEFAULT_BUS else PLACES.get(stage.stack.types.get(source.function, ""), "")
        self.place = f"{place} {source.function}"
        self.used = ""
        request = naming(made(source.route, self.integration), named_by_caller(source.call.body))
        samples, _ = own.given(stage.project.files, source)
        meant = next((each for each in samples if each.file), None)
        if meant:
            self.used = meant.file
            request = given(request, meant)
        self.request = request
        if source.call.action in ANSWERS:
            stage.laid = [(TASK_TOKEN, self.token(), "")]
            self.place = f"queue {WAITS}"

    def token(self) -> str:
        """That of the sample, in whose place the token of an execution that waits is sent."""
        with suppress(NoJson, Unmapped, Untold, ValueError):  # which the request itself then shows
            call = json.loads(prepared(self.call, self.integration, self.request).body)
            return str(as_dict(call).get("taskToken") or NO_TOKEN)
        return NO_TOKEN

    def of_this_world(self, request: Request) -> Request:
        """The request with the tokens of this world."""
        written = json.dumps(asdict(request))
        end = {END: self.stage.stack.resources.get(self.source.function, "")}
        for of_sample, of_world in {**self.stage.tokens, **end}.items():
            written = written.replace(of_sample, of_world)
        return Request(**json.loads(written))

    def ask(self, request: Request) -> tuple[Answered, list[Any]]:
        """What the caller gets, and what is new where the way ends."""
        self.stage.fresh()
        self.integration = deployed(self.stage, self.source)  # names change with each deployment
        before = self.stage.now()
        told = answered(self.stage, self.call, self.integration, self.of_this_world(request))
        after = self.stage.world() if not told.refused else self.stage.now()
        new = [each for each in differences(before, after, set()) if each.place == self.place]
        return told, [record for each in new for record in each.new]

    def replied(self, status: int, body: Any) -> Answered:
        """What the caller gets if the service answers in a certain way."""
        written = body if isinstance(body, str) else json.dumps(body)
        return replied(self.call, self.integration, self.request, Backend(status, written))


def deployed(stage: Stage, source: Source) -> dict[str, Any]:
    """The integration with all its references resolved."""
    name = stage.stack.resources[planted_id(source)]
    held = stage.local.client("apigatewayv2").get_integration(ApiId=stage.stack.resources[HOLDER], IntegrationId=name)
    return grown(held.get("RequestParameters", {}))


def try_way(stage: Stage, source: Source, began: float) -> Iterator[Event]:
    trying = Trying(stage, source)
    yield SamplesUsed(source, [trying.used])
    try:
        answer, came = trying.ask(trying.request)
        judgement = verdicts.once(trying.place, source, trying.request, answer, came, bool(trying.used))
    except Untold as unknown:
        judgement = unproved(f"nothing here tells {unknown}", supply=ACCOUNT_TOO)
    yield Told(finding(source, "once", judgement))
    if judgement.verdict is Verdict.HELD:
        for trial in (malformed,) if trying.call.body.get("mute") else (malformed, service_refuses):
            yield TrialStarted(source, NAMES[trial])
            try:
                yield from (Told(finding(source, NAMES[trial], each)) for each in trial(trying))
            except Untold as unknown:
                told = unproved(f"nothing here tells {unknown}", supply=ACCOUNT_TOO)
                yield Told(finding(source, NAMES[trial], told))
    why = "" if judgement.verdict is Verdict.HELD else judgement.happened
    yield SourceEnded(source, STATUS[judgement.verdict], why, judgement.supply, time.monotonic() - began)


def malformed(trying: Trying) -> Iterator[Judgement]:
    """A body that is no JSON, requests that lack a part, and good ones with texts that must be encoded."""
    if trying.request.method in WITH_BODY and trying.call.body.get("validates"):
        yield verdicts.validated()
    elif trying.request.method in WITH_BODY:
        answer, came = trying.ask(replace(trying.request, body=oddities.POISON))
        yield verdicts.no_json(trying.place, answer, came)
    less = oddities.lacking(trying.request, trying.call, trying.integration)
    if not trying.call.body.get("mute") and (lacking := [(what, *trying.ask(request)) for what, request in less]):
        yield verdicts.lacking(trying.place, lacking)
    for odd in oddities.odd_texts(trying.request.body, trying.integration):
        sent, safe = (
            prepared(trying.call, trying.integration, replace(trying.request, body=body))
            for body in (odd.body, odd.safe)
        )
        if oddities.broken_out(safe, sent, odd.text):
            answer, came = trying.ask(replace(trying.request, body=odd.body))
            yield verdicts.broken_out(trying.place, odd.name, odd.field, answer, came)
            return


def service_refuses(trying: Trying) -> Iterator[Judgement]:
    """What the caller gets when the service refuses the call, takes a part of it, or starts what fails."""
    answers = [trying.replied(status, oddities.refusal(trying.call, status)) for status in REFUSALS]
    yield verdicts.refused(answers)
    if trying.call.action in oddities.PARTLY:
        yield verdicts.partly(trying.replied(200, oddities.PARTLY[trying.call.action]))
    if trying.call.action == "StartSyncExecution":
        yield verdicts.failed_execution(trying.replied(200, oddities.FAILED_EXECUTION))


NAMES = {malformed: "malformed", service_refuses: "service refuses"}


def finding(source: Source, trial: str, judgement: Judgement) -> Finding:
    return Finding(str(source), trial, judgement, *remedy(judgement.promise, source, trial))
