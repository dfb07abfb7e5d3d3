"""The standard trials of an event source: what its function does to the world when delivery goes wrong.

Each trial begins in an empty world, with every other source switched off. Events are handed to the deployed function
as its source would: a queue's messages are received from the real queue and come back until the redrive policy takes
them, only sooner; a stream's batch is checkpointed, halved and retried by Lambda's documented rules. Two worlds are
equal when their tables, queues, buckets and publications are, apart from times and from what two undisturbed runs
do not agree on either.
"""

import json
import os
import re
import tempfile
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from trials.local_aws import ACCOUNT, REGION, LocalAws, LocalAwsError, Stack, wait_for
from trials.local_aws.outside import Asked, Outside
from trials.project import Project, Sample, Source, bus_event, fill, logical_id, merge, samples
from trials.world import PLACES, Difference, Noise, Probes, World, differences, noise, queued, snapshot, tellable

POISON = "trial-poison {not JSON"
HELD, BROKEN, UNKNOWN = "held", "broken", "unknown"
THROTTLED = {"dynamodb": "ProvisionedThroughputExceededException", "s3": "SlowDown"}  # others: ThrottlingException
VERSIONS = ("version", "sequence", "sequence_number", "seq", "revision")
ROUNDS = 12  # deliveries before the trial gives up on it, beyond those that the redrive policy asks for
SLOWER = 300  # milliseconds added to each AWS call when two deliveries race
SEEN = {"latency": 1}  # a rule that changes nothing and lists the calls


@dataclass(frozen=True)
class Finding:
    """What one trial of one source showed. `broken` is the promise: lost, doubled, blocked or silent."""

    source: str
    trial: str
    verdict: str
    happened: str
    broken: str = ""
    details: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """What a function returned, or the error it raised."""

    body: Any = None
    error: str = ""

    @property
    def status(self) -> int:
        """Of a response in the form of API Gateway; 0 for any other."""
        status = self.body.get("statusCode") if isinstance(self.body, dict) else None
        return status if isinstance(status, int) else 0


class StandIn(Outside):
    """Any outside service: it takes whatever it is asked, and remembers; or it is down."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.down = False
        self._lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, Any]:
        if self.down:
            return 503, {}
        with self._lock:
            self.asked.append(asked)
        return 200, {}

    def records(self) -> list[Any]:
        kept = [each for each in self.asked if each.method not in ("GET", "HEAD")]
        return [{"method": each.method, "path": each.path, "key": each.key, "body": each.body} for each in kept]


@contextmanager
def overridden(packages: list[str]) -> Iterator[None]:
    """While it lasts, uv takes these packages, whatever the functions' requirements say of them."""
    before = os.environ.get("UV_OVERRIDE")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(packages))
        file.flush()
        try:
            if packages:
                os.environ["UV_OVERRIDE"] = file.name
            yield
        finally:
            os.environ.pop("UV_OVERRIDE", None)
            os.environ.update({"UV_OVERRIDE": before} if before is not None else {})


