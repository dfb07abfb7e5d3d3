"""What the extension of AWS AppConfig answers is read from the template that deploys the configuration."""

import json
from typing import Any

from trials.local_aws.outside import Asked, StandIn
from trials.project.appconfig import configurations
from trials.template import Model

FLAGS = {"version": "1", "flags": {"checkout": {"name": "Checkout"}}, "values": {"checkout": {"enabled": True}}}


def answered(content: Any, path: str, name: Any = "Shop") -> Any:
    profile = {"Type": "AWS::AppConfig::ConfigurationProfile", "Properties": {"Name": name}}
    hosted = {"ConfigurationProfileId": {"Ref": "Profile"}, "ContentType": "application/json", "Content": content}
    version = {"Type": "AWS::AppConfig::HostedConfigurationVersion", "Properties": hosted}
    extension = StandIn()
    extension.answers = tuple(configurations(Model({"Resources": {"Profile": profile, "Version": version}})))
    return extension.reply(Asked("GET", path, "", None, "localhost:2772"))


def test_feature_flags_are_handed_out_as_their_values_all_or_one() -> None:
    place = "/applications/a/environments/dev/configurations/Shop"

    assert answered(json.dumps(FLAGS), place) == (200, FLAGS["values"])
    assert answered(json.dumps(FLAGS), f"{place}?flag=checkout") == (200, {"enabled": True})
    assert answered(json.dumps(FLAGS), f"/{place}", {"Ref": "Name"}) == (200, FLAGS["values"])


def test_any_other_content_is_handed_out_as_it_is() -> None:
    place = "/applications/a/environments/dev/configurations/Shop"

    assert answered('{"limit": 3}', place) == (200, {"limit": 3})
    assert answered("limit: 3", place) == (200, b"limit: 3")
    assert answered('{"limit": 3}', "/orders") == (200, {})
