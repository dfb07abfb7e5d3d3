"""A CloudFormation or SAM template as data."""

from pathlib import Path
from typing import Any

import yaml


class _CloudFormation(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with CloudFormation's short forms (`!Ref x`) expanded to their long ones."""


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        value = value.split(".", 1) if suffix == "GetAtt" else value
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_CloudFormation.add_multi_constructor("!", _intrinsic)
_CloudFormation.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))


def read_template(path: Path) -> dict[str, Any]:
    """A CloudFormation or SAM template as data, its short forms expanded."""
    template = yaml.load(path.read_text(), Loader=_CloudFormation)  # noqa: S506, a SafeLoader
    assert isinstance(template, dict)
    return template