class Stage:
    """The project on the local AWS, deployed anew for every trial."""

    def __init__(self, local: LocalAws, project: Project, outside: StandIn) -> None:
        self.local, self.project, self.outside = local, project, outside
        self.stack: Stack
        self.passed_on: dict[str, str] = {}  # by queue: a message that an undisturbed function sent to it

    def fresh(self, alone: bool = True) -> None:
        """An empty world. When `alone`, nothing sets a function off but the trial itself."""
        self.local.reset()
        self.outside.asked.clear()
        self.outside.down = False
        self.stack = self.deploy()
        if alone:
            self._switch_off()
        self.probes = Probes(self.local, self.stack)

    def deploy(self) -> Stack:
        project = self.project
        with overridden(project.newer):
            body = self.local.pack(project.body, project.template.parent, project.extra)
        return self.local.create_what_comes_up("trial", body, project.parameters)

    def _switch_off(self) -> None:
        functions, events, sns = (self.local.client(name) for name in ("lambda", "events", "sns"))
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        for subscription in sns.list_subscriptions()["Subscriptions"]:
            if subscription["Protocol"] == "lambda":
                sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        for bus in events.list_event_buses()["EventBuses"]:
            for rule in events.list_rules(EventBusName=bus["Name"])["Rules"]:
                targets = events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus["Name"])["Targets"]
                if any(":lambda:" in target["Arn"] for target in targets) or rule.get("ScheduleExpression"):
                    events.disable_rule(Name=rule["Name"], EventBusName=bus["Name"])

    def world(self, quiet: float = 0.4, timeout: float = 15) -> World:
        """The state of everything once it has stopped changing."""
        deadline = time.monotonic() + timeout
        before = self._snapshot()
        while True:
            time.sleep(quiet)
            after = self._snapshot()
            if after == before or time.monotonic() > deadline:
                return after
            before = after

    def remember(self) -> None:
        """Keep what now waits in the stack's queues as samples for those who read them."""
        waiting = queued(self.local)
        for name, kind in self.stack.types.items():
            bodies = (
                waiting.get(self.stack.resources[name].rsplit("/", 1)[1], []) if PLACES.get(kind) == "queue" else []
            )
            if bodies:
                self.passed_on.setdefault(name, bodies[0])

    def _snapshot(self) -> World:
        return {**snapshot(self.local, self.stack, self.probes), "outside": self.outside.records()}

    def invoke(self, function: str, event: Any) -> Answer:
        name = self.stack.resources[function]
        answer = self.local.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        payload = answer["Payload"].read().decode()
        try:
            body = json.loads(payload)
        except ValueError:
            body = payload
        if "FunctionError" not in answer:
            return Answer(body)
        told = f"{body.get('errorType')}: {body.get('errorMessage')}" if isinstance(body, dict) else payload
        told = " ".join(told.split())
        return Answer(error=told if len(told) < 300 else f"{told[:100]} … {told[-200:]}")

    def warm(self, function: str, environments: int) -> None:
        """Start environments with an event that means nothing, so that deliveries can overlap."""
        with ThreadPoolExecutor(environments) as pool:
            list(pool.map(lambda _: self.invoke(function, {}), range(environments)))

    def lines(self, function: str) -> list[str]:
        """What a function has written into its log in this world."""
        with suppress(LocalAwsError, self.local.client("logs").exceptions.ClientError):
            return self.local.logs(self.stack.resources[function])
        return []

    def give_up(self, function: str, event: Any) -> None:
        """Invoke asynchronously, with the retries and the destinations that the function is configured with."""
        name = self.stack.resources[function]
        payload = json.dumps(event).encode()
        self.local.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=payload)


# ---- parcels: events on their way to a function, delivered again until they are done or given up


class Parcel:
    """One asynchronous event: delivered as a whole, `attempts` times at most. Nobody reads what is returned."""

    stuck = ""  # why something would never leave its source
    discarded = 0  # records that were given up

    def __init__(self, event: Any, attempts: int = 3) -> None:
        self._event, self._left, self._done = event, attempts, False

    def event(self) -> Any:
        """What is delivered next, or None when nothing is left."""
        return None if self._done or not self._left else self._event

    def failed(self, answer: Answer) -> list[str]:
        return ["all"] if answer.error else []

    def settle(self, failed: list[str], error: bool) -> None:  # noqa: ARG002
        """Take note of what a delivery left undone; `error` says that the function raised."""
        self._left -= 1
        self._done = not failed
        self.discarded = int(bool(failed) and not self._left)


class Request(Parcel):
    """One request: its client reads the status, and asks again after a 5xx."""

    def failed(self, answer: Answer) -> list[str]:
        return ["all"] if answer.error or answer.status >= 500 else []


