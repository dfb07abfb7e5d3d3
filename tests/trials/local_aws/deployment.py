"""Templates deployed on the local AWS as `sam build && sam deploy` would."""

import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from trials.local_aws import javascript, makefile
from trials.local_aws.archive import NOT_CODE, files
from trials.local_aws.environment import LocalAwsError
from trials.local_aws.layers import layer_files
from trials.local_aws.packaging import PackagingError, asked_for, brought, packages
from trials.local_aws.scratch import Scratch
from trials.local_aws.server import BUCKET, Server
from trials.local_aws.waiting import wait_for
from trials.template import (
    ASSET,
    FUNCTIONS,
    merged_properties,
    own_names,
    read_template,
    secrets_by_arn,
    without,
    without_bootstrap,
)
from trials.template.machines import parsed_definition
from trials.template.nested import inlined

SYNTHESISED = ".template.json"
PACKAGES = "trials:packages"  # metadata of a function: what stands in for its layers
SETUPTOOLS = "setuptools<81"  # with pkg_resources, which packages of that time import
WITH_SETUPTOOLS = tuple(f"python3.{minor}" for minor in range(6, 12))  # Python installed it beside pip up to 3.11
LARGEST = 51_200  # bytes of a template that may stand in the request; a larger one is read from a bucket
ASSETS = {"AWS::Lambda::Function": "Code", "AWS::Lambda::LayerVersion": "Content"}  # where their address stands


@dataclass(frozen=True)
class Outcome:
    """One promise of an example, checked: what was sent, what happened to it, what was promised, whether that held."""

    sent: str
    happened: str
    promise: str
    held: bool


@dataclass(frozen=True)
class Stack:
    """A deployed template: its outputs and the physical ids of its resources, both by name."""

    name: str
    outputs: dict[str, str]
    resources: dict[str, str]
    left_out: dict[str, str]  # resources of types that the local AWS does not know, and what refers to them
    types: dict[str, str] = field(default_factory=dict)  # of the resources


