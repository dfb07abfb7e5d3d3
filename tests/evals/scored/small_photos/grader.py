"""Each upload gets its thumbnail, whatever its name, in a bucket that one function listens to already.

canary-4c8e02f7-aws-serverless-eda: not for training
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.flow import Flow
from evals.harness import intercepted
from evals.iam import statements
from evals.scoring import Checks, Severity
from evals.system import System, said
from trials.local_aws import LocalAws
from trials.template import as_dict, listed

CHECKS = Checks()
PHOTO = b"\xff\xd8\xff\xe0 a photo of a cat, large"
ODD = "summer 2026 (1) + 100%41 ö.jpg"


@contextmanager
def deployed(answer: Path, aws: LocalAws) -> Iterator[Flow]:
    with Flow(System(answer, aws)) as flow:
        for queue in flow.system.of_kind("AWS::SQS::Queue"):
            flow.system.messages(queue)  # what S3 sends to try a queue out
        yield flow


def kept(flow: Flow) -> dict[str, bytes]:
    s3, bucket = flow.system.aws.client("s3"), flow.system.id("Photos")
    listed_keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in listed_keys}


def small(flow: Flow, key: str) -> bool:
    """Whether there is a thumbnail of a photo that is smaller than it."""
    made = kept(flow).get(f"thumbnails/{key}", b"")
    return made.startswith(b"\xff\xd8 200 px")


@CHECKS(Severity.ASKED)
def a_photo_gets_a_thumbnail(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        flow.upload("Photos", "uploads/anna/cat.jpg", PHOTO)
        flow.upload("Photos", "uploads/bob/cat.jpg", PHOTO)
        flow.settle()
        if not small(flow, "anna/cat.jpg") or not small(flow, "bob/cat.jpg"):
            yield f"after two uploads the bucket holds {sorted(kept(flow))}"


@CHECKS(Severity.LOSES)
def a_name_may_hold_anything(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        flow.upload("Photos", f"uploads/anna/{ODD}", PHOTO)
        flow.settle()
        if not small(flow, f"anna/{ODD}"):
            yield f"after an upload of '{ODD}' the bucket holds {sorted(kept(flow))}"


@CHECKS(Severity.COSTS)
def a_thumbnail_sets_nothing_off(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        flow.upload("Photos", "uploads/anna/cat.jpg", PHOTO)
        flow.upload("Photos", "uploads/anna/uploads/thumbnails/dog.jpg", PHOTO)
        calls = list(flow.stored)
        if not flow.settle() or len(flow.stored) > len(calls) + 2:
            yield f"two uploads lead to {len(flow.stored) - len(calls)} further objects: {flow.stored[-3:]}"
        flow.stored.clear()
        flow.upload("Photos", "thumbnails/anna/by-hand.jpg", PHOTO)
        flow.settle()
        if len(flow.stored) > 1:
            yield f"an object below thumbnails/ is scaled again: {flow.stored[1:]}"


@CHECKS(Severity.LOSES)
def a_failure_of_the_moment_costs_no_thumbnail(answer: Path, aws: LocalAws) -> Iterator[str]:
    for broken in ("GetObject", "PutObject"):
        left = [1]

        def once(operation: str, parameters: dict[str, Any], really: Any, broken: str = broken) -> Any:
            is_upload = str(parameters.get("Key", "")).startswith("uploads/") and operation == "PutObject"
            if operation == broken and not is_upload and left:  # noqa: B023
                left.pop()  # noqa: B023
                raise ClientError({"Error": {"Code": "SlowDown", "Message": "reduce your rate"}}, operation)
            return really()

        with deployed(answer, aws) as flow:
            flow.upload("Photos", "uploads/anna/cat.jpg", PHOTO)
            with intercepted(once):
                flow.settle()
            if not small(flow, "anna/cat.jpg"):
                yield f"a {broken} that S3 refused once leaves a photo without its thumbnail"


@CHECKS(Severity.BLOCKS)
def what_is_no_photo_holds_up_nobody(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        flow.upload("Photos", "uploads/anna/a-notes.jpg", b"Dear diary")
        for number in range(3):
            flow.upload("Photos", f"uploads/anna/{number}.jpg", PHOTO)
        flow.settle(rounds=40)
        missing = [number for number in range(3) if not small(flow, f"anna/{number}.jpg")]
        given_up = sum(len(each.get("Records", [each])) if isinstance(each, dict) else 1 for _, each in flow.given_up)
        if missing or given_up > 1:
            yield f"beside a file that is no photo, the photos {missing} get none, and {given_up} are given up"


@CHECKS(Severity.LOSES)
def albums_go_on(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        flow.upload("Photos", f"uploads/anna/{ODD}", PHOTO)
        flow.settle()
        albums = [(each["owner"], each["photo"]) for each in flow.system.items("Albums")]
        if albums != [("anna", ODD)]:
            yield f"after an upload the albums hold {albums}"


def notifications(system: System) -> Iterator[tuple[str, str, str]]:
    """Kind of event, prefix and suffix of every notification of the bucket that is not EventBridge's."""
    configuration = as_dict(system.properties("Photos").get("NotificationConfiguration"))
    kinds = ("LambdaConfigurations", "QueueConfigurations", "TopicConfigurations")
    configured = [(each.get("Event"), each.get("Filter")) for kind in kinds for each in configuration.get(kind, [])]
    configured += [
        (each.body.get("Events"), each.body.get("Filter")) for each in system.model.events if each.kind == "S3"
    ]
    for events, filtered in configured:
        rules = as_dict(as_dict(filtered).get("S3Key")).get("Rules", [])
        by_name = {rule["Name"].lower(): rule["Value"] for rule in rules}
        for event in listed(events):
            yield str(event), by_name.get("prefix", ""), by_name.get("suffix", "")


@CHECKS(Severity.BLOCKS)
def it_can_be_deployed(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E1", "E2", "E3", "E6", "SAM")
    for one, other in combinations(notifications(System(answer, aws)), 2):
        events = one[0].removesuffix("*").startswith(other[0].removesuffix("*")) or other[0].removesuffix(
            "*"
        ).startswith(one[0].removesuffix("*"))
        prefixes = one[1].startswith(other[1]) or other[1].startswith(one[1])
        suffixes = one[2].endswith(other[2]) or other[2].endswith(one[2])
        if events and prefixes and suffixes:
            yield f"S3 refuses two notifications that overlap: {one} and {other}"


@CHECKS(Severity.LOSES)
def what_fails_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E9")


@CHECKS(Severity.HIDES)
def somebody_hears_of_photos_given_up(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    if not system.alarms("AWS/SQS") and not system.alarms("AWS/Lambda"):
        yield "no alarm watches the thumbnails"


@CHECKS(Severity.EXPOSES)
def photos_stay_private(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    block = as_dict(system.properties("Photos").get("PublicAccessBlockConfiguration"))
    if len(block) != 4 or not all(block.values()):
        yield f"the bucket can be opened to everybody: {block}"
    for policy in system.of_kind("AWS::S3::BucketPolicy").values():
        allowed = [each for each in statements(policy["PolicyDocument"]) if each["Effect"] == "Allow"]
        if [each for each in allowed if "*" in str(each.get("Principal"))]:
            yield "the bucket's policy admits everybody"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as flow:
        flow.upload("Photos", "uploads/anna/cat.jpg", PHOTO)
        flow.settle()
        yield from flow.system.denied()
