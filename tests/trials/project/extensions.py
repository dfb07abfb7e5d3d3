"""Layers that only AWS has and whose server stands beside the function here: two extensions that answer on loopback."""

import re
from collections.abc import Iterator
from typing import Any

from trials.template import Model, as_dict, listed, logical_id, text
from trials.template.values import as_text

APPCONFIG = "AppConfig-Extension"  # each in the ARN of its layer
SECRETS = "AWS-Parameters-and-Secrets-Lambda-Extension"
MARK = "TRIALS_EXTENSION"  # a variable of functions whose layer it may be
PORT, USUAL = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", 2773
LAYER = re.compile(r":layer:\w")


def is_served(layer: str) -> bool:
    return APPCONFIG in layer or SECRETS in layer


def mark(body: dict[str, Any], holders: list[dict[str, Any]]) -> None:
    """Let functions that may have the extension for parameters and secrets find it; without its layer nobody is there.

    `holders` give functions their layers and variables.
    """
    template = Model(body)
    for holder in holders:
        layers = [each for written in listed(holder.get("Layers")) for each in template.possible(written)]
        environment = as_dict(holder.setdefault("Environment", {})) if any(may_be(template, layers)) else {}
        variables = environment.setdefault("Variables", {}) if environment is holder.get("Environment") else None
        if isinstance(variables, dict):
            variables[MARK] = SECRETS


def may_be(template: Model, layers: list[Any]) -> Iterator[bool]:
    """Of each layer, whether it is that extension; one of which only AWS knows what it is may be."""
    for layer in (each for one in layers for each in listed(one)):
        ref = layer.get("Ref") if isinstance(layer, dict) else None
        default = as_dict(template.parameters.get(ref)).get("Default") if isinstance(ref, str) else None
        told = default if isinstance(default, str) and LAYER.search(default) else text(layer)
        here = logical_id(layer) in template.resources and not LAYER.search(told)
        yield SECRETS in as_text(layer) + told or not (here or LAYER.search(told))


def lacking(layers: list[str], variables: set[str], said: str) -> list[str]:
    """What to supply for the layers of a function that was refused: nobody has one of them, or it has no extension.

    `layers` are those that only AWS has, `variables` the names of its own.
    """
    told = [f"what {layer} brings, a layer that only AWS has" for layer in layers[:1]]
    if re.search(rf"\b{USUAL}\b", said) and MARK not in variables:
        told.append(f"the layer {SECRETS}, which its code asks and the template does not give it")
    return told


def ports(holders: list[dict[str, Any]], values: dict[str, str]) -> list[int]:
    """Where that extension listens; `values` are the template's parameters."""
    written = [as_dict(as_dict(holder.get("Environment")).get("Variables")).get(PORT) for holder in holders]
    told = {values.get(logical_id(each) or text(each)[2:-1], as_text(each)) for each in written if each is not None}
    return sorted({USUAL, *(int(each) for each in told if each.isdecimal() and 0 < int(each) < 65536)})
