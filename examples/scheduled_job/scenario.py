"""Reminders planned, moved and canceled, a nightly job, duplicates, a late run and an outage, on a real Scheduler."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from trials.local_aws import ACCOUNT, LocalAws, Outcome, seen
from trials.local_aws.outside import Asked, Outside

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
NEW_YORK = "America/New_York"
ZONES = ("Asia/Kolkata", "Asia/Tokyo", "Pacific/Auckland")  # east of UTC all year: the local Scheduler fires too late
SKIPPED = "2090-03-12T02:30:00"  # in New York
SETTINGS = ("Name", "GroupName", "FlexibleTimeWindow", "ActionAfterCompletion", "Target")


class Carrier(Outside):
    """The outside service: dedupes by `Idempotency-Key`, refuses customers named refuse-*, and can be down.

    `calls` counts the requests for each key, `accepted` holds what was really ordered: path and body for each key.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.accepted: dict[str, tuple[str, dict[str, Any]]] = {}
        self.down = False
        self._lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, dict[str, str]]:
        with self._lock:
            self.calls[asked.key] += 1
            if self.down:
                return 503, {}
            if asked.key.startswith("refuse-"):
                return 422, {}
            self.accepted.setdefault(asked.key, (asked.path, asked.body))
            return 200, {}


def reminder(reminder_id: str, at: str, zone: str = NEW_YORK, **other: str) -> dict[str, str]:
    return {"customer_id": "c-7", "reminder_id": reminder_id, "at": at, "zone": zone, "text": "Parcel 9 waits"} | other


def on_the_clock(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M:%S}"


def meant(schedule: dict[str, Any]) -> datetime:
    """When Scheduler fires: its expression is local time in its zone."""
    local = datetime.fromisoformat(schedule["ScheduleExpression"].removeprefix("at(").removesuffix(")"))
    return local.replace(tzinfo=ZoneInfo(schedule["ScheduleExpressionTimezone"])).astimezone(UTC)