class Messages(Parcel):
    """Messages in the real queue. Its visibility timeout is skipped, its redrive policy is not.

    What a function sends to its own queue anew, unchanged and with nothing that counts, it will send without end.
    """

    def __init__(self, stage: Stage, source: Source, payloads: list[Any]) -> None:
        self._sqs, self._settings = stage.local.client("sqs"), source.settings
        self._url = stage.stack.resources[source.origin]
        names = {"AttributeNames": ["QueueArn", "RedrivePolicy"]}
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, **names)["Attributes"]
        self._arn, self._redriven = attributes["QueueArn"], "RedrivePolicy" in attributes
        receives = int(json.loads(attributes.get("RedrivePolicy", "{}")).get("maxReceiveCount", 0))
        self._most = receives * len(payloads) + ROUNDS if self._redriven else 4
        self._rounds, self._sent, self._seen = 0, list[str](), set[str]()
        for number, payload in enumerate(payloads):
            fifo = {"MessageGroupId": "trial", "MessageDeduplicationId": f"trial-{number}"}
            text = payload if isinstance(payload, str) else json.dumps(payload)
            more = fifo if self._url.endswith(".fifo") else {}
            self._sent.append(text)
            self._sqs.send_message(QueueUrl=self._url, MessageBody=text, **more)

    def event(self) -> Any:
        self._rounds += 1
        if self._rounds > self._most:
            self.stuck = self._why()
            return None
        self._messages = self._receive()
        same = [each for each in self._messages if each["Body"] in self._sent and not each.get("MessageAttributes")]
        self._seen |= {each["MessageId"] for each in same}
        return {"Records": [self._record(each) for each in self._messages]} if self._messages else None

    def _why(self) -> str:
        if len(self._seen) >= len(self._sent) + ROUNDS // 2:
            return "it is sent anew each time, as a message that was never received"
        return "" if self._redriven else "it has no dead-letter queue: it comes back until it expires"

    def _receive(self) -> list[Any]:
        most = max(1, min(10, int(self._settings.get("BatchSize", 10))))
        names = ["All"]
        found = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=most, AttributeNames=names, MessageAttributeNames=names
        )
        messages = found.get("Messages", [])
        assert isinstance(messages, list)
        return messages

    def _record(self, message: Any) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._arn,
            "awsRegion": REGION,
        }

    def failed(self, answer: Answer) -> list[str]:
        ids = [each["MessageId"] for each in self._messages]
        return reported(answer, self._settings, ids)

    def settle(self, failed: list[str], error: bool) -> None:  # noqa: ARG002
        for message in self._messages:
            handle = {"QueueUrl": self._url, "ReceiptHandle": message["ReceiptHandle"]}
            with suppress(self._sqs.exceptions.ClientError):  # the function may have returned or deleted it itself
                if message["MessageId"] in failed:
                    self._sqs.change_message_visibility(**handle, VisibilityTimeout=0)
                else:
                    self._sqs.delete_message(**handle)


class Records(Parcel):
    """Records of one shard, by Lambda's rules for its batches."""

    def __init__(self, stage: Stage, source: Source, payloads: list[Any]) -> None:
        self._settings = source.settings
        arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{stage.stack.resources.get(source.origin, 'trial')}"
        if source.kind == "table":
            table = stage.local.client("dynamodb").describe_table(TableName=stage.stack.resources[source.origin])
            arn = table["Table"].get("LatestStreamArn", arn)
        make = kinesis_record if source.kind == "stream" else table_record
        records = [make(payload, number, arn) for number, payload in enumerate(payloads, start=1)]
        retries = self._settings.get("MaximumRetryAttempts", -1)
        self._for_ever = retries == -1
        self._todo = [(records, 3 if self._for_ever else min(int(retries), ROUNDS))]

    def event(self) -> Any:
        return {"Records": self._todo[0][0]} if self._todo else None

    def failed(self, answer: Answer) -> list[str]:
        return reported(answer, self._settings, [sequence_number(each) for each in self._todo[0][0]])

    def settle(self, failed: list[str], error: bool) -> None:
        """An error halves the batch, if the mapping says so; a reported number is where the next one begins."""
        records, left = self._todo.pop(0)
        if not failed:
            return
        numbers = [sequence_number(each) for each in records]
        first = 0 if error else min(numbers.index(each) for each in failed)
        rest = records[first:]
        if self._settings.get("BisectBatchOnFunctionError") and len(rest) > 1 and first == 0:
            middle = len(rest) // 2
            self._todo[:0] = [(rest[:middle], left), (rest[middle:], left)]
        elif first or left:
            self._todo.insert(0, (rest, left if first else left - 1))
        elif self._for_ever:
            self.stuck = "its retries have no limit: the shard stands still until the records expire"
            self._todo.clear()
        else:
            self.discarded += len(rest)


