"""Where a resource, or an event of one, stands: its line in the template, and in the CDK program that made it."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from trials.project.source import Source
from trials.template import as_dict

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FRAME = re.compile(r"(?:^|\()((?:file://)?/[^():]+):(\d+):\d+\)?$")  # of a JavaScript stack trace
PATH = "aws:cdk:path"


@dataclass(frozen=True)
class Place:
    """A line of a file, counted from 1; `construct` is the path of the CDK construct that stands there."""

    file: Path
    line: int = 1
    construct: str = ""

    def within(self, root: Path) -> str:
        """The file as seen from a folder, with forward slashes; whole if it does not lie below it."""
        file = self.file.resolve()
        return file.relative_to(root.resolve()).as_posix() if file.is_relative_to(root.resolve()) else file.as_posix()


def root_of(template: Path) -> Path:
    """The folder that files are named from: the workflow's workspace, else the repository, else the template's own."""
    template = template.resolve()
    workspace = Path(os.environ.get("GITHUB_WORKSPACE") or "/nowhere").resolve()
    if template.is_relative_to(workspace):
        return workspace
    return next((folder for folder in template.parents if (folder / ".git").exists()), template.parent)


class Places:
    """The places of one template; what cannot be found stands at the nearest thing around it."""

    def __init__(self, template: Path) -> None:
        self.template = template

    @cached_property
    def _tree(self) -> yaml.Node | None:
        try:
            return yaml.compose(self.template.read_text(encoding="utf-8-sig"), Loader=LOADER)
        except (OSError, ValueError, yaml.YAMLError):
            return None

    @cached_property
    def _names(self) -> list[str]:
        resources = inner(self._tree, "Resources")
        return [key.value for key, _ in resources[1].value] if resources and is_mapping(resources[1]) else []

    @cached_property
    def _constructs(self) -> dict[str, Place]:
        """By logical id: where CDK made it, without a file for constructs of whose making no trace was kept."""
        return dict(constructs(self.template))

    def line(self, *path: str | int) -> int:
        """The line at which the deepest key of a path begins that the template has."""
        here, line = self._tree, 1
        for key in path:
            pair = inner(here, key)
            if not pair:
                break
            line, here = pair[0].start_mark.line + 1, pair[1]
        return line

    def of_resource(self, name: str, *path: str | int) -> Place:
        """Of a resource, or of what a path within it leads to; for a part of a nested stack, that of the stack."""
        known = [each for each in self._names if name.startswith(each)]
        name = max(known, key=len, default=name)
        if made := self._constructs.get(name):
            return made if made.file.name else Place(self.template, self.line("Resources", name, *path), made.construct)
        return Place(self.template, self.line("Resources", name, *path))

    def of_source(self, source: Source) -> Place:
        """Of the event or the resource that joins a source to its function."""
        name, _, event = source.name.partition(".")
        return self.of_resource(name or source.function, *(("Properties", "Events", event) if event else ()))

    def of_path(self, path: list[str | int]) -> Place:
        """Of a piece of the template, named by the keys that lead to it."""
        if len(path) > 1 and path[0] == "Resources":
            return self.of_resource(str(path[1]), *path[2:])
        return Place(self.template, self.line(*path))


def is_mapping(node: yaml.Node | None) -> bool:
    return isinstance(node, yaml.MappingNode)


def inner(node: yaml.Node | None, key: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """What stands under a key, after the node where it begins."""
    if isinstance(node, yaml.MappingNode):
        return next(((name, value) for name, value in node.value if name.value == str(key)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key], node.value[key]
    return None


def constructs(template: Path) -> Iterator[tuple[str, Place]]:
    """Logical ids of what CDK made, with construct and line of the program, from what it wrote beside the template."""
    for name, resource in as_dict(loaded(template).get("Resources")).items():
        if path := as_dict(as_dict(resource).get("Metadata")).get(PATH):
            yield name, Place(Path(), construct=str(path))
    for construct, entries in metadata(template).items():
        said = {each.get("type"): each.get("data") for each in entries}
        logical_id: Any = said.get("aws:cdk:logicalId")
        trace: Any = said.get("aws:cdk:creationStack")
        trace = trace or next((each["trace"] for each in entries if each.get("trace")), None)
        for file, line in frames(trace):
            if logical_id and file.is_file():
                yield str(logical_id), Place(file, line, construct.lstrip("/"))
                break


def frames(trace: Any) -> Iterator[tuple[Path, int]]:
    """Files and lines of a stack trace, that of the reader's own code first."""
    for frame in trace if isinstance(trace, list) else []:
        position = FRAME.search(str(frame))
        if position and "/node_modules/" not in position[1]:
            yield Path(position[1].removeprefix("file://")), int(position[2])


def metadata(template: Path) -> dict[str, list[dict[str, Any]]]:
    """What CDK wrote down of each construct path of a stack: in a file of its own, or in the manifest."""
    stack = template.name.removesuffix(".template.json")
    if own := loaded(template.with_name(f"{stack}.metadata.json")):
        return own
    for artifact in as_dict(loaded(template.with_name("manifest.json")).get("artifacts")).values():
        if as_dict(artifact.get("properties")).get("templateFile") == template.name:
            return as_dict(artifact.get("metadata"))
    return {}


def loaded(file: Path) -> dict[str, Any]:
    try:
        return as_dict(json.loads(file.read_text(encoding="utf-8-sig")))
    except (OSError, ValueError):
        return {}
