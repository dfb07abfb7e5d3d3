"""Events on their way to a function: how each service retries, keeps and gives up, by its documented rules."""

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trials.deliveries.deliver import deliver
from trials.deliveries.history import Answer, Delivery
from trials.deliveries.parcels import MOST_RECEIVES, PATIENCE, Parcel, Records, Request, parcel, reported
from trials.deliveries.records import notification, sequence_number, table_record
from trials.project import Kind, Source
from trials.project.sources import Batching, Route
from trials.samples import Sample
from trials.verdicts.judge import POISON

QUEUE = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")


def stream(**batching: Any) -> Source:
    return Source(Kind.STREAM, "F", "F.S", "S", Batching(100, **batching))


def a_stage(answer: Callable[[Any], Answer] = lambda _: Answer()) -> Any:
    local = SimpleNamespace(clock=Path("no later time is set"))
    return SimpleNamespace(local=local, stack=SimpleNamespace(resources={}), invoke=lambda _, event: answer(event))


def records(numbers: int, **batching: Any) -> Records:
    samples = [Sample({"data_text": str(n), "partitionKey": "k"}, "made up") for n in range(numbers)]
    return Records(a_stage(), stream(**batching), samples)


def drive(sent: Parcel, handler: Callable[[list[str]], Answer]) -> list[list[str]]:
    """The last digits of the records of each batch that is delivered until nothing is left."""
    seen = []
    while (event := sent.event()) is not None:
        numbers = [each["kinesis"]["sequenceNumber"][-1] for each in event["Records"]]
        seen.append(numbers)
        answer = handler(numbers)
        sent.settle(sent.failed(answer), bool(answer.error))
    return seen


def refuses(bad: str) -> Callable[[list[str]], Answer]:
    return lambda numbers: Answer(error="bad") if bad in numbers else Answer()


# ---- streams


def test_an_error_halves_a_batch_until_the_bad_record_is_alone() -> None:
    sent = records(4, retries=1, halves=True)

    assert drive(sent, refuses("3")) == [["1", "2", "3", "4"], ["1", "2"], ["3", "4"], ["3"], ["3"], ["4"]]
    assert (sent.discarded, sent.stuck) == (1, "")


def test_without_halving_the_whole_batch_is_given_up() -> None:
    sent = records(2, retries=1)
    drive(sent, refuses("1"))

    assert sent.discarded == 2


def test_retries_without_a_limit_stop_the_shard() -> None:
    sent = records(2)
    drive(sent, refuses("1"))

    assert "shard stands still" in sent.stuck


def test_more_retries_than_can_be_waited_for_are_cut_short_and_not_called_endless() -> None:
    sent = records(1, retries=10_000)

    assert len(drive(sent, refuses("1"))) == PATIENCE + 1
    assert (sent.stuck, sent.discarded) == ("", 1)


def test_a_reported_number_is_where_the_next_batch_begins() -> None:
    sent = records(3, retries=0, reports_failures=True)
    first = True

    def handler(_: list[str]) -> Answer:
        nonlocal first
        second = sent.event()["Records"][-2]["kinesis"]["sequenceNumber"]
        failures, first = [{"itemIdentifier": second}] if first else [], False
        return Answer({"batchItemFailures": failures})

    assert drive(sent, handler) == [["1", "2", "3"], ["2", "3"]]


def test_a_table_record_is_named_by_its_sequence_number() -> None:
    record = table_record({"eventName": "INSERT", "dynamodb": {"Keys": {}}}, 7, "arn")

    assert sequence_number(record) == record["dynamodb"]["SequenceNumber"] == "7".zfill(20)


def test_a_record_s_text_travels_in_base64() -> None:
    event = records(1).event()

    assert b64decode(event["Records"][0]["kinesis"]["data"]) == b"0"


