"""A way without a function is a source of its own: an event goes in at one end and must come out at the other."""
# ruff: noqa: E501, a resource of a template is easier to read on one line

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trials.bench import absent
from trials.faults.passing_on import line_for, to_bucket, to_bus, to_topic
from trials.project import Kind, sources
from trials.project.accounted import needed
from trials.project.sources import SCHEDULED, Source
from trials.template import read_template
from trials.verdicts import Verdict
from trials.verdicts.judge import passed_on

TEMPLATE = """
Resources:
  Jobs: { Type: AWS::SQS::Queue }
  Told: { Type: AWS::SNS::Topic, Properties: { Subscription: [{ Protocol: sqs, Endpoint: !GetAtt Jobs.Arn }] } }
  Heard:
    Type: AWS::SNS::Subscription
    Properties: { TopicArn: !Ref Told, Protocol: sqs, Endpoint: !GetAtt Jobs.Arn, FilterPolicy: { kind: [paid] } }
  Elsewhere: { Type: AWS::SNS::Subscription, Properties: { TopicArn: !Ref Told, Protocol: https, Endpoint: "https://x" } }
  Placed:
    Type: AWS::Events::Rule
    Properties: { EventPattern: { source: [shop] }, Targets: [{ Id: a, Arn: !Ref Told }] }
  Nightly: { Type: AWS::Events::Rule, Properties: { ScheduleExpression: rate(1 day), Targets: [{ Id: a, Arn: !Ref Told }] } }
  Files:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration:
        QueueConfigurations:
          - Event: s3:ObjectCreated:*
            Queue: !GetAtt Jobs.Arn
            Filter: { S3Key: { Rules: [{ Name: prefix, Value: in/ }, { Name: suffix, Value: .csv }] } }
          - { Event: "s3:ObjectRemoved:*", Queue: !GetAtt Jobs.Arn }
  Flow:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition: { StartAt: A, States: { A: { Type: Succeed } } }
      Events:
        Paid: { Type: EventBridgeRule, Properties: { Pattern: { source: [shop] } } }
        Daily: { Type: Schedule, Properties: { Schedule: rate(1 day) } }
  Hourly:
    Type: AWS::Scheduler::Schedule
    Properties: { ScheduleExpression: rate(1 hour), Target: { Arn: !GetAtt Jobs.Arn, RoleArn: arn } }
"""


def test_ways_whose_two_ends_are_here_are_tried_and_the_others_are_rows(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    listed = sources(read_template(tmp_path / "template.yaml"), tmp_path)

    assert {(each.name, each.origin, each.function) for each in listed if each.kind is Kind.ROUTE} == {
        ("Told.0", "Told", "Jobs"),
        ("Heard", "Told", "Jobs"),
        ("Placed", "", "Told"),
        ("Files.s3:ObjectCreated:*", "Files", "Jobs"),
        ("Files.s3:ObjectRemoved:*", "Files", "Jobs"),
        ("Flow.Paid", "", "Flow"),
        ("Flow.Daily", "", "Flow"),
        ("Nightly", "", "Told"),
        ("Hourly", "", "Jobs"),
        ("Elsewhere", "Told", "something elsewhere"),
    }
    assert [each.name for each in listed if each.elsewhere is not None] == ["Elsewhere"]


ELSEWHERE = """
Resources:
  Known: { Type: AWS::SQS::Queue }
  Group: { Type: AWS::Logs::LogGroup }
  Readings: { Type: AWS::Kinesis::Stream }
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: { source: [shop] }
      Targets:
        - { Id: a, Arn: !GetAtt Known.Arn }
        - { Id: b, Arn: !GetAtt Group.Arn }
        - { Id: c, Arn: !GetAtt Readings.Arn }
        - { Id: d, Arn: "arn:aws:events:eu-west-1:222222222222:event-bus/theirs" }
        - { Id: e, Arn: "arn:aws:lambda:eu-west-1:222222222222:function:theirs" }
  Lines: { Type: AWS::Logs::SubscriptionFilter, Properties: { LogGroupName: !Ref Group, FilterPattern: "", DestinationArn: "arn:x" } }
  OfNoGroup: { Type: AWS::Logs::SubscriptionFilter, Properties: { LogGroupName: /theirs, FilterPattern: "", DestinationArn: "arn:x" } }
  OnTheirs: { Type: AWS::Events::Rule, Properties: { EventBusName: { "Fn::ImportValue": bus }, EventPattern: { source: [shop] }, Targets: [{ Id: a, Arn: "arn:x" }] } }
"""


def test_a_queue_stands_in_for_an_end_that_shows_nothing_here(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(ELSEWHERE)
    listed = sources(read_template(tmp_path / "template.yaml"), tmp_path)

    assert [(each.function, each.elsewhere) for each in listed if each.kind is Kind.ROUTE] == [
        ("Known", None),
        ("Group", 1),
        ("Readings", 2),
        ("something elsewhere", 3),
        ("something elsewhere", 0),
    ]
    assert [each.name for each in listed if each.kind is Kind.OTHER] == ["Rule", "OfNoGroup", "OnTheirs"]


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("", "trial"),
        ("ERROR", "ERROR"),
        ('"timed out"', "timed out"),
        ("?ERROR ?WARN", "ERROR WARN"),
        ('{ ($.level = "ERROR") && ($.http.status = 500) }', '{"level": "ERROR", "http": {"status": 500}}'),
        ("{ $.tenant = t-* }", '{"tenant": "t-trial"}'),
    ],
)
def test_a_log_line_fits_the_pattern_of_the_filter(pattern: str, line: str) -> None:
    assert line_for(pattern) == line


