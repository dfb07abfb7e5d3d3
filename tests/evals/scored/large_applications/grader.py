"""A browser may upload one PDF of a bounded size to a key that it cannot choose; without it no application is complete.

canary-a90c4e6b-aws-serverless-eda: not for training
"""

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote_plus, unquote, urlsplit

from evals.happenings import START, ask, at
from evals.harness import Missing
from evals.iam import allows, arn, resolved, statements
from evals.scoring import Checks, Severity
from evals.system import System
from support.templates import findings, translated
from trials.local_aws import LocalAws
from trials.template import references

CHECKS = Checks()
LEAST, MOST = 40 * 1024 * 1024, 100 * 1024 * 1024  # what has to pass, and what must not
EVIL = "../../incoming/cv.html"


class Upload:
    """What a browser may do with the answer: a form to post (POST), or an address to put to (PUT)."""

    def __init__(self, answer: Any) -> None:
        self.fields: dict[str, str] = {}
        self.url = ""
        self.find(answer)
        if not self.url:
            raise Missing("the answer has no presigned URL, and no presigned form")

    def find(self, answer: Any) -> None:
        if isinstance(answer, dict) and "policy" in answer:
            self.fields = answer
        if isinstance(answer, str) and answer.startswith("http") and ("Signature=" in answer or not self.url):
            self.url = answer
        for inner in answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else ():
            self.find(inner)

    @property
    def policy(self) -> dict[str, Any]:
        return dict(json.loads(base64.b64decode(self.fields["policy"])))

    @property
    def signed(self) -> dict[str, str]:
        """The query of the address, the headers that it fixes by name."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.url).query).items()}
        return query | dict.fromkeys(query.get("X-Amz-SignedHeaders", "").split(";"), "fixed")

    @property
    def key(self) -> str:
        if self.fields:
            return self.fields["key"]
        return unquote(urlsplit(self.url).path).split("/", 2)[-1]

    def conditions(self, name: str) -> list[Any]:
        """The values of a condition of the form, each with how it is compared."""
        values: list[Any] = []
        for condition in self.policy["conditions"]:
            if isinstance(condition, dict):
                values += [("eq", value) for key, value in condition.items() if key.lower() == name.lower()]
            elif str(condition[1]).lstrip("$").lower() == name.lower():
                values.append((condition[0], condition[2]))
            elif condition[0] == name:
                values.append(condition[1:])
        return values

    @property
    def seconds(self) -> float:
        if not self.fields:
            return float(self.signed.get("X-Amz-Expires", "inf"))
        return (datetime.fromisoformat(self.policy["expiration"].replace("Z", "+00:00")) - START).total_seconds()


def send(system: System, filename: str = "cv.pdf", **more: Any) -> tuple[int, Any]:
    body = {"name": "Ada", "email": "ada@example.com", "filename": filename, "type": "application/pdf", "size": LEAST}
    with at():
        return ask(system, "POST", "/applications", body | {"content_type": "application/pdf"} | more)


def uploaded(system: System, **more: Any) -> Upload:
    status, answer = send(system, **more)
    if status >= 300:
        raise Missing(f"an application is answered with {status}: {answer}")
    return Upload(answer)


def arrive(system: System, key: str) -> None:
    """S3 tells whoever the template says of an object; raises what it raises."""
    bucket = next(iter(system.of_kind("AWS::S3::Bucket")))
    told = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Post",
        "s3": {"bucket": {"name": system.id(bucket)}, "object": {"key": quote_plus(key, safe="/"), "size": 5}},
    }
    system.call(receiver(system), {"Records": [told]})


def receiver(system: System) -> str:
    """The function that S3 tells of objects. Raises `Missing`."""
    for event in system.model.events:
        if event.kind == "S3":
            return event.owner.name
    for bucket in system.of_kind("AWS::S3::Bucket").values():
        for name in references(bucket.get("NotificationConfiguration", {}).get("LambdaConfigurations")):
            return name
    raise Missing("S3 tells no function of what arrives")


def states(system: System) -> list[str]:
    return sorted(str(item.get("state")) for item in system.items("Applications"))


@CHECKS(Severity.ASKED)
def a_large_file_goes_past_the_function(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    upload = uploaded(system)
    if upload.fields:
        ranges = upload.conditions("content-length-range")
        if ranges and ranges[0][1] < LEAST:
            yield f"forms take {ranges[0]} bytes, of up to {LEAST} that come"
    arrive(system, upload.key)
    if states(system) != ["COMPLETE"]:
        yield f"after its file arrived an application is {states(system)}"


@CHECKS(Severity.COSTS)
def no_file_is_larger_than_a_resume_can_be(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    upload = uploaded(system)
    if upload.fields:
        ranges = upload.conditions("content-length-range")
        if not ranges or ranges[0][1] > MOST:
            yield "anybody may store files of any size with us, up to 5 GB each"
    elif "content-length" not in upload.signed or send(system, size=2 * MOST)[0] < 400:
        yield "the size of what is put is not signed, or any size is"


@CHECKS(Severity.EXPOSES)
def the_sender_chooses_no_key(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    keys = [uploaded(system, filename="cv.pdf").key for _ in range(2)]
    if keys[0] == keys[1]:
        yield f"two applications with cv.pdf go to the same key, {keys[0]}: the second replaces the first"
    upload = uploaded(system, filename=EVIL)
    if ".." in upload.key or "${filename}" in upload.key or upload.key.endswith(".html"):
        yield f"the sender's file name makes the key {upload.key}"
    if upload.fields and [each for each in upload.conditions("key") if each[0] != "eq"]:
        yield f"a form may be posted to any key of {upload.conditions('key')}"


@CHECKS(Severity.EXPOSES)
def nothing_but_a_pdf_is_served_as_one(answer: Path, aws: LocalAws) -> Iterator[str]:
    upload = uploaded(System(answer, aws))
    if upload.fields:
        kinds = upload.conditions("Content-Type")
        if not kinds or not str(kinds[0][1]).startswith("application/"):
            yield "a form may say that its file is a web page"
    elif "content-type" not in upload.signed:
        yield "what is put may say that it is a web page"


@CHECKS(Severity.EXPOSES)
def a_permission_ends_within_the_hour(answer: Path, aws: LocalAws) -> Iterator[str]:
    upload = uploaded(System(answer, aws))
    if not 60 <= upload.seconds <= 3600:
        yield f"who has the answer may upload for {upload.seconds} s"


@CHECKS(Severity.LOSES)
def no_application_is_complete_without_its_file(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    first, second = uploaded(system), uploaded(system)
    if "COMPLETE" in states(system):
        yield "an application is complete before its file is there"
    for _ in range(2):
        arrive(system, second.key)
    if states(system).count("COMPLETE") != 1 or len(states(system)) != 2:
        yield f"of two applications one file arrived, told twice: {states(system)}"
    arrive(system, first.key)
    if states(system) != ["COMPLETE", "COMPLETE"]:
        yield f"of two applications both files arrived: {states(system)}"


@CHECKS(Severity.DOUBLES)
def a_file_makes_no_application(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    key = uploaded(system).key
    for other in (f"{key}x", key.replace(key.split("/")[-1], "11111111-1111-4111-8111-111111111111.pdf")):
        with suppress(Exception):
            arrive(system, other)
    if len(states(system)) != 1 or "COMPLETE" in states(system):
        yield f"a file that belongs to no application makes {states(system)}"


@CHECKS(Severity.BLOCKS)
def the_browser_may_do_it(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    method = "POST" if uploaded(system).fields else "PUT"
    rules = [
        rule
        for bucket in system.of_kind("AWS::S3::Bucket").values()
        for rule in bucket.get("CorsConfiguration", {}).get("CorsRules", [])
    ]
    fitting = [rule for rule in rules if method in rule.get("AllowedMethods", [])]
    if not [rule for rule in fitting if {"https://jobs.example.com", "*"} & set(rule.get("AllowedOrigins", []))]:
        yield f"the bucket's CORS lets no page of jobs.example.com {method}"


@CHECKS(Severity.EXPOSES)
def nobody_else_reads_or_lists(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    for name, bucket in system.of_kind("AWS::S3::Bucket").items():
        block = bucket.get("PublicAccessBlockConfiguration", {})
        if len([value for value in block.values() if value in (True, "true")]) != 4:
            yield f"{name} may be made public"
        for rule in bucket.get("CorsConfiguration", {}).get("CorsRules", []):
            if "*" in rule.get("AllowedOrigins", []) or "GET" in rule.get("AllowedMethods", []):
                yield f"any page, or more than uploads: {rule}"
    yield from (each for each in findings(answer / "template.yaml") if each.startswith(("E98", "E97", "W9702", "W980")))


@CHECKS(Severity.LOSES)
def what_cannot_be_noted_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    said = findings(answer / "template.yaml")
    yield from (each for each in said if each.startswith(("E", "SAM")) and not each.startswith(("E98", "E97")))


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    upload = uploaded(system)
    arrive(system, upload.key)
    bucket = next(iter(system.of_kind("AWS::S3::Bucket")))
    yield from system.denied()
    template = translated(answer / "template.yaml")
    signers = [
        name
        for name in system.functions
        if allows(granted(template, name), "s3:PutObject", f"{arn(template, bucket)}/{upload.key}")
    ]
    if not signers:
        yield f"no role may put {upload.key}: S3 refuses what was signed"
    for name in system.functions:
        if allows(granted(template, name), "s3:PutObject", f"{arn(template, bucket)}/other/key"):
            yield f"{name} may put any object, and whoever gets it to sign"


def granted(template: dict[str, Any], function: str) -> list[dict[str, Any]]:
    role = template["Resources"][function]["Properties"]["Role"]
    made = template["Resources"].get(role["Fn::GetAtt"][0], {}) if "Fn::GetAtt" in role else {}
    policies = [one["PolicyDocument"] for one in made.get("Properties", {}).get("Policies", [])]
    return [one for policy in resolved(template, policies) for one in statements(policy)]
