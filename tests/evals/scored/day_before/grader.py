"""Who has an appointment is reminded of it once, a day before, by the time it has then, or not at all.

canary-15d8e3a7-aws-serverless-eda: not for training
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from botocore.exceptions import ClientError

from evals.flow import Flow
from evals.happenings import behind
from evals.harness import intercepted
from evals.iam import allows, arn, assumed_by
from evals.scoring import Checks, Severity
from evals.system import System, granted, last, said
from trials.local_aws import LocalAws
from trials.local_aws.outside import Asked, Outside

CHECKS = Checks()
ON_CALL = "arn:aws:sns:us-east-1:123456789012:on-call"
MAY, JUNE = "2030-05-04T10:00:00+02:00", "2030-06-11T08:30:00-04:00"
DAY_BEFORE = {MAY: datetime(2030, 5, 3, 8, tzinfo=UTC), JUNE: datetime(2030, 6, 10, 12, 30, tzinfo=UTC)}
NAME = re.compile(r"[0-9a-zA-Z-_.]{1,64}")
ODD = "praxis müller:2030-05-04T10.00#" + "x" * 60


class Mails(Outside):
    """Mails each time, but for a key that it knows."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.known: set[str] = set()
        self.down = False
        self.lock = threading.Lock()

    def reply(self, asked: Asked) -> tuple[int, Any]:
        with self.lock:
            if self.down:
                return 503, {}
            if not asked.key or asked.key not in self.known:
                self.known.add(asked.key)
                self.sent.append(f"{asked.body['to']} {asked.body['text']}")
            return 202, {}


class Practice:
    """The system behind the API, with the schedules that it made."""

    def __init__(self, flow: Flow, mails: Mails) -> None:
        self.flow, self.mails = flow, mails
        self.scheduler = flow.system.aws.client("scheduler")

    def book(self, at: str, appointment: str = "a-1", mail: str = "ada@example.com") -> int:
        answer = self.flow.system.ask("PUT", f"/appointments/{appointment}", {"at": at, "mail": mail})
        return int(answer["statusCode"])

    def cancel(self, appointment: str = "a-1") -> int:
        return int(self.flow.system.ask("DELETE", f"/appointments/{appointment}")["statusCode"])

    def schedules(self) -> list[dict[str, Any]]:
        known = self.scheduler.list_schedules()["Schedules"]
        return [self.scheduler.get_schedule(GroupName=each["GroupName"], Name=each["Name"]) for each in known]

    def fire(self, *schedules: dict[str, Any]) -> None:
        for schedule in schedules:
            target = schedule["Target"]
            self.flow.deliver(target["Arn"], target.get("Input", "{}"))
        self.flow.settle()


