"""A pipe without a function at its end, played: from the real source, by its rules, to the real target."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from trials.integrations.trying import deployed
from trials.local_aws import ACCOUNT, REGION
from trials.moment import TEXT
from trials.pipes.records import taken
from trials.pipes.transformed import NoJson, Untold, as_json, made, opened, value_of
from trials.project import Source
from trials.project.integrations import DEFAULT_BUS
from trials.stage import Stage
from trials.template import as_dict
from trials.verdicts import Judgement, unproved
from trials.verdicts.judge import passed_on
from trials.world import PLACES

LOOK = "a look in an account of yours: send one event"
PARAMETERS = {  # of each kind of target
    "queue": "SqsQueueParameters",
    "bus": "EventBridgeEventBusParameters",
    "stream": "KinesisStreamParameters",
}


class Refused(Exception):
    """A record that does not come to the target, and why."""


def carry(stage: Stage, source: Source) -> Judgement:
    """What became of one record that fits: put where the pipe takes from, looked for where it ends."""
    stage.fresh()
    settings = deployed(stage, source)
    pipe = stage.project.model.resources[source.name]
    function = stage.project.model.function(pipe.written("Enrichment")) if not pipe.absent("Enrichment") else ""
    settings["enriched"] = bool(function)
    kind = "bus" if source.function == DEFAULT_BUS else PLACES[stage.stack.types[source.function]]
    before = stage.now()
    try:
        record = taken(stage, source, settings)
        filtered(stage, settings, record)
        items = enriched(stage, function, settings, record) if function else [record]
        template = as_dict(settings.get("target")).get("InputTemplate")
        texts = [as_text(kind, template, item) for item in items]
        parameters = as_dict(as_dict(settings.get("target")).get(PARAMETERS.get(kind, "")))
        TARGETS[kind](stage, source, texts, {key: value_of(each, record) for key, each in parameters.items()})
    except (Untold, Refused) as untold:
        return unproved(f"nothing here tells of {untold}" if isinstance(untold, Untold) else str(untold), supply=LOOK)
    except NoJson as wrong:
        return unproved(f"its target takes JSON, and its InputTemplate makes {wrong}", supply=LOOK)
    except ClientError as error:
        return unproved(f"{kind} {source.function} refused it: {error.response['Error']['Message']}", supply=LOOK)
    sent = "a record that fits its filter" if settings.get("filters") else "a record"
    return passed_on(f"{kind} {source.function}", f"{sent}, carried by rule,", before, stage.world())


def filtered(stage: Stage, settings: dict[str, Any], record: dict[str, Any]) -> None:
    """Raises `Refused` if no filter lets a record through."""
    envelope = {"version": "0", "id": "trial", "detail-type": "trial", "source": "trial", "resources": list[str]()}
    envelope |= {"account": ACCOUNT, "region": REGION, "time": TEXT}
    event = json.dumps({**envelope, "detail": opened(record)}, default=str)
    patterns = [json.dumps({"detail": json.loads(each)}) for each in as_dict(settings.get("filters")).values()]
    ask = stage.local.client("events").test_event_pattern
    if patterns and not any(ask(EventPattern=each, Event=event)["Result"] for each in patterns):
        raise Refused("its filter does not let through the record that was made up for it")


def enriched(stage: Stage, function: str, settings: dict[str, Any], record: dict[str, Any]) -> list[Any]:
    """What the pipe's function makes of a batch of one record."""
    template = as_dict(settings.get("enrichment")).get("InputTemplate")
    batch = [as_json(made(str(template), record)) if template else record]
    answer = stage.invoke(function, batch)
    if answer.error:
        raise Refused(f"its enrichment {function} refused the record: {answer.error}")
    items = answer.body if isinstance(answer.body, list) else [answer.body]
    if not items or items == [None]:
        raise Refused(f"its enrichment {function} returned nothing, so that nothing is sent on")
    return items


def as_text(kind: str, template: Any, item: Any) -> str:
    """What the target gets of an item."""
    if not template:
        text = item if isinstance(item, str) else json.dumps(item, default=str)
    else:
        try:
            text = made(str(template), item)
        except NoJson as content:  # the content alone, of which AWS's page says that it loses its quotation marks
            if kind in ("bus", "machine"):
                raise
            text = str(content)
    if kind == "bus" and not isinstance(as_json(text), dict):
        raise NoJson(text)
    return text


def to_queue(stage: Stage, source: Source, texts: list[str], parameters: dict[str, str]) -> None:
    known = {key: each for key, each in parameters.items() if key in ("MessageGroupId", "MessageDeduplicationId")}
    for text in texts:
        stage.local.client("sqs").send_message(
            QueueUrl=stage.stack.resources[source.function], MessageBody=text, **known
        )


def to_topic(stage: Stage, source: Source, texts: list[str], _: dict[str, str]) -> None:
    arn = stage.stack.resources[source.function]
    if arn.endswith(".fifo"):
        raise Refused("a pipe does not take a FIFO topic as its target")
    for text in texts:
        stage.local.client("sns").publish(TopicArn=arn, Message=text)


def to_bus(stage: Stage, source: Source, texts: list[str], parameters: dict[str, str]) -> None:
    named = {"Source": f"Pipe {source.name}", "DetailType": "Event from a pipe"}
    named |= {key: each for key, each in parameters.items() if key in named}
    bus = stage.stack.resources.get(source.function, DEFAULT_BUS)
    entries = [{**named, "EventBusName": bus, "Detail": text} for text in texts]
    answer = stage.local.client("events").put_events(Entries=entries)
    if answer["FailedEntryCount"]:
        raise Refused(f"bus {source.function} refused it: {answer['Entries'][0].get('ErrorMessage')}")


def to_stream(stage: Stage, source: Source, texts: list[str], parameters: dict[str, str]) -> None:
    name = stage.stack.resources[source.function]
    key = parameters.get("PartitionKey", "")
    if not key:
        raise Refused("its target, a stream, needs a PartitionKey in KinesisStreamParameters")
    for text in texts:
        stage.local.client("kinesis").put_record(StreamName=name, Data=text.encode(), PartitionKey=key)


def to_machine(stage: Stage, source: Source, texts: list[str], _: dict[str, str]) -> None:
    given = json.dumps([as_json(text) for text in texts])
    stage.local.client("stepfunctions").start_execution(
        stateMachineArn=stage.stack.resources[source.function], input=given
    )


Target = Callable[[Stage, Source, list[str], dict[str, str]], None]
TARGETS: dict[str, Target] = {
    "queue": to_queue,
    "topic": to_topic,
    "bus": to_bus,
    "stream": to_stream,
    "machine": to_machine,
}
