"""A WebSocket's message that goes to several connections, the first of which is gone."""

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote

from trials.deliveries.history import Answer, Reference
from trials.project.sources import Kind, Source
from trials.samples import Sample, samples
from trials.samples.code import of_function
from trials.stage import Stage
from trials.verdicts import Judgement
from trials.verdicts.connections import broadcast

OTHERS = ("trial-b=", "trial-c=")  # connections beside the one that sends
POSTED = re.compile(r"/@connections/([^/?]+)$")


def one_is_gone(stage: Stage, source: Source, reference: Reference) -> Iterator[Judgement]:
    """Nothing to tell of a message that goes to fewer than two."""
    connect = connects(stage, source)
    if not connect:
        return
    sender = (reference.sample.payload.get("requestContext") or {}).get("connectionId", "trial-a=")
    opened = [connection(stage, connect, each) for each in (sender, *OTHERS)]
    _, everybody = reached(stage, source, connect, opened, reference.sample)
    if len(everybody) < 2:
        return
    answer, some = reached(stage, source, connect, opened, reference.sample, gone=everybody[0])
    yield broadcast(everybody, some, answer)


def connects(stage: Stage, source: Source) -> Source | None:
    """The function behind `$connect` of the API whose message this is."""
    if not source.route or not source.route.websocket or source.route.path.startswith(("$connect", "$disconnect")):
        return None
    own = (each for each in stage.project.sources if each.origin == source.origin and each.kind is Kind.HTTP)
    return next((each for each in own if each.route and each.route.path == "$connect"), None)


def connection(stage: Stage, connect: Source, name: str) -> Sample:
    project = stage.project
    reads = of_function(project, connect.function)
    first = next(iter(samples(project.body, project.files, connect, {}, reads, project.supply.claims)))
    context = {**first.payload.get("requestContext", {}), "connectionId": name}
    return replace(first, payload={**first.payload, "requestContext": context})


def reached(
    stage: Stage, source: Source, connect: Source, opened: list[Sample], message: Sample, gone: str = ""
) -> tuple[Answer, list[str]]:
    """The answer to the message, and the connections that it was posted to, in order; `gone` is answered with 410."""
    stage.fresh()
    for opening in opened:
        stage.invoke(connect.function, opening.payload)
    stage.outside.asked.clear()
    stage.outside.gone = gone
    answer = stage.invoke(source.function, message.payload)  # nobody sends it again if it fails
    stage.outside.gone = ""
    posts = [POSTED.search(each.path) for each in stage.outside.asked if each.method == "POST"]
    return answer, list(dict.fromkeys(unquote(each[1]) for each in posts if each))