def reported(answer: Answer, settings: dict[str, Any], ids: list[str]) -> list[str]:
    """The records that an answer leaves undone: all after an error, those it names if the mapping reads them."""
    if answer.error:
        return ids
    if "ReportBatchItemFailures" not in settings.get("FunctionResponseTypes", []) or not isinstance(answer.body, dict):
        return []
    failures = answer.body.get("batchItemFailures") or []
    named = [str(each.get("itemIdentifier")) for each in failures if isinstance(each, dict)]
    return ids if any(each not in ids for each in named) else named


def sequence_number(record: dict[str, Any]) -> str:
    """By which a partial answer names a record."""
    return str(record["kinesis"]["sequenceNumber"] if "kinesis" in record else record["dynamodb"]["SequenceNumber"])


def kinesis_record(payload: Any, number: int, arn: str) -> dict[str, Any]:
    text = payload if isinstance(payload, str) else payload.get("data_text")
    data = payload["data"] if text is None else b64encode(text.encode()).decode()
    key = payload.get("partitionKey", "trial") if isinstance(payload, dict) else "trial"
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": key,
            "sequenceNumber": f"4954511524349098501828006771497314458218006259324420{number:04}",
            "data": data,
            "approximateArrivalTimestamp": 1795420100.123,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:4954511524349098501828006771497314458218006259324420{number:04}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/trial",
        "awsRegion": REGION,
        "eventSourceARN": arn,
    }


def table_record(payload: Any, number: int, arn: str) -> dict[str, Any]:
    record = {
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        **payload,
        "eventID": f"trial-{number}",
        "eventSourceARN": arn,
    }
    record["dynamodb"] = {**payload["dynamodb"], "SequenceNumber": f"{number:020}"}
    return record


def notification(message: Any, arn: str) -> dict[str, Any]:
    inner: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
        "TopicArn": arn,
        "Subject": None,
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": "2026-11-23T08:00:00.000Z",
        "MessageAttributes": {},
    }
    return {
        "Records": [
            {"EventVersion": "1.0", "EventSubscriptionArn": f"{arn}:trial", "EventSource": "aws:sns", "Sns": inner}
        ]
    }


def parcel(stage: Stage, source: Source, payloads: list[Any]) -> Parcel:
    if source.kind == "queue":
        return Messages(stage, source, payloads)
    if source.kind in ("stream", "table"):
        return Records(stage, source, payloads)
    if source.kind == "topic":
        return Parcel(notification(payloads[0], stage.stack.resources.get(source.origin, "")))
    if source.kind == "task":
        return Parcel(payloads[0], min(source.settings["Attempts"], 3))
    return Request(payloads[0]) if source.kind == "http" else Parcel(payloads[0])


@dataclass
class Delivered:
    """How a parcel fared: the first event of it, every answer, and what became of the rest."""

    first: Any = None
    answers: list[Answer] = field(default_factory=list)
    failures: int = 0
    stuck: str = ""
    discarded: int = 0

    @property
    def error(self) -> str:
        return next((each.error or str(each.body)[:200] for each in self.answers), "") if self.failures else ""


def deliver(
    stage: Stage, source: Source, payloads: list[Any], at_once: int = 1, after_first: Callable[[], None] | None = None
) -> Delivered:
    """Hand the payloads over until the source has nothing left; with `at_once`, each delivery that many times."""
    sent, result = parcel(stage, source, payloads), Delivered()
    with ThreadPoolExecutor(at_once) as pool:
        while (event := sent.event()) is not None:
            result.first = result.first or event
            answers = list(pool.map(lambda _: stage.invoke(source.function, event), range(at_once)))
            best = min(answers, key=lambda answer: len(sent.failed(answer)))
            failed = sent.failed(best)
            result.answers += answers
            result.failures += bool(failed)
            sent.settle(failed, bool(best.error))
            if after_first:
                after_first()
                after_first = None
    result.stuck, result.discarded = sent.stuck, sent.discarded
    return result


# ---- the trials


@dataclass
class Reference:
    """What one undisturbed delivery of the sample does."""

    sample: Sample
    world: World
    noisy: Noise
    calls: list[tuple[str, str]]  # service and operation of the function's AWS calls
    answer: Answer = field(default_factory=Answer)  # what a state machine goes on with