def due(schedule: dict[str, Any]) -> datetime:
    """The moment for which a schedule is planned."""
    expression = schedule["ScheduleExpression"]
    at = datetime.fromisoformat(expression.removeprefix("at(").removesuffix(")"))
    return at.replace(tzinfo=ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC"))


@contextmanager
def deployed(answer: Path, aws: LocalAws) -> Iterator[Practice]:
    scheduler = aws.client("scheduler")
    for known in scheduler.list_schedules()["Schedules"]:  # another answer's
        scheduler.delete_schedule(GroupName=known["GroupName"], Name=known["Name"])
    with Mails() as mails, Flow(System(answer, aws, MailUrl=mails.url, OnCallTopicArn=ON_CALL)) as flow:
        yield Practice(flow, mails)


def at_once(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds")


@CHECKS(Severity.ASKED)
def a_patient_is_reminded_a_day_before(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as practice:
        for appointment, at in (("a-1", MAY), ("a-2", JUNE)):
            if practice.book(at, appointment) >= 300:
                yield "an appointment cannot be booked"
        schedules = sorted(practice.schedules(), key=due)
        if [due(each) for each in schedules] != list(DAY_BEFORE.values()):
            yield f"for {MAY} and {JUNE} these are planned: {[each['ScheduleExpression'] for each in schedules]}"
        practice.fire(*schedules)
        if len(practice.mails.sent) != 2 or not practice.mails.sent[0].startswith("ada@example.com"):
            yield f"two reminders are mailed as {practice.mails.sent}"


@CHECKS(Severity.LOSES)
def a_moved_appointment_is_reminded_of_at_its_new_time(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as practice:
        practice.book(MAY)
        before = practice.schedules()
        if practice.book(JUNE) >= 300:
            yield "an appointment cannot be moved"
        after = practice.schedules()
        if [due(each) for each in after] != [DAY_BEFORE[JUNE]]:
            yield f"moved to {JUNE}, these are planned: {[each['ScheduleExpression'] for each in after]}"
        practice.fire(*before)
        if practice.mails.sent:
            yield "a reminder of the old time, which was on its way, is mailed"
        practice.fire(*after)
        if len(practice.mails.sent) != 1:
            yield f"once moved, an appointment leads to {len(practice.mails.sent)} mails"


@CHECKS(Severity.DOUBLES)
def a_canceled_appointment_is_not_reminded_of(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as practice:
        practice.book(MAY)
        before = practice.schedules()
        if practice.cancel() >= 300:
            yield "an appointment cannot be canceled"
        practice.fire(*practice.schedules())
        practice.fire(*before)
        if practice.mails.sent:
            yield f"a canceled appointment leads to {practice.mails.sent}"
        if practice.schedules():
            yield "the schedule of a canceled appointment stays"


@CHECKS(Severity.DOUBLES)
def a_change_of_a_moment_ago_counts(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as practice:
        practice.book(MAY)
        schedules = practice.schedules()
        with behind(practice.flow.system):
            practice.cancel()
            practice.fire(*schedules)
        if practice.mails.sent:
            yield f"an appointment that was canceled a moment before leads to {practice.mails.sent}"


@CHECKS(Severity.LOSES)
def what_is_refused_changes_nothing(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as practice:
        practice.book(MAY)
        before = practice.flow.system.items("Appointments")
        if 400 <= (status := practice.book("2030-07-01T10:00:00")) < 500:
            if practice.flow.system.items("Appointments") != before:
                yield f"an appointment at no zone's time is answered with {status}, and booked nevertheless"
            if [due(each) for each in practice.schedules()] != [DAY_BEFORE[MAY]]:
                yield f"an appointment at no zone's time is answered with {status}, and the reminder is another"


@CHECKS(Severity.BLOCKS)
def canceling_and_booking_can_be_repeated(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as practice:
        statuses = [practice.book(MAY), practice.book(MAY)]
        schedules = practice.schedules()
        statuses += [practice.cancel(), practice.cancel()]
        practice.book(MAY)
        for fired in practice.schedules():
            practice.scheduler.delete_schedule(GroupName=fired["GroupName"], Name=fired["Name"])  # it has fired
        statuses += [practice.cancel(), practice.book(JUNE)]
        if [each for each in statuses if each >= 500] or len(schedules) != 1:
            yield f"booked and canceled twice each: {statuses}; {len(schedules)} schedules of one appointment"


@CHECKS(Severity.DOUBLES)
def a_reminder_that_comes_twice_is_one_mail(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as practice:
        practice.book(MAY)
        schedules = practice.schedules()
        for _ in range(2):
            practice.fire(*schedules)
        if len(practice.mails.sent) != 1:
            yield f"a reminder that comes twice is mailed {len(practice.mails.sent)} times"


@CHECKS(Severity.BLOCKS)
def what_is_less_than_a_day_ahead_can_be_booked(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as practice:
        if practice.book(at_once(hours=3)) >= 300:
            yield "an appointment in three hours cannot be booked"
        practice.book(MAY, "a-2")
        planned = [each for each in practice.schedules() if due(each) == DAY_BEFORE[MAY]]
        if practice.book(at_once(hours=5), "a-2") >= 300:
            yield "an appointment cannot be moved to an hour of today"
        practice.fire(*planned)
        if [mail for mail in practice.mails.sent if "2030" in mail]:
            yield "who was moved to today is reminded of the old time"
        if [each for each in practice.schedules() if due(each) < datetime.now(UTC) - timedelta(minutes=5)]:
            yield "a schedule of yesterday is left, which never fires"


@CHECKS(Severity.BLOCKS)
def an_appointment_may_have_any_name(answer: Path, aws: LocalAws) -> Iterator[str]:
    names: list[str] = []

    def seen(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        names.extend([parameters["Name"]] if operation.endswith("Schedule") else [])
        return really()

    with deployed(answer, aws) as practice:
        with intercepted(seen):
            practice.book(MAY, ODD)
            practice.book(MAY, ODD.replace("ü", "ö"))
        if [name for name in names if not NAME.fullmatch(name)]:
            yield f"Scheduler refuses the name of a schedule: {names[0]}"
        if len(practice.schedules()) != 2:
            yield f"two appointments of nearly one name have {len(practice.schedules())} schedules"


@CHECKS(Severity.LOSES)
def a_refusal_of_the_scheduler_is_told_and_mended(answer: Path, aws: LocalAws) -> Iterator[str]:
    def refused(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation in ("CreateSchedule", "UpdateSchedule"):
            raise ClientError({"Error": {"Code": "InternalServerException", "Message": "try again"}}, operation)
        return really()

    with deployed(answer, aws) as practice:
        with intercepted(refused):
            status = practice.book(MAY)
        if status >= 500:  # then whoever books tries again
            practice.book(MAY)
        practice.flow.settle()
        if [due(each) for each in practice.schedules()] != [DAY_BEFORE[MAY]]:
            yield f"an appointment that could not be planned is answered with {status}, and nobody is reminded"


@CHECKS(Severity.LOSES)
def an_outage_delays_the_mail(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as practice:
        practice.book(MAY)
        practice.mails.down = True
        for schedule in practice.schedules():
            practice.flow.deliver(schedule["Target"]["Arn"], schedule["Target"].get("Input", "{}"))
        practice.flow.settle(rounds=1)
        practice.mails.down = False
        practice.flow.settle()
        if len(practice.mails.sent) != 1:
            yield f"after an outage of the provider a reminder is mailed {len(practice.mails.sent)} times"


@CHECKS(Severity.LOSES)
def what_could_not_be_done_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as practice:
        practice.book(MAY)
        for schedule in practice.schedules():
            target, system = schedule["Target"], practice.flow.system
            if not target.get("DeadLetterConfig", {}).get("Arn"):
                yield "a reminder that Scheduler could not deliver is gone"
            function = system.properties(last(target["Arn"]))
            kept = "OnFailure" in str(function.get("EventInvokeConfig")) or function.get("DeadLetterQueue")
            if function and not kept:
                yield "a reminder that fails each time is gone: Lambda discards it after three attempts"
    yield from said(answer, "E", "SAM")


@CHECKS(Severity.COSTS)
def a_schedule_that_has_fired_is_gone(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as practice:
        practice.book(MAY)
        if [each for each in practice.schedules() if each.get("ActionAfterCompletion") != "DELETE"]:
            yield "a schedule that has fired stays, and counts against the quota"


@CHECKS(Severity.HIDES)
def somebody_is_called_for_patients_not_reminded(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as practice:
        system = practice.flow.system
        alarms = [alarm for kind in ("SQS", "Lambda", "Scheduler") for alarm in system.alarms(f"AWS/{kind}")]
        if not [each for each in alarms if each.get("AlarmActions")]:
            yield "nobody is called for a patient who is not reminded"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as practice:
        system = practice.flow.system
        practice.book(MAY)
        practice.book(JUNE)
        schedules = practice.schedules()
        practice.fire(*schedules)
        practice.cancel()
        yield from system.denied()
        template = system.translated()
        own = {last(physical): name for name, physical in system.stack.resources.items()}
        for schedule in schedules:
            target = schedule["Target"]
            role = own.get(last(target["RoleArn"]), last(target["RoleArn"]))
            if not assumed_by(template["Resources"][role]["Properties"], "scheduler.amazonaws.com"):
                yield f"EventBridge Scheduler may not take the role {role}"
            grave = own.get(last(target.get("DeadLetterConfig", {}).get("Arn", "")), "")
            goal = last(target["Arn"])
            wanted = [("lambda:InvokeFunction" if goal in system.functions else "sqs:SendMessage", own.get(goal, goal))]
            wanted += [("sqs:SendMessage", grave)] if grave else []
            for action, name in wanted:
                if not allows(granted(template, role), action, arn(template, name)):
                    yield f"{role} may not {action} on {name}"