@pytest.mark.parametrize(
    ("read", "body", "failed"),
    [
        (True, {"batchItemFailures": [{"itemIdentifier": "b"}]}, ["b"]),
        (True, {"batchItemFailures": [{"itemIdentifier": ""}]}, ["a", "b"]),
        (True, {"batchItemFailures": [{"itemIdentifier": None}]}, ["a", "b"]),
        (True, {"batchItemFailures": [{"itemIdentifier": "another"}]}, ["a", "b"]),
        (True, {"batchItemFailures": None}, []),
        (True, {"batchItemFailures": []}, []),
        (True, {}, []),
        (True, None, []),
        (False, {"batchItemFailures": [{"itemIdentifier": "b"}]}, []),
    ],
)
def test_failures_count_only_if_the_mapping_reads_them(read: bool, body: Any, failed: list[str]) -> None:
    assert reported(Answer(body), read, ["a", "b"]) == failed
    assert reported(Answer(body, "raised"), read, ["a", "b"]) == ["a", "b"]


# ---- messages of a WebSocket


@pytest.mark.parametrize(
    ("path", "answer", "deliveries"),
    [
        ("say", Answer({"statusCode": 500}), 1),
        ("say", Answer(error="x"), 3),  # of which API Gateway tells the client
        ("$disconnect", Answer(error="x"), 1),
    ],
)
def test_nobody_sends_a_message_again_whose_status_he_does_not_get(path: str, answer: Answer, deliveries: int) -> None:
    talk = Source(Kind.HTTP, "Talk", "R", "Api", route=Route("", path, websocket=True, unheard=True))

    assert len(deliver(a_stage(lambda _: answer), talk, [Sample({}, "made up")]).answers) == deliveries


# ---- queues


class Deleted(Exception):
    """What SQS says of a message that is no longer there."""


class Sqs:
    """A queue that hands out its messages until they are deleted or received too often, and hides them meanwhile."""

    exceptions = SimpleNamespace(ClientError=Deleted)

    def __init__(self, receives: int, fifo: bool = False) -> None:
        self.messages: list[dict[str, Any]] = []
        self.dead: list[str] = []
        self.hidden: set[str] = set()  # by receipt
        self.most, self.fifo, self.deleted = receives, fifo, False

    def get_queue_attributes(self, **_: Any) -> Any:
        policy = {"RedrivePolicy": json.dumps({"maxReceiveCount": self.most})} if self.most else {}
        return {"Attributes": {"QueueArn": "arn:aws:sqs:us-east-1:1:jobs", **policy}}

    def send_message(self, MessageBody: str, MessageAttributes: Any = None, **more: Any) -> None:  # noqa: N803
        number = str(len(self.messages) + len(self.dead))
        made = {"MessageId": number, "ReceiptHandle": number, "Body": MessageBody, "MD5OfBody": "", "receives": 0}
        self.messages.append({**made, "MessageAttributes": MessageAttributes or {}, "Attributes": more})

    def receive_message(self, MaxNumberOfMessages: int, **_: Any) -> Any:  # noqa: N803
        for message in [each for each in self.messages if each["ReceiptHandle"] not in self.hidden]:
            if self.most and message["receives"] >= self.most:
                self.messages.remove(message)
                self.dead.append(message["Body"])
        visible = [each for each in self.messages if each["ReceiptHandle"] not in self.hidden]
        if self.fifo and self.hidden:  # whose group waits for what was received
            return {"Messages": []}
        for message in visible[:MaxNumberOfMessages]:
            message["receives"] += 1
            self.hidden.add(message["ReceiptHandle"])
        return {"Messages": visible[:MaxNumberOfMessages]}

    def change_message_visibility(self, ReceiptHandle: str, **_: Any) -> None:  # noqa: N803
        self.hidden.discard(ReceiptHandle)

    def delete_message(self, ReceiptHandle: str, **_: Any) -> None:  # noqa: N803
        if self.deleted:
            raise Deleted
        self.hidden.discard(ReceiptHandle)
        self.messages = [each for each in self.messages if each["MessageId"] != ReceiptHandle]


def queue(sqs: Sqs, answer: Callable[[Any], Answer], **sample: Any) -> Any:
    stage = a_stage(answer)
    stage.local = SimpleNamespace(client=lambda _: sqs)
    stage.stack.resources["Jobs"] = "http://local/jobs.fifo" if sqs.fifo else "http://local/jobs"
    good = Sample(sample.get("payload", "{}"), "event.json", sample.get("attributes", {}))
    return deliver(stage, sample.get("source", QUEUE), [*sample.get("ahead", []), good])


