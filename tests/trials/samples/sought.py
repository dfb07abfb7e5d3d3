"""Objects, parameters and secrets that a function asks for in vain: what is laid there, so that it goes on."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from trials.deliveries.records import content_of
from trials.local_aws import LocalAws
from trials.project.parameters import value_for
from trials.samples.derive import guess, words

Thing = tuple[str, str, str]  # kind, name, content
READ = re.compile(
    r"""\[\s*['"]([A-Za-z_][\w-]*)['"]\s*\]|\.get\(\s*['"]([A-Za-z_][\w-]*)['"]|\??\.([a-z]\w*)\b(?!\s*\()"""
)
CODE = (".py", ".js", ".mjs", ".cjs", ".ts")
MOST = 80  # names that a secret is given
NO_JSON = re.compile(r"(?i)json|Expecting value|Unexpected token")
NAMES_ONLY = {"name", "arn", "url", "id", "table", "queue", "topic", "bucket"}


def wanted(
    missing: list[tuple[str, str]], folder: Path, resources: dict[str, str], error: str, before: list[Thing]
) -> list[Thing]:
    """What to lay for what was asked for in vain, given what has been laid `before` and the error that came then.

    `resources` are the stack's, by logical id; a parameter that is called like one of them holds its name.
    """
    known = {(kind, name) for kind, name, _ in before}
    things = [
        (kind, name, content(kind, name, folder, resources)) for kind, name in missing if (kind, name) not in known
    ]
    if not things and NO_JSON.search(error):
        things = [
            (kind, name, json.dumps(members(folder)))
            for kind, name, text in before
            if kind.startswith("parameter") and not text.startswith("{")
        ]
    return things


def content(kind: str, name: str, folder: Path, resources: dict[str, str]) -> str:
    """An object's content goes by its key; a secret holds every name that the code reads."""
    if kind == "object":
        return ""
    if kind == "secret":
        return json.dumps(members(folder))
    last = re.split(r"[/:.]", name.rstrip("/"))[-1]
    called = set(words(last).split()) - NAMES_ONLY
    meant = [physical for logical, physical in resources.items() if called and called <= set(words(logical).split())]
    return (
        meant[0]
        if meant
        else value_for(re.sub(r"[^A-Za-z0-9]", "", last) or "value", {}, "http://outside.example.test")
    )


def members(folder: Path) -> dict[str, Any]:
    names: dict[str, Any] = {"id": "trial-1"}
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix in CODE and "node_modules" not in path.parts]
    for path in paths[:MOST]:
        for match in READ.finditer(path.read_text(encoding="utf-8", errors="replace")):
            name = match[1] or match[2] or match[3]
            if len(names) < MOST:
                names.setdefault(name, guess(name, None))
    return names


def lay(local: LocalAws, thing: Thing) -> None:
    """Put one of them where it is looked for; what the service does not take stays away."""
    kind, name, text = thing
    with suppress(ClientError, BotoCoreError):
        if kind == "object":
            bucket, _, key = name.partition("/")
            s3 = local.client("s3")
            if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
                s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key=key, Body=content_of(key))
        elif kind == "secret":
            plain = re.sub(r"-\w{6}$", "", name.split(":secret:")[-1]) if ":secret:" in name else name
            local.client("secretsmanager").create_secret(Name=plain, SecretString=text)
        else:
            plain = name.split(":parameter")[-1]
            plain = f"{plain.rstrip('/')}/trial" if kind == "parameters" else plain
            local.client("ssm").put_parameter(Name=plain, Value=text, Type="String")


def told(things: list[Thing]) -> str:
    """How a sample's origin names what was laid."""
    listed = ", ".join(f"the {kind.removesuffix('s')} {name}" for kind, name, _ in things)
    return f"with {listed} that it looks for" if listed else ""
