"""One publish reaches every subscriber, each acts once on each order, and whoever fails keeps its orders to itself."""

import fnmatch
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from fan_out.scenario import DAY, placed

from support.environments import IN_BOTH
from support.handlers import Context, Died, Example, event, failed, sqs_event
from trials.local_aws import ACCOUNT, REGION, LocalAws
from trials.template import read_template

ALARMS = "arn:aws:sns:us-east-1:123456789012:alerts"
THROTTLED = {"code": "ThrottlingException", "status": 400}
SUBSCRIBERS = {"shipping": "Shipments", "invoicing": "Invoices", "analytics": "Revenue"}
WRITES = {"shipping": "PutItem", "invoicing": "PutItem", "analytics": "TransactWriteItems"}
QUEUES = ("ToShip", "ToInvoice", "ToCount")
WORKERS = ("Ship", "Invoice", "Count")

Answer = dict[str, Any]


@dataclass
class Subscriber:
    """One worker with its own table; `environment()` gives its handler in a fresh execution environment."""

    name: str
    shop: Example
    monkeypatch: pytest.MonkeyPatch

    def environment(self) -> tuple[Callable[[dict[str, Any], Any], Answer], ModuleType]:
        self.monkeypatch.setenv("RECORDS_TABLE", self.shop.stack.resources[SUBSCRIBERS[self.name]])
        app = self.shop.environment()
        return getattr(app, self.name), app

    def take(self, *bodies: str) -> list[str]:
        handler, _ = self.environment()
        return failed(handler(sqs_event(*bodies), Context()))

    def records(self) -> dict[str, dict[str, Any]]:
        """What the table holds, the marks' expiry left out."""
        table = self.shop.stack.resources[SUBSCRIBERS[self.name]]
        items = self.shop.aws.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
        return {item["id"]["S"]: {k: v for k, v in item.items() if k != "expires"} for item in items}


@pytest.fixture
def shop(request: pytest.FixtureRequest, example: Callable[..., Example]) -> Example:
    return example("fan_out", getattr(request, "param", "python"), AlarmTopicArn=ALARMS)


@pytest.fixture(params=SUBSCRIBERS)
def subscriber(request: pytest.FixtureRequest, shop: Example, monkeypatch: pytest.MonkeyPatch) -> Subscriber:
    return Subscriber(request.param, shop, monkeypatch)


@pytest.fixture
def analytics(shop: Example, monkeypatch: pytest.MonkeyPatch) -> Subscriber:
    return Subscriber("analytics", shop, monkeypatch)


@pytest.fixture
def publisher(shop: Example) -> ModuleType:
    return shop.environment("publish")


def body(event_id: str, cents: int = 1000) -> str:
    return json.dumps(placed(event_id, cents))


def received(shop: Example, queue: str) -> list[str]:
    """The bodies in a queue, in no order."""
    bodies: list[str] = []
    while (
        found := shop.aws.client("sqs")
        .receive_message(QueueUrl=shop.stack.resources[queue], MaxNumberOfMessages=10)
        .get("Messages")
    ):
        bodies += [message["Body"] for message in found]
    return bodies


def ids(bodies: list[str]) -> list[str]:
    return sorted(json.loads(each)["id"] for each in bodies)


# The publisher.


@IN_BOTH
def test_every_event_reaches_every_unfiltered_subscriber_as_it_was_published(
    shop: Example, publisher: ModuleType, context: Context
) -> None:
    events = [placed(f"e-{n}") for n in range(23)]  # three batches

    publisher.handler({"events": events}, context)

    for queue in ("ToShip", "ToCount"):
        found = [json.loads(each) for each in received(shop, queue)]
        assert sorted(found, key=lambda each: str(each["id"])) == sorted(events, key=lambda each: str(each["id"]))


