"""Values for a template's parameters that have no default."""

import re
from typing import Any

SSM = re.compile(r"AWS::SSM::Parameter::Value<(.*)>")


def made_up(parameters: dict[str, Any], url: str) -> dict[str, str]:
    """A value for each parameter that has no default; of an SSM type, the name of a stored parameter."""
    return {name: value_for(name, each, url) for name, each in parameters.items() if "Default" not in each}


def stored(parameters: dict[str, Any], values: dict[str, str], url: str) -> dict[str, str]:
    """What Parameter Store must hold before the stack is created: by name, a made-up value."""
    found: dict[str, str] = {}
    for name, parameter in parameters.items():
        if kind := SSM.fullmatch(str(parameter.get("Type", ""))):
            key = values.get(name) or str(parameter.get("Default", ""))
            found[key] = value_for(name, {"Type": kind[1]}, url)
    return found


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
        r"url|uri|endpoint|issuer|origin|host": url,
        r"arn|topic": "arn:aws:sns:us-east-1:123456789012:trial",
        r"mail": "trial@example.test",
        r"bucket": f"trial-{re.sub('[^a-z0-9]+', '-', name.lower())}"[:63],  # no two may have the same
        r"": "trial".ljust(int(parameter.get("MinLength", 0)), "x"),
    }
    fitting = [value for word, value in guesses.items() if re.search(word, name, re.IGNORECASE)]
    pattern = parameter.get("AllowedPattern", "")
    matching = [value for value in [*fitting, "12345678", "trial-1", "A1"] if re.fullmatch(pattern or ".*", value)]
    return (matching or fitting)[0]
