"""What changed in AWS's own models between two versions of botocore, and which facts of ours that touches, as Markdown.

    uv run --directory tests python -m support.drift 1.44.5 1.44.8

A version is downloaded into a temporary folder; a folder with SERVICE/API-VERSION/service-2.json is read as it stands.
"""

import html
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore
from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader

from support.facts import Fact, facts, found_at, shows

SERVICES = (
    *("lambda", "sqs", "sns", "events", "eventbridgev2", "scheduler", "pipes"),
    *("stepfunctions", "dynamodb", "kinesis", "apigatewayv2", "apigateway", "logs", "cloudwatch"),
)
NUMBER = re.compile(r"(?<![\w.\-/\[{])\d")  # not a part of a name, an ARN or a pattern
LIMITS = ("min", "max", "pattern", "deprecated")
Model = dict[str, Any]


def models(source: str, folder: Path) -> Path:
    """Where the models of a version are, downloaded below `folder` unless they are here already."""
    if Path(source).is_dir():
        return Path(source)
    if source == botocore.__version__:
        return Path(botocore.__file__).parent / "data"
    target = folder / source
    command = [os.environ.get("UV", "uv"), "pip", "install", "-q", "--no-deps", "--target", str(target)]
    subprocess.run([*command, f"botocore=={source}"], check=True)
    return target / "botocore" / "data"


def read(folder: Path, service: str) -> Model:
    """The newest model of a service; without operations and shapes where there is none."""
    loader = Loader(extra_search_paths=[str(folder)], include_default_search_paths=False)
    try:
        model: Model = loader.load_service_model(service, "service-2")
    except DataNotFoundError:
        return {"operations": {}, "shapes": {}}
    return model


def changes(old: Model, new: Model) -> Iterator[str]:
    """One line for each operation, member, value, limit and sentence with a number that is not as it was."""
    yield from _names("operation ", old["operations"], new["operations"])
    for name in sorted(set(old["shapes"]) & set(new["shapes"])):
        before, after = old["shapes"][name], new["shapes"][name]
        yield from _names(f"`{name}`: member ", before.get("members", {}), after.get("members", {}))
        yield from _names(f"`{name}`: value ", before.get("enum", []), after.get("enum", []))
        yield from _names(f"`{name}`: required ", before.get("required", []), after.get("required", []))
        for limit in LIMITS:
            if before.get(limit) != after.get(limit):
                yield f"`{name}.{limit}`: {before.get(limit, 'none')} became {after.get(limit, 'none')}"
    yield from _reworded(_documentation(old), _documentation(new))


def _names(what: str, before: Any, after: Any) -> Iterator[str]:
    for verb, names in (("is new", set(after) - set(before)), ("is gone", set(before) - set(after))):
        for name in sorted(names):
            yield f"{what}`{name}` {verb}"


def _documentation(model: Model) -> dict[str, str]:
    """The documentation of each operation, shape and member, by its name."""
    found = {name: each.get("documentation", "") for name, each in model["operations"].items()}
    for name, shape in model["shapes"].items():
        found[name] = shape.get("documentation", "")
        for member, each in shape.get("members", {}).items():
            found[f"{name}.{member}"] = each.get("documentation", "")
    return found


def _reworded(before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    """The sentences with numbers that came or went, each once, with the first of the places where they stand."""
    places: dict[tuple[str, str], list[str]] = {}
    for name in sorted(set(before) & set(after)):
        was, now = _numbered(before[name]), _numbered(after[name])
        gone, came = [each for each in was if each not in now], [each for each in now if each not in was]
        if gone or came:
            places.setdefault((" ".join(gone), " ".join(came)), []).append(name)
    for (said, says), names in places.items():
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"`{names[0]}`{others} said “{said or 'nothing'}” and says “{says or 'nothing'}”"


def _numbered(documentation: str) -> list[str]:
    plain = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", documentation)).split())
    return [each for each in re.split(r"(?<=[.!?]) (?=[A-Z])", plain) if NUMBER.search(each)]


def touched(fact: Fact, old: Model, new: Model) -> str:
    """What became of a fact whose proof is not as it was, else nothing."""
    _, _, place = fact.botocore.partition("/")
    try:
        was, now = found_at(old, place), found_at(new, place)
        if was == now or (isinstance(was, dict) and set(was) == set(now)):
            return ""
        return "is still shown" if shows(fact, now) else "is shown no longer: mend it"
    except LookupError:
        return "has lost its proof: mend it"


def report(old: Path, new: Path, known: list[Fact]) -> str:
    lines = []
    services = sorted({path.name for path in new.iterdir()} - {path.name for path in old.iterdir()})
    if services:
        lines += ["New services: " + ", ".join(services), ""]
    for service in SERVICES:
        if found := list(changes(read(old, service), read(new, service))):
            lines += [f"### {service}", "", *(f"- {each}" for each in found), ""]
    proved = [each for each in known if each.botocore]
    pairs = {each.botocore.partition("/")[0] for each in proved}
    both = {service: (read(old, service), read(new, service)) for service in pairs}
    fates = {fact: touched(fact, *both[fact.botocore.partition("/")[0]]) for fact in proved}
    if any(fates.values()):
        lines += ["### Facts", "", *(f"- `{fact.id}` “{fact.says}” {fate}" for fact, fate in fates.items() if fate), ""]
    return "\n".join(lines) or "Nothing changed in: " + ", ".join(SERVICES) + "\n"


def main(words: list[str]) -> int:
    if len(words) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        old, new = (models(each, Path(folder)) for each in words)
        sys.stdout.write(report(old, new, facts()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