@pytest.mark.parametrize("receives", [1, 5, 20, MOST_RECEIVES])
def test_a_message_that_fails_is_followed_until_it_is_dead(receives: int) -> None:
    """However many receives that takes: the poison must not use up what the good one needs."""
    sqs = Sqs(receives)
    fared = queue(sqs, lambda _: Answer(error="no"))

    assert (len(fared.answers), fared.failures, fared.stuck) == (receives, receives, "")
    assert sqs.dead == ["{}"]


def test_without_a_dead_letter_queue_it_comes_back_for_ever() -> None:
    assert "no dead-letter queue" in queue(Sqs(0), lambda _: Answer(error="no")).stuck


def test_more_receives_than_can_be_waited_for_are_not_called_endless() -> None:
    fared = queue(Sqs(MOST_RECEIVES + 1), lambda _: Answer(error="no"))

    assert (len(fared.answers), fared.stuck) == (PATIENCE, "")


@pytest.mark.parametrize(("receives", "fifo", "done"), [(0, False, 1), (5, False, 1), (5, True, 1), (0, True, 0)])
def test_a_message_that_fails_keeps_no_other_from_a_batch_of_one(receives: int, fifo: bool, done: int) -> None:
    """Unless the queue is a FIFO one, and nothing takes the message away."""
    sqs, taken = Sqs(receives, fifo), []

    def refuses_poison(event: Any) -> Answer:
        (record,) = event["Records"]
        taken.append(record["body"])
        return Answer(error="bad" if record["body"] == POISON else "")

    one_by_one = replace(QUEUE, batching=Batching(1))
    fared = queue(sqs, refuses_poison, ahead=[Sample(POISON, "event.json")], source=one_by_one)

    assert (taken.count("{}"), bool(fared.stuck)) == (done, not receives)
    assert sqs.dead == ([POISON] if receives else [])


def test_a_message_that_succeeds_is_delivered_once() -> None:
    sqs = Sqs(5)
    fared = queue(sqs, lambda _: Answer())

    assert (len(fared.answers), fared.failures, sqs.messages, fared.error) == (1, 0, [], "")


def test_a_sample_s_attributes_reach_the_function_in_lambda_s_spelling() -> None:
    fared = queue(Sqs(5), lambda _: Answer(), attributes={"order": {"DataType": "String", "StringValue": "o-1"}})

    (record,) = fared.event["Records"]
    assert record["messageAttributes"]["order"] == {
        "stringValue": "o-1",
        "binaryValue": None,
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": "String",
    }
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:1:jobs"


def test_messages_of_a_fifo_queue_have_a_group() -> None:
    fared = queue(Sqs(5, fifo=True), lambda _: Answer())

    assert fared.event["Records"][0]["attributes"]["MessageGroupId"]


def test_what_is_sent_again_is_no_duplicate_to_a_fifo_queue() -> None:
    """It would drop a second message under the same id for five minutes, and the trial would call that lost."""
    sqs = Sqs(5, fifo=True)
    ids = [queue(sqs, lambda _: Answer()).event["Records"][0]["attributes"]["MessageDeduplicationId"] for _ in range(2)]

    assert ids[0] != ids[1]


def test_a_function_may_delete_and_return_its_messages_itself() -> None:
    sqs = Sqs(5)
    sqs.deleted = True

    def gone(_: Any) -> Answer:
        sqs.messages.clear()
        return Answer()

    assert queue(sqs, gone).failures == 0


@pytest.mark.parametrize(
    ("changed", "stuck"),
    [({}, True), ({"MessageId": "1"}, False), ({"Body": "tries: 2"}, False), ({"MessageAttributes": {"n": {}}}, False)],
)
def test_a_message_that_its_function_sends_anew_unchanged_is_stuck(changed: dict[str, Any], stuck: bool) -> None:
    """It gets a new id each time; one that is received again keeps its own, and a change may count."""
    sqs = Sqs(5)

    def anew(_: Any) -> Answer:
        sqs.messages.clear()
        sqs.dead.append(POISON)  # so that each has a number of its own
        sqs.send_message(POISON)
        sqs.messages[0] |= changed
        return Answer()

    assert bool(queue(sqs, anew, payload=POISON).stuck) is stuck