def try_source(stage: Stage, source: Source, say: Callable[[str], None]) -> Iterator[Finding]:
    """All trials of one source, each finding as soon as it is known."""

    def find(trial: str, verdict: str, happened: str, broken: str = "", details: list[str] | None = None) -> Finding:
        if verdict == BROKEN and (place := astray(stage.lines(source.function))):
            verdict, broken, happened = UNKNOWN, "", f"it called {place}, which cannot be reached from here: {happened}"
        return Finding(str(source), trial, verdict, happened, broken, details or [])

    if source.function not in stage.stack.resources:
        yield find("once", UNKNOWN, f"{source.function} was not deployed")
        return
    if source.kind in ("queue", "table") and source.origin not in stage.stack.resources:
        yield find("once", UNKNOWN, f"the {source.kind} is not part of this template")
        return
    say("once")
    given = samples(stage.project, source, stage.passed_on)
    reference, why = undisturbed(stage, source, given)
    if reference is None:
        yield find("once", UNKNOWN, why)
        say("malformed")
        for verdict, broken, happened, details in malformed(stage, source, Reference(given[0], {}, set(), [])):
            yield find("malformed", verdict, happened, broken, details)
        return
    stage.remember()
    effects = differences(stage_empty(reference.world), reference.world, set())
    done = "; ".join(map(str, effects)) or "nothing that can be seen changed"
    yield find("once", HELD, f"{reference.sample.origin}: {done}", details=[str(each) for each in effects])
    mute = not effects and not reference.calls
    if mute:
        text = "the function changes nothing that can be seen and calls nothing: only a malformed event may tell more"
        yield find("the others", UNKNOWN, text)
    for name, trial in TRIALS.items():
        if source.kind in SKIPPED.get(name, ()) or (source.kind == "http" and harmless(reference.sample)):
            continue
        if mute and name != "malformed":
            continue
        say(name)
        for verdict, broken, happened, details in trial(stage, source, reference):
            yield find(name, verdict, happened, broken, details)


def stage_empty(world: World) -> World:
    return {place: [] for place in world}


def harmless(sample: Sample) -> bool:
    method = sample.payload.get("httpMethod") or sample.payload.get("requestContext", {}).get("http", {}).get("method")
    return method in ("GET", "HEAD", "OPTIONS")


def undisturbed(stage: Stage, source: Source, given: list[Sample]) -> tuple[Reference | None, str]:
    """Two undisturbed deliveries, each in a world of its own; what they disagree on is noise."""
    why = ""
    for sample in given[:3]:
        worlds, calls = [], []
        for _ in range(2):
            stage.fresh()
            stage.local.fault(**SEEN)
            result = deliver(stage, source, [sample.payload])
            calls = [(str(each["service"]), str(each["operation"])) for each in stage.local.faulted()]
            worlds.append(stage.world())
            if why := refusal(result):
                why = logged(stage, source.function) or why
                why = f"{sample.origin}: the function did not take it, so nothing else can be told: {why}"
                break
        else:
            return Reference(sample, worlds[0], noise(*worlds), list(dict.fromkeys(calls)), result.answers[-1]), ""
    return None, why


def logged(stage: Stage, function: str) -> str:
    """The last error that a function wrote into its log, if it did: its answer may only name the record."""
    for line in reversed(stage.lines(function)):
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("exception"):
                return " ".join(str(entry["exception"]).split())[-300:]
    return ""


def astray(lines: list[str]) -> str:
    """What a function could not reach because nothing here leaves the machine: how it then fails is not its fault."""
    refused = r'lets nothing out: ([\w.:-]+)|connect to the endpoint URL: "https?://(?!127\.0\.0\.1|localhost)([^/"]+)'
    found = re.search(refused, "\n".join(lines))
    return found[1] or found[2] if found else ""


def refusal(result: Delivered) -> str:
    """Why a function did not do what it was asked to; empty if it did."""
    if result.failures:
        return result.error
    return str(result.answers[-1].body)[:200] if result.answers[-1].status >= 400 else ""


Verdict = tuple[str, str, str, list[str]]  # held, broken or unknown; which promise; what happened; details


def twice(stage: Stage, source: Source, reference: Reference) -> Iterator[Verdict]:
    stage.fresh()
    first = deliver(stage, source, [reference.sample.payload])
    before = stage.world()
    again = stage.invoke(source.function, first.first)
    after = stage.world()
    yield repeated(source, before, after, reference, refused(source, again))


