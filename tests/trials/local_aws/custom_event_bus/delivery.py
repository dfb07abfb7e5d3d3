"""How events get to a subscriber's target, what is tried again, and what is set aside."""

import contextvars
import json
import os
import threading
import time
from typing import Any

import boto3
import ministack.services.eventbridge as classic
import ministack.services.iam as iam
import ministack.services.sts as sts
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.responses import get_account_id, get_region

from .keeping import Kept
from .subscribers import Subscriber

PAUSE = 0.1  # seconds between two attempts
FASTER = 4  # how much sooner an event is too old than at AWS; on a busy machine a good one takes its seconds too
CALL = 30  # seconds that a function may take
SESSION = boto3.session.Session()
clients: dict[tuple[str, str], Any] = {}  # by role and service
making = threading.Lock()


def deliver(subscriber: Subscriber) -> None:
    """Event after event; only where order does not matter, the next one does not wait for the one before."""
    bus = subscriber.bus
    while True:
        with bus.changed:
            bus.changed.wait_for(lambda: subscriber.gone or (subscriber.state == "RUNNING" and waits(subscriber)))
            if subscriber.gone or (event := bus.kept[subscriber.place]).at > subscriber.end:
                return
            place = subscriber.place
        if subscriber.given.get("Type") == "FIFO":
            if not give(subscriber, event, place):
                continue  # it was stopped
        else:
            work = contextvars.copy_context()
            threading.Thread(target=work.run, args=(give, subscriber, event, place), daemon=True).start()
        with bus.changed:
            subscriber.place = max(subscriber.place, place + 1)


def waits(subscriber: Subscriber) -> bool:
    return subscriber.place < len(subscriber.bus.kept)


def give(subscriber: Subscriber, event: Kept, place: int) -> bool:
    """Until it is delivered or given up; False if the subscriber was stopped before."""
    system = {**event.system, "aws:DeliveryType": "REPLAY" if place < subscriber.born else "LIVE"}
    if not matches(subscriber.given, event.data, system):
        return True
    policy = subscriber.given.get("RetryPolicy", {})
    most, oldest = policy.get("MaxRetryAttempts", 5), policy.get("MaxEventAgeInSeconds", 300)
    began, retries = time.monotonic(), 0
    while True:
        if subscriber.gone or subscriber.state != "RUNNING":
            return False
        failure = call(subscriber, event, system)
        if not failure:
            return True
        aged = (time.monotonic() - began) * FASTER >= oldest
        if retries >= most or aged:
            limit = "MaximumEventAgeInSeconds" if aged and retries < most else "MaximumRetryAttempts"
            set_aside(subscriber, event, failure, limit, retries)
            return True
        retries += 1
        time.sleep(PAUSE)


def matches(given: dict[str, Any], data: dict[str, Any], system: dict[str, str]) -> bool:
    """Every filter must match."""
    parts: dict[str, dict[str, Any]] = {"DATA": data, "METADATA": {}, "SYSTEM_METADATA": dict(system)}
    filters = given.get("FilterConfiguration", {}).get("Filters", [])
    return all(
        any(
            classic._matches_detail(parts[criteria["Scope"]], pattern)
            for pattern in classic._compiled_pattern(criteria["Pattern"]) or []
        )
        for criteria in filters
    )


def call(subscriber: Subscriber, event: Kept, system: dict[str, str]) -> tuple[str, str, str] | None:
    """Why it was not delivered: code, message and the target's request id."""
    how = subscriber.given["InvokeConfiguration"]
    with_metadata = subscriber.given.get("Transformer", {}).get("Type") == "WITH_METADATA"
    payload: Any = {"Data": event.data, "SystemMetadata": system} if with_metadata else event.data
    target, service = how["TargetArn"], how["TargetArn"].split(":")[2]
    try:
        if service == "sqs":
            as_role(how, "sqs").send_message(QueueUrl=queue_url(target), MessageBody=json.dumps(payload))
            return None
        one = subscriber.given.get("BatchConfiguration", {}).get("MaxBatchSize") == 1
        answers = how.get("LambdaParameters", {}).get("InvocationType", "REQUEST_RESPONSE") == "REQUEST_RESPONSE"
        answer = as_role(how, "lambda").invoke(
            FunctionName=target,
            InvocationType="RequestResponse" if answers else "Event",
            Payload=json.dumps(payload if one else [payload]),
        )
        if "FunctionError" in answer:
            said = json.load(answer["Payload"]).get("errorMessage", answer["FunctionError"])
            return "CUSTOMER_FUNCTION_ERROR", str(said)[:1024], answer["ResponseMetadata"].get("RequestId", "")
    except ClientError as error:
        code = "ACCESS_DENIED" if "AccessDenied" in error.response["Error"]["Code"] else error.response["Error"]["Code"]
        return code, str(error)[:1024], ""
    except BotoCoreError as error:
        return "TIMEOUT", str(error)[:1024], ""
    return None


def set_aside(subscriber: Subscriber, event: Kept, failure: tuple[str, str, str], limit: str, retries: int) -> None:
    queue = subscriber.given.get("OnFailureConfiguration", {}).get("Arn")
    if not queue:
        return
    how, system = subscriber.given["InvokeConfiguration"], event.system
    failed = {"eventId": system["aws:EventId"], "eventGroupId": system.get("EventGroupId")}
    failed |= {"deduplicationId": system.get("DeduplicationId"), "timestamp": system["aws:IngestionTime"]}
    record = {
        "version": "1.0",
        "busArn": subscriber.bus.arn,
        "subscriberArn": subscriber.arn,
        "targetArn": how["TargetArn"],
        "errorCode": failure[0],
        "errorMessage": failure[1],
        "exhaustedRetryCondition": limit,
        "retryAttempts": retries,
        "failedMessages": [failed | {"targetRequestId": failure[2]}],
    }
    try:
        as_role(how, "sqs").send_message(QueueUrl=queue_url(queue), MessageBody=json.dumps(record))
    except ClientError as error:
        classic.logger.warning("the record of %s is lost: %s", system["aws:EventId"], error)


def as_role(how: dict[str, Any], service: str) -> Any:
    """A client with the rights of the delivery role; one that does not trust the bus's service has none."""
    arn = how["RoleArn"]
    role: Any = iam._roles.get(arn.rsplit("/", 1)[-1], {})
    if "events.amazonaws.com" not in json.dumps(role.get("AssumeRolePolicyDocument", "")):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": f"{arn} cannot be assumed"}}, "AssumeRole")
    with making:  # boto3 is not safe to make clients with in several threads
        if (arn, service) not in clients:
            clients[arn, service] = client_of(arn, service)
        return clients[arn, service]


def client_of(role: str, service: str) -> Any:
    key, secret, token = iam._gen_session_access_key(), iam._gen_secret(), iam._gen_session_token()
    session = {
        "Arn": role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/events",
        "UserId": f"{sts._role_id(role)}:events",
        "SecretAccessKey": secret,
        "SessionToken": token,
        "Expiration": time.time() + 43200,
        "AccountId": get_account_id(),
        "PrincipalType": "AssumedRole",
    }
    sts.register_session(key, session)
    certificate = os.environ.get("MINISTACK_SSL_CERT")
    return SESSION.client(
        service,
        endpoint_url=f"http{'s' if certificate else ''}://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        region_name=get_region(),
        verify=certificate,
        config=Config(read_timeout=CALL, retries={"total_max_attempts": 1, "mode": "standard"}),
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


def queue_url(queue: str) -> str:
    account, name = queue.split(":")[4:6]
    return f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}/{account}/{name}"
