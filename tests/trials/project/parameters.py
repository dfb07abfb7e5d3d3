"""Values for a template's parameters that have no default."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trials.project.ed25519 import PUBLIC
from trials.template import TemplateError, as_dict
from trials.template.fitting import fitting
from trials.template.load import read_yaml

SSM = re.compile(r"AWS::SSM::Parameter::Value<(.*)>")

DATABASE = (  # what is called like one is reached by a host's name alone
    r"host(?!ed)|(?:rds|db|database|aurora|mysql|mariadb|postgres|redis|valkey|cache|memcached|cluster|proxy).*endpoint"
)


def made_up(parameters: dict[str, Any], url: str) -> dict[str, str]:
    """A value for each parameter that has no default; of an SSM type, the name of a stored parameter."""
    return {name: value_for(name, each, url) for name, each in parameters.items() if "Default" not in each}


def stored(parameters: dict[str, Any], values: dict[str, str], url: str) -> dict[str, str]:
    """What Parameter Store must hold before the stack is created: by name, a made-up value."""
    contents: dict[str, str] = {}
    for name, parameter in parameters.items():
        if kind := SSM.fullmatch(str(parameter.get("Type", ""))):
            key = values.get(name) or str(parameter.get("Default", ""))
            contents[key] = value_for(name, {"Type": kind[1]}, url)
    return contents


def value_for(name: str, parameter: dict[str, Any], url: str) -> str:
    if SSM.fullmatch(str(parameter.get("Type", ""))) or parameter.get("Type") == "AWS::SSM::Parameter::Name":
        return f"/trial/{name}"
    if allowed := parameter.get("AllowedValues"):
        return str(allowed[0])
    if parameter.get("Type") == "Number":
        return str(parameter.get("MinValue", 1))
    if "List" in parameter.get("Type", ""):
        return "one,two"
    guesses = {
        DATABASE: urlsplit(url).netloc,
        r"url|(?<!sec)uri|endpoint|issuer|origin(?!at|al)": url,
        r"arn|topic": "arn:aws:sns:us-east-1:123456789012:trial",
        r"mail": "trial@example.com",
        r"public_?key": PUBLIC,
        r"bucket": f"trial-{re.sub('[^a-z0-9]+', '-', name.lower())}"[:63],  # no two may have the same
        r"": "trial".ljust(int(parameter.get("MinLength", 0)), "x"),
    }
    pattern = parameter.get("AllowedPattern", "")
    likely = [value for word, value in guesses.items() if re.search(word, name, re.IGNORECASE)]
    matching = [value for value in [*likely, "12345678", "trial-1", "A1"] if re.fullmatch(pattern or ".*", value)]
    return (matching or [*filter(None, [fitting(pattern)]), *likely])[0]


# ---- what `samconfig.toml` or `samconfig.yaml` gives for `sam deploy`

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
    overridden: dict[str, str] = {}
    for command in ("global", "deploy"):
        settings = as_dict(as_dict(as_dict(read).get("default")).get(command))
        overridden |= pairs(as_dict(settings.get("parameters")).get("parameter_overrides"))
    return {
        name: value
        for name, value in overridden.items()
        if name in parameters and "AWS::SSM::" not in str(as_dict(parameters[name]).get("Type"))
    }


def pairs(written: Any) -> dict[str, str]:
    """Overrides by name, in the three forms that SAM takes: a text, a list of texts, a table."""
    if isinstance(written, dict):
        return {str(name): str(value) for name, value in written.items()}
    if isinstance(written, str):
        try:
            written = shlex.split(written)
        except ValueError:
            return {}
    by_name: dict[str, str] = {}
    for override in written if isinstance(written, list) else []:
        if isinstance(override, dict):
            by_name |= pairs(override)
        elif long := LONG.fullmatch(str(override)):
            by_name[long[1]] = long[2]
        elif "=" in str(override):
            name, _, value = str(override).partition("=")
            by_name[name] = value
    return by_name
