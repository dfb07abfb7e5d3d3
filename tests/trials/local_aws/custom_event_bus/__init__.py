"""MiniStack 1.5.33 with EventBridge's Custom Event Bus, which it lacks, by the rules that AWS documents.

Run in its process by the local AWS's own Python. Behind a rule is the page of EventBridge's user guide that has it:

- An id, or equal content if the request asks for it, is DEDUPLICATED for 300 s within a group (eb-custom-bus-ordering).
- A FIFO subscriber keeps the order of a group, and a failed call holds up every group (eb-custom-bus-retry).
- RetryPolicy's two limits, whichever comes first; then a record that names the event, without it (eb-custom-bus-retry).
- Calls and records are sent under RoleArn; a record that it may not send is lost (eb-custom-bus-target-lambda).
- Lambda gets one event with MaxBatchSize 1, else a list; EVENT counts as delivered (eb-custom-bus-target-lambda).
- STOPPED keeps the place; RUNNING goes on there, or at the end with LATEST (eb-custom-bus-update).
- LATEST, or a point in time inside the retention and not in the future, to EndPoint (eb-custom-bus-replay).
- What is older than its subscriber comes as REPLAY, all else as LIVE (eb-custom-bus-addressing).

Left out: AWS's pauses between retries, which it does not publish; they are shorter here, and events age faster.
Failures of AWS's own, which it retries without limit. Quotas, batches of several events, JSONata, raw events, webhooks.
"""

import datetime
import os
from collections.abc import Callable
from typing import Any

import cbor2
import ministack.core.iam_evaluator as evaluator
import ministack.services.cloudformation.provisioners as cloudformation
import ministack.services.eventbridge as classic
from ministack.core.responses import get_region
from ministack.core.router import extract_access_key_id

from .delivery import clients, deliver
from .keeping import Refused, buses, describe_event_bus, make_bus, put_events
from .subscribers import (
    create_subscriber,
    delete_subscriber,
    describe_subscriber,
    end,
    list_subscribers,
    subscribers,
    update_subscriber,
)

PATH = "/service/AWSEventsV2/operation/"
plain = {each.__name__: each for each in (classic.handle_request, classic.reset)}


OPERATIONS: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {  # and the member that IAM asks about
    "PutEvents": (put_events, "EventBusArn"),
    "DescribeEventBus": (describe_event_bus, "EventBusArn"),
    "CreateSubscriber": (lambda asked: create_subscriber(asked, deliver), "EventBusArn"),
    "UpdateSubscriber": (update_subscriber, "SubscriberArn"),
    "DescribeSubscriber": (describe_subscriber, "SubscriberArn"),
    "DeleteSubscriber": (delete_subscriber, "SubscriberArn"),
    "ListSubscribers": (list_subscribers, "EventBusArn"),
}


async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
    if not path.startswith(PATH):
        return await plain["handle_request"](method, path, headers, body, query_params)
    operation, asked = path.removeprefix(PATH), cbor2.loads(body) if body else {}
    try:
        if operation not in OPERATIONS:
            raise Refused("UnknownOperationException", f"this stand-in has no {operation}", 404)
        run, member = OPERATIONS[operation]
        authorize(f"events:{operation}", asked.get(member, "*"), headers)
        if operation == "CreateSubscriber":
            authorize("iam:PassRole", asked["InvokeConfiguration"]["RoleArn"], headers)
        answer, status = run(asked), 200
    except Refused as refused:
        answer, status = {"__type": f"com.amazonaws.eventsv2#{refused.code}", "Message": str(refused)}, refused.status
    told = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    return status, told, cbor2.dumps(answer, datetime_as_timestamp=True, timezone=datetime.UTC)


def authorize(action: str, resource: str, headers: Any) -> None:
    if os.environ.get("AUTH") != "true":
        return
    service = action.split(":")[0]
    if evaluator.enforce(extract_access_key_id(headers), action, service, get_region(), resource_arn=resource):
        raise Refused("AccessDeniedException", f"not authorized to perform {action} on {resource}", 403)


def made_bus(_logical_id: str, properties: Any, _stack_name: str) -> Any:
    days = int((properties.get("StorageConfiguration") or {}).get("RetentionPeriodInDays", 1))
    bus = make_bus(properties["Name"], days)
    return bus, {"EventBusArn": bus}


def made_subscriber(_logical_id: str, properties: Any, _stack_name: str) -> Any:
    made = create_subscriber(typed(properties), deliver)
    return made["SubscriberArn"], {"SubscriberArn": made["SubscriberArn"]}


def reset() -> None:
    for subscriber in subscribers.values():
        end(subscriber)
    subscribers.clear()
    buses.clear()
    clients.clear()
    plain["reset"]()


def typed(properties: Any) -> Any:
    """CloudFormation's numbers may come as text."""
    if isinstance(properties, dict):
        return {key: typed(each) for key, each in properties.items()}
    return int(properties) if isinstance(properties, str) and properties.isdecimal() else properties


def ended_subscriber(physical_id: str, _properties: Any) -> None:
    if physical_id in subscribers:
        delete_subscriber({"SubscriberArn": physical_id})


cloudformation._RESOURCE_HANDLERS["AWS::EventsV2::EventBus"] = {
    "create": made_bus,
    "delete": lambda physical_id, _: buses.pop(physical_id, None),
}
cloudformation._RESOURCE_HANDLERS["AWS::EventsV2::Subscriber"] = {"create": made_subscriber, "delete": ended_subscriber}
classic.handle_request = handle_request
classic.reset = reset