@pytest.mark.parametrize(("over", "sizes"), [(0, [2]), (1, [1, 1])])
def test_a_batch_is_as_large_as_sns_takes_and_no_larger(publisher: ModuleType, over: int, sizes: list[int]) -> None:
    events = [{"id": "a", "note": ""}, {"id": "b", "note": ""}]
    attributes = len("correlation_id" + "String" + "c-1")  # which SNS counts with the text of each event
    space = 262_144 - sum(attributes + len(json.dumps(each)) for each in events)
    events[0]["note"] = "ü" * (space // 6) + "x" * (space % 6 + over)  # an escaped ü takes six bytes

    assert [len(batch) for batch in publisher.batches(events, attributes)] == sizes


def test_an_event_given_twice_is_published_once(shop: Example, publisher: ModuleType) -> None:
    publisher.publish([placed("e-1"), placed("e-1"), placed("e-2")])

    assert ids(received(shop, "ToShip")) == ["e-1", "e-2"]


def test_no_event_is_no_call(shop: Example, publisher: ModuleType) -> None:
    publisher.publish([])

    assert received(shop, "ToShip") == []


def test_an_event_too_large_for_sns_is_named_and_the_others_arrive(shop: Example, publisher: ModuleType) -> None:
    events = [placed("before"), placed("large") | {"note": "x" * 262_144}, placed("after")]

    with pytest.raises(publisher.NotPublished) as error:
        publisher.publish(events)

    assert list(error.value.args[0]) == ["large"]
    assert ids(received(shop, "ToShip")) == ["after", "before"]


def refuses(publisher: ModuleType, monkeypatch: pytest.MonkeyPatch, event_id: str) -> None:
    """SNS answers HTTP 200 and takes all entries of the first call but one."""
    publish_batch = publisher.sns.publish_batch

    def partly(PublishBatchRequestEntries: list[dict[str, str]], **named: Any) -> Answer:  # noqa: N803
        monkeypatch.setattr(publisher.sns, "publish_batch", publish_batch)
        (refused,) = [each for each in PublishBatchRequestEntries if json.loads(each["Message"])["id"] == event_id]
        taken = [each for each in PublishBatchRequestEntries if each is not refused]
        answer: Answer = publish_batch(PublishBatchRequestEntries=taken, **named)
        return answer | {"Failed": [{"Id": refused["Id"], "Code": "InternalError", "SenderFault": False}]}

    monkeypatch.setattr(publisher.sns, "publish_batch", partly)


def test_an_entry_refused_under_http_200_is_an_error_that_names_it(
    shop: Example, publisher: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuses(publisher, monkeypatch, "e-1")
    events = [placed(f"e-{n}") for n in range(3)]

    with pytest.raises(publisher.NotPublished) as error:
        publisher.publish(events)
    assert error.value.args[0] == {"e-1": "InternalError"}
    assert ids(received(shop, "ToShip")) == ["e-0", "e-2"]

    publisher.publish(events)
    assert ids(received(shop, "ToShip")) == ["e-0", "e-1", "e-2"]


def test_a_call_that_fails_once_is_repeated_by_the_sdk(shop: Example, aws: LocalAws, publisher: ModuleType) -> None:
    aws.fault(service="sns", operation="PublishBatch", error=THROTTLED, times=1)

    publisher.publish([placed("e-1")])

    assert ids(received(shop, "ToShip")) == ["e-1"]


@pytest.mark.parametrize(
    ("error", "attempts"),
    [({"code": "KMSAccessDenied", "status": 400}, 1), (THROTTLED, 2), ({"code": "InternalError", "status": 500}, 2)],
    ids=["no permission", "throttled", "a fault of SNS"],
)
def test_a_batch_that_fails_does_not_keep_back_the_next(
    shop: Example, aws: LocalAws, publisher: ModuleType, error: dict[str, Any], attempts: int
) -> None:
    aws.fault(service="sns", operation="PublishBatch", error=error, times=attempts)

    with pytest.raises(publisher.NotPublished) as refused:
        publisher.publish([placed(f"e-{n:02}") for n in range(12)])

    assert sorted(refused.value.args[0]) == [f"e-{n:02}" for n in range(10)]
    assert ids(received(shop, "ToShip")) == ["e-10", "e-11"]


def test_a_publisher_that_dies_half_way_may_begin_again(
    shop: Example, publisher: ModuleType, analytics: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [placed(f"e-{n:02}") for n in range(15)]
    publish_batch = publisher.sns.publish_batch

    def take_then_die(**named: Any) -> Any:
        publish_batch(**named)
        raise Died

    monkeypatch.setattr(publisher.sns, "publish_batch", take_then_die)
    with pytest.raises(Died):
        publisher.publish(events)

    shop.environment("publish").publish(events)
    deliveries = received(shop, "ToCount")
    assert len(deliveries) == 25
    assert analytics.take(*deliveries) == []
    assert analytics.records()[f"day#{DAY}"]["orders"] == {"N": "15"}


# What a subscription lets through.


def test_only_orders_above_the_amount_are_invoiced(shop: Example, publisher: ModuleType) -> None:
    totals = [1, 49_999, 50_000, 50_001, 10**9]

    publisher.publish([placed(f"of-{cents}", cents) for cents in totals])

    assert ids(received(shop, "ToInvoice")) == ["of-1000000000", "of-50001"]
    assert len(received(shop, "ToShip")) == len(totals)


@pytest.mark.parametrize(
    ("rules", "passing"),
    [
        ([{"numeric": [">", 10]}, {"numeric": ["<", 20]}], [5, 15, 25]),  # what CDK makes of greaterThan and lessThan
        ([{"numeric": [">", 10, "<", 20]}], [15]),  # of betweenStrict
    ],
    ids=["two bounds", "a range"],
)
def test_two_bounds_beside_one_another_let_everything_through(
    shop: Example, publisher: ModuleType, rules: list[dict[str, Any]], passing: list[int]
) -> None:
    sns, names = shop.aws.client("sns"), shop.stack.resources
    policy = json.dumps({"order": {"total_cents": rules}})
    sns.set_subscription_attributes(
        SubscriptionArn=names["ToInvoiceSubscription"], AttributeName="FilterPolicy", AttributeValue=policy
    )

    publisher.publish([placed(f"of-{cents:02}", cents) for cents in (5, 15, 25)])

    assert ids(received(shop, "ToInvoice")) == [f"of-{cents:02}" for cents in passing]


def test_what_the_filter_drops_fails_in_plain_sight_elsewhere(
    shop: Example, aws: LocalAws, analytics: Subscriber
) -> None:
    dropped = [
        "ship it!",
        "{}",
        '{"order": {}}',
        '{"total_cents": 60000}',
        '{"order": 60000}',
        '{"order": {"total_cents": 1}}',
    ]
    for text in dropped:
        aws.client("sns").publish(TopicArn=shop.stack.resources["OrderPlaced"], Message=text)

    assert received(shop, "ToInvoice") == []
    deliveries = received(shop, "ToCount")
    assert sorted(deliveries) == sorted(dropped)
    assert len(analytics.take(*deliveries)) == len(dropped)


# The subscribers.


@IN_BOTH
def test_the_sample_event_is_taken(subscriber: Subscriber, shop: Example) -> None:
    handler, _ = subscriber.environment()

    assert failed(handler(event(shop.folder), Context())) == []
    assert subscriber.records()


@IN_BOTH
def test_a_second_delivery_changes_nothing(subscriber: Subscriber) -> None:
    assert subscriber.take(body("e-1"), body("e-2")) == []
    once = subscriber.records()

    assert subscriber.take(body("e-2"), body("e-1"), body("e-1")) == []
    assert subscriber.records() == once


@IN_BOTH
def test_twice_at_once_is_once(subscriber: Subscriber) -> None:
    environments = [subscriber.environment()[0] for _ in range(8)]
    start = threading.Barrier(len(environments))

    def deliver(handler: Callable[[dict[str, Any], Any], Answer]) -> list[str]:
        start.wait()
        return failed(handler(sqs_event(body("e-1"), body("e-2")), Context()))

    with ThreadPoolExecutor(len(environments)) as pool:
        answers = list(pool.map(deliver, environments))

    assert [] in answers
    assert subscriber.take(body("e-1"), body("e-2")) == []  # whoever met another in the act comes back
    at_once = subscriber.records()
    assert {key for key in at_once if not key.startswith("day#")} in ({"e-1", "e-2"}, {"event#e-1", "event#e-2"})
    if subscriber.name == "analytics":
        assert at_once[f"day#{DAY}"]["orders"] == {"N": "2"}


@IN_BOTH
def test_a_table_that_throttles_only_delays(subscriber: Subscriber, aws: LocalAws) -> None:
    code = {"code": "ProvisionedThroughputExceededException"}
    aws.fault(service="dynamodb", operation=WRITES[subscriber.name], error=code, times=2)  # as often as the SDK tries
    bodies = [body(f"e-{n}") for n in range(3)]

    assert subscriber.take(*bodies) == ["m-0"]
    before = subscriber.records()
    assert subscriber.take(bodies[0]) == []
    assert len(subscriber.records()) == len(before) + 1
    assert subscriber.take(*bodies) == []
    assert len(subscriber.records()) == len(before) + 1


def test_a_death_after_the_write_leaves_one_record(subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch) -> None:
    handler, app = subscriber.environment()
    for name in ("put_item", "transact_write_items"):
        write = getattr(app.dynamodb, name)

        def write_then_die(write: Callable[..., Any] = write, **named: Any) -> None:
            write(**named)
            raise Died

        monkeypatch.setattr(app.dynamodb, name, write_then_die)
    with pytest.raises(Died):
        handler(sqs_event(body("e-1")), Context())
    written = subscriber.records()
    assert written

    assert subscriber.take(body("e-1")) == []
    assert subscriber.records() == written


HOPELESS = {
    "nothing": "",
    "text": "ship it!",
    "null": "null",
    "a list": "[]",
    "SNS's envelope": json.dumps({"Type": "Notification", "MessageId": "1", "Message": body("e-1")}),
    "no id": json.dumps(placed("e-1") | {"id": None}),
    "an empty id": body(""),
    "no time zone": json.dumps(placed("e-1") | {"placed_at": "2026-11-23T09:30:00"}),
    "the amount as text": body("e-1").replace("1000", '"60000"'),
    "a fraction of a cent": body("e-1").replace("1000", "60000.5"),
    "not a number": body("e-1").replace("1000", "NaN"),
    "nothing to pay": body("e-1", 0),
    "more than a filter can read": body("e-1", 10**9 + 1),
    "deep": "[" * 50_000,
}


@IN_BOTH
def test_of_a_batch_only_the_bad_messages_are_reported(analytics: Subscriber) -> None:
    good = [body(f"e-{n}") for n in range(len(HOPELESS))]
    batch = [each for pair in zip(good, HOPELESS.values(), strict=True) for each in pair]

    reported = [list(HOPELESS)[int(message.removeprefix("m-")) // 2] for message in analytics.take(*batch)]

    assert reported == list(HOPELESS)
    sums = {"orders": {"N": str(len(good))}, "cents": {"N": str(1000 * len(good))}}
    assert analytics.records()[f"day#{DAY}"] == {"id": {"S": f"day#{DAY}"}, **sums}


@IN_BOTH
@pytest.mark.parametrize("reasons", [["TransactionConflict", "None"], ["None", "TransactionConflict"]])
def test_a_transaction_that_met_another_order_is_no_duplicate(
    analytics: Subscriber, aws: LocalAws, reasons: list[str]
) -> None:
    conflict = {
        "code": "TransactionCanceledException",
        "fields": {"CancellationReasons": [{"Code": code} for code in reasons]},
    }
    aws.fault(service="dynamodb", operation="TransactWriteItems", error=conflict, times=1)

    assert analytics.take(body("e-1")) == ["m-0"]
    assert analytics.take(body("e-1")) == []
    assert analytics.records()[f"day#{DAY}"]["orders"] == {"N": "1"}


@IN_BOTH
def test_an_order_counts_on_its_day_in_utc(analytics: Subscriber) -> None:
    late = json.dumps(placed("e-1", 700) | {"placed_at": "2026-11-23T23:30:00-05:00"})

    assert analytics.take(late, body("e-2", 300)) == []

    days = {key: item["cents"]["N"] for key, item in analytics.records().items() if key.startswith("day#")}
    assert days == {"day#2026-11-24": "700", f"day#{DAY}": "300"}


def test_an_id_that_looks_like_another_record_disturbs_nothing(analytics: Subscriber) -> None:
    hostile = [f"day#{DAY}", DAY, "event#e-1", "e-1"]

    assert analytics.take(*(body(each) for each in hostile * 2)) == []

    assert analytics.records()[f"day#{DAY}"]["orders"] == {"N": str(len(hostile))}


def test_the_mark_outlives_every_redelivery(analytics: Subscriber, shop: Example, aws: LocalAws) -> None:
    analytics.take(body("e-1"))

    table = shop.stack.resources["Revenue"]
    mark = aws.client("dynamodb").get_item(TableName=table, Key={"id": {"S": "event#e-1"}})["Item"]
    days = (int(mark["expires"]["N"]) - time.time()) / 86_400
    assert days > 23 + 14 + 4 + 14  # SNS's retries, the DLQ, the queue, the DLQ again


def test_the_table_forgets_the_marks_and_never_the_sums(analytics: Subscriber, shop: Example, aws: LocalAws) -> None:
    analytics.take(body("e-1"))

    ttl = read_template(shop.folder / "template.yaml")["Resources"]["Revenue"]["Properties"]["TimeToLiveSpecification"]
    items = aws.client("dynamodb").scan(TableName=shop.stack.resources["Revenue"], ConsistentRead=True)["Items"]
    assert ttl["Enabled"]
    assert {item["id"]["S"]: ttl["AttributeName"] in item for item in items} == {"event#e-1": True, f"day#{DAY}": False}


# What the local AWS does not do by itself: deliveries refused by KMS, and a subscription's dead-letter queue.


@pytest.fixture
def key(shop: Example, aws: LocalAws) -> dict[str, Any]:
    """The statement about SNS in the deployed key's policy."""
    text = aws.client("kms").get_key_policy(KeyId=shop.stack.resources["Key"], PolicyName="default")["Policy"]
    (statement,) = [each for each in json.loads(text)["Statement"] if "Service" in each["Principal"]]
    return dict(statement)


def test_sns_may_use_the_key_of_the_queues_for_topics_of_this_account_only(key: dict[str, Any]) -> None:
    assert (key["Effect"], key["Principal"]) == ("Allow", {"Service": "sns.amazonaws.com"})
    for action in ("kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:Decrypt"):
        assert any(fnmatch.fnmatchcase(action, pattern) for pattern in key["Action"])
    pattern = key["Condition"]["ArnLike"]["aws:SourceArn"]
    assert fnmatch.fnmatchcase(f"arn:aws:sns:{REGION}:{ACCOUNT}:any", pattern)
    assert not fnmatch.fnmatchcase(f"arn:aws:sns:{REGION}:999999999999:any", pattern)


def allowed(template: dict[str, Any], function: str, resource: Any) -> set[str]:
    """The actions that a function's role allows on one resource."""
    policies = template["Resources"][function]["Properties"]["Policies"]
    statements = [each for policy in policies for each in policy["Statement"] if each["Resource"] == resource]
    return {
        action
        for each in statements
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }


def test_publisher_and_workers_may_use_the_key_as_far_as_they_must(shop: Example) -> None:
    template = read_template(shop.folder / "template.yaml")
    key = {"Fn::GetAtt": ["Key", "Arn"]}

    assert allowed(template, "Publish", {"Ref": "OrderPlaced"}) == {"sns:Publish"}
    assert allowed(template, "Publish", key) == {"kms:GenerateDataKey*", "kms:Decrypt"}
    for worker in WORKERS:
        assert allowed(template, worker, key) == {"kms:Decrypt"}


def attributes_of(shop: Example, queue: str) -> dict[str, str]:
    found = shop.aws.client("sqs").get_queue_attributes(QueueUrl=shop.stack.resources[queue], AttributeNames=["All"])
    return dict(found["Attributes"])


def subscription_of(shop: Example, queue: str) -> dict[str, str]:
    arn = shop.stack.resources[f"{queue}Subscription"]
    return dict(shop.aws.client("sns").get_subscription_attributes(SubscriptionArn=arn)["Attributes"])


def grants_of(queue: dict[str, str]) -> list[dict[str, Any]]:
    return [each for each in json.loads(queue["Policy"])["Statement"] if each["Effect"] == "Allow"]


@pytest.mark.parametrize("queue", QUEUES)
def test_what_sns_cannot_deliver_has_a_way_out_that_the_key_cannot_close(shop: Example, queue: str) -> None:
    dlq = attributes_of(shop, f"{queue}Dlq")
    (grant,) = grants_of(dlq)

    assert json.loads(subscription_of(shop, queue)["RedrivePolicy"]) == {"deadLetterTargetArn": dlq["QueueArn"]}
    assert "KmsMasterKeyId" not in dlq
    assert (grant["Principal"], grant["Action"]) == ({"Service": "sns.amazonaws.com"}, "sqs:SendMessage")
    assert grant["Condition"] == {"ArnEquals": {"aws:SourceArn": shop.stack.resources["OrderPlaced"]}}


def test_a_redrive_of_what_sns_could_not_deliver_reaches_that_subscriber_and_no_other(shop: Example) -> None:
    """A move task takes only a queue's own DLQ, and moves all that lies in it."""
    buried = {
        queue: json.loads(subscription_of(shop, queue)["RedrivePolicy"])["deadLetterTargetArn"] for queue in QUEUES
    }

    for queue, dlq in buried.items():
        assert json.loads(attributes_of(shop, queue)["RedrivePolicy"])["deadLetterTargetArn"] == dlq
    assert len(set(buried.values())) == len(QUEUES)


def test_a_queue_is_under_the_key_and_gives_up_into_its_own_dlq_which_is_not(shop: Example) -> None:
    for queue in QUEUES:
        attributes, dlq = attributes_of(shop, queue), attributes_of(shop, f"{queue}Dlq")
        redrive = json.loads(attributes["RedrivePolicy"])

        assert attributes["KmsMasterKeyId"] == shop.stack.resources["Key"]
        assert dlq["SqsManagedSseEnabled"] == "true"
        assert redrive["deadLetterTargetArn"] == dlq["QueueArn"]
        assert int(redrive["maxReceiveCount"]) >= 5
        assert int(attributes["VisibilityTimeout"]) >= 6 * 60
        assert int(dlq["MessageRetentionPeriod"]) > int(attributes["MessageRetentionPeriod"])
        for each in (attributes, dlq):
            (denial,) = [rule for rule in json.loads(each["Policy"])["Statement"] if rule["Effect"] == "Deny"]
            assert (denial["Principal"], denial["Action"]) == ("*", "sqs:SendMessage")
            assert str(denial["Condition"]["Bool"]["aws:SecureTransport"]).lower() == "false"


def test_every_way_to_lose_an_order_has_an_alarm_and_no_worker_may_take_all_concurrency(shop: Example) -> None:
    resources = read_template(shop.folder / "template.yaml")["Resources"]
    alarms = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    watched = {(each["MetricName"], each["Dimensions"][0]["Value"]["Fn::GetAtt"][0]) for each in alarms}
    mappings = [resources[worker]["Properties"]["Events"]["Orders"]["Properties"] for worker in WORKERS]

    assert watched == {
        ("NumberOfNotificationsFailed", "OrderPlaced"),
        ("NumberOfNotificationsFailedToRedriveToDlq", "OrderPlaced"),
        ("NumberOfNotificationsFilteredOut-InvalidMessageBody", "OrderPlaced"),
        *(("ApproximateNumberOfMessagesVisible", f"{queue}Dlq") for queue in QUEUES),
        *(("ApproximateAgeOfOldestMessage", queue) for queue in QUEUES),
    }
    assert all(each["ScalingConfig"]["MaximumConcurrency"] <= 100 for each in mappings)
