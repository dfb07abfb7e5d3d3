"""Only what the provider signed gets in, all of it gets in, and each event counts once, in the provider's order."""

import base64
import io
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import time_machine
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from webhook.scenario import NEW, OLD, WRONG, change, sign

from support.handlers import Context, Died, Example, event, failed, sqs_event
from trials.local_aws import LocalAws
from trials.template import read_template

TEMPLATE = Path(__file__).parents[3] / "examples" / "webhook" / "template.yaml"
ALARMS = "arn:aws:sns:us-east-1:123456789012:alerts"
THROTTLED = {"code": "ThrottlingException", "status": 400}
DISABLED = {"code": "DecryptionFailure", "status": 400}  # as while its KMS key is; the SDK does not try again
NOW = int(time.time())
REFUSED = {"statusCode": 401}
ACCEPTED = {"statusCode": 202}
BODY = change("e-1", "p-1", 1)
LARGE = 262_144  # characters of a message; a longer body waits in the bucket
INVOCATION = 6_291_456  # bytes of a request to a function


@pytest.fixture
def shop(example: Callable[..., Example]) -> Example:
    shop = example("webhook", AlarmTopicArn=ALARMS)
    rotate(shop, OLD)
    return shop


@pytest.fixture
def receive(shop: Example) -> ModuleType:
    return shop.environment("receive")


@pytest.fixture
def work(shop: Example) -> ModuleType:
    return shop.environment("work")


def rotate(shop: Example, key: str) -> None:
    secret = shop.stack.resources["SigningSecret"]
    shop.aws.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=key)


def request(body: bytes, signature: str | None, text: bool = False) -> dict[str, Any]:
    """What API Gateway passes on; it leaves only a few content types as text."""
    sent = event_of_api()
    sent["headers"] = {"content-type": "application/json"} | ({} if signature is None else {"x-signature": signature})
    sent["isBase64Encoded"] = not text
    sent["body"] = body.decode() if text else base64.b64encode(body).decode()
    return sent


def event_of_api() -> dict[str, Any]:
    return {"version": "2.0", "routeKey": "POST /webhooks/payments", "requestContext": {"stage": "$default"}}


def post(receive: ModuleType, body: bytes = BODY, *keys: str, at: float | None = None) -> Any:
    return receive.handler(request(body, sign(body, *(keys or (OLD,)), at=at)), Context())


def at(moment: float) -> time_machine.travel:
    """The functions' clock, stopped."""
    return time_machine.travel(moment, tick=False)


def queued(shop: Example) -> list[str]:
    """Takes everything out of the queue."""
    sqs, queue, bodies = shop.aws.client("sqs"), shop.stack.resources["Webhooks"], []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            bodies.append(message["Body"])
    return bodies


def stored(shop: Example) -> list[str]:
    found = shop.aws.client("s3").list_objects_v2(Bucket=shop.stack.resources["Bodies"])
    return [each["Key"] for each in found.get("Contents", [])]


def payment(shop: Example, name: str = "p-1") -> tuple[int, str] | None:
    table = shop.stack.resources["Payments"]
    item = shop.aws.client("dynamodb").get_item(TableName=table, Key={"id": {"S": name}}).get("Item")
    return item and (int(item["version"]["N"]), item["status"]["S"])


def enveloped(*bodies: bytes) -> dict[str, Any]:
    return sqs_event(*(json.dumps({"body": body.decode()}) for body in bodies))