class LocalAws(Server):
    """A server on which templates are deployed; see `Server` for what it is and how it ends."""

    def __init__(
        self,
        port: int = 0,
        faults: bool = False,
        home: Path | None = None,
        outside_ca: Path | None = None,
        scratch: Scratch | None = None,
        forks: bool = False,
    ) -> None:
        super().__init__(port, faults, home, outside_ca, scratch, forks)
        self._archives: dict[Path, Path] = {}  # of the functions' code, by folder
        self._built: dict[tuple[Path, str, str], Path] = {}  # folders of JavaScript, by source, handler and metadata
        self._unpacked: dict[str, str] = {}  # functions whose packages cannot be had, and why
        self._installed: dict[tuple[Path | None, tuple[str, ...]], Path] = {}  # their packages, by what asks for them

    def reset(self) -> None:
        """Forget every stack, all data and every fault; packaged code is kept."""
        super().reset()
        for archive in self._archives.values():
            self.client("s3").upload_file(str(archive), BUCKET, archive.name)

    def deploy(self, template: Path, **parameters: str) -> Stack:
        """Package the functions of a SAM template, or one that CDK synthesised, and create its stack.

        Only where the code lies changes, as in `sam package`; the check that the account is bootstrapped for CDK goes.
        Raises `LocalAwsError` with the failed resources' reasons when the stack does not come up.
        """
        written = inlined(without_bootstrap(read_template(template)), template.parent, [])
        body = self.pack(written, template.parent)
        synthesised = template.name.endswith(SYNTHESISED)
        name = template.name.removesuffix(SYNTHESISED) if synthesised else template.parent.name
        stack = self.create(stack_name(name), body, **parameters)
        named = {own: stack.resources[at] for at, own in own_names(body).items() if at in stack.resources}
        return replace(stack, resources={**stack.resources, **named})

    def role(self, function: str) -> str:
        """The name of the role under which a function runs; `function` is its physical name."""
        configuration = self.client("lambda").get_function_configuration(FunctionName=function)
        return str(configuration["Role"]).rsplit("/", 1)[-1]

    def pack(
        self, body: dict[str, Any], folder: Path, extra: Sequence[str] = (), tolerant: bool = False
    ) -> dict[str, Any]:
        """The template with the code and the definitions that it finds beside itself uploaded, as `sam package` does.

        `extra` are packages that every function gets besides those of its own `requirements.txt`. If `tolerant`, a
        function whose packages cannot be had is left out of the template, and of the next stack with the reason.
        """
        body = secrets_by_arn(body)
        self._unpacked = {}
        for name, resource in body["Resources"].items():
            try:
                if self._pack_by_makefile(name, resource, merged_properties(body, resource), folder):
                    continue
                self._pack_one(resource, merged_properties(body, resource), folder, extra)
            except PackagingError as error:
                if not tolerant:
                    raise
                self._unpacked[name] = str(error)
        return without(body, set(self._unpacked)) if self._unpacked else body

    def _pack_by_makefile(self, name: str, resource: dict[str, Any], whole: dict[str, Any], folder: Path) -> bool:
        """Whether a Makefile of the project's says what a function's code or a layer holds."""
        key = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}.get(
            str(resource["Type"])
        )
        method = (resource.get("Metadata") or {}).get("BuildMethod")
        place = whole.get(key, ".") if key and method == "makefile" else None
        if not key or not isinstance(place, str) or not (folder / place / "Makefile").is_file():
            return False
        asked = (folder / place, name, "makefile")
        if asked not in self._built:
            self._built[asked] = makefile.made(folder / place, name, Path(tempfile.mkdtemp(dir=self._home)))
        resource.setdefault("Properties", {})[key] = self._package(self._built[asked], built=True)
        if str(whole.get("Runtime", "")).startswith("nodejs"):
            self._bring_node()
            self._bring_clients(folder / place)
        return True

    def _pack_one(self, resource: dict[str, Any], whole: dict[str, Any], folder: Path, extra: Sequence[str]) -> None:
        """`whole` are its properties with those of Globals."""
        properties, runtime = resource.get("Properties", {}), str(whole.get("Runtime", ""))
        extra = [*extra, *resource.get("Metadata", {}).get(PACKAGES, ())]
        if runtime.startswith("nodejs"):
            self._bring_node()
        if runtime in javascript.OLDER:  # as Lambda does, by the path on which its own packages lie
            variables = properties.setdefault("Environment", {}).setdefault("Variables", {})
            variables.setdefault("NODE_PATH", str(javascript.older_modules()))
        if self.scratch and resource["Type"] in FUNCTIONS:
            given = properties.setdefault("Environment", {}).setdefault("Variables", {})
            given.setdefault("TMPDIR", str(self.scratch.folder))
        if resource["Type"] == "AWS::Serverless::Function" and "InlineCode" not in properties:
            source = self._unzipped(folder / str(whole.get("CodeUri", ".")))
            if runtime.startswith("nodejs"):
                handler = str(whole.get("Handler", ""))
                properties["CodeUri"] = self._package_node(source, handler, resource.get("Metadata", {}))
                self._bring_clients(source)
                return
            properties["CodeUri"] = self._package(source)
            self._depend(properties, source, extra, runtime)
        elif resource["Type"] == "AWS::Serverless::LayerVersion" and isinstance(properties["ContentUri"], str):
            method = str(resource.get("Metadata", {}).get("BuildMethod", "none"))
            properties["ContentUri"] = self._package(self._unzipped(folder / properties["ContentUri"]), layer=method)
        elif resource["Type"] in ASSETS and (asset := resource.get("Metadata", {}).get(ASSET)):
            if runtime.startswith("nodejs"):
                place = self._package_node(folder / asset, str(whole.get("Handler", "")), {})
                self._bring_clients(folder / asset)
            else:
                place = self._package(folder / asset, built=True)
            bucket, key = place.removeprefix("s3://").split("/")
            properties[ASSETS[resource["Type"]]] = {"S3Bucket": bucket, "S3Key": key}
            if runtime.startswith("python"):
                self._depend(properties, folder / asset, extra, runtime)
        elif resource["Type"] == "AWS::Serverless::StateMachine" and "DefinitionUri" in properties:
            definition = folder / properties.pop("DefinitionUri")
            properties["Definition"] = parsed_definition(definition.read_text())
        elif resource["Type"] == "AWS::StepFunctions::StateMachine" and "DefinitionS3Location" in properties:
            place = resource.get("Metadata", {}).get(ASSET) or properties["DefinitionS3Location"]
            if isinstance(place, str) and (folder / place).is_file():
                del properties["DefinitionS3Location"]
                properties["DefinitionString"] = json.dumps(parsed_definition((folder / place).read_text()))

    def create(self, name: str, body: dict[str, Any], **parameters: str) -> Stack:
        """Create a stack from a template given as data; see `deploy`."""
        return self._create(name, body, parameters, tolerant=False)

    def create_what_comes_up(self, name: str, body: dict[str, Any], parameters: dict[str, str]) -> Stack:
        """As `create`, but a resource that fails is left out too, with the reason why it failed."""
        return self._create(name, body, parameters, tolerant=True)

    def _create(self, name: str, body: dict[str, Any], parameters: dict[str, str], tolerant: bool) -> Stack:
        cloudformation = self.client("cloudformation")
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        left_out = dict(self._unpacked) if tolerant else {}
        while True:
            if tolerant and not body["Resources"]:
                return Stack(name, {}, {}, left_out)
            numbered = f"{name}-{next(self._numbers)}"
            request = {"StackName": numbered, "Parameters": given, **self._written(numbered, json.dumps(body))}
            try:
                cloudformation.create_stack(**request, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
            except ClientError as error:
                reason = error.response["Error"]["Message"]
                unknown = re.search(r"Unrecognized resource types: \[(.*)\]", reason)
                types = unknown[1].split(", ") if unknown else []
                faulty = {n: unknown_type(e["Type"]) for n, e in body["Resources"].items() if e["Type"] in types}
                reason = f"stack {numbered} was refused: {reason}"
            else:
                stack = wait_for(f"stack {numbered}", lambda: _settled(cloudformation, numbered))  # noqa: B023
                if stack["StackStatus"] == "CREATE_COMPLETE":
                    break
                reasons = _reasons(cloudformation, numbered)
                reason = f"stack {numbered} did not deploy: {'; '.join(reasons.values()) or stack['StackStatus']}"
                faulty = {n: why for n, why in reasons.items() if tolerant and n in body["Resources"]}
                cloudformation.delete_stack(StackName=numbered)
            kept = without(body, set(faulty))
            if not faulty or not (kept["Resources"] or tolerant):
                raise LocalAwsError(reason)
            gone = {n: e["Type"] for n, e in body["Resources"].items() if n not in kept["Resources"]}
            left_out |= {n: faulty.get(n, f"{kind} that refers to what is left out") for n, kind in gone.items()}
            body = kept
        resources = cloudformation.describe_stack_resources(StackName=numbered)["StackResources"]
        self.left_out |= left_out
        return Stack(
            name=numbered,
            left_out=left_out,
            outputs={output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
            resources={each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in resources},
            types={each["LogicalResourceId"]: each["ResourceType"] for each in resources},
        )

    def _written(self, name: str, body: str) -> dict[str, str]:
        """The template as `create_stack` takes it."""
        if len(body.encode()) <= LARGEST:
            return {"TemplateBody": body}
        self.client("s3").put_object(Bucket=BUCKET, Key=f"{name}.template", Body=body.encode())
        return {"TemplateURL": f"{self.endpoint}/{BUCKET}/{name}.template"}

    def _package(self, source: Path, layer: str = "", built: bool = False) -> str:
        """Zip a function's code or a layer and upload it, once; return its S3 address.

        `layer` is how `sam build` makes a layer of it. What was `built` before, as CDK's assets are, is taken with all
        that it holds.
        """
        if source not in self._archives:
            if not source.is_dir():
                raise LocalAwsError(f"the template takes code from {source}, which is no folder")
            self._archives[source] = archive = self._zip(source, layer, built or source.is_relative_to(self._home))
            self.client("s3").upload_file(str(archive), BUCKET, archive.name)
        return f"s3://{BUCKET}/{self._archives[source].name}"

    def _unzipped(self, source: Path) -> Path:
        """The folder of code or a layer that the project zipped itself, as `sam package` uploads it."""
        if not (source.is_file() and zipfile.is_zipfile(source)):
            return source
        if (asked := (source, "", "zip")) not in self._built:
            self._built[asked] = Path(tempfile.mkdtemp(dir=self._home))
            with zipfile.ZipFile(source) as bundle:
                bundle.extractall(self._built[asked])
        return self._built[asked]

    def _bring_node(self) -> None:
        """Lay what Lambda's Node.js runtimes provide above all unzipped code, where imports look for it."""
        provided = self._home / "node_modules"
        if not provided.is_dir():
            self._link({path.name: path for path in javascript.runtime_modules().iterdir()}, provided)

    def _bring_clients(self, source: Path) -> None:
        """Lay beside them the packages of the SDK that code asks for and that are not always brought.

        One that cannot be had is told when the code that imports it does not load.
        """
        with suppress(LocalAwsError):
            self._link(javascript.more_of_the_sdk(javascript.clients_asked(source)), self._home / "node_modules")

    def _link(self, packages: dict[str, Path], folder: Path) -> None:
        """Links to packages by name; what lies in a scope is linked one by one, for others may come to it."""
        for name, path in packages.items():
            if name.startswith("@") and "/" not in name:
                self._link({f"{name}/{each.name}": each for each in path.iterdir()}, folder)
            elif not (link := folder / name).is_symlink():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path)

    def _package_node(self, source: Path, handler: str, metadata: dict[str, Any]) -> str:
        """As `_package`, with the function's npm packages, and bundled if its metadata says so.

        Code that runs as it is written is the same for all handlers in it.
        """
        its_own = "" if javascript.is_plain(source, handler, metadata) else handler
        asked = (source, its_own, json.dumps(metadata, sort_keys=True))
        if asked not in self._built:
            work = Path(tempfile.mkdtemp(dir=self._home))
            self._built[asked] = javascript.build(source, handler, metadata, work)
        return self._package(self._built[asked])

    def _zip(self, source: Path, layer: str, built: bool) -> Path:
        """The code; of a layer, also the packages that it names."""
        build = Path(tempfile.mkdtemp(dir=self._home))
        held = layer_files(source, layer, build) if layer else files(source, frozenset() if built else NOT_CODE)
        archive = build.with_suffix(".zip")
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED, strict_timestamps=False) as bundle:
            for name, path in sorted(held.items()):
                bundle.write(path, name)
        shutil.rmtree(build)
        return archive

    def _depend(self, properties: dict[str, Any], source: Path, extra: Sequence[str], runtime: str = "") -> None:
        """Put a function's dependencies on its path, behind its code.

        `sam build` lays them beside the code; here each environment of the function would unzip a thousand files.
        """
        wanted, listed = asked_for(source)
        extra = [*listed, *extra, *brought(source, runtime)]
        if extra or wanted:
            extra += [SETUPTOOLS] if runtime in WITH_SETUPTOOLS else []
            if (asked := (wanted, tuple(extra))) not in self._installed:
                self._installed[asked] = packages(wanted, extra, Path(tempfile.mkdtemp(dir=self._home)))
            variables = properties.setdefault("Environment", {}).setdefault("Variables", {})
            given = [variables["PYTHONPATH"]] if "PYTHONPATH" in variables else []
            variables["PYTHONPATH"] = os.pathsep.join([str(self._guard), *given, str(self._installed[asked])])

    def logs(self, function: str) -> list[str]:
        """What a function printed, oldest first. `function` is its physical name."""
        configuration = self.client("lambda").get_function_configuration(FunctionName=function)
        group = configuration.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{function}")
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]


def unknown_type(kind: str) -> str:
    """Why a resource cannot be created, whose type CloudFormation says it does not know."""
    if kind.startswith("AWS::Serverless::"):
        return f"{kind}, and the template lacks the line Transform: AWS::Serverless-2016-10-31"
    return kind


def stack_name(folder: str) -> str:
    """A name that CloudFormation takes, from that of a folder: letters, digits and hyphens after a letter."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", folder).strip("-")[:100]
    return name if name[:1].isalpha() else f"stack-{name}".rstrip("-")


def _settled(cloudformation: Any, name: str) -> Any:
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack


def _reasons(cloudformation: Any, name: str) -> dict[str, str]:
    """Why resources of a stack failed, the first reason of each."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
    events = [event for page in pages for event in page["StackEvents"]]
    return {
        event["LogicalResourceId"]: event["ResourceStatusReason"]
        for event in reversed(events)
        if event["ResourceStatus"] == "CREATE_FAILED" and event.get("ResourceStatusReason")
    }
