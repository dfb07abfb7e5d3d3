"""What a bus keeps, and what it takes twice for once."""

import datetime
import json
import secrets
import string
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import get_account_id, get_region

DEDUPLICATED_FOR = 300  # seconds


class Refused(Exception):
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass(frozen=True)
class Kept:
    data: dict[str, Any]
    system: dict[str, str]
    at: float


@dataclass
class Bus:
    arn: str
    created: float
    retention: int
    kept: list[Kept] = field(default_factory=list)
    known: dict[tuple[str, str], float] = field(default_factory=dict)  # when the id of a group was taken
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def window(self) -> float:
        return max(self.created, time.time() - self.retention * 86400)


buses: dict[str, Bus] = {}


def arn(kind: str, name: str) -> str:
    id_ = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(25))
    return f"arn:aws:events:{get_region()}:{get_account_id()}:{kind}/{name}/{id_}"


def of(known: dict[str, Any], wanted: Any) -> Any:
    if wanted not in known:
        raise Refused("ResourceNotFoundException", f"{wanted} does not exist", 404)
    return known[wanted]


def make_bus(name: str, days: int) -> str:
    bus = Bus(arn("event-busv2", name), time.time(), days)
    buses[bus.arn] = bus
    return bus.arn


def describe_event_bus(asked: dict[str, Any]) -> dict[str, Any]:
    bus: Bus = of(buses, asked["EventBusArn"])
    begins = datetime.datetime.fromtimestamp(bus.window, datetime.UTC)
    kept = {"RetentionPeriodInDays": bus.retention, "RetentionWindowStartTime": begins}
    return {"EventBusArn": bus.arn, "Name": bus.arn.split("/")[1], "State": "ACTIVE", "StorageConfiguration": kept}


def put_events(asked: dict[str, Any]) -> dict[str, Any]:
    bus: Bus = of(buses, asked["EventBusArn"])
    by_content = asked.get("DeduplicationConfiguration", {}).get("DeduplicationType") == "CONTENT_BASED"
    with bus.changed:
        results = [put(bus, entry, by_content) for entry in asked["Entries"]]
        bus.changed.notify_all()
    return {"FailedEntryCount": 0, "Entries": results}


def put(bus: Bus, entry: dict[str, Any], by_content: bool) -> dict[str, Any]:
    given, at, id_ = entry.get("SystemMetadata", {}), time.time(), str(uuid.uuid4())
    mark = json.dumps(entry, default=str, sort_keys=True) if by_content else given.get("DeduplicationId")
    key = (given.get("EventGroupId", ""), mark)
    if mark and at - bus.known.get(key, 0) < DEDUPLICATED_FOR:
        return {"EventId": id_, "SuccessCode": "DEDUPLICATED"}
    bus.known |= {key: at} if mark else {}
    number = f"{len(bus.kept) + 1:020}"
    told = datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data = {
        "version": "0",
        "id": id_,
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": get_account_id(),
        "time": told,
        "region": get_region(),
        "resources": entry.get("Resources", []),
        "detail": json.loads(entry.get("Detail", "{}")),
    }
    own = {"aws:EventId": id_, "aws:Source": entry["Source"], "aws:DetailType": entry["DetailType"]}
    own |= {"aws:IngestionTime": told, "aws:SequenceNumber": number, "ContentType": "application/eventbridge+json"}
    bus.kept.append(Kept(data, own | given, at))
    return {"EventId": id_, "SequenceNumber": number, "SuccessCode": "PUBLISHED"}