def refused(source: Source, answer: Answer) -> str:
    return answer.error or str((reported(answer, source.settings, ["?"]) and answer.body) or "")


def repeated(source: Source, before: World, after: World, reference: Reference, error: str) -> Verdict:
    """What a repeat did to the world: nothing, something its receiver can tell as a repeat, or more than once does."""
    found = differences(before, after, reference.noisy)
    told = [each for each in found if tellable(each, before)]
    doubled = [each for each in found if each not in told and not raised(each)]
    details = [str(each) for each in found]
    if doubled and source.kind == "http" and not keyed(reference.sample):
        text = "a repeated request does it again; safe only if no client retries, for it has no idempotency key"
        return UNKNOWN, "", text, details
    if doubled:
        return BROKEN, "doubled", str(doubled[0]), details
    if error:
        return UNKNOWN, "", f"no more was done, but the repeat was refused: {error}", details
    if told:
        return HELD, "", f"sent on again with equal content, so its receiver can tell: {told[0].place}", details
    return HELD, "", "nothing more" if any(before.values()) else "nothing to double was seen", details


def raised(difference: Difference) -> bool:
    """Whether a repeat only ended up among the dead letters."""
    return bool(difference.new) and not difference.gone and "dlq" in difference.place.lower()


def keyed(sample: Sample) -> bool:
    headers = sample.payload.get("headers") or {}
    method = str(sample.payload.get("httpMethod") or sample.payload["requestContext"]["http"]["method"])
    own = sample.origin != "made up from the route"
    return method in ("PUT", "DELETE") or (own and any(name.lower() == "idempotency-key" for name in headers))


def at_once(stage: Stage, source: Source, reference: Reference) -> Iterator[Verdict]:
    stage.fresh()
    stage.warm(source.function, 2)
    if any(stage.world().values()):  # it took the empty event for a good one
        stage.fresh()
    stage.local.fault(latency=SLOWER)
    result = deliver(stage, source, [reference.sample.payload], at_once=2)
    stage.local.clear_faults()
    yield repeated(source, reference.world, stage.world(), reference, result.error)


def out_of_order(stage: Stage, source: Source, reference: Reference) -> Iterator[Verdict]:
    older = reference.sample.payload
    newer = successor(older)
    if newer is None:
        text = "the sample has no version or sequence number: what order means here cannot be told"
        yield UNKNOWN, "", text, []
        return
    worlds = []
    for order in ([older, newer], [newer, older]):
        stage.fresh()
        for each in order:
            result = deliver(stage, source, [each])
            if result.failures:
                yield UNKNOWN, "", f"a successor made of the sample was refused: {result.error}", []
                return
        worlds.append(stage.world())
    found = [each for each in differences(worlds[0], worlds[1], reference.noisy) if not each.place.startswith("queue")]
    if not found:
        yield HELD, "", "the same in either order", []
    elif any(older_won(each) for each in found):
        yield BROKEN, "lost", f"an older event overwrote a newer one: {found[0]}", [str(each) for each in found]
    else:
        yield UNKNOWN, "", f"the order shows: {found[0]}", [str(each) for each in found]


def successor(payload: Any) -> Any:
    """The sample's next version: its version number and its other whole numbers one higher; None without one."""
    text = payload
    if isinstance(payload, dict) and "data" in payload:
        text = b64decode(payload["data"]).decode(errors="replace")
    elif isinstance(payload, dict) and "data_text" in payload:
        text = payload["data_text"]
    with suppress(ValueError, TypeError):
        content = json.loads(text) if isinstance(text, str) else deepcopy(text)
        if not isinstance(content, dict) or not versioned(content.get("detail", content)):
            return None
        raise_numbers(content.get("detail", content))
        changed = content if not isinstance(text, str) else json.dumps(content)
        if isinstance(payload, dict) and text is not payload:
            return {"data_text": changed, "partitionKey": payload.get("partitionKey", "trial")}
        return changed
    return None


def versioned(content: Any) -> bool:
    if not isinstance(content, dict):
        return False
    return any(name in VERSIONS and type(value) is int for name, value in content.items())


def raise_numbers(content: dict[str, Any]) -> None:
    for name, value in content.items():
        if type(value) is int:
            content[name] = value + 1
        elif isinstance(value, dict):
            raise_numbers(value)