def allow_default_group(local: LocalAws, function: str, group: str) -> None:
    """MiniStack checks permissions as if every schedule were in the group `default`: what the role may do to those of
    its own group it may do there too. A policy that does not name the group gets nothing."""
    iam = local.client("iam")
    role = local.role(function)
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = json.dumps(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
        document = document.replace(f":schedule/{group}/*", ":schedule/default/*")
        iam.put_role_policy(RoleName=role, PolicyName=f"{name}-local", PolicyDocument=document)


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    with Carrier() as carrier:
        stack = local.deploy(template, CarrierUrl=carrier.url, AlarmTopicArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:alerts")
        functions, scheduler, sqs = local.client("lambda"), local.client("scheduler"), local.client("sqs")
        reminders = stack.outputs["RemindersGroup"]
        allow_default_group(local, stack.outputs["PlanFunction"], reminders)

        def ask(action: str, wanted: dict[str, str]) -> str:
            """What the caller of the planning function sees: nothing, or an error."""
            payload = json.dumps({"action": action, "reminder": wanted})
            reply = functions.invoke(FunctionName=stack.outputs["PlanFunction"], Payload=payload)
            return json.loads(reply["Payload"].read())["errorMessage"] if "FunctionError" in reply else ""

        def planned() -> dict[str, dict[str, Any]]:
            names = [each["Name"] for each in scheduler.list_schedules(GroupName=reminders)["Schedules"]]
            return {name: scheduler.get_schedule(GroupName=reminders, Name=name) for name in names}

        def deliver(payload: str) -> None:
            """As Scheduler does. MiniStack's own forgets a function that fails; Lambda's queue does not."""
            functions.invoke(FunctionName=stack.outputs["FireFunction"], InvocationType="Event", Payload=payload)

        def calls(name: str) -> int:
            return sum(count for key, count in carrier.calls.items() if key.startswith(name))

        say("one notice comes two hours late, one is for a customer whom the carrier refuses, four requests are wrong")
        ago, tomorrow = (f"{datetime.now(UTC) + timedelta(hours=h):%Y-%m-%dT%H:%M:%S}" for h in (-2, 24))
        late, hopeless = (
            {"job": "notices", "id": i, "at": t, "zone": "UTC"} for i, t in (("late", ago), ("refuse-1", tomorrow))
        )
        deliver(json.dumps(late))
        deliver(json.dumps(hopeless))
        ask("plan", reminder("taken", tomorrow))
        refusals = {
            "an hour that the clocks skip": reminder("x-1", SKIPPED),
            "a past one": reminder("x-2", "2020-01-01T09:00:00"),
            "no time zone": reminder("x-3", tomorrow, "Mars/Olympus"),
            "a taken id for another text": reminder("taken", tomorrow, text="Parcel 10 waits"),
        }
        answers = {what: ask("plan", wanted) for what, wanted in refusals.items()}
        refused = [what for what, answer in answers.items() if answer]
        yield Outcome(
            ", ".join(refusals),
            f"{len(refused)} refused",
            "an error, never a silent shift",
            refused == list(refusals) and list(planned()) == ["c-7.taken"],
        )
        offered = (re.findall(r"ask for (\S+)", answers["an hour that the clocks skip"]) or ["nothing"])[0]
        error = ask("plan", reminder("x-1", offered))
        yield Outcome(
            "what the refusal of a skipped hour offers",
            f"{offered} {'refused' if error else 'planned'}",
            "the next time that is one",
            not error and list(planned()) == ["c-7.taken", "c-7.x-1"] and offered == "2090-03-12T03:30:00",
        )
        ask("cancel", reminder("x-1", offered))

        say("five reminders, each planned twice; one is moved, one is canceled")
        for _ in range(2):  # a refusal ends the local environment, so the first of these starts another
            began = time.monotonic()
            ask("plan", reminder("taken", tomorrow))
        pace, now = time.monotonic() - began, datetime.now(UTC).replace(microsecond=0)
        soon = now + timedelta(seconds=int(15 + 24 * pace))  # none is due before all is planned
        later = now + timedelta(days=1)
        due = [f"c-7.r-{n}" for n in range(3)]
        wanted = [reminder(f"r-{n}", on_the_clock(soon, ZONES[n % 3]), ZONES[n % 3]) for n in range(5)]
        errors = [ask("plan", each) for each in wanted for _ in range(2)]
        schedules = planned()
        payloads = {name: each["Target"]["Input"] for name, each in schedules.items()}
        yield Outcome(
            "5 reminders, each planned twice",
            f"{len(payloads) - 1} schedules",
            "a retry is no error and no second schedule",
            len(payloads) == 6 and not any(errors),
        )
        off = {name: meant(schedules[name]) - soon for name in due}
        yield Outcome(
            "3 of them, each in a zone of its own",
            f"off by {', '.join(str(each) for each in off.values())}",
            "each waits for its customer's clock",
            not any(off.values()),
        )
        moved = reminder("r-3", on_the_clock(later, NEW_YORK))
        errors = [ask("move", moved), *(ask("cancel", wanted[4]) for _ in range(2))]
        for name in due:  # the local Scheduler takes any expression for UTC: tell it the moment that AWS's would take
            kept = {setting: schedules[name][setting] for setting in SETTINGS}
            scheduler.update_schedule(**kept, ScheduleExpression=f"at({on_the_clock(meant(schedules[name]), 'UTC')})")

        say("the local Scheduler looks every ten seconds")
        seen(lambda: all(calls(name) for name in due), timeout=120)
        seen(lambda: len(planned()) == 2)
        remaining = len(planned().keys() & set(due))
        yield Outcome(
            "3 that are due",
            f"{sum(calls(name) for name in due)} notices, {remaining or 'no'} schedule left",
            "each fires once and clears itself away",
            all(calls(name) == 1 for name in due) and not remaining,
        )
        left, canceled = planned().get("c-7.r-3"), "c-7.r-4" not in planned()
        yield Outcome(
            "one moved, one canceled",
            f"one waits: {left and left['ScheduleExpression']}",
            "neither fires at its old time",
            canceled and bool(left and meant(left) == later) and not any((*errors, calls("c-7.r-3"), calls("c-7.r-4"))),
        )

        say("all of it is delivered again, and the nightly run twice")
        (pickup,) = scheduler.list_schedules(GroupName=stack.outputs["NightlyGroup"])["Schedules"]
        nightly = scheduler.get_schedule(GroupName=pickup["GroupName"], Name=pickup["Name"])["Target"]["Input"]
        night = nightly.replace(SCHEDULED_TIME, f"{now:%Y-%m-%dT%H:%M:%SZ}")
        for payload in (*(payloads[name] for name in due), night, night):
            deliver(payload)
        handled = Counter(notices=2 * len(due) + 1, pickups=2)
        seen(lambda: reported(local, stack.outputs["FireFunction"]) >= handled)
        yield Outcome(
            "3 notices and a nightly run, twice",
            f"{sum(calls(name) for name in due)} notices still, {calls('nightly')} pickup",
            "a second delivery does nothing",
            all(calls(name) == 1 for name in (*due, "nightly")),
        )
        sent = "sent" if calls("late") else "left out"
        yield Outcome("a reminder 2 h late", sent, "too late is not sent", sent == "left out")

        say("the carrier is down for a moment")
        carrier.down = True
        deliver(json.dumps({"job": "notices", "id": "unlucky", "at": on_the_clock(soon, "UTC"), "zone": "UTC"}))
        seen(lambda: calls("unlucky"))
        carrier.down = False
        retried = seen(lambda: any(key.startswith("unlucky/") for key in carrier.accepted))
        found = seen(lambda: sqs.receive_message(QueueUrl=stack.outputs["UndeliveredUrl"]).get("Messages", []))
        dead = [json.loads(each["Body"])["requestPayload"] for each in found]
        yield Outcome(
            "1 notice in an outage, 1 that is always refused",
            f"{'' if retried else 'not '}sent on retry; {len(dead)} in Undelivered after {calls('refuse-1')} attempts",
            "nothing is lost unseen",
            retried and dead == [hopeless] and calls("refuse-1") == 3,
        )


def reported(local: LocalAws, function: str) -> Counter[str]:
    """How many runs of each job the function reported to CloudWatch, which reads its log."""
    found: Counter[str] = Counter()
    for line in local.logs(function):
        if '"_aws"' in line:
            metrics = json.loads(line)["_aws"]["CloudWatchMetrics"]
            found.update(metric["Name"] for directive in metrics for metric in directive["Metrics"])
    return found