@pytest.mark.parametrize("name", ['!Sub "${AWS::StackName}-shop"', "shop"])
def test_a_bus_is_known_by_the_name_that_it_has(name: str, tmp_path: Path) -> None:
    rule = f"EventBusName: {name}, EventPattern: {{ source: [shop] }}, Targets: [{{ Id: a, Arn: !GetAtt Jobs.Arn }}]"
    (tmp_path / "template.yaml").write_text(
        f"Resources:\n  Jobs: {{ Type: AWS::SQS::Queue }}\n  Bus: {{ Type: AWS::Events::EventBus, Properties: {{ Name: {name} }} }}\n"
        f"  Placed: {{ Type: AWS::Events::Rule, Properties: {{ {rule} }} }}\n"
    )
    (way,) = sources(read_template(tmp_path / "template.yaml"), tmp_path)

    assert (way.kind, way.origin, str(way)) == (Kind.ROUTE, "Bus", "route Placed → Jobs")


class Recorder:
    """Stands in for every client: keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def __getattr__(self, operation: str) -> Any:
        return lambda **request: self.asked.update({operation: request})


def stage(recorder: Recorder) -> Any:
    local = SimpleNamespace(client=lambda _: recorder)
    resources = {"Told": "arn:told", "Files": "files-1", "Hourly": "hourly-1", "FlowDaily": "daily-1"}
    stack = SimpleNamespace(resources=resources, types={"Hourly": "AWS::Scheduler::Schedule"})
    project = SimpleNamespace(bus={"BusName": "shared"}.get)
    return SimpleNamespace(local=local, stack=stack, project=project)


def test_what_is_sent_fits_the_filter() -> None:
    recorder = Recorder()
    source = Source(Kind.ROUTE, "Jobs", "Heard", "Told", pattern={"kind": ["paid"], "cents": [{"numeric": [">", 5]}]})
    to_topic(stage(recorder), source)
    attributes = recorder.asked["publish"]["MessageAttributes"]
    assert attributes["kind"] == {"DataType": "String", "StringValue": "paid"}
    assert attributes["cents"] == {"DataType": "Number", "StringValue": "6"}

    of_bucket = {"source": ["aws.s3"], "detail": {"bucket": {"name": [{"Ref": "Files"}]}}}
    to_bus(stage(recorder), Source(Kind.ROUTE, "Jobs", "Placed", pattern=of_bucket))
    entry = recorder.asked["put_events"]["Entries"][0]
    assert (entry["EventBusName"], json.loads(entry["Detail"])["bucket"]) == ("default", {"name": "files-1"})

    assert "put_rule" not in recorder.asked

    to_bus(stage(recorder), Source(Kind.ROUTE, "Jobs", "Placed", "BusName", pattern=of_bucket))
    assert recorder.asked["put_events"]["Entries"][0]["EventBusName"] == "shared"

    to_bucket(stage(recorder), Source(Kind.ROUTE, "Jobs", "F", "Files", pattern={"prefix": "in/", "suffix": ".csv"}))
    assert recorder.asked["put_object"]["Key"] == "in/trial.csv"
    assert "delete_object" not in recorder.asked

    to_bucket(stage(recorder), Source(Kind.ROUTE, "Jobs", "Files.s3:ObjectRemoved:*", "Files"))
    assert recorder.asked["delete_object"]["Key"] == "trial"


def test_an_event_of_aws_is_sent_under_a_source_that_others_may_use() -> None:
    recorder = Recorder()
    there = stage(recorder)
    there.stack.resources["Watched"] = "rule-1"
    there.local.client("events").__dict__["describe_rule"] = lambda **_: {"EventPattern": '{"source": ["aws.ec2"]}'}
    to_bus(there, Source(Kind.ROUTE, "Jobs", "Watched", pattern={"source": ["aws.ec2"]}))

    assert recorder.asked["put_events"]["Entries"][0]["Source"] == "trial.aws.ec2"
    rule = {"Name": "rule-1", "EventBusName": "default", "EventPattern": '{"source": ["trial.aws.ec2"]}'}
    assert recorder.asked["put_rule"] == rule


def test_what_a_schedule_sends_comes_without_waiting_for_its_time() -> None:
    recorder = Recorder()
    there = stage(recorder)
    of_rule = {"Id": "a", "Arn": "arn:flow", "InputPath": "$.detail", "RoleArn": "arn:role"}
    there.local.client("events").__dict__["list_targets_by_rule"] = lambda **_: {"Targets": [of_rule]}
    to_bus(there, Source(Kind.ROUTE, "Flow", "Flow.Daily", pattern=SCHEDULED))
    assert recorder.asked["put_targets"]["Targets"] == [{"Id": "trial-0", "Arn": "arn:flow", "InputPath": "$.detail"}]
    assert recorder.asked["put_events"]["Entries"][0]["Source"] == "trial.schedule"

    target = {"Arn": "arn:jobs", "Input": '{"run": 1}', "RoleArn": "arn:role"}
    there.local.client("scheduler").__dict__["get_schedule"] = lambda **_: {"Target": target}
    to_bus(there, Source(Kind.ROUTE, "Jobs", "Hourly", pattern=SCHEDULED))
    assert recorder.asked["put_targets"]["Targets"] == [{"Id": "trial-0", "Arn": "arn:jobs", "Input": '{"run": 1}'}]


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        ({"queue Jobs": ["a"], "topic Told": ["a"]}, Verdict.HELD),
        ({"queue Jobs": [], "topic Told": ["a"]}, Verdict.UNPROVED),  # it went in, which proves nothing
    ],
)
def test_only_what_comes_out_at_the_end_holds(after: Any, verdict: Verdict) -> None:
    judged = passed_on("queue Jobs", "a message", {"queue Jobs": [], "topic Told": []}, after)

    assert judged.verdict is verdict
    assert bool(judged.supply) is (verdict is Verdict.UNPROVED)


def test_the_rule_s_own_target_sends_what_it_makes_to_the_queue_that_stands_in() -> None:
    recorder = Recorder()
    there = stage(recorder)
    there.stack.resources["Rule"], there.stand_in = "rule-1", "arn:stand-in"
    targets = [{"Id": "a", "Arn": "arn:jobs"}, {"Id": "b", "Arn": "arn:logs", "RoleArn": "arn:role", "Input": "{}"}]
    there.local.client("events").__dict__["list_targets_by_rule"] = lambda **_: {"Targets": targets}
    there.local.client("events").__dict__["describe_rule"] = lambda **_: {"EventPattern": '{"source": ["shop"]}'}
    to_bus(there, Source(Kind.ROUTE, "Group", "Rule", pattern={"source": ["shop"]}, elsewhere=1))

    assert recorder.asked["put_targets"]["Targets"] == [{"Id": "b", "Arn": "arn:stand-in", "Input": "{}"}]


def test_a_subscription_elsewhere_keeps_its_filter_before_the_queue_that_stands_in() -> None:
    recorder = Recorder()
    there = stage(recorder)
    there.stand_in = "arn:stand-in"
    to_topic(there, Source(Kind.ROUTE, "something", "Heard", "Told", pattern={"kind": ["paid"]}, elsewhere=0))

    assert recorder.asked["subscribe"]["Endpoint"] == "arn:stand-in"
    assert json.loads(recorder.asked["subscribe"]["Attributes"]["FilterPolicy"]) == {"kind": ["paid"]}


def test_what_a_pattern_refers_to_is_what_deployment_made_of_it() -> None:
    recorder = Recorder()
    there = stage(recorder)
    there.stack.resources["Watched"] = "rule-1"
    deployed = {"source": ["shop"], "detail": {"arn": ["arn:stream"]}}
    there.local.client("events").__dict__["describe_rule"] = lambda **_: {"EventPattern": json.dumps(deployed)}
    written = {"source": ["shop"], "detail": {"arn": [{"Fn::GetAtt": ["Orders", "StreamArn"]}]}}
    to_bus(there, Source(Kind.ROUTE, "Jobs", "Watched", pattern=written))

    assert json.loads(recorder.asked["put_events"]["Entries"][0]["Detail"]) == {"arn": "arn:stream"}


def test_a_way_whose_rule_or_filter_is_not_deployed_says_which_condition_is_not_met() -> None:
    there = stage(Recorder())
    there.project.body = {"Resources": {"Lines": {"Condition": "IsLive"}}}
    there.stack.left_out, there.project.left_out = {}, {"Other": "refers to what is left out"}
    way = Source(Kind.ROUTE, "something elsewhere", "Lines", "Group", elsewhere=0)

    assert absent(there, way) == "Lines was not deployed: its condition IsLive is not met by the parameters"
    assert needed(way, absent(there, way)).startswith("parameters under [parameters]")
    other = Source(Kind.ROUTE, "something elsewhere", "Other", "Group", elsewhere=0)
    assert absent(there, other) == "Other was not deployed: refers to what is left out"
