"""What a function asks for in vain, such as a secret or another stack's queue: it is laid there, so that it goes on."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from botocore.exceptions import BotoCoreError, ClientError

from trials.deliveries.records import content_of
from trials.local_aws import LocalAws
from trials.project.mounts import MOUNTS
from trials.project.parameters import value_for
from trials.samples.derive import guess, words
from trials.samples.reads import FORMED
from trials.samples.waits import ACTIVITY, CALLBACK, TASK_TOKEN

Thing = tuple[str, str, str]  # kind, name, content
READ = re.compile(
    r"""\[\s*['"]([A-Za-z_][\w-]*)['"]\s*\]|\.get\(\s*['"]([A-Za-z_][\w-]*)['"]|\??\.([a-z]\w*)\b(?!\s*\()"""
)
CODE = (".py", ".js", ".mjs", ".cjs", ".ts")
MOST = 80  # names that a secret is given
TYPES = {  # of what is laid and is looked at afterwards, as what the stack makes is
    "object": "AWS::S3::Bucket",
    "bucket": "AWS::S3::Bucket",
    "queue": "AWS::SQS::Queue",
    "topic": "AWS::SNS::Topic",
    "table": "AWS::DynamoDB::Table",
}
ROW = "row"  # how the kind of a row ends, which begins with the name of its database
FILE = "file"  # of a file system that functions mount
MOUNTED = re.compile(r"/mnt/[\w.-]+/[\w./-]*\w")
ABSENT = re.compile(r"no such file|enoent|not found|not exist", re.IGNORECASE)
NAMES_ONLY = {"name", "arn", "url", "id", "table", "queue", "topic", "bucket"}


def wanted(missing: list[tuple[str, str]], folder: Path, resources: dict[str, str], before: list[Thing]) -> list[Thing]:
    """What to lay for what was asked for in vain, given what has been laid `before`.

    A parameter that did not do as a plain text comes again as JSON.

    `resources` are the stack's, by logical id; a parameter that is called like one of them holds its name. An object is
    not laid under a key that should have been decoded: that its function does not find it is to be seen.
    """
    known = {(kind, plain(name)) for kind, name, _ in before}
    own = {physical.rsplit("/", 1)[-1] for physical in resources.values() if f":{ACTIVITY}:" not in physical}
    lacking = [(kind, name) for kind, name in missing if plain(name) not in own and (kind, plain(name)) not in known]
    lacking = [(kind, name) for kind, name in lacking if kind != "object" or unquote_plus(name) == name]
    things = [(kind, name, content(kind, name, folder, resources)) for kind, name in lacking]
    if not things:
        things = [
            (kind, name, json.dumps(members(folder)))
            for kind, name, text in before
            if kind.startswith("parameter") and not text.startswith("{")
        ]
    return things


def content(kind: str, name: str, folder: Path, resources: dict[str, str]) -> str:
    """An object's content goes by its key; a secret, or the task of an activity, holds every name that code reads."""
    if kind in (*TYPES, TASK_TOKEN, CALLBACK, FILE, "log group"):
        return ""
    if kind.endswith(ROW):
        return json.dumps(row(json.loads(name.split("#", 1)[1]), folder))
    if kind in ("secret", ACTIVITY):
        return json.dumps(members(folder))
    last = re.split(r"[/:.]", name.rstrip("/"))[-1]
    called = set(words(last).split()) - NAMES_ONLY
    meant = [physical for logical, physical in resources.items() if called and called <= set(words(logical).split())]
    return (
        meant[0]
        if meant
        else value_for(re.sub(r"[^A-Za-z0-9]", "", last) or "value", {}, "http://outside.example.test")
    )


def row(asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A row with the values that a statement compares, and others by their names."""
    more = dict.fromkeys(members(folder)) if asked["star"] and asked["made_up"] else {}
    values: dict[str, Any] = {}
    types = declared(folder)
    for name, known in {**more, **asked["row"]}.items():
        of_its_type = types.get(name, 1 if name in asked["numbers"] else None)
        values[name] = guess(name, of_its_type) if known is None else known
    return {name: value for name, value in values.items() if isinstance(value, str | int | float | dict)}


COLUMN = re.compile(r"""\bColumn\(\s*['"](\w+)['"]\s*,\s*(?:\w+\.)*(\w+)(?:\(\s*['"]([^'"]+)['"])?""")
TYPED: dict[str, Any] = {"BINARY": {"hex": FORMED["fromhex"]}, "LargeBinary": {"hex": FORMED["fromhex"]}}
TYPED |= dict.fromkeys(("Integer", "BigInteger", "SmallInteger", "Float", "Numeric", "DECIMAL"), 1)


def declared(folder: Path) -> dict[str, Any]:
    """By column, a value of the type that SQLAlchemy's tables in the code give it, where that is no plain text."""
    values: dict[str, Any] = {}
    for path in sorted(folder.rglob("*.py"))[:MOST]:
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""  # or a link to nowhere
        for name, kind, first in COLUMN.findall(text):
            value = first if kind == "Enum" else TYPED.get(kind)
            values |= {name: value} if value else {}
    return values


def texts(folder: Path) -> Iterator[str]:
    """The function's own code, a file after the other."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in CODE and "node_modules" not in path.parts and path.is_file():
            yield path.read_text(encoding="utf-8", errors="replace")


def members(folder: Path) -> dict[str, Any]:
    names: dict[str, Any] = {"id": "trial-1"}
    for text in islice(texts(folder), MOST):
        for match in READ.finditer(text):
            name = match[1] or match[2] or match[3]
            if len(names) < MOST:
                names.setdefault(name, guess(name, None))
    return names


def absent_files(said: Iterable[str]) -> list[tuple[str, str]]:
    """The files of mounted file systems of which a refusal says that they are not there."""
    named = [path for text in said if ABSENT.search(text) for path in MOUNTED.findall(text) if ".." not in path]
    return [(FILE, path) for path in dict.fromkeys(named)]


def plain(name: str) -> str:
    """The name without what tells a table's key."""
    return name.split("#")[0]


def lay(local: LocalAws, thing: Thing, ending: str) -> dict[str, tuple[str, str]]:
    """Put one of them where it is looked for; by name, the type and physical id of what can be looked at afterwards.

    What the service does not take stays away. `ending` is that of the kind of file that an object is, if it is known.
    """
    kind, name, text = thing
    with suppress(ClientError, BotoCoreError):
        if kind in TYPES:
            label, physical = made(local, kind, name, ending)
            return {label: (TYPES[kind], physical)}
        if kind == "log group":
            local.client("logs").create_log_group(logGroupName=name)
        elif kind == FILE:
            write(local, name, ending)
        elif kind == "secret":
            called = re.sub(r"-\w{6}$", "", name.split(":secret:")[-1]) if ":secret:" in name else name
            local.client("secretsmanager").create_secret(Name=called, SecretString=text)
        else:
            called = name.split(":parameter")[-1]
            called = f"{called.rstrip('/')}/trial" if kind == "parameters" else called
            local.client("ssm").put_parameter(Name=called, Value=text, Type="String")
    return {}


def write(local: LocalAws, path: str, ending: str) -> None:
    """Put a file where each function that mounts its file system finds it."""
    for function in local.client("lambda").list_functions()["Functions"]:
        mounts = function.get("Environment", {}).get("Variables", {}).get(MOUNTS, "")
        for place, _, folder in (mount.partition("=") for mount in mounts.split(os.pathsep)):
            if place and path.startswith(f"{place}/"):
                file = local.mounts / folder / path.removeprefix(f"{place}/")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content_of(path, ending))


def made(local: LocalAws, kind: str, name: str, ending: str) -> tuple[str, str]:
    """What the function looks for, made unless it is there: its name and its physical id."""
    if kind in ("object", "bucket"):
        bucket, _, key = name.partition("/")
        s3 = local.client("s3")
        if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=bucket)
        if key:
            s3.put_object(Bucket=bucket, Key=key, Body=content_of(key, ending))
        return bucket, bucket
    if kind == "queue":
        fifo = {"Attributes": {"FifoQueue": "true"}} if name.endswith(".fifo") else {}
        return name, str(local.client("sqs").create_queue(QueueName=name, **fifo)["QueueUrl"])
    if kind == "topic":
        return name, str(local.client("sns").create_topic(Name=name)["TopicArn"])
    table, _, written = name.partition("#")
    key, _, index = written.partition("@")
    pairs = [attribute.split(":") for attribute in key.split(",")][:2]
    indexed = [{"IndexName": index, "KeySchema": schema(pairs), "Projection": {"ProjectionType": "ALL"}}]
    own = [["id", "S"]] if index else pairs
    types = {pair[0]: pair[1] for pair in (*pairs, *own)}
    local.client("dynamodb").create_table(
        TableName=table,
        KeySchema=schema(own),
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in types.items()],
        BillingMode="PAY_PER_REQUEST",
        **({"GlobalSecondaryIndexes": indexed} if index else {}),
    )
    return table, table


def schema(pairs: list[list[str]]) -> list[dict[str, str]]:
    return [{"AttributeName": key, "KeyType": "RANGE" if at else "HASH"} for at, (key, _) in enumerate(pairs)]


def told(things: list[Thing]) -> str:
    """How a sample's origin names what was laid."""
    listed = ", ".join(named(kind, name) for kind, name, _ in things)
    return f"with {listed} that it looks for" if listed else ""


def named(kind: str, name: str) -> str:
    if kind == ACTIVITY:
        return f"the task of the activity {name.rsplit(':', 1)[-1]}"
    return f"the {kind.removesuffix('s')} {plain(name)}"
