"""Price lists: with odd names, overwritten, half uploaded, unreadable, with bad rows; checked, imported once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trials.local_aws import LocalAws, Outcome, seen

HEADER = "sku,cents,currency"
ODD = "acme/price list + 50%.csv"


def price_list(*rows: str) -> bytes:
    return "".join(f"{line}\n" for line in (HEADER, *rows)).encode()


def rows(count: int, cents: int) -> list[str]:
    return [f"mug-{n},{cents},EUR" for n in range(count)]


class Shop:
    """What is deployed, looked at from outside."""

    def __init__(self, local: LocalAws, template: Path) -> None:
        self.local = local
        self.stack = local.deploy(template, AlarmTopicArn="arn:aws:sns:us-east-1:123456789012:alerts")
        self.s3, self.states = local.client("s3"), local.client("stepfunctions")
        self.incoming, self.files = self.stack.outputs["IncomingBucket"], self.stack.outputs["FilesBucket"]
        self.machine = self.stack.outputs["StateMachineArn"]
        self.uploads = 0

    def upload(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.incoming, Key=key, Body=body)
        self.uploads += 1

    def prices(self, key: str) -> set[int]:
        """The different prices of a list."""
        pages = (
            self.local.client("dynamodb").get_paginator("scan").paginate(TableName=self.stack.outputs["PricesTable"])
        )
        return {int(each["cents"]["N"]) for page in pages for each in page["Items"] if each["list"]["S"] == key}

    def imports(self, key: str) -> list[dict[str, Any]]:
        """The executions for a list, each with its input and status."""
        found = self.states.list_executions(stateMachineArn=self.machine)["executions"]
        all_of_them = [self.states.describe_execution(executionArn=each["executionArn"]) for each in found]
        return [each | {"input": json.loads(each["input"])} for each in all_of_them if f'"{key}"' in each["input"]]

    def ended(self, key: str) -> list[str]:
        """How the imports of a list ended, once one has; nothing if none has in time."""
        seen(lambda: [each for each in self.imports(key) if each["status"] != "RUNNING"])
        return [each["status"] for each in self.imports(key)]

    def kept(self, where: str, key: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.files, Prefix=f"{where}/{key}/").get("Contents", [])
        return [each["Key"] for each in found]

    def checks(self) -> int:
        """How many events CheckFile took."""
        lines = [line for line in self.local.logs(self.stack.outputs["CheckFunction"]) if line.startswith("{")]
        taken = [each for each in map(json.loads, lines) if each.get("message") == "taken" and "key" in each]
        return len(taken)


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    shop = Shop(local, template)

    say("a price list whose name is none for a URL")
    shop.upload(ODD, price_list(*rows(12, 990)))
    shop.ended(ODD)
    held = shop.prices(ODD) == {990}
    yield Outcome("a list with blanks, + and % in its name", f"prices {shop.prices(ODD)}", "every price is kept", held)

    say("its event once more")
    (first,) = shop.imports(ODD)
    head = shop.s3.head_object(Bucket=shop.incoming, Key=ODD)
    told = {"key": ODD, "size": head["ContentLength"], "etag": head["ETag"].strip('"')}
    repeat = {"id": "repeat", "detail": {"object": told | {"sequencer": first["input"]["version"]}}}
    payload = json.dumps(repeat)
    answer = local.client("lambda").invoke(FunctionName=shop.stack.outputs["CheckFunction"], Payload=payload)
    once = "FunctionError" not in answer and len(shop.imports(ODD)) == 1
    yield Outcome("a repeated event", f"{len(shop.imports(ODD))} imports", "one upload, one import", once)

    say("the list is overwritten, and the older one comes late")
    shop.upload(ODD, price_list(*rows(12, 1200)))
    seen(lambda: shop.prices(ODD) == {1200})
    late = shop.states.start_execution(stateMachineArn=shop.machine, name="late", input=json.dumps(first["input"]))
    seen(lambda: shop.states.describe_execution(executionArn=late["executionArn"])["status"] != "RUNNING")
    newest = shop.prices(ODD) == {1200}
    yield Outcome("an older list after the newer", f"prices {shop.prices(ODD)}", "the newest list wins", newest)

    say("files that nobody should read")
    unreadable = {"empty.csv": b"", "head.csv": price_list(), "notes.csv": b"Dear all,\nhere are the prices\n"}
    for key, body in {**unreadable, "cut.csv": price_list(*rows(3, 990))[:-9]}.items():
        shop.upload(key, body)
    names = [*unreadable, "cut.csv"]
    seen(lambda: all(shop.kept("quarantine", key) for key in names))
    aside = sum(len(shop.kept("quarantine", key)) for key in names)
    unread = aside == len(names) and not any(shop.imports(key) for key in names)
    yield Outcome(
        "empty, without rows, no list, cut off", f"{aside} in quarantine", "set aside before it is read", unread
    )

    say("an upload whose sender pauses before its end")
    large, checked = "large.csv", shop.checks()
    begun = shop.s3.create_multipart_upload(Bucket=shop.incoming, Key=large)
    upload = {"Bucket": shop.incoming, "Key": large, "UploadId": begun["UploadId"]}
    part = shop.s3.upload_part(**upload, PartNumber=1, Body=price_list(*rows(3, 700)))
    early = shop.checks() - checked
    shop.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    shop.uploads += 1
    shop.ended(large)
    whole = early == 0 and shop.prices(large) == {700}
    happened = f"{early} checks before, prices {shop.prices(large)} after"
    yield Outcome("a multipart upload", happened, "read once it is complete", whole)

    say("rows that are no prices")
    few = "few.csv"
    shop.upload(few, price_list(*rows(19, 500), "mug-x,9,90,EUR"))
    tolerated = shop.ended(few) == ["SUCCEEDED"] and shop.prices(few) == {500}
    yield Outcome("1 bad row of 20", f"{shop.ended(few)}", "a few bad rows stop no list", tolerated)
    many = "many.csv"
    shop.upload(many, price_list(*rows(9, 500), "mug-x,free,EUR"))
    given_up = shop.ended(many) == ["FAILED"]
    yield Outcome("1 bad row of 10", f"{shop.ended(many)}", "too many fail the list", given_up)

    say("an event that nobody can read")
    functions, name = local.client("lambda"), shop.stack.outputs["CheckFunction"]
    functions.invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps({"id": "odd", "detail": {"object": {}}})
    )
    sqs, unchecked = local.client("sqs"), shop.stack.outputs["UncheckedUrl"]
    found = seen(lambda: sqs.receive_message(QueueUrl=unchecked).get("Messages"))
    yield Outcome("an event without an object", f"{len(found or [])} in the queue", "nothing is lost", bool(found))

    say("what became of the files it wrote itself")
    seen(lambda: shop.checks() >= shop.uploads + 1)
    checks = shop.checks()
    calm = checks == shop.uploads + 1
    yield Outcome(f"{shop.uploads} uploads and a repeat", f"{checks} checks", "its own files set off nothing", calm)
