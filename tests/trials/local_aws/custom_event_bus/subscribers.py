"""Subscribers: where each begins, pauses, goes on and ends."""

import contextvars
import datetime
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .keeping import Bus, Refused, arn, buses, of

REPLACED = (  # whole, by an update
    *("FilterConfiguration", "BatchConfiguration", "Transformer", "RetryPolicy", "OnFailureConfiguration"),
    *("LogConfiguration", "Description", "InvokeConfiguration"),
)


@dataclass
class Subscriber:
    arn: str
    bus: Bus
    given: dict[str, Any]
    token: str
    born: int  # how many events were there before it
    place: int
    state: str
    end: float = float("inf")
    gone: bool = False


subscribers: dict[str, Subscriber] = {}
changing = threading.RLock()


def end(subscriber: Subscriber) -> None:
    with subscriber.bus.changed:
        subscriber.gone = True
        subscriber.bus.changed.notify_all()


def create_subscriber(asked: dict[str, Any], begin: Callable[[Subscriber], None]) -> dict[str, Any]:
    """`begin` delivers to it, in a thread of its own."""
    bus: Bus = of(buses, asked["EventBusArn"])
    token = asked.get("ClientToken", "")
    with changing:
        for other in [each for each in subscribers.values() if each.bus is bus]:
            if token and other.token == token:
                return shown(other)
            if other.given["Name"] == asked["Name"]:
                raise Refused("ResourceAlreadyExistsException", f"{asked['Name']} exists already", 409)
        start, end = points(bus, asked)
        with bus.changed:
            born = len(bus.kept)
            place = born if start is None else next((n for n, each in enumerate(bus.kept) if each.at >= start), born)
            made = Subscriber(
                arn("subscriber", asked["Name"]), bus, asked, token, born, place, asked.get("State", "RUNNING"), end
            )
            subscribers[made.arn] = made
    work = contextvars.copy_context()
    threading.Thread(target=work.run, args=(begin, made), daemon=True).start()
    return shown(made)


def points(bus: Bus, asked: dict[str, Any]) -> tuple[float | None, float]:
    """Where to begin, if it is not the end of what is kept, and where to stop."""
    if asked.get("StartingPosition", "LATEST") == "LATEST":
        return None, float("inf")
    point = asked["PointInTimeConfiguration"]
    start = bus.window if point["PointType"] == "HORIZON" else seconds(point["StartingPoint"])
    if not int(bus.window) <= start <= time.time():  # what the SDK shows of it has no more than milliseconds
        raise Refused("InvalidInputException", f"StartingPoint lies outside the retention, which begins {bus.window}")
    return start, seconds(point["EndPoint"]) if "EndPoint" in point else float("inf")


def seconds(moment: Any) -> float:
    return float(moment.timestamp()) if isinstance(moment, datetime.datetime) else float(moment)


def update_subscriber(asked: dict[str, Any]) -> dict[str, Any]:
    """What is left out stays; a block that is given takes the place of the whole block."""
    subscriber: Subscriber = of(subscribers, asked["SubscriberArn"])
    with subscriber.bus.changed:
        target = subscriber.given["InvokeConfiguration"]["TargetArn"]
        subscriber.given = subscriber.given | {key: asked[key] for key in REPLACED if key in asked}
        subscriber.given["InvokeConfiguration"] = {**subscriber.given["InvokeConfiguration"], "TargetArn": target}
        wanted = asked.get("State", subscriber.state)
        if (subscriber.state, wanted) == ("STOPPED", "RUNNING") and asked.get("ResumePosition") == "LATEST":
            subscriber.place = len(subscriber.bus.kept)
        subscriber.state = wanted
        subscriber.bus.changed.notify_all()
    return shown(subscriber)


def delete_subscriber(asked: dict[str, Any]) -> dict[str, Any]:
    with changing:
        end(of(subscribers, asked["SubscriberArn"]))
        del subscribers[asked["SubscriberArn"]]
    return {}


def shown(subscriber: Subscriber) -> dict[str, Any]:
    hidden = ("ClientToken", "Tags", "ResumePosition")
    told = {key: value for key, value in subscriber.given.items() if key not in hidden}
    return {**told, "SubscriberArn": subscriber.arn, "State": subscriber.state}


def describe_subscriber(asked: dict[str, Any]) -> dict[str, Any]:
    return shown(of(subscribers, asked["SubscriberArn"]))


def list_subscribers(asked: dict[str, Any]) -> dict[str, Any]:
    wanted = [each for each in subscribers.values() if asked.get("EventBusArn") in (None, each.bus.arn)]
    return {"Subscribers": [{key: shown(each)[key] for key in ("SubscriberArn", "Name", "State")} for each in wanted]}