def older_won(difference: Difference) -> bool:
    """Whether, of as many records, a version is lower than after delivery in order."""
    if len(difference.gone) != len(difference.new):
        return False
    for ours, theirs in zip(difference.gone, difference.new, strict=True):
        if isinstance(ours, dict) and isinstance(theirs, dict):
            for name in VERSIONS:
                with suppress(KeyError, TypeError, ValueError):
                    if int(theirs[name]) < int(ours[name]):
                        return True
    return False


def malformed(stage: Stage, source: Source, reference: Reference) -> Iterator[Verdict]:
    good = reference.sample.payload
    bad = spoiled(source, good)
    if bad is None:
        return
    stage.fresh()
    batch = source.kind in ("queue", "stream")
    together = [bad, good] if reference.world else [bad]  # no world: the function does not take the sample
    result = deliver(stage, source, together if batch else [bad])
    if result.discarded and not batch and source.kind != "http":
        yield given_up(stage, source, result)
        return
    world = stage.world()
    yield after_poison(source, result, reference, world) if batch else alone(source, result, world)


def spoiled(source: Source, good: Any) -> Any:
    """A malformed event that the source would still deliver; None where a source makes its events itself."""
    if source.kind in ("queue", "stream", "topic"):
        return POISON
    if source.kind == "bus":
        event = bus_event(source.settings.get("Pattern", {}))
        merge(event, {"detail": {"trial-poison": True}})
        return event
    if source.kind == "http" and good.get("body"):
        return {**good, "body": POISON}
    return None


def given_up(stage: Stage, source: Source, result: Delivered) -> Verdict:
    """An asynchronous event that fails every time: it must be kept somewhere."""
    stage.fresh()
    stage.give_up(source.function, result.first)
    with suppress(LocalAwsError):
        wait_for("the failed event to be kept", lambda: "trial-poison" in json.dumps(stage.world(0.1)), timeout=8)
    kept = [place for place, records in stage.world().items() if "trial-poison" in json.dumps(records)]
    if kept:
        return HELD, "", f"refused and kept in {', '.join(kept)}", [result.error]
    text = "refused, and after the retries it is gone: the function has no on-failure destination and no DLQ"
    return BROKEN, "lost", text, [result.error]


def alone(source: Source, result: Delivered, world: World) -> Verdict:
    if source.kind == "http":
        status = result.answers[-1].body.get("statusCode", 200) if isinstance(result.answers[-1].body, dict) else 200
        if result.failures:
            return UNKNOWN, "", "answered as the function's own fault (5xx), so a client would retry it", [result.error]
        if status >= 400:
            return HELD, "", f"refused with {status}", []
    elif result.answers[-1].status >= 500 and "trial-poison" not in json.dumps(world):
        text = f"answered with {result.answers[-1].status}, which nobody reads: it counts as done and is gone"
        return BROKEN, "silent", text, [str(result.answers[-1].body)[:200]]
    changed = [place for place, records in world.items() if records]
    text = f"taken as if it were good; changed {', '.join(changed)}" if changed else "taken without a trace"
    return UNKNOWN, "", text, []


def after_poison(source: Source, result: Delivered, reference: Reference, world: World) -> Verdict:
    """A malformed record and a good one came together: the good one is done, the other is kept."""
    found = differences(reference.world, world, reference.noisy)
    details = [str(each) for each in found]
    strays = [each for difference in found for each in difference.new]
    kept = [d.place for d in found if "trial-poison" in json.dumps(d.new) and d.place != f"queue {source.origin}"]
    dead = [d for d in found if d.place in kept and any("trial-poison" not in json.dumps(each) for each in d.new)]
    undone = [each for each in found if each.gone]
    if result.stuck and source.kind == "stream":
        return BROKEN, "blocked", f"the malformed record never leaves: {result.stuck}", details
    if undone or (dead and all(place.startswith("queue") for place in kept) and whole_batch(result)):
        return BROKEN, "blocked", "the good one shared the fate of the malformed one", details
    if result.stuck and kept:
        return UNKNOWN, "", f"kept in {', '.join(kept)}, but {result.stuck}", details
    if result.stuck:
        return BROKEN, "lost", f"the malformed message is never kept: {result.stuck}", details
    if result.discarded and not source.settings.get("DestinationConfig"):
        return BROKEN, "lost", "the malformed record is dropped after its retries: no on-failure destination", details
    if result.discarded > 1 and not any(reference.world.values()):
        return UNKNOWN, "", "both were given up together; whether the good one was done before cannot be seen", details
    if kept or result.discarded:
        where = ", ".join(kept) or "the on-failure destination (not delivered locally)"
        done = "the good one is done, " if reference.world else ""
        return HELD, "", f"{done}the malformed one is in {where}", details
    if not result.failures and not strays:
        if not any(reference.world.values()):
            return UNKNOWN, "", "taken without a trace, but the good one leaves none either", details
        return BROKEN, "silent", "the malformed one was reported as done and left no trace", details
    return UNKNOWN, "", "; ".join(details) or "the malformed one was retried, then vanished", details


