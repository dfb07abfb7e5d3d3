"""A result of the trials with one of each kind, as the tests of the outputs want it."""

from pathlib import Path

from trials.local_aws import Outcome
from trials.project import Kind, Source
from trials.report.events import Deployed, Linted, SourceEnded, Told
from trials.report.result import Result
from trials.template import read_template
from trials.verdicts import Finding, Judgement, Promise, Status, broken, held, unproved
from trials.verdicts.remedies import remedy

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Failed.Arn, maxReceiveCount: 5 }
  Failed:
    Type: AWS::SQS::Queue
  Seen: { Type: AWS::Serverless::SimpleTable }
  Told: { Type: AWS::SNS::Topic }
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Environment: { Variables: { TABLE: !Ref Seen, TOPIC: !Ref Told } }
      Events:
        Jobs:
          Type: SQS
          Properties: { Queue: !GetAtt Jobs.Arn }
        Nightly:
          Type: Schedule
          Properties: { Schedule: rate(1 day) }
      Policies: [{ SNSPublishMessagePolicy: { TopicName: !GetAtt Told.TopicName } }]
  Image:
    Type: AWS::Lambda::Function
  Feed:
    Type: AWS::Lambda::EventSourceMapping
    Properties: { EventSourceArn: !GetAtt Jobs.Arn, FunctionName: !Ref Image }
"""
QUEUE = Source(Kind.QUEUE, "Work", "Work.Jobs", "Jobs")
NIGHTLY = Source(Kind.SCHEDULE, "Work", "Work.Nightly")
FEED = Source(Kind.QUEUE, "Image", "Feed", "Jobs")
HOSTILE = 'an item "<b>&</b>" | appeared, 100 %\x00\nagain: \ud800 `é` [x](y) <script>alert(1)</script>'
LINT = {
    "rule": "E9101",
    "level": "Error",
    "line": "3",
    "message": "Jobs: VisibilityTimeout is 30: a, b",
    "path": "Resources/Jobs",
    "link": "https://example.test/e9101",
}


def told(source: Source, trial: str, judgement: Judgement) -> Told:
    return Told(Finding(str(source), trial, judgement, *remedy(judgement.promise, source)))


def of_each_kind(folder: Path) -> Result:
    """Lint, a source of each status, a trial of each verdict and a scenario, of a template in `folder`."""
    (template := folder / "template.yaml").write_text(TEMPLATE)
    event = {"Records": [{"body": '{"id": "<1>"}'}]}
    result = Result(template=str(template), folder=str(folder), seconds=12.3)
    result.body, result.listed = read_template(template), [QUEUE, NIGHTLY, FEED]
    for happened in (
        Linted([LINT, {**LINT, "rule": "W1", "level": "Warning", "path": "Resources/Work/Properties", "link": ""}]),
        Deployed(["Failed (AWS::SQS::Queue)", "Jobs (AWS::SQS::Queue)", "Work (AWS::Lambda::Function)"], {}),
        told(QUEUE, "once", held("events/a.json: one item in table Seen", "table Seen: + id 1")),
        told(QUEUE, "twice", broken(Promise.DOUBLED, HOSTILE, "topic Told: + a message", "table Seen: + id 2")),
        told(QUEUE, "throttled", broken(Promise.LOST, "nothing came afterwards", "table Seen: - id 1")),
        told(QUEUE, "throttled", held("the same world")),
        told(QUEUE, "malformed", unproved("it cannot be told", supply="a log")),
        SourceEnded(QUEUE, Status.DELIVERED, seconds=9.5, event=event),
        told(NIGHTLY, "once", unproved("nothing was called", supply="an event")),
        SourceEnded(NIGHTLY, Status.UNPROVED, "nothing was called", "an event", 2.0),
        SourceEnded(FEED, Status.UNTRIED, "an image"),
    ):
        result.take(happened)
    result.outcomes = [Outcome("one order", "nothing", "it is booked", False), Outcome("two", "two", "both", True)]
    return result
