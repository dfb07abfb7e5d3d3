"""The template as the trials deploy it: what only AWS has is left out, each with the reason."""

import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from trials.local_aws.compiled import compiled_from
from trials.local_aws.packaging import named_in
from trials.machines.absent import called_by_name
from trials.project.extensions import is_served, mark
from trials.project.layers import holds, imports_of, stand_in
from trials.project.lent import LAYERS, lend
from trials.project.mounts import mount
from trials.project.network import take_out
from trials.template import (
    ASSET,
    FUNCTIONS,
    as_dict,
    as_text,
    logical_id,
    merged_properties,
    read_template,
    without,
    without_bootstrap,
)
from trials.template.machines import parsed_definition

SDK = {"boto3": (1, 28), "botocore": (1, 31)}  # the first versions that can be told where the local AWS is
CODE = (".py", ".js", ".mjs", ".cjs", ".ts")
PROVIDERS = ("AWS::Serverless::CapacityProvider", "AWS::Lambda::CapacityProvider")
POWERTOOLS = "aws-lambda-powertools[all]"


def deployable(body: dict[str, Any], folder: Path, notes: list[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The template without what cannot be deployed here, and what is left out, with reasons."""
    body = included(without_bootstrap(deepcopy(body)), folder)
    left_out: dict[str, str] = {}
    mark(body, list(holders(body)))
    mount(body, list(holders(body)))
    take_out(body, list(holders(body)))
    lend(body, folder, notes)
    stand_in(body, folder, notes)
    for name in drop_missing_layers(body, folder):
        notes.append(f"layer {name} is built elsewhere, its folder is not here: left out")
    for name, command in layers_not_installed(body, folder):
        notes.append(f"layer {name} lacks its packages: run {command}")
    for name, resource in body["Resources"].items():
        resource.pop("DeletionPolicy", None)
        resource.pop("UpdateReplacePolicy", None)
        if resource["Type"] in FUNCTIONS:
            of_one_file(resource, folder)
            if place := called_alike(resource, folder):
                notes.append(f"the code of {name} is {place}: Linux tells capital letters apart, and `sam build` fails")
        elif resource["Type"] == "AWS::S3::Bucket":  # whose functions the trials ask; each may need the other first
            configuration = as_dict(as_dict(resource.get("Properties")).get("NotificationConfiguration"))
            configuration.pop("LambdaConfigurations", 0)
            without_foreign_ends(configuration, body)
        if reason := undeployable(resource, body, folder):
            left_out[name] = reason
    for holder in holders(body):
        if holder.pop("CapacityProviderConfig", None):
            notes.append("a function of a capacity provider runs here as any other, one event at a time")
        variables = as_dict(as_dict(holder.get("Environment")).get("Variables"))
        variables |= {name: as_text(value) for name, value in variables.items() if not isinstance(value, str | dict)}
    for name in drop_foreign_layers(body):
        instead = ", its package put beside the code" if in_powertools(name) else ""
        instead = ", its server stands beside the function" if is_served(name) else instead
        notes.append(f"layer {name} is in AWS only: left out{instead}")
    body = called_by_name(body, set(left_out))
    kept = without(body, set(left_out))
    for name in body["Resources"].keys() - kept["Resources"].keys() - left_out.keys():
        left_out[name] = "refers to what is left out"
    return kept, left_out


def without_foreign_ends(configuration: dict[str, Any], body: dict[str, Any]) -> None:
    """Take out what a bucket tells queues and topics that are not here: one that is not there refuses the bucket."""
    for key, end in (("QueueConfigurations", "Queue"), ("TopicConfigurations", "Topic")):
        if isinstance(listed := configuration.get(key), list):
            here = [each for each in listed if logical_id(as_dict(each).get(end)) in body["Resources"]]
            configuration[key] = here
            if not here:
                del configuration[key]


def undeployable(resource: dict[str, Any], body: dict[str, Any], folder: Path) -> str:
    """Why a resource cannot be deployed here; empty if it can."""
    kind = resource["Type"]
    if "Fn::Transform" in json.dumps(resource, default=str):
        return "a part of it is made by a macro, or included from elsewhere"
    if kind in FUNCTIONS:
        return not_packaged(resource, body, folder)
    if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
        return "a custom resource: what its function would do is not done"
    if kind == "AWS::CDK::Metadata":
        return "only tells CDK's version"
    if kind in PROVIDERS:
        return "instances on which functions run: here they run without"
    uri = as_dict(resource.get("Properties")).get("DefinitionUri")
    if isinstance(uri, str) and not (folder / uri).is_file():
        return f"its definition, {uri}, is no file here"
    if isinstance(uri, str) and not isinstance(parsed_definition((folder / uri).read_text(errors="replace")), dict):
        return f"its definition, {uri}, is neither JSON nor YAML"
    return ""


def included(value: Any, folder: Path) -> Any:
    """A piece of a template, and in it the files beside it that it includes, which `sam package` would upload."""
    if isinstance(value, list):
        return [included(each, folder) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: included(inner, folder) for key, inner in value.items()}
    transform = kept.get("Fn::Transform")
    if isinstance(transform, dict) and transform.get("Name") == "AWS::Include":
        location = as_dict(transform.get("Parameters")).get("Location")
        if isinstance(location, str) and (folder / location).is_file():
            del kept["Fn::Transform"]
            kept |= read_template(folder / location)
    return kept


def of_one_file(function: dict[str, Any], folder: Path) -> None:
    """Code that is a single module: SAM zips that alone, here its folder is packaged."""
    source = as_dict(function.get("Properties")).get("CodeUri")
    if isinstance(source, str) and source.endswith(".py") and (folder / source).is_file():
        function["Properties"]["CodeUri"] = str(Path(source).parent)


def called_alike(function: dict[str, Any], folder: Path) -> str:
    """The folder of a function's code, now named as it is, if the template only takes other letters for capitals."""
    source = as_dict(function.get("Properties")).get("CodeUri")
    if not isinstance(source, str) or "://" in source or (folder / source).exists():
        return ""
    here = folder
    for part in Path(source).parts:
        alike = [each for each in here.iterdir() if each.name.lower() == part.lower()] if here.is_dir() else []
        if len(alike) != 1:
            return ""
        here = alike[0]
    function["Properties"]["CodeUri"] = place = str(here.relative_to(folder))
    return place


def too_old(body: dict[str, Any], folder: Path) -> Iterator[str]:
    """The SDKs that functions pin and that reach AWS alone, whatever AWS_ENDPOINT_URL says."""
    places = {str(holder["CodeUri"]) for holder in holders(body) if isinstance(holder.get("CodeUri"), str)}
    for place in sorted(places):
        path = folder / place / "requirements.txt"
        for line in named_in(path).splitlines() if path.is_file() else ():
            pinned = re.match(r"(boto3|botocore)\s*(?:==|~=|<=|<)\s*(\d+)\.(\d+)", line)
            if pinned and (int(pinned[2]), int(pinned[3])) < SDK[pinned[1]]:
                yield f"{line.strip()} of {place}"


def holders(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Whatever gives a function its layers and its environment."""
    yield as_dict(as_dict(body.get("Globals")).get("Function"))
    yield from (as_dict(each.get("Properties")) for each in body["Resources"].values() if each["Type"] in FUNCTIONS)


def drop_missing_layers(body: dict[str, Any], folder: Path) -> list[str]:
    """Take away the layers whose content is not beside the template; return their logical ids."""
    gone = []
    for name, resource in list(body["Resources"].items()):
        content = as_dict(resource.get("Properties")).get("ContentUri") or as_dict(resource.get("Metadata")).get(ASSET)
        at_hand = resource["Type"] not in LAYERS or (isinstance(content, str) and (folder / content).exists())
        if not at_hand:
            gone.append(name)
            del body["Resources"][name]
    for holder in holders(body):
        if isinstance(layers := holder.get("Layers"), list):
            holder["Layers"] = [layer for layer in layers if as_dict(layer).get("Ref") not in gone]
    return gone


def layers_not_installed(body: dict[str, Any], folder: Path) -> Iterator[tuple[str, str]]:
    """The layers that SAM takes as they lie although nobody installed what their manifest names, and who would."""
    for name, resource in body["Resources"].items():
        uri = as_dict(resource.get("Properties")).get("ContentUri")
        if (
            resource["Type"] not in LAYERS
            or not isinstance(uri, str)
            or "BuildMethod" in as_dict(resource.get("Metadata"))
        ):
            continue
        manifest = folder / uri / "nodejs" / "package.json"
        installed = not manifest.is_file() or (manifest.parent / "node_modules").is_dir()
        if not installed and json.loads(manifest.read_text(encoding="utf-8")).get("dependencies"):
            yield name, f"npm install in {manifest.parent}"
        asked = folder / uri / "python" / "requirements.txt"
        if any(not holds(folder / uri, each) for each in imports_of(asked)):
            yield name, f"pip install -r {asked} -t {asked.parent}"


def drop_foreign_layers(body: dict[str, Any]) -> list[str]:
    """Take away the layers that only AWS has; return their ARNs, also of those that are a parameter's default."""
    gone: list[str] = []
    parameters = as_dict(body.get("Parameters"))
    for holder in holders(body):
        if isinstance(layers := holder.get("Layers"), list):
            holder["Layers"] = [each for each in layers if as_dict(each).get("Ref") in body["Resources"]]
            gone += [layer_named(each, parameters) for each in layers if each not in holder["Layers"]]
    return list(dict.fromkeys(gone))


def layer_named(layer: Any, parameters: dict[str, Any]) -> str:
    default = as_dict(parameters.get(str(as_dict(layer).get("Ref")))).get("Default")
    return default if isinstance(default, str) and ":layer:" in default else json.dumps(layer).strip('"')


def in_powertools(layer: str) -> bool:
    return "AWSLambdaPowertoolsPython" in layer


def is_intrinsic(value: dict[str, Any]) -> bool:
    return len(value) == 1 and all(key == "Ref" or key.startswith("Fn::") for key in value)


def not_packaged(function: dict[str, Any], body: dict[str, Any], folder: Path) -> str:
    """Why a function cannot be packaged here; empty if it can."""
    properties = merged_properties(body, function)
    if properties.get("PackageType") == "Image":
        return "a container image"
    runtime = str(properties.get("Runtime", ""))
    if not runtime.startswith(("python", "nodejs")):
        return f"runtime {properties.get('Runtime')}: only Python and Node.js are run here"
    variables = as_dict(as_dict(properties.get("Environment")).get("Variables"))
    if maps := [name for name, value in variables.items() if isinstance(value, dict) and not is_intrinsic(value)]:
        return f"its variable {maps[0]} is a map, which CloudFormation refuses"
    if runtime.startswith("nodejs") and not shutil.which("npm"):
        return f"runtime {runtime}: npm is not on PATH, install Node.js 20 or newer"
    if function["Type"] == "AWS::Lambda::Function" and ASSET not in as_dict(function.get("Metadata")):
        return "" if "ZipFile" in as_dict(properties.get("Code")) else "its code is no asset beside the template"
    source = properties.get("CodeUri", ".")
    if "InlineCode" in properties:
        return ""
    if isinstance(source, str) and ((folder / source).is_dir() or zipfile.is_zipfile(folder / source)):
        return ""
    module = str(properties.get("Handler", "")).rsplit(".", 1)[0]
    if isinstance(source, str) and runtime.startswith("nodejs") and compiled_from(folder / source, module):
        return ""
    named = Path(module.replace(".", "/")).name
    places = sorted(folder.rglob(f"{named}.*")) if named else []
    own = [each.parent for each in places if each.suffix in CODE and "node_modules" not in each.parts]
    beside = f", but its module is in {own[0].relative_to(folder)}" if len(own) == 1 else ""
    return f"its code, {source}, is no folder here{beside}"
