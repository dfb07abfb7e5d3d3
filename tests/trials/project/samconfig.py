"""The parameter overrides that `samconfig.toml` or `samconfig.yaml` gives for `sam deploy`."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

from trials.template import TemplateError, as_dict
from trials.template.load import read_yaml

NAMES = ("samconfig.toml", "samconfig.yaml", "samconfig.yml")
LONG = re.compile(r"ParameterKey=([^,\s]+),ParameterValue=(.*)", re.DOTALL)


def overrides(folder: Path, parameters: dict[str, Any]) -> dict[str, str]:
    """What the default environment's `deploy` gives to parameters that the template has; what it says of others, and
    a file that cannot be read, is left alone: SAM itself tells of those."""
    path = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if path is None:
        return {}
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8")) if path.suffix == ".toml" else read_yaml(path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TemplateError):
        return {}
    found: dict[str, str] = {}
    for command in ("global", "deploy"):
        settings = as_dict(as_dict(as_dict(read).get("default")).get(command))
        found |= pairs(as_dict(settings.get("parameters")).get("parameter_overrides"))
    return {name: value for name, value in found.items() if name in parameters and not is_stored(parameters[name])}


def is_stored(parameter: Any) -> bool:
    """Whether a parameter gets the name of a value that Parameter Store holds."""
    return "AWS::SSM::" in str(as_dict(parameter).get("Type"))


def pairs(written: Any) -> dict[str, str]:
    """Overrides by name, in the three forms that SAM takes: a text, a list of texts, a table."""
    if isinstance(written, dict):
        return {str(name): str(value) for name, value in written.items()}
    if isinstance(written, str):
        try:
            written = shlex.split(written)
        except ValueError:
            return {}
    found: dict[str, str] = {}
    for each in written if isinstance(written, list) else []:
        if isinstance(each, dict):
            found |= pairs(each)
        elif long := LONG.fullmatch(str(each)):
            found[long[1]] = long[2]
        elif "=" in str(each):
            name, _, value = str(each).partition("=")
            found[name] = value
    return found
