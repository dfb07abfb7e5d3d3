"""What a template takes from outside of itself: exports of other stacks, stored values, buses that it only names."""

import json
import re
from collections.abc import Iterator
from typing import Any

from trials.local_aws import LocalAwsError
from trials.project.parameters import value_for
from trials.template import Model, as_dict, logical_id, text

DYNAMIC = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):((?:[^{}]|\$\{[^{}]*\})*)\}\}")
SECTIONS = ("Globals", "Mappings", "Conditions")  # besides the resources
CUSTOM = ("Custom::", "AWS::CloudFormation::CustomResource")


def told(body: dict[str, Any], secrets: dict[str, str], url: str, notes: list[str]) -> dict[str, Any]:
    """The resources of a template with a value for whatever only other stacks, stores or custom resources tell.

    What the template itself tells stays as it is: a secret of its own among them.
    """
    custom = {name for name, each in body["Resources"].items() if str(each.get("Type")).startswith(CUSTOM)}
    teller = Teller(custom, secrets, url, notes)
    kept = {name: each if name in custom else teller.told(each) for name, each in body["Resources"].items()}
    return {section: teller.told(each) if section in SECTIONS else each for section, each in body.items()} | {
        "Resources": kept
    }


class Teller:
    def __init__(self, custom: set[str], secrets: dict[str, str], url: str, notes: list[str]) -> None:
        self.custom, self.secrets, self.url, self.notes = custom, secrets, url, notes

    def told(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.told(each) for each in value]
        if isinstance(value, str):
            return DYNAMIC.sub(self.stored, value)
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and (outer := self.from_outside(value)):
            return outer
        piece = {key: self.told(inner) for key, inner in value.items()}
        if "Type" in piece and (before := piece.get("DependsOn")):
            listed = before if isinstance(before, list) else [before]
            piece["DependsOn"] = [name for name in listed if name not in self.custom]
        return piece

    def from_outside(self, value: dict[str, Any]) -> str:
        ((function, argument),) = value.items()
        if function == "Fn::ImportValue":
            return self.made_up(f"the export {text(argument) or json.dumps(argument)}", words(argument))
        if function in ("Ref", "Fn::GetAtt") and logical_id(value) in self.custom:
            name = text(value)[2:-1]
            return self.made_up(f"{name}, which a custom resource would tell,", name)
        return ""

    def stored(self, reference: re.Match[str]) -> str:
        """The reader's value for a dynamic reference, else one made up; of a secret, of the key that it names."""
        service, rest = reference[1], reference[2]
        name, _, key = rest.partition(":SecretString:") if service == "secretsmanager" else (rest, "", "")
        name = name.rsplit(":", 1)[0] if service != "secretsmanager" and re.search(r":\d+$", name) else name
        key = key.split(":")[0]
        if name in self.secrets:
            return member(self.secrets[name], name, key) if key else self.secrets[name]
        return self.made_up(f"{reference[0]}", key or name)

    def made_up(self, what: str, name: str) -> str:
        value = value_for(re.sub(r"[^A-Za-z0-9]", "", name.rsplit("/", 1)[-1]) or "value", {"Type": "String"}, self.url)
        note = f"{what} is {value!r}, made up"
        if note not in self.notes:
            self.notes.append(note)
        return value


def member(secret: str, name: str, key: str) -> str:
    """What the reader's secret holds under a key; raises `LocalAwsError` if it holds none."""
    try:
        return str(json.loads(secret)[key])
    except (ValueError, KeyError, TypeError) as error:
        raise LocalAwsError(f"trials.toml: the secret {name} needs the key {key}: write it as a table") from error


def words(value: Any) -> str:
    """The literal parts of a name, which say what it is of."""
    return "".join(each for each in re.split(r"\$\{[^}]*\}", text(value) or json.dumps(value)) if each)


def final(parameters: dict[str, Any], given: dict[str, str], stored: dict[str, str]) -> dict[str, str]:
    """What `Ref` makes of each parameter: of an SSM type, what is stored under the name that it is given."""
    told_of = {name: given.get(name, str(as_dict(each).get("Default", ""))) for name, each in parameters.items()}
    return {name: stored.get(value, value) for name, value in told_of.items()}


def buses(body: dict[str, Any], values: dict[str, str]) -> list[str]:
    """Names of buses that rules of the template are on, or parameters hold, and that the template does not make."""
    named = set(rule_buses(body, values))
    named |= {value for name, value in values.items() if re.search(r"bus(_?name)?$", name, re.IGNORECASE)}
    return sorted(name for name in named if re.fullmatch(r"[\w.-]+", name) and name != "default")


def rule_buses(body: dict[str, Any], values: dict[str, str]) -> Iterator[str]:
    template = Model(body)
    owners = [each for each in template.resources.values() if each.type != "AWS::Events::EventBus"]
    for bus in (each.body.get("EventBusName") for each in (*owners, *template.events)):
        if bus:
            yield put_in(text(bus), values)


def put_in(written: str, values: dict[str, str]) -> str:
    """A text with the values of parameters in their places; empty if it refers to anything else."""
    whole = re.sub(r"\$\{(\w+)\}", lambda reference: values.get(reference[1], reference[0]), written)
    return "" if "${" in whole else whole
