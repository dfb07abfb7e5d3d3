"""A reminder fires once, on its customer's clock; a nightly run happens once a day; neither is lost unseen."""

import json
import threading
import zoneinfo
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from scheduled_job.scenario import SCHEDULED_TIME, ZONES, Carrier, reminder

from support.environments import IN_BOTH, HandlerError, fails_as
from support.handlers import Context, Died, Example, event
from trials.local_aws import LocalAws
from trials.template import read_template

TEMPLATE = Path(__file__).parents[3] / "examples" / "scheduled_job" / "template.yaml"
ALARMS = "arn:aws:sns:us-east-1:123456789012:alerts"
ACCOUNT_ARN = "arn:aws:{}:us-east-1:123456789012:{}"
NINE = "2090-11-27T09:00:00"  # years ahead, so that the local Scheduler never fires what a test plans
NEW_YORK = "America/New_York"


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    with Carrier() as stub:
        yield stub


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return read_template(TEMPLATE)


@pytest.fixture
def shop(
    request: pytest.FixtureRequest,
    example: Callable[..., Example],
    carrier: Carrier,
    template: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Example:
    """The example's state, and the planning function's target as the template writes it, with made-up ARNs."""
    language = getattr(request, "param", "python")
    shop = example("scheduled_job", language, CarrierUrl=carrier.url, AlarmTopicArn=ALARMS)
    planning = template["Resources"]["PlanReminders"]["Properties"]
    target = planning["Environment"]["Variables"]["TARGET"]["Fn::Sub"]
    for name, arn in {
        "Fire": ACCOUNT_ARN.format("lambda", "function:Fire"),
        "SchedulerRole": "arn:aws:iam::123456789012:role/SchedulerRole",
        "Undelivered": ACCOUNT_ARN.format("sqs", "Undelivered"),
    }.items():
        target = target.replace(f"${{{name}.Arn}}", arn)
    monkeypatch.setenv("TARGET", target)
    return shop


@pytest.fixture
def plan(shop: Example) -> ModuleType:
    return shop.environment("plan")


@pytest.fixture
def fire(shop: Example) -> ModuleType:
    return shop.environment("fire")


@pytest.fixture
def planned(aws: LocalAws, shop: Example) -> Callable[[], dict[str, Any]]:
    """What Scheduler holds in the reminders' group, by name."""
    scheduler, group = aws.client("scheduler"), shop.stack.resources["Reminders"]

    def look() -> dict[str, Any]:
        names = [each["Name"] for each in scheduler.list_schedules(GroupName=group)["Schedules"]]
        found = {name: scheduler.get_schedule(GroupName=group, Name=name) for name in names}
        volatile = ("ResponseMetadata", "CreationDate", "LastModificationDate")
        return {name: {k: v for k, v in each.items() if k not in volatile} for name, each in found.items()}

    return look


Planned = Callable[[], dict[str, Any]]


def ask(app: ModuleType, action: str, wanted: dict[str, str]) -> None:
    app.handler({"action": action, "reminder": wanted}, Context())


def at(moment: datetime, **later: float) -> time_machine.travel:
    """The functions' clock."""
    return time_machine.travel((moment + timedelta(**later)).timestamp())


DUE = datetime(2090, 11, 27, 9, tzinfo=ZoneInfo(NEW_YORK))
NIGHT = datetime(2090, 11, 27, 4, 15, tzinfo=ZoneInfo(NEW_YORK))


def notice(**other: str) -> dict[str, str]:
    """What a reminder's schedule hands over."""
    return {"job": "notices", "id": "c-7.r-1", **reminder("r-1", NINE, NEW_YORK)} | other


def night(template: dict[str, Any], scheduled: datetime = NIGHT) -> dict[str, str]:
    """What the nightly schedule hands over: its own Input, with the attribute filled in as Scheduler does."""
    given = template["Resources"]["Fire"]["Properties"]["Events"]["OrderPickup"]["Properties"]["Input"]
    assert SCHEDULED_TIME in given
    handed = json.loads(given.replace(SCHEDULED_TIME, f"{scheduled.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"))
    assert isinstance(handed, dict)
    return handed


# Planning


@IN_BOTH
def test_the_sample_reminder_waits_for_its_hour_on_the_customers_clock(
    plan: ModuleType, shop: Example, planned: Planned, context: Context
) -> None:
    plan.handler(event(shop.folder), context)

    ((name, schedule),) = planned().items()
    assert name == "c-7.0b8f4c1e-6a52-4d0e-9c57-1f5b7a1f2d3c"
    assert schedule["ScheduleExpression"] == "at(2090-11-27T09:00:00)"
    assert schedule["ScheduleExpressionTimezone"] == NEW_YORK
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert schedule["ActionAfterCompletion"] == "DELETE"
    assert schedule["Target"]["DeadLetterConfig"] == {"Arn": ACCOUNT_ARN.format("sqs", "Undelivered")}
    assert schedule["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 3600}


@IN_BOTH
def test_the_same_request_twice_is_one_schedule(plan: ModuleType, planned: Planned) -> None:
    ask(plan, "plan", reminder("r-1", NINE))
    ask(plan, "plan", reminder("r-1", NINE))

    assert list(planned()) == ["c-7.r-1"]


@IN_BOTH
def test_the_same_request_twice_at_once_is_one_schedule(shop: Example, planned: Planned) -> None:
    environments = [shop.environment("plan") for _ in range(8)]
    start = threading.Barrier(len(environments))

    def request(app: ModuleType) -> None:
        start.wait()
        ask(app, "plan", reminder("r-1", NINE))

    with ThreadPoolExecutor(len(environments)) as pool:
        list(pool.map(request, environments))

    assert list(planned()) == ["c-7.r-1"]


@IN_BOTH
def test_two_that_want_one_id_for_different_things_at_once_leave_one_of_them_refused(
    shop: Example, planned: Planned
) -> None:
    environments = [shop.environment("plan") for _ in range(2)]
    start = threading.Barrier(2)

    def request(app: ModuleType, text: str) -> str:
        start.wait()
        try:
            ask(app, "plan", reminder("r-1", NINE, text=text))
        except app.Refused:
            return "refused"
        return text

    with ThreadPoolExecutor(2) as pool:
        answers = set(pool.map(request, environments, ["first", "second"]))

    (winner,) = answers - {"refused"}
    assert len(answers) == 2
    assert json.loads(planned()["c-7.r-1"]["Target"]["Input"])["text"] == winner


@IN_BOTH
def test_a_taken_id_is_refused_for_anything_else(plan: ModuleType, planned: Planned) -> None:
    ask(plan, "plan", reminder("r-1", NINE))
    before = planned()

    for other in ({"at": "2090-11-27T10:00:00"}, {"zone": "Asia/Tokyo"}, {"text": "Parcel 10"}):
        with pytest.raises(plan.Refused, match="taken"):
            ask(plan, "plan", reminder("r-1", NINE) | other)

    assert planned() == before


@IN_BOTH
def test_a_late_retry_of_the_first_request_does_not_undo_a_move(plan: ModuleType, planned: Planned) -> None:
    ask(plan, "plan", reminder("r-1", NINE))
    ask(plan, "move", reminder("r-1", "2090-11-28T10:00:00"))

    with pytest.raises(plan.Refused, match="taken"):
        ask(plan, "plan", reminder("r-1", NINE))

    assert planned()["c-7.r-1"]["ScheduleExpression"] == "at(2090-11-28T10:00:00)"


@IN_BOTH
def test_a_move_changes_the_time_and_nothing_else(plan: ModuleType, planned: Planned) -> None:
    ask(plan, "plan", reminder("r-1", NINE, NEW_YORK))
    (before,) = planned().values()
    ask(plan, "move", reminder("r-1", "2090-11-28T10:00:00", NEW_YORK))
    ask(plan, "move", reminder("r-1", "2090-11-28T10:00:00", NEW_YORK))

    (after,) = planned().values()
    assert {key for key in before if before[key] != after[key]} == {"ScheduleExpression", "Target"}
    assert {key for key in before["Target"] if before["Target"][key] != after["Target"][key]} == {"Input"}
    assert json.loads(after["Target"]["Input"])["at"] == "2090-11-28T10:00:00"


@IN_BOTH
def test_what_was_sent_or_canceled_cannot_be_moved(plan: ModuleType, planned: Planned) -> None:
    with pytest.raises(plan.Refused, match="already"):
        ask(plan, "move", reminder("r-1", NINE))

    assert planned() == {}


@IN_BOTH
def test_a_cancellation_may_come_twice_and_touches_one_customer(plan: ModuleType, planned: Planned) -> None:
    ask(plan, "plan", reminder("r-1", NINE))
    ask(plan, "plan", reminder("r-1", NINE, customer_id="c-8"))

    ask(plan, "cancel", {"customer_id": "c-7", "reminder_id": "r-1"})
    ask(plan, "cancel", {"customer_id": "c-7", "reminder_id": "r-1"})

    assert list(planned()) == ["c-8.r-1"]


SKIPPED = [
    (NEW_YORK, "2090-03-12T02:00:00", "2090-03-12T03:00:00"),
    (NEW_YORK, "2090-03-12T02:59:59", "2090-03-12T03:59:59"),
    ("Europe/London", "2090-03-26T01:30:00", "2090-03-26T02:30:00"),
    ("Australia/Lord_Howe", "2090-10-01T02:15:00", "2090-10-01T02:45:00"),  # half an hour is skipped
    ("America/Santiago", "2090-09-03T00:30:00", "2090-09-03T01:30:00"),  # at midnight
]


@IN_BOTH
def test_a_time_that_the_clocks_skip_is_refused(plan: ModuleType, planned: Planned) -> None:
    for zone, local, _ in SKIPPED:
        for action in ("plan", "move"):
            with pytest.raises(plan.Refused, match="skip"):
                ask(plan, action, reminder("r-1", local, zone))
    assert planned() == {}

    for n, local in enumerate(["2090-03-12T01:59:59", "2090-03-12T03:00:00"]):
        ask(plan, "plan", reminder(f"r-{n}", local, NEW_YORK))
    assert len(planned()) == 2


@IN_BOTH
@pytest.mark.parametrize(("zone", "local", "offered"), SKIPPED)
def test_the_refusal_of_a_skipped_time_offers_the_next_that_is_one(
    plan: ModuleType, planned: Planned, zone: str, local: str, offered: str
) -> None:
    with pytest.raises(plan.Refused, match=f"ask for {offered}$"):
        ask(plan, "plan", reminder("r-1", local, zone))

    ask(plan, "plan", reminder("r-1", offered, zone))

    (schedule,) = planned().values()
    assert schedule["ScheduleExpression"] == f"at({offered})"


@pytest.fixture
def _no_zones_in_the_system() -> Iterator[None]:
    zoneinfo.reset_tzpath(to=())
    ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    ZoneInfo.clear_cache()


@pytest.mark.usefixtures("_no_zones_in_the_system")
def test_the_rules_of_the_zones_come_with_the_function(plan: ModuleType, shop: Example, planned: Planned) -> None:
    packages = {line.split("==")[0] for line in (shop.folder / "requirements.txt").read_text().splitlines()}
    assert "tzdata" in packages

    ask(plan, "plan", reminder("r-1", NINE, NEW_YORK))

    assert list(planned()) == ["c-7.r-1"]


def test_the_scenario_plans_where_the_clock_is_never_that_of_utc() -> None:
    """Or it would not notice that a zone is lost. The local Scheduler fires too early what is west of UTC."""
    offsets = [
        (datetime(2026, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() or timedelta()).total_seconds()
        for zone in ZONES
        for month in range(1, 13)
    ]

    assert min(offsets) >= 3600
    assert len(set(offsets)) >= len(ZONES)


@IN_BOTH
@pytest.mark.parametrize(
    ("zone", "local", "in_utc"),
    [
        (NEW_YORK, "2090-11-05T01:30:00", "2090-11-05T05:30:00"),
        ("Australia/Lord_Howe", "2090-04-02T01:45:00", "2090-04-01T14:45:00"),
    ],
)
def test_a_time_that_comes_twice_fires_the_first_time(
    plan: ModuleType, shop: Example, planned: Planned, carrier: Carrier, zone: str, local: str, in_utc: str
) -> None:
    ask(plan, "plan", reminder("r-1", local, zone))

    (schedule,) = planned().values()
    assert (schedule["ScheduleExpression"], schedule["ScheduleExpressionTimezone"]) == (f"at({in_utc})", "UTC")
    fire = shop.environment("fire")
    for minutes in (61, 59):  # late counts from the first time, too
        with at(datetime.fromisoformat(f"{in_utc}Z"), minutes=minutes):
            fire.handler(json.loads(schedule["Target"]["Input"]), Context())
        assert len(carrier.accepted) == (minutes < 60)


@IN_BOTH
def test_a_past_time_is_refused(plan: ModuleType, planned: Planned) -> None:
    with time_machine.travel(datetime(2090, 11, 27, 9, tzinfo=UTC).timestamp(), tick=False):
        for zone, local in [
            ("Etc/UTC", "2090-11-27T09:00:00"),
            ("Asia/Tokyo", "2090-11-27T17:59:59"),  # by its digits, in UTC it is still to come
            (NEW_YORK, "2090-11-27T04:00:00"),
        ]:
            with pytest.raises(plan.Refused, match="past"):
                ask(plan, "plan", reminder("r-1", local, zone))

    assert planned() == {}


@IN_BOTH
def test_a_time_whose_digits_are_past_in_utc_may_be_ahead_in_its_zone(plan: ModuleType, planned: Planned) -> None:
    with at(datetime(2090, 11, 27, 9, tzinfo=UTC)):
        ask(plan, "plan", reminder("r-1", "2090-11-27T04:30:00", NEW_YORK))

    assert list(planned()) == ["c-7.r-1"]


@IN_BOTH
def test_a_malformed_or_hostile_request_plans_nothing(plan: ModuleType, planned: Planned) -> None:
    for wrong in [
        {"customer_id": ""},
        {"customer_id": "c-7.r"},  # with a dot, one customer could reach another's names
        {"customer_id": "c" * 25},
        {"reminder_id": "../nightly"},
        {"reminder_id": "r-1\n"},
        {"reminder_id": "r" * 40},
        {"text": ""},
        {"text": "x" * 501},
        {"zone": "Mars/Olympus"},
        {"zone": "/etc/passwd"},
        {"zone": ""},
        {"at": "tomorrow"},
        {"at": "2090-11-27T09:00:00Z"},  # whose nine o'clock?
    ]:
        for action in ("plan", "move"):
            with fails_as("ValidationError", "ZodError"):
                ask(plan, action, reminder("r-1", NINE) | wrong)
    with fails_as("KeyError", "ZodError"):
        ask(plan, "replan", reminder("r-1", NINE))

    assert planned() == {}


@IN_BOTH
def test_the_longest_ids_still_make_a_name(plan: ModuleType, planned: Planned) -> None:
    ask(plan, "plan", reminder("r" * 39, NINE, customer_id="c" * 24))

    assert len(*planned()) == 64


@IN_BOTH
def test_a_text_cannot_have_scheduler_fill_in_our_account(plan: ModuleType, planned: Planned) -> None:
    """Scheduler replaces its keywords wherever they stand in the payload."""
    text = 'Mine: <aws.scheduler.schedule-arn> "quoted" ü'
    ask(plan, "plan", reminder("r-1", NINE, text=text))

    payload = planned()["c-7.r-1"]["Target"]["Input"]
    assert "<aws.scheduler" not in payload
    assert json.loads(payload)["text"] == text


@IN_BOTH
def test_a_throttled_request_is_an_error_and_its_retry_plans_it(
    plan: ModuleType, aws: LocalAws, planned: Planned
) -> None:
    aws.fault(service="scheduler", operation="CreateSchedule", error={"code": "ThrottlingException"}, times=3)
    with fails_as("ThrottlingException", "ClientError"):
        ask(plan, "plan", reminder("r-1", NINE))
    assert planned() == {}

    ask(plan, "plan", reminder("r-1", NINE))
    assert list(planned()) == ["c-7.r-1"]


def test_an_answer_that_gets_lost_is_no_conflict(plan: ModuleType, aws: LocalAws, planned: Planned) -> None:
    """The SDK repeats the call with one token, which AWS recognizes; if not, the content decides."""
    tokens: list[str] = []
    plan.scheduler.meta.events.register(
        "before-send.scheduler.CreateSchedule",
        lambda request, **_: tokens.append(json.loads(request.body)["ClientToken"]),
    )
    aws.fault(service="scheduler", operation="CreateSchedule", response={"abort_bytes": 0}, times=1)

    ask(plan, "plan", reminder("r-1", NINE))

    assert list(planned()) == ["c-7.r-1"]
    assert len(tokens) == 2
    assert len(set(tokens)) == 1


@pytest.mark.parametrize(("action", "left"), [("plan", 1), ("move", 1), ("cancel", 0)])
def test_a_death_after_the_call_is_mended_by_the_callers_retry(
    plan: ModuleType, planned: Planned, monkeypatch: pytest.MonkeyPatch, action: str, left: int
) -> None:
    wanted = reminder("r-1", NINE)
    operation = {"plan": "create_schedule", "move": "update_schedule", "cancel": "delete_schedule"}[action]
    if action != "plan":
        ask(plan, "plan", wanted)
    call = getattr(plan.scheduler, operation)

    def call_then_die(**given: Any) -> None:
        call(**given)
        raise Died

    with monkeypatch.context() as dying:
        dying.setattr(plan.scheduler, operation, call_then_die)
        with pytest.raises(Died):
            ask(plan, action, wanted)

    ask(plan, action, wanted)
    assert len(planned()) == left


# Firing


@IN_BOTH
def test_what_was_planned_is_what_is_sent(plan: ModuleType, shop: Example, planned: Planned, carrier: Carrier) -> None:
    ask(plan, "plan", reminder("r-1", NINE, NEW_YORK, text="Parcel 9, <b>now</b>"))
    payload = json.loads(planned()["c-7.r-1"]["Target"]["Input"])

    with at(DUE):
        shop.environment("fire").handler(payload, Context())

    ((path, body),) = carrier.accepted.values()
    assert path == "/notices"
    assert (body["customer_id"], body["text"]) == ("c-7", "Parcel 9, <b>now</b>")


@IN_BOTH
def test_a_second_delivery_orders_nothing(fire: ModuleType, template: dict[str, Any], carrier: Carrier) -> None:
    with at(NIGHT):
        fire.handler(night(template), Context())
    with at(NIGHT, minutes=50):
        fire.handler(night(template), Context())

    assert sum(carrier.calls.values()) == 1


@IN_BOTH
def test_the_table_forgets_a_job_after_every_redelivery(
    fire: ModuleType, shop: Example, template: dict[str, Any]
) -> None:
    with at(NIGHT):
        fire.handler(night(template), Context())

    ttl = template["Resources"]["Done"]["Properties"]["TimeToLiveSpecification"]
    buried = template["Resources"]["Undelivered"]["Properties"]["MessageRetentionPeriod"]
    (done,) = shop.aws.client("dynamodb").scan(TableName=shop.stack.resources["Done"], ConsistentRead=True)["Items"]
    assert ttl["Enabled"]
    assert int(done[ttl["AttributeName"]]["N"]) - NIGHT.timestamp() > buried


@IN_BOTH
def test_two_deliveries_at_once_are_one_order(shop: Example, template: dict[str, Any], carrier: Carrier) -> None:
    environments = [shop.environment("fire") for _ in range(8)]
    start = threading.Barrier(len(environments))

    def deliver(app: ModuleType) -> str:
        start.wait()
        try:
            app.handler(night(template), Context())
        except Exception as error:
            return "retried by Lambda" if type(error).__name__ == "IdempotencyAlreadyInProgressError" else str(error)
        return "done"

    with at(NIGHT), ThreadPoolExecutor(len(environments)) as pool:
        answers = list(pool.map(deliver, environments))
        environments[0].handler(night(template), Context())

    assert {"done"} <= set(answers) <= {"done", "retried by Lambda"}
    assert sum(carrier.calls.values()) == 1


@IN_BOTH
def test_a_run_belongs_to_its_scheduled_time_even_after_midnight(
    fire: ModuleType, template: dict[str, Any], carrier: Carrier
) -> None:
    for n, zone in enumerate((ZoneInfo(NEW_YORK), UTC)):
        late = datetime(2090, 11, 26, 23, 30, tzinfo=zone)
        for minutes in (0, 45):
            with at(late, minutes=minutes):
                fire.handler(night(template, late), Context())
        assert sum(carrier.calls.values()) == n + 1

    with at(late, days=1):
        fire.handler(night(template, late + timedelta(days=1)), Context())
    assert len(carrier.accepted) == 3


@IN_BOTH
def test_a_reminder_planned_anew_under_its_old_id_is_sent_again(fire: ModuleType, carrier: Carrier) -> None:
    with at(DUE):
        fire.handler(notice(), Context())
    with at(DUE, days=1):
        fire.handler(notice(at="2090-11-28T09:00:00"), Context())

    assert len(carrier.accepted) == 2


@IN_BOTH
def test_what_comes_too_late_is_left_out_by_rule(fire: ModuleType, template: dict[str, Any], carrier: Carrier) -> None:
    for due, payload, limit in [(DUE, notice(), 60), (NIGHT, night(template), 360)]:
        for minutes, sent in ((limit + 1, False), (limit - 1, True)):
            with at(due, minutes=minutes):
                fire.handler(payload, Context())
            assert any(key.startswith(payload["id"]) for key in carrier.accepted) is sent


@IN_BOTH
def test_an_outage_is_an_error_and_the_retry_sends_once(fire: ModuleType, carrier: Carrier) -> None:
    carrier.down = True
    with at(DUE), fails_as("ConnectionError", "Error"):
        fire.handler(notice(), Context())

    carrier.down = False
    for minutes in (1, 3):
        with at(DUE, minutes=minutes):
            fire.handler(notice(), Context())

    assert list(carrier.calls.values()) == [2]


def test_a_death_after_the_order_repeats_it_under_the_same_key(
    shop: Example, template: dict[str, Any], carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    doomed, heir = shop.environment("fire"), shop.environment("fire")
    request = doomed.carrier.request

    def answer_then_die(*given: Any, **named: Any) -> None:
        request(*given, **named)
        raise Died

    monkeypatch.setattr(doomed.carrier, "request", answer_then_die)
    timeout = template["Resources"]["Fire"]["Properties"]["Timeout"] * 1000
    with at(NIGHT), pytest.raises(Died):
        doomed.handler(night(template), Context(remaining=timeout))
    with at(NIGHT, seconds=5), pytest.raises(IdempotencyAlreadyInProgressError):
        heir.handler(night(template), Context())
    with at(NIGHT, minutes=1):  # Lambda's first retry
        heir.handler(night(template), Context())

    assert list(carrier.calls.values()) == [2]  # honest: the call repeats, and the carrier's own dedupe makes it once
    assert len(carrier.accepted) == 1


@IN_BOTH
@pytest.mark.parametrize(("operation", "calls"), [("PutItem", 1), ("UpdateItem", 2)])
def test_a_table_that_throttles_only_delays(
    fire: ModuleType, aws: LocalAws, carrier: Carrier, operation: str, calls: int
) -> None:
    throttled = {"code": "ProvisionedThroughputExceededException"}
    aws.fault(service="dynamodb", operation=operation, error=throttled, times=3)  # as often as the SDK tries
    with at(DUE), pytest.raises(Exception, match=r"(?i)idempotency"):
        fire.handler(notice(), Context())

    with at(DUE, minutes=2):
        fire.handler(notice(), Context())

    assert list(carrier.calls.values()) == [calls]
    assert len(carrier.accepted) == 1


@IN_BOTH
def test_a_malformed_payload_is_an_error_and_calls_nobody(fire: ModuleType, carrier: Carrier) -> None:
    for wrong in ({"at": SCHEDULED_TIME}, {"at": ""}, {"zone": "../x"}, {"job": "refunds"}):
        with at(DUE), pytest.raises((ValueError, KeyError, HandlerError)):
            fire.handler(notice(**wrong), Context())
    with at(DUE), fails_as("KeyError", "ZodError"):
        fire.handler({"job": "pickups", "at": "2090-11-27T09:15:00Z"}, Context())

    assert not carrier.calls


def reported(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]


@IN_BOTH
def test_the_alarm_counts_the_pickups_that_were_ordered(
    fire: ModuleType, template: dict[str, Any], carrier: Carrier, capsys: pytest.CaptureFixture[str]
) -> None:
    with at(NIGHT, minutes=5):
        fire.handler(night(template), Context())
    with at(NIGHT, hours=7):
        fire.handler(night(template, NIGHT + timedelta(minutes=1)), Context())
    carrier.down = True
    with at(NIGHT, days=1), fails_as("ConnectionError", "Error"):
        fire.handler(night(template, NIGHT + timedelta(days=1)), Context())

    ordered, left_out = reported(capsys)
    alarm = template["Resources"]["NoPickup"]["Properties"]
    for each, value in ((ordered, 1), (left_out, 0)):
        assert each[alarm["MetricName"]] in (value, [value])  # Powertools for TypeScript, and for Python
        (directive,) = each["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == alarm["Namespace"]
        assert [[d["Name"] for d in alarm["Dimensions"]]] == directive["Dimensions"]
        assert {d["Name"]: d["Value"] for d in alarm["Dimensions"]}.items() <= each.items()


# The template


def test_the_nightly_hour_exists_once_every_day(template: dict[str, Any]) -> None:
    night = template["Resources"]["Fire"]["Properties"]["Events"]["OrderPickup"]["Properties"]
    minute, hour, *days = night["ScheduleExpression"].removeprefix("cron(").removesuffix(")").split()
    zone = ZoneInfo(night["ScheduleExpressionTimezone"])
    assert days == ["*", "*", "?", "*"]

    for day in range(3653):
        local = datetime(2026, 1, 1, int(hour), int(minute)) + timedelta(days=day)
        first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        assert first == second, f"{local} does not come exactly once"


def test_a_missed_night_alarms_and_the_long_day_of_autumn_does_not(template: dict[str, Any]) -> None:
    alarm = template["Resources"]["NoPickup"]["Properties"]
    night = template["Resources"]["Fire"]["Properties"]["Events"]["OrderPickup"]["Properties"]
    window = alarm["Period"] * alarm["EvaluationPeriods"]
    latest = night["RetryPolicy"]["MaximumEventAgeInSeconds"]

    assert 25 * 3600 + latest <= window <= 604_800
    assert window < 2 * 23 * 3600
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "LessThanThreshold")
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["WarmUpConfiguration"]["WarmUpPeriodDurationInMinutes"] * 60 >= window  # or it rings on its first day
    assert alarm["AlarmActions"]


def test_a_retry_never_outlives_the_rule_for_late_runs(fire: ModuleType, template: dict[str, Any]) -> None:
    properties = template["Resources"]["Fire"]["Properties"]
    ages = [
        properties["EventInvokeConfig"]["MaximumEventAgeInSeconds"],
        properties["Events"]["OrderPickup"]["Properties"]["RetryPolicy"]["MaximumEventAgeInSeconds"],
        json.loads(fire.os.environ["TARGET"])["RetryPolicy"]["MaximumEventAgeInSeconds"],
    ]

    assert max(ages) <= min(fire.LIMITS.values()).total_seconds()
    assert properties["Timeout"] < 60  # so the claim of an attempt that died has expired at Lambda's first retry


def test_scheduler_may_fire_and_bury_for_our_two_groups_and_nothing_else(template: dict[str, Any]) -> None:
    role = template["Resources"]["SchedulerRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    (policy,) = role["Policies"]
    allowed = {s["Action"]: s["Resource"] for s in policy["PolicyDocument"]["Statement"]}
    groups = {n for n, r in template["Resources"].items() if r["Type"] == "AWS::Scheduler::ScheduleGroup"}

    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    conditions = trust["Condition"]["StringEquals"]
    assert conditions.keys() == {"aws:SourceAccount", "aws:SourceArn"}
    assert [each["Fn::GetAtt"] for each in conditions["aws:SourceArn"]] == [[name, "Arn"] for name in sorted(groups)]
    assert allowed == {
        "lambda:InvokeFunction": {"Fn::GetAtt": ["Fire", "Arn"]},
        "sqs:SendMessage": {"Fn::GetAtt": ["Undelivered", "Arn"]},
    }


def test_the_planning_function_reaches_one_group_and_passes_one_role_to_one_service(template: dict[str, Any]) -> None:
    (policy,) = template["Resources"]["PlanReminders"]["Properties"]["Policies"]
    schedules, pass_role = policy["Statement"]

    assert all(action.startswith("scheduler:") and "*" not in action for action in schedules["Action"])
    assert schedules["Resource"]["Fn::Sub"].endswith(":schedule/${Reminders}/*")
    assert pass_role == {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": {"Fn::GetAtt": ["SchedulerRole", "Arn"]},
        "Condition": {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
    }


def test_every_way_to_fail_ends_in_the_watched_queue(template: dict[str, Any]) -> None:
    resources = template["Resources"]
    fire = resources["Fire"]["Properties"]
    undelivered = {"Fn::GetAtt": ["Undelivered", "Arn"]}

    assert fire["Events"]["OrderPickup"]["Properties"]["DeadLetterConfig"] == {"Arn": undelivered}
    assert fire["EventInvokeConfig"]["DestinationConfig"]["OnFailure"] == {"Type": "SQS", "Destination": undelivered}
    assert resources["Failed"]["Properties"]["Dimensions"][0]["Value"] == {"Fn::GetAtt": ["Undelivered", "QueueName"]}
