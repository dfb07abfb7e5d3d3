"""A CloudFormation or SAM template as data."""

from pathlib import Path
from typing import Any

import yaml

LOOP = "Fn::ForEach::"
EXTENSIONS = "AWS::LanguageExtensions"


class TemplateError(ValueError):
    """The file is no template that can be read; the message says why."""


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


def read_yaml(path: Path) -> Any:
    """The data in a YAML or JSON file, short forms expanded; raises `TemplateError` with the reason in one line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TemplateError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from error
    except OSError as error:
        raise TemplateError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return yaml.load(text, Loader=_CloudFormation)  # noqa: S506, a SafeLoader
    except yaml.YAMLError as error:
        first_tab = "; indent with spaces, YAML takes no tabs" if "\t" in text else ""
        why = " ".join(str(error).split()).replace("<unicode string>", path.name)  # what it calls a text
        raise TemplateError(f"{path} is no YAML: {why[:300]}{first_tab}") from error


def read_template(path: Path) -> dict[str, Any]:
    """A CloudFormation or SAM template as data, its short forms and loops expanded.

    Raises `TemplateError` for what is no template, with the reason in one line.
    """
    template = read_yaml(path)
    if not isinstance(template, dict):
        raise TemplateError(f"{path} holds {'nothing' if template is None else 'no mapping'}, and a template is one")
    if has_loops(template):
        template = without_loops(path)
    resources = template.get("Resources")
    for name, resource in (resources if isinstance(resources, dict) else {}).items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise TemplateError(f"{path}: the resource {name} has no Type")
    return template


def has_loops(value: Any) -> bool:
    if isinstance(value, dict):
        return any(str(key).startswith(LOOP) or has_loops(inner) for key, inner in value.items())
    return isinstance(value, list) and any(has_loops(inner) for inner in value)


def without_loops(path: Path) -> dict[str, Any]:
    """The template with `Fn::ForEach` expanded by cfn-lint, which is only loaded for this."""
    import json

    from cfnlint.decode import decode
    from cfnlint.template.template import Template
    from cfnlint.template.transforms._language_extensions import language_extension

    decoded, errors = decode(str(path))
    if not errors and decoded:
        errors, expanded = language_extension(Template(str(path), decoded, ["us-east-1"]))
    if errors:
        raise TemplateError(f"{path}: Fn::ForEach cannot be expanded: {errors[0].message}")
    plain: dict[str, Any] = json.loads(json.dumps(expanded))
    transforms = plain.get("Transform")
    if isinstance(transforms, list):
        plain["Transform"] = [name for name in transforms if name != EXTENSIONS]
    else:
        plain.pop("Transform", None)
    return plain