def counted(receive: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every question put to Secrets Manager from now on."""
    ask, asked = receive.secrets.get_secret_value, []

    def remembered(**named: Any) -> Any:
        asked.append(named["VersionStage"])
        return ask(**named)

    monkeypatch.setattr(receive.secrets, "get_secret_value", remembered)
    return asked


# What gets in.


def test_the_sample_event_is_accepted(shop: Example, receive: ModuleType, context: Context) -> None:
    sample = event(shop.folder)
    rotate(shop, "whsec-sample")
    with at(sample["requestContext"]["timeEpoch"] / 1000):
        assert receive.handler(sample, context) == ACCEPTED

    assert [json.loads(message)["body"] for message in queued(shop)] == [sample["body"]]


def test_the_bytes_that_were_signed_are_the_bytes_that_count(
    shop: Example, receive: ModuleType, context: Context
) -> None:
    bodies = [b'{"b": 1,\r\n "a": "\\u00e9" }\n', '{"a": "é\uffff\x7f"}'.encode(), b"a=1&b=%20", b""]
    for body, text in itertools.product(bodies, [True, False]):
        assert receive.handler(request(body, sign(body, OLD), text=text), context) == ACCEPTED
        (message,) = queued(shop)
        assert json.loads(message)["body"].encode() == body
    bodyless = request(b"", sign(b"", OLD), text=True)
    del bodyless["body"]
    assert receive.handler(bodyless, context) == ACCEPTED


def test_a_signature_is_good_for_five_minutes_either_way(shop: Example, receive: ModuleType) -> None:
    with at(NOW):
        assert [post(receive, at=NOW + seconds) for seconds in (-300, 0, 300)] == [ACCEPTED] * 3
        assert [post(receive, at=NOW + seconds) for seconds in (-86_400, -301, 301, 10**9)] == [REFUSED] * 4

    assert len(queued(shop)) == 3


GOOD = sign(BODY, OLD, at=NOW)
STAMP, DIGEST = GOOD.removeprefix("t=").split(",v1=")
NOT_SIGNED: list[str | None] = [
    *[None, "", ",", "=,=", "t", "t=", "v1=", STAMP, DIGEST, f"t={STAMP}", f"v1={DIGEST}", f"t={STAMP},v1="],
    *[f"t={STAMP},v0={DIGEST}", f"t={STAMP},V1={DIGEST}", f"t={STAMP},v1={DIGEST.upper()}"],
    *[f"t={STAMP},v1={DIGEST[:-1]}", f"t={STAMP},v1={DIGEST}0", f"t={STAMP},v1={DIGEST[:-1]}\xe9"],
    *[f"t={int(STAMP) + 1},v1={DIGEST}", f"t=0{STAMP},v1={DIGEST}", f"t=-{STAMP},v1={DIGEST}"],
    *[f"t={STAMP},t={STAMP},v1={DIGEST}", f"{GOOD},t=1", f"{GOOD},{GOOD}"],
    *[f"t={text},v1={DIGEST}" for text in ("nan", "inf", f"{STAMP}.0", "\u0661", "9" * 400, "9" * 9000)],
    *[f"t={STAMP},v1=\xe9\xff", f"t={STAMP},v1=\ud800", "\x00"],
    *[sign(BODY, WRONG, at=NOW), sign(BODY, "", at=NOW), sign(BODY, *[WRONG] * 100, at=NOW)],
    *[sign(BODY + b" ", OLD, at=NOW), sign(BODY.replace(b"\n", b""), OLD, at=NOW)],
]


def test_what_the_provider_did_not_sign_is_refused_without_a_reason(
    shop: Example, receive: ModuleType, context: Context
) -> None:
    with at(NOW):
        answers = {signature: receive.handler(request(BODY, signature), context) for signature in NOT_SIGNED}
        assert receive.handler(request(BODY, GOOD), context) == ACCEPTED

    assert [ascii(signature) for signature, answer in answers.items() if answer != REFUSED] == []
    assert len(queued(shop)) == 1


LACKING: list[dict[str, Any]] = [
    {"body": None},
    {"headers": None},
    {"isBase64Encoded": None},
    {"body": None, "headers": None, "isBase64Encoded": None},
]


def lacking(fields: dict[str, Any], keep: bool) -> dict[str, Any]:
    """A request in which these are null, or are not there at all."""
    whole = request(BODY, sign(BODY, WRONG)) | fields
    return whole if keep else {name: value for name, value in whole.items() if name not in fields}


@pytest.mark.parametrize("keep", [True, False], ids=["null", "absent"])
@pytest.mark.parametrize("fields", LACKING, ids=lambda fields: "+".join(fields))
def test_a_request_that_lacks_what_a_webhook_has_is_refused_and_no_error(
    shop: Example, receive: ModuleType, context: Context, fields: dict[str, Any], keep: bool
) -> None:
    assert receive.handler(lacking(fields, keep), context) == REFUSED
    assert queued(shop) == []


def test_a_signed_request_without_body_is_accepted(receive: ModuleType, context: Context) -> None:
    assert receive.handler(request(b"", sign(b"", OLD), text=True) | {"body": None}, context) == ACCEPTED


def test_one_changed_bit_of_the_body_is_refused(shop: Example, receive: ModuleType, context: Context) -> None:
    for position in (0, len(BODY) // 2, len(BODY) - 1):
        tampered = bytearray(BODY)
        tampered[position] ^= 1
        assert receive.handler(request(bytes(tampered), sign(BODY, OLD)), context) == REFUSED

    assert queued(shop) == []


def test_what_decides_is_the_comparison_in_constant_time(
    receive: ModuleType, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive.hmac, "compare_digest", lambda *_: False)

    assert receive.handler(request(BODY, sign(BODY, OLD)), context) == REFUSED


@pytest.mark.e2e
def test_no_request_whatsoever_makes_the_receiver_fail_or_lets_a_forgery_in(shop: Example, receive: ModuleType) -> None:
    pieces = st.one_of(
        st.text(max_size=20),
        st.sampled_from(["t=", "v1=", ",", STAMP, DIGEST, "9" * 400, GOOD]),
    )

    @settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(
        headers=st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3),
        signature=st.one_of(st.none(), st.lists(pieces, max_size=6).map("".join)),
        body=st.one_of(
            st.none(), st.text(st.characters()), st.binary().map(lambda raw: base64.b64encode(raw).decode())
        ),
        encoded=st.booleans(),
    )
    def fuzz(headers: dict[str, str], signature: str | None, body: str | None, encoded: bool) -> None:
        sent = event_of_api() | {"headers": headers, "isBase64Encoded": encoded}
        if signature is not None:
            headers["x-signature"] = signature
        if body is not None:
            sent["body"] = body
        assert receive.handler(sent, Context()) == REFUSED

    fuzz()
    assert queued(shop) == []


@pytest.mark.e2e
def test_whatever_was_signed_is_kept_byte_for_byte(shop: Example, receive: ModuleType) -> None:
    @settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(body=st.one_of(st.binary(), st.text(st.characters(exclude_categories=["Cs"])).map(str.encode)))
    def keep(body: bytes) -> None:
        assert post(receive, body) == ACCEPTED
        (message,) = queued(shop)
        assert message.isascii()  # SQS refuses control characters, U+FFFE and U+FFFF
        assert json.loads(message)["body"].encode(errors="surrogateescape") == body

    keep()


# Keys.


def test_old_and_new_key_are_both_good_and_an_older_one_is_not(shop: Example, receive: ModuleType) -> None:
    rotate(shop, NEW)

    assert post(receive, BODY, OLD) == ACCEPTED
    assert post(receive, BODY, NEW) == ACCEPTED
    assert post(receive, BODY, WRONG, NEW) == ACCEPTED  # the provider signs with each key it may mean
    rotate(shop, "whsec-newest")
    assert post(shop.environment("receive"), BODY, OLD) == REFUSED


def test_a_rotation_is_noticed_by_the_first_webhook_that_needs_it(shop: Example, receive: ModuleType) -> None:
    with at(NOW):
        assert post(receive, at=NOW) == ACCEPTED
    rotate(shop, NEW)

    with at(NOW + 10):
        assert post(receive, BODY, NEW, at=NOW) == ACCEPTED


def test_a_withdrawn_key_is_forgotten_in_five_minutes(shop: Example, receive: ModuleType) -> None:
    with at(NOW):
        assert post(receive, at=NOW) == ACCEPTED
    rotate(shop, NEW)
    rotate(shop, "whsec-newest")

    with at(NOW + 300):
        assert post(receive, at=NOW + 300) == REFUSED


def test_a_leaked_key_is_out_once_the_new_one_is_put_twice(shop: Example) -> None:
    rotate(shop, NEW)
    assert post(shop.environment("receive"), BODY, OLD) == ACCEPTED

    rotate(shop, NEW)
    assert post(shop.environment("receive"), BODY, OLD) == REFUSED
    assert post(shop.environment("receive"), BODY, NEW) == ACCEPTED


def test_powertools_would_take_the_current_key_for_the_previous(shop: Example, receive: ModuleType) -> None:
    rotate(shop, NEW)
    provider = SecretsProvider(boto3_client=receive.secrets)

    assert provider.get(receive.SECRET) == NEW
    assert provider.get(receive.SECRET, VersionStage="AWSPREVIOUS") == NEW
    assert provider.get(receive.SECRET, VersionStage="AWSPREVIOUS", force_fetch=True) == OLD


def test_genuine_webhooks_do_not_ask_for_the_keys_each_time(
    receive: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = counted(receive, monkeypatch)
    for seconds in (0, 100, 200, 299):
        with at(NOW + seconds):
            assert post(receive, at=NOW + seconds) == ACCEPTED

    assert asked == ["AWSCURRENT", "AWSPREVIOUS"]


def test_forgers_cannot_drive_calls_to_secrets_manager(receive: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(receive, monkeypatch)
    for tenths in range(200):  # ten forgeries a second, for 20 seconds
        with at(NOW + tenths / 10):
            assert post(receive, BODY, WRONG, at=NOW) == REFUSED

    assert len(asked) == 4  # twice, for both stages


def test_forgers_cannot_drive_calls_while_secrets_manager_fails(
    receive: ModuleType, aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = counted(receive, monkeypatch)
    aws.fault(service="secretsmanager", operation="GetSecretValue", error=DISABLED)
    for tenths in range(0, 200, 10):
        with at(NOW + tenths / 10), pytest.raises(ConnectionError):
            post(receive, BODY, WRONG, at=NOW)

    assert len(asked) == 2


def test_a_throttled_secrets_manager_is_a_5xx_and_never_a_401(
    shop: Example, receive: ModuleType, aws: LocalAws
) -> None:
    aws.fault(
        service="secretsmanager", operation="GetSecretValue", error=THROTTLED, times=2
    )  # as often as the SDK tries
    with at(NOW):
        for _ in range(2):  # still unknown, and not asked again at once
            with pytest.raises(ConnectionError):
                post(receive, at=NOW)
    assert queued(shop) == []

    with at(NOW + 10):
        assert post(receive, at=NOW) == ACCEPTED


def test_known_keys_keep_working_while_secrets_manager_fails(shop: Example, receive: ModuleType, aws: LocalAws) -> None:
    with at(NOW):
        assert post(receive, at=NOW) == ACCEPTED
    rotate(shop, NEW)
    aws.fault(service="secretsmanager", operation="GetSecretValue", error=DISABLED)

    with at(NOW + 60):
        with pytest.raises(ConnectionError):
            post(receive, BODY, NEW, at=NOW)
        assert post(receive, BODY, OLD, at=NOW) == ACCEPTED
        with pytest.raises(ConnectionError):
            post(receive, BODY, NEW, at=NOW)  # perhaps genuine: refusing it with 401 might lose it
    aws.clear_faults()
    with at(NOW + 70):
        assert post(receive, BODY, NEW, at=NOW) == ACCEPTED


def test_the_keys_may_be_old_when_secrets_manager_fails_and_are_tried_at_once(
    receive: ModuleType, aws: LocalAws
) -> None:
    with at(NOW):
        assert post(receive, at=NOW) == ACCEPTED
    aws.fault(service="secretsmanager", operation="GetSecretValue", error=DISABLED)

    for seconds in (300, 301, 3_600):
        with at(NOW + seconds):
            assert post(receive, at=NOW + seconds) == ACCEPTED


def empty(shop: Example) -> None:
    """Puts a version without text; AWS takes no text of no characters."""
    secret = shop.stack.resources["SigningSecret"]
    shop.aws.client("secretsmanager").put_secret_value(SecretId=secret, SecretBinary=b"\0")


def test_nothing_signed_with_an_empty_key_gets_in_whatever_the_store_holds(shop: Example) -> None:
    empty(shop)
    receive = shop.environment("receive")
    with pytest.raises(ConnectionError):
        post(receive, BODY, "")
    assert post(receive, BODY, OLD) == ACCEPTED  # the key before is still good

    empty(shop)
    with pytest.raises(ConnectionError):
        post(shop.environment("receive"), BODY, "")
    rotate(shop, NEW)
    receive = shop.environment("receive")
    assert post(receive, BODY, "") == REFUSED
    assert post(receive, BODY, NEW) == ACCEPTED


def test_a_text_of_no_characters_is_no_key_either(receive: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive.secrets, "get_secret_value", lambda **_: {"SecretString": ""})

    with pytest.raises(ConnectionError):
        post(receive, BODY, "")


def test_a_secret_without_a_value_is_a_5xx(receive: ModuleType, shop: Example) -> None:
    secret = shop.stack.resources["SigningSecret"]
    shop.aws.client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)

    with pytest.raises(ConnectionError):
        post(receive)


def test_neither_key_nor_signature_is_logged(receive: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(receive.logger.registered_handler, "stream", log)
    post(receive)
    post(receive, BODY, WRONG)

    logged = log.getvalue()
    assert "no key that is known made this signature" in logged
    for secret in (OLD, WRONG, sign(BODY, OLD).split("v1=")[1], sign(BODY, WRONG).split("v1=")[1]):
        assert secret not in logged


# Nothing lost.


@pytest.mark.parametrize("service", ["sqs", "s3"])
def test_while_a_webhook_cannot_be_kept_the_provider_is_told_to_repeat_it(
    shop: Example, receive: ModuleType, aws: LocalAws, service: str
) -> None:
    body = BODY if service == "sqs" else change("e-1", "p-1", 1, note="x" * LARGE)
    operation = {"sqs": "SendMessage", "s3": "PutObject"}[service]
    aws.fault(service=service, operation=operation, error={"code": "InternalError", "status": 500}, times=2)
    with pytest.raises(ClientError):
        post(receive, body)
    assert queued(shop) == []

    assert post(receive, body) == ACCEPTED
    assert len(queued(shop)) == 1


@pytest.mark.parametrize(("over", "objects"), [(0, 0), (1, 1), (4_000_000, 1)])
def test_a_body_larger_than_a_message_waits_in_the_bucket(
    shop: Example, work: ModuleType, context: Context, monkeypatch: pytest.MonkeyPatch, over: int, objects: int
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", shop.aws.endpoint)  # the fault proxy has a limit of its own
    empty = len(json.dumps({"body": change("e-1", "p-1", 1, note="").decode()}))
    body = change("e-1", "p-1", 1, note="x" * (LARGE - empty + over))

    assert post(shop.environment("receive"), body) == ACCEPTED
    assert len(stored(shop)) == objects
    assert failed(work.handler(sqs_event(*queued(shop)), context)) == []
    assert payment(shop) == (1, "captured")


@pytest.mark.parametrize("letter", ['"', "\\", "\x01", "\u00e9", "\U0001f600", "x"], ids=ascii)
def test_a_whole_batch_of_the_longest_messages_is_an_event_that_lambda_can_carry(
    receive: ModuleType, monkeypatch: pytest.MonkeyPatch, letter: str
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(receive.sqs, "send_message", lambda **named: sent.append(named["MessageBody"]))
    each = len(json.dumps({"body": letter})) - len(json.dumps({"body": ""}))
    room = (LARGE - len(json.dumps({"body": ""}))) // each
    receive.enqueue((letter * room).encode(), "k")
    mapping = read_template(TEMPLATE)["Resources"]["Work"]["Properties"]["Events"]["Webhooks"]["Properties"]

    assert LARGE - 12 < len(sent[0]) <= LARGE
    assert len(json.dumps(sqs_event(*sent * mapping["BatchSize"]))) < INVOCATION


def test_every_attempt_of_every_call_ends_before_the_function_does(receive: ModuleType) -> None:
    timeout = read_template(TEMPLATE)["Resources"]["Receive"]["Properties"]["Timeout"]
    keys, bucket, queue = receive.secrets.meta.config, receive.s3.meta.config, receive.sqs.meta.config

    def longest(config: Any) -> float:
        """With what the SDK waits in between when nothing answers: up to 0.05 s, then twice as long."""
        attempts = config.retries["total_max_attempts"]
        return float(attempts * (config.connect_timeout + config.read_timeout) + 0.05 * (2 ** (attempts - 1) - 1))

    assert 2 * longest(keys) + longest(bucket) + longest(queue) < timeout - 1
    assert longest(queue) < 5  # known keys, small body: what a sender waits for


@pytest.mark.e2e
def test_a_queue_that_is_silent_is_told_to_the_provider_in_seconds(
    shop: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = shop.environment("receive")
    assert post(receive) == ACCEPTED
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        monkeypatch.setattr(receive, "sqs", receive.boto3.client("sqs", config=receive.aws))
        with pytest.raises(ReadTimeoutError):
            post(receive)

    assert 1.9 < time.monotonic() - began < 4


@pytest.mark.parametrize("operation", ["put_object", "send_message"])
def test_a_death_after_any_step_is_repeated_by_the_provider_and_counts_once(
    shop: Example, work: ModuleType, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    body = change("e-1", "p-1", 1, note="x" * LARGE)
    doomed = shop.environment("receive")
    client = doomed.s3 if operation == "put_object" else doomed.sqs
    call = getattr(client, operation)

    def call_then_die(**named: Any) -> None:
        call(**named)
        raise Died

    monkeypatch.setattr(client, operation, call_then_die)
    with pytest.raises(Died):
        post(doomed, body)
    assert post(shop.environment("receive"), body) == ACCEPTED

    messages = queued(shop)
    assert len(messages) == (1 if operation == "put_object" else 2)
    assert failed(work.handler(sqs_event(*messages), Context())) == []
    assert payment(shop) == (1, "captured")


@pytest.mark.e2e
def test_at_once_in_eight_environments_everything_is_kept(shop: Example) -> None:
    environments = [shop.environment("receive") for _ in range(8)]
    start = threading.Barrier(len(environments))

    def deliver(receive: ModuleType) -> Any:
        start.wait()
        return post(receive)

    with ThreadPoolExecutor(len(environments)) as pool:
        assert list(pool.map(deliver, environments)) == [ACCEPTED] * 8

    assert len(queued(shop)) == 8


# Once, and in the provider's order.


def test_an_event_id_counts_once_whatever_it_says_the_second_time(
    shop: Example, work: ModuleType, context: Context
) -> None:
    assert failed(work.handler(enveloped(BODY, BODY), context)) == []
    assert failed(work.handler(enveloped(change("e-1", "p-1", 2, "refunded")), context)) == []

    assert payment(shop) == (1, "captured")


def test_the_table_forgets_the_ids_of_events_after_every_redelivery_and_never_a_payment(
    shop: Example, work: ModuleType, context: Context
) -> None:
    work.handler(enveloped(BODY), context)

    template = read_template(TEMPLATE)["Resources"]
    ttl = template["Payments"]["Properties"]["TimeToLiveSpecification"]
    table = shop.stack.resources["Payments"]
    items = shop.aws.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
    (expires,) = [int(item[ttl["AttributeName"]]["N"]) for item in items if ttl["AttributeName"] in item]
    assert ttl["Enabled"]
    assert len(items) == 2
    assert expires - time.time() > 345_600 + template["WebhooksDlq"]["Properties"]["MessageRetentionPeriod"]


def test_every_order_of_arrival_ends_in_the_last_version(shop: Example, work: ModuleType, context: Context) -> None:
    states = {9: "authorized", 10: "captured", 11: "refunded"}  # a comparison as text would end in 9
    for n, order in enumerate(itertools.permutations(states)):
        bodies = [change(f"e-{n}-{version}", f"p-{n}", version, states[version]) for version in order]
        assert failed(work.handler(enveloped(*bodies), context)) == []
        assert payment(shop, f"p-{n}") == (11, "refunded")


@pytest.mark.e2e
def test_two_events_at_once_end_in_the_later_version(shop: Example) -> None:
    environments = [shop.environment("work") for _ in range(8)]
    start = threading.Barrier(len(environments))

    def deliver(version: int) -> list[str]:
        start.wait()
        return failed(environments[version].handler(enveloped(change(f"e-{version}", "p-1", version)), Context()))

    with ThreadPoolExecutor(len(environments)) as pool:
        assert list(pool.map(deliver, range(8))) == [[]] * 8

    assert payment(shop) == (7, "captured")


def test_one_event_at_once_in_eight_environments_is_done_by_one(shop: Example) -> None:
    environments = [shop.environment("work") for _ in range(8)]
    start = threading.Barrier(len(environments))

    def deliver(version: int) -> list[str]:
        start.wait()
        return failed(environments[version].handler(enveloped(change("e-1", f"p-{version}", version)), Context()))

    with ThreadPoolExecutor(len(environments)) as pool:
        list(pool.map(deliver, range(8)))

    assert sum(payment(shop, f"p-{version}") is not None for version in range(8)) == 1


def test_a_death_after_the_write_is_repeated_and_changes_nothing(
    shop: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    doomed = shop.environment("work")
    write = doomed.dynamodb.put_item

    def write_then_die(**named: Any) -> Any:
        answer = write(**named)
        if named["Item"]["id"]["S"] == "p-1":
            raise Died
        return answer

    monkeypatch.setattr(doomed.dynamodb, "put_item", write_then_die)
    with pytest.raises(Died):
        doomed.handler(enveloped(BODY), Context())

    heir = shop.environment("work")
    assert failed(heir.handler(enveloped(change("e-2", "p-1", 2, "refunded")), Context())) == []
    assert failed(heir.handler(enveloped(BODY), Context())) == ["m-0"]  # still marked as in progress
    with time_machine.travel(time.time() + 61):
        assert failed(heir.handler(enveloped(BODY), Context())) == []

    assert payment(shop) == (2, "refunded")


def test_a_write_that_fails_can_be_repeated_at_once(
    shop: Example, work: ModuleType, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = work.dynamodb.put_item

    def fail(**named: Any) -> Any:
        if named["Item"]["id"]["S"] == "p-1":
            raise ConnectionError
        return write(**named)

    with monkeypatch.context() as broken:
        broken.setattr(work.dynamodb, "put_item", fail)
        assert failed(work.handler(enveloped(BODY), context)) == ["m-0"]

    assert failed(work.handler(enveloped(BODY), context)) == []
    assert payment(shop) == (1, "captured")


@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem"])
def test_a_table_that_throttles_only_delays(
    shop: Example, work: ModuleType, aws: LocalAws, context: Context, operation: str
) -> None:
    throttled = {"code": "ProvisionedThroughputExceededException"}
    aws.fault(service="dynamodb", operation=operation, error=throttled, times=3)
    assert failed(work.handler(enveloped(BODY), context)) == ["m-0"]

    with time_machine.travel(time.time() + 61):
        assert failed(work.handler(enveloped(BODY), context)) == []

    assert payment(shop) == (1, "captured")


def test_a_bucket_that_fails_only_delays(
    shop: Example, receive: ModuleType, work: ModuleType, aws: LocalAws, context: Context
) -> None:
    post(receive, change("e-1", "p-1", 1, note="x" * LARGE))
    (message,) = queued(shop)
    aws.fault(service="s3", operation="GetObject", error={"code": "InternalError", "status": 500}, times=3)
    assert failed(work.handler(sqs_event(message), context)) == ["m-0"]

    assert failed(work.handler(sqs_event(message), context)) == []
    assert payment(shop) == (1, "captured")


NOT_UNDERSTOOD = [
    *["", "null", "7", "{}", "not JSON", '{"key": "gone"}', '{"body": null}', '{"body": ""}', '{"body": "\\udcff"}'],
    *[json.dumps({"body": body}) for body in ("[]", '{"id": "e"}', change("", "p", 1).decode())],
    *[json.dumps({"body": change("e", "p", 0).decode().replace("0", number)}) for number in ("null", "1e999", "0.5")],
]


def test_what_nobody_understands_is_reported_and_nothing_else(
    shop: Example, work: ModuleType, context: Context
) -> None:
    good = [json.dumps({"body": change(f"e-{n}", f"p-{n}", 1).decode()}) for n in range(4)]
    answer = work.handler(sqs_event(*good[:2], *NOT_UNDERSTOOD, *good[2:]), context)

    assert failed(answer) == [f"m-{n + 2}" for n in range(len(NOT_UNDERSTOOD))]
    assert all(payment(shop, f"p-{n}") for n in range(4))


# What the local AWS does not do, as far as the template says it.


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    return {name: each["Properties"] for name, each in read_template(TEMPLATE)["Resources"].items()}


def test_the_endpoint_is_throttled_and_its_log_holds_no_signature(resources: dict[str, Any]) -> None:
    assert 0 < resources["Stage"]["DefaultRouteSettings"]["ThrottlingRateLimit"] <= 100
    assert "$context.status" in resources["Stage"]["AccessLogSettings"]["Format"]
    assert "header" not in resources["Stage"]["AccessLogSettings"]["Format"]


def test_api_gateway_alone_may_call_the_receiver_and_in_the_format_it_reads(resources: dict[str, Any]) -> None:
    assert resources["Invoke"]["Principal"] == "apigateway.amazonaws.com"
    assert "${Api}" in resources["Invoke"]["SourceArn"]["Fn::Sub"]
    assert resources["Integration"]["PayloadFormatVersion"] == "2.0"  # header names in lower case


def test_until_the_providers_secret_is_put_nobody_knows_the_one_that_is_there(resources: dict[str, Any]) -> None:
    assert resources["SigningSecret"].keys() == {"GenerateSecretString"}
    assert resources["SigningSecret"]["GenerateSecretString"]["PasswordLength"] >= 32


def test_the_bucket_is_private_encrypted_and_forgets(resources: dict[str, Any]) -> None:
    bucket = resources["Bodies"]
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    (denial,) = resources["TlsOnlyBodies"]["PolicyDocument"]["Statement"]

    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["Status"] == "Enabled"
    assert rule["ExpirationInDays"] * 86_400 >= 2 * resources["WebhooksDlq"]["MessageRetentionPeriod"]  # redriven once
    assert (denial["Effect"], denial["Principal"]) == ("Deny", "*")
    assert denial["Condition"] == {"Bool": {"aws:SecureTransport": False}}


def test_whatever_may_lose_a_webhook_raises_an_alarm(resources: dict[str, Any]) -> None:
    alarms = {
        each["MetricName"]: each["Dimensions"][0]["Value"] for each in resources.values() if "AlarmActions" in each
    }

    assert alarms == {
        "5xx": {"Ref": "Api"},
        "4xx": {"Ref": "Api"},
        "ApproximateNumberOfMessagesVisible": {"Fn::GetAtt": ["WebhooksDlq", "QueueName"]},
    }