def whole_batch(result: Delivered) -> bool:
    return result.failures > 0


def throttled(stage: Stage, source: Source, reference: Reference) -> Iterator[Verdict]:
    """Each call that the function makes is refused during the first delivery, one kind of call at a time."""
    if not reference.calls and not reference.world["outside"]:
        yield UNKNOWN, "", "the function was seen to call nothing", []
    for service, operation in reference.calls[:5]:
        stage.fresh()
        code = THROTTLED.get(service, "ThrottlingException")
        stage.local.fault(service=service, operation=operation, error={"code": code})
        yield recovered(stage, source, reference, f"{service} {operation}", stage.local.clear_faults)
    if reference.world["outside"]:
        stage.fresh()
        stage.outside.down = True
        yield recovered(stage, source, reference, "the outside service", lambda: setattr(stage.outside, "down", False))


def recovered(stage: Stage, source: Source, reference: Reference, what: str, mend: Callable[[], None]) -> Verdict:
    result = deliver(stage, source, [reference.sample.payload], after_first=mend)
    world = stage.world()
    found = [each for each in differences(reference.world, world, reference.noisy) if not tellable(each, world)]
    details = [str(each) for each in found]
    gone, new = [each for each in found if each.gone], [each for each in found if each.new]
    last = result.answers[-1].error
    if not found:
        return HELD, "", f"{what}: {'done on a retry' if result.failures else 'done all the same'}", []
    if gone and not new:
        if result.stuck or (result.discarded and last):
            return UNKNOWN, "", f"{what}: still refused after {len(result.answers)} deliveries: {last}", details
        if source.kind == "task" and result.answers[-1] != reference.answer:
            told = json.dumps(result.answers[-1].body)[:200]
            return UNKNOWN, "", f"{what}: the state machine was told {told}, and may know it for a failure", details
        if not result.failures and source.kind != "http":
            return BROKEN, "lost", f"{what}: failed, was reported as done, and never came again: {gone[0]}", details
        if not result.failures:
            return answered(what, result, gone[0], details)
        return BROKEN, "lost", f"{what}: the retry took it for done: {gone[0]}", details
    if new and not gone and not any(raised(each) for each in new):
        return BROKEN, "doubled", f"{what}: the retry did more than once does: {new[0]}", details
    if any(raised(each) for each in new):
        return UNKNOWN, "", f"{what}: kept as a dead letter after {len(result.answers)} deliveries: {last}", details
    return UNKNOWN, "", f"{what}: another outcome: {found[0]}", details


def answered(what: str, result: Delivered, gone: Difference, details: list[str]) -> Verdict:
    body = result.answers[-1].body
    status = body.get("statusCode", 200) if isinstance(body, dict) else 200
    if isinstance(status, int) and status >= 400:
        return HELD, "", f"{what}: the caller was told {status}", details
    return BROKEN, "lost", f"{what}: failed, but the caller was told {status}: {gone}", details


TRIALS: dict[str, Callable[[Stage, Source, Reference], Iterator[Verdict]]] = {
    "twice": twice,
    "twice at once": at_once,
    "out of order": out_of_order,
    "malformed": malformed,
    "throttled": throttled,
}
SKIPPED = {"out of order": ("http", "schedule", "table", "task"), "malformed": ("schedule", "table", "task")}
__all__ = ["Finding", "Stage", "StandIn", "fill", "logical_id", "try_source"]
