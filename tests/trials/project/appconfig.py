"""What the extension of AWS AppConfig answers, which is a layer that only AWS has: the template holds it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from trials.local_aws.outside import Supplied
from trials.template import Model, as_dict, text

HOSTED = "AWS::AppConfig::HostedConfigurationVersion"


def configurations(template: Model) -> Iterator[Supplied]:
    """The answer to whoever asks the extension for a configuration, and for each of its flags alone."""
    for version in template.of(HOSTED):
        profile = template.resource(version.written("ConfigurationProfileId"))
        name = text(profile.written("Name")) if profile else ""
        place = f"*/configurations/{name if name and '${' not in name else '*'}"
        content = deployed(text(version.written("Content")))
        for flag, told in as_dict(content).items():
            yield Supplied(path=f"{place}?flag={flag}", body=told)
        yield Supplied(path=place, body=content)


def deployed(written: str) -> Any:
    """The content as it is handed out: of feature flags their values, without what describes them."""
    with suppress(ValueError):
        content = json.loads(written)
        flags = isinstance(content, dict) and {"flags", "values"} <= content.keys()
        return content["values"] if flags else content
    return written