# ---- requests, asynchronous events, notifications


def test_only_a_client_reads_the_status_that_a_function_returns() -> None:
    """Lambda takes whatever an asynchronous event returns for done: it is not sent again."""
    refusal = Answer({"statusCode": 500, "body": "no score"})

    assert Request({}).failed(refusal) == ["all"]
    assert Request({}).failed(Answer({"statusCode": 404})) == []
    assert Parcel({}).failed(refusal) == []


@pytest.mark.parametrize(
    ("source", "deliveries"),
    [
        (Source(Kind.BUS, "F", "R"), 3),
        (Source(Kind.TOPIC, "F", "T", "T"), 3),
        (Source(Kind.HTTP, "F", "A"), 3),
        (Source(Kind.TASK, "F", "M.F", "M", attempts=1), 1),
        (Source(Kind.TASK, "F", "M.F", "M", attempts=9), 3),
        (Source(Kind.BUS, "F", "R", durable=True), 1),  # its execution has retried
        (Source(Kind.TOPIC, "F", "T", "T", durable=True), 1),
    ],
)
def test_what_fails_is_delivered_again_as_often_as_its_service_does(source: Source, deliveries: int) -> None:
    fared = deliver(a_stage(lambda _: Answer(error="down")), source, [Sample({}, "event.json")])

    assert (len(fared.answers), fared.failures, fared.discarded) == (deliveries, deliveries, 1)


def test_a_fault_that_passes_is_mended_after_the_first_delivery() -> None:
    down = [True]
    stage = a_stage(lambda _: Answer(error="down") if down[0] else Answer("done"))
    fared = deliver(
        stage, Source(Kind.BUS, "F", "R"), [Sample({}, "x")], after_first=lambda: down.__setitem__(0, False)
    )

    assert ([each.error for each in fared.answers], fared.failures, fared.discarded) == (["down", ""], 1, 0)


def test_of_two_deliveries_at_once_the_better_one_counts() -> None:
    answers = iter([Answer(error="a duplicate"), Answer("done")])
    stage = a_stage(lambda _: next(answers))
    fared = deliver(stage, Source(Kind.BUS, "F", "R"), [Sample({}, "x")], at_once=2)

    assert (len(fared.answers), fared.failures) == (2, 0)


def test_a_notification_carries_its_message_and_its_attributes() -> None:
    attributes = {"kind": {"Type": "String", "Value": "order"}}
    (record,) = notification({"id": 1}, "arn:topic", attributes)["Records"]

    assert (record["EventSource"], json.loads(record["Sns"]["Message"])) == ("aws:sns", {"id": 1})
    assert record["Sns"]["MessageAttributes"] == attributes


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([Answer(error="first"), Answer()], "first"),
        ([Answer({"batchItemFailures": [1]})], "{'batchItemFailures': [1]}"),
    ],
)
def test_why_a_delivery_failed_is_what_its_first_failure_said(answers: list[Answer], error: str) -> None:
    assert Delivery(answers=answers, failures=1).error == error
    assert Delivery(answers=answers, failures=0).error == ""


@pytest.mark.parametrize(("body", "status"), [({"statusCode": 201}, 201), ({"statusCode": "404"}, 404), ("x", 0)])
def test_the_status_of_an_answer_is_that_of_api_gateway(body: Any, status: int) -> None:
    assert Answer(body).status == status


def test_every_kind_has_a_parcel() -> None:
    for kind in set(Kind) - {Kind.QUEUE, Kind.TABLE, Kind.ROUTE, Kind.OTHER}:
        sent = parcel(a_stage(), Source(kind, "F", "n", "o"), [Sample({"data_text": "x"}, "x")])
        assert sent.event() is not None
