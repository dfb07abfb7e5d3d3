"""A local AWS on loopback: MiniStack, with templates deployed as `sam build && sam deploy` would.

Nothing here reaches an AWS account: the servers get an environment of their own in which no credential, profile or
endpoint of the caller exists, and every client is made by `LocalAws.client` with dummy keys.
"""

import contextlib
import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import boto3
import botocore.session
import trustme
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".local-aws"  # its own, because MiniStack pins another botocore than the project
ACCOUNT = "123456789012"
REGION = "us-east-1"
BUCKET = "packages"
SYNTHESISED = ".template.json"
ASSET = "aws:asset:path"  # where CDK says which folder beside the template holds a function's code
NOT_CODE = shutil.ignore_patterns(
    "__pycache__", "template.yaml", ".git", ".aws-sam", ".venv", "node_modules", "cdk.out", ".mypy_cache"
)
NO_PROFILE = {  # botocore's (name in a file, name in the environment, default, conversion)
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}

# On the path of the servers and so of every function: a template may name an address that its code would call.
LOOPBACK_ONLY = '''"""Refuse every connection that would leave this machine."""
import ipaddress
import socket

connect, look_up = socket.socket.connect, socket.getaddrinfo


def check(host):
    try:
        inside = not host or host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise ConnectionRefusedError(f"the local AWS lets nothing out: {host}")


def only_inside(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        check(address[0])
    return connect(self, address)


def only_here(host, *rest, **named):
    check(host.decode() if isinstance(host, bytes) else host)
    return look_up(host, *rest, **named)


socket.socket.connect, socket.getaddrinfo = only_inside, only_here
'''

# Microburst tells a service by its host name too, for which it reads every model of the SDK: four seconds of processor
# time. Here all services have one address, so there is nothing to learn from it.
FAULT_PROXY = """
import logging

from microburst.cli import main
from microburst.detection import host

host._endpoint_prefix_map = dict
logging.getLogger("aiohttp.access").setLevel("WARNING")
main()
"""

T = TypeVar("T")


class LocalAwsError(Exception):
    """Something the reader can mend; the message says what and how."""


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


def wait_for(what: str, poll: Callable[[], T], timeout: float = 120) -> T:
    """Return the first truthy answer of `poll`; raise `LocalAwsError` when `timeout` seconds pass without one.

    It asks often at first and every half second later on: a question costs the server as much as an event does.
    """
    deadline, pause = time.monotonic() + timeout, 0.05
    while True:
        answer = poll()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise LocalAwsError(f"waited {timeout:.0f} s for {what}")
        time.sleep(pause)
        pause = min(0.5, pause * 1.3)


class LocalAws:
    """Context manager around one MiniStack server. On exit no process and no temporary file is left.

    As a rule it speaks TLS and enforces IAM: a function may do what its role allows and no more, and a policy that
    refuses plain HTTP is obeyed. With `faults=True` the functions reach it through microburst instead, a proxy that
    answers with AWS's own errors (`fault`); it breaks signatures, so IAM is off then. `client` never passes the proxy.
    """

    def __init__(self, port: int = 0, faults: bool = False, home: Path | None = None) -> None:
        """`home` is a folder to work in and to leave to the caller, who has threads that may still write into it."""
        self._port = port
        self._given = home
        self._faults = faults
        self.processes: list[subprocess.Popen[bytes]] = []
        self._numbers = itertools.count(1)
        self._clients: dict[str, Any] = {}
        self.left_out: dict[str, str] = {}  # of all stacks
        self._archives: dict[Path, Path] = {}  # of the functions' code, by folder
        self._installed: dict[tuple[Path | None, tuple[str, ...]], Path] = {}  # their packages, by what asks for them

    def __enter__(self) -> "LocalAws":
        install()
        self._home = self._given or Path(tempfile.mkdtemp(prefix="local-aws-"))
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self.processes):
            _kill(process)
        if not self._given:
            shutil.rmtree(self._home, ignore_errors=True)

    def _start(self) -> None:
        port = self._port or free_port()
        if self._port and not _is_free(port):
            raise LocalAwsError(f"port {port} is in use: stop what listens there, or choose another with --port")
        python = str(ENVIRONMENT / "bin" / "python")
        self._guard.mkdir()
        (self._guard / "sitecustomize.py").write_text(LOOPBACK_ONLY)
        self.endpoint = f"http{'' if self._faults else 's'}://127.0.0.1:{port}"
        common = {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "LAMBDA_EXECUTOR": "local",
            "SFN_WAIT_SCALE": "0.02",
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.1",
            "PYTHONPATH": str(self._guard),
        }
        if self._faults:
            self.ca = None
            self._proxy = f"http://127.0.0.1:{(proxy := free_port())}"
            self._spawn([python, "-m", "ministack"], **common, AWS_ENDPOINT_URL=self._proxy)
            self._spawn([python, "-c", FAULT_PROXY, "--upstream", self.endpoint, "--port", str(proxy), "--no-resign"])
        else:
            self.ca, key = self._certificate()
            tls = {"USE_SSL": "1", "MINISTACK_SSL_CERT": str(self.ca), "MINISTACK_SSL_KEY": str(key)}
            self._spawn([python, "-m", "ministack"], **common, **tls, AUTH="true")
        wait_for("MiniStack to start", lambda: self._answers("/_ministack/health"))
        if self._faults:
            wait_for("the fault proxy to start", lambda: self._control("GET"))
        self.client("s3").create_bucket(Bucket=BUCKET)

    def _certificate(self) -> tuple[Path, Path]:
        """A certificate for loopback and its key; the file with the certificate ends with the authority to trust."""
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        chain, key = self._home / "certificate.pem", self._home / "key.pem"
        chain.write_bytes(b"".join(pem.bytes() for pem in (*issued.cert_chain_pems, authority.cert_pem)))
        key.write_bytes(issued.private_key_pem.bytes())
        return chain, key

    def _spawn(self, command: list[str], **variables: str) -> None:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self._home),
            "TMPDIR": str(self._home),
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,  # whose APIs an unsigned request reaches
            "IOT_MTLS_ENABLED": "0",  # no listener on a port of its own
            **variables,
        }
        with self.log.open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    command, env=environment, cwd=self._home, stdout=log, stderr=log, start_new_session=True
                )
            )

    def _answers(self, path: str) -> bool:
        for process in self.processes:
            if process.poll() is not None:
                tail = self.log.read_text(errors="replace").strip().splitlines()[-5:]
                raise LocalAwsError("the local AWS stopped: " + " | ".join(tail))
        try:
            with urllib.request.urlopen(self.endpoint + path, timeout=2, context=self.tls):
                return True
        except OSError:
            return False

    @property
    def function_endpoint(self) -> str:
        """Where the functions' own AWS calls go: the fault proxy, if there is one."""
        return self._proxy if self._faults else self.endpoint

    @property
    def tls(self) -> ssl.SSLContext:
        """What an HTTPS client needs to trust this server."""
        return ssl.create_default_context(cafile=self.ca)

    @property
    def _guard(self) -> Path:
        return self._home / "guard"

    @property
    def log(self) -> Path:
        """What MiniStack, the proxy and the functions print."""
        return self._home / "log"

    def client(self, service: str) -> Any:
        """A boto3 client for `service` that can reach nothing but this server."""
        if service not in self._clients:
            self._clients[service] = self._client(service, self.endpoint)
        return self._clients[service]

    def _client(self, service: str, endpoint: str) -> Any:
        session = botocore.session.Session(session_vars=NO_PROFILE)
        return boto3.session.Session(botocore_session=session).client(
            service,  # type: ignore[call-overload]
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",
            verify=str(self.ca) if self.ca else None,
            config=Config(
                inject_host_prefix=False,
                read_timeout=130,
                # A function that answers late must not be invoked again.
                retries={"total_max_attempts": 1 if service == "lambda" else 2, "mode": "standard"},
            ),
        )

    def fault(self, **rule: Any) -> None:
        """Add a microburst rule for the functions' AWS calls, such as `service="dynamodb", error={…}, times=2`.

        Needs `faults=True`. Raises `LocalAwsError` for a rule that microburst does not know.
        """
        self._control("PATCH", [rule])

    def clear_faults(self) -> None:
        self._control("POST", [])

    def faulted(self) -> list[dict[str, Any]]:
        """The functions' AWS calls that a rule of `fault` met, oldest first, with `service` and `operation`."""
        with urllib.request.urlopen(f"{self._proxy}/_microburst/fired?limit=10000", timeout=5) as answer:
            found = json.load(answer)
        assert isinstance(found, list)
        return found

    def reset(self) -> None:
        """Forget every stack, all data and every fault; packaged code is kept."""
        self._post("/_ministack/reset")
        self.client("s3").create_bucket(Bucket=BUCKET)
        for archive in self._archives.values():
            self.client("s3").upload_file(str(archive), BUCKET, archive.name)
        self.left_out.clear()
        if self._faults:
            self.clear_faults()
            self._control("DELETE", path="fired")

    def _post(self, path: str) -> None:
        request = urllib.request.Request(self.endpoint + path, b"", method="POST")
        urllib.request.urlopen(request, timeout=30, context=self.tls).close()

    def _control(self, method: str, body: Any = None, path: str = "rules") -> bool:
        data = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._proxy}/_microburst/{path}", data, headers, method=method)
        try:
            urllib.request.urlopen(request, timeout=5).close()
        except urllib.error.HTTPError as error:
            raise LocalAwsError(f"microburst refused {body}: {error.read().decode()}") from error
        except OSError:
            return False
        return True

    def deploy(self, template: Path, **parameters: str) -> Stack:
        """Package the functions of a SAM template, or one that CDK synthesised, and create its stack.

        Only where the code lies changes, as in `sam package`; the check that the account is bootstrapped for CDK goes.
        Raises `LocalAwsError` with the failed resources' reasons when the stack does not come up.
        """
        body = self.pack(without_bootstrap(read_template(template)), template.parent)
        synthesised = template.name.endswith(SYNTHESISED)
        name = template.name.removesuffix(SYNTHESISED) if synthesised else template.parent.name.replace("_", "-")
        stack = self.create(name, body, **parameters)
        named = {own: stack.resources[at] for at, own in own_names(body).items() if at in stack.resources}
        return replace(stack, resources={**stack.resources, **named})

    def role(self, function: str) -> str:
        """The name of the role under which a function runs; `function` is its physical name."""
        configuration = self.client("lambda").get_function_configuration(FunctionName=function)
        return str(configuration["Role"]).rsplit("/", 1)[-1]

    def pack(self, body: dict[str, Any], folder: Path, extra: Sequence[str] = ()) -> dict[str, Any]:
        """The template with the code and the definitions that it finds beside itself uploaded, as `sam package` does.

        `extra` are packages that every function gets besides those of its own `requirements.txt`.
        """
        body = secrets_by_arn(body)
        default = body.get("Globals", {}).get("Function", {}).get("CodeUri", ".")
        for resource in body["Resources"].values():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::Serverless::Function" and "InlineCode" not in properties:
                source = folder / str(properties.get("CodeUri", default))
                properties["CodeUri"] = self._package(source)
                self._depend(properties, source, extra)
            elif resource["Type"] == "AWS::Serverless::LayerVersion" and isinstance(properties["ContentUri"], str):
                properties["ContentUri"] = self._package(folder / properties["ContentUri"], layer=True)
            elif resource["Type"] == "AWS::Lambda::Function" and (asset := resource.get("Metadata", {}).get(ASSET)):
                bucket, key = self._package(folder / asset).removeprefix("s3://").split("/")
                properties["Code"] = {"S3Bucket": bucket, "S3Key": key}
                self._depend(properties, folder / asset, extra)
            elif resource["Type"] == "AWS::Serverless::StateMachine" and "DefinitionUri" in properties:
                definition = folder / properties.pop("DefinitionUri")
                properties["Definition"] = yaml.safe_load(definition.read_text())  # JSON is YAML
        return body

    def create(self, name: str, body: dict[str, Any], **parameters: str) -> Stack:
        """Create a stack from a template given as data; see `deploy`."""
        return self._create(name, body, parameters, tolerant=False)

    def create_what_comes_up(self, name: str, body: dict[str, Any], parameters: dict[str, str]) -> Stack:
        """As `create`, but a resource that fails is left out too, with the reason why it failed."""
        return self._create(name, body, parameters, tolerant=True)

    def _create(self, name: str, body: dict[str, Any], parameters: dict[str, str], tolerant: bool) -> Stack:
        cloudformation = self.client("cloudformation")
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        left_out: dict[str, str] = {}
        while True:
            stack_name = f"{name}-{next(self._numbers)}"
            request = {"StackName": stack_name, "TemplateBody": json.dumps(body), "Parameters": given}
            try:
                cloudformation.create_stack(**request, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
            except ClientError as error:
                reason = error.response["Error"]["Message"]
                unknown = re.search(r"Unrecognized resource types: \[(.*)\]", reason)
                types = unknown[1].split(", ") if unknown else []
                faulty = {n: each["Type"] for n, each in body["Resources"].items() if each["Type"] in types}
                reason = f"stack {stack_name} was refused: {reason}"
            else:
                stack = wait_for(f"stack {stack_name}", lambda: _settled(cloudformation, stack_name))  # noqa: B023
                if stack["StackStatus"] == "CREATE_COMPLETE":
                    break
                reasons = _reasons(cloudformation, stack_name)
                reason = f"stack {stack_name} did not deploy: {'; '.join(reasons.values()) or stack['StackStatus']}"
                faulty = {n: why for n, why in reasons.items() if tolerant and n in body["Resources"]}
                cloudformation.delete_stack(StackName=stack_name)
            kept = without(body, set(faulty))
            if not faulty or not kept["Resources"]:
                raise LocalAwsError(reason)
            gone = {n: e["Type"] for n, e in body["Resources"].items() if n not in kept["Resources"]}
            left_out |= {n: faulty.get(n, kind) for n, kind in gone.items()}
            body = kept
        resources = cloudformation.describe_stack_resources(StackName=stack_name)["StackResources"]
        self.left_out |= left_out
        return Stack(
            name=stack_name,
            left_out=left_out,
            outputs={output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
            resources={each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in resources},
            types={each["LogicalResourceId"]: each["ResourceType"] for each in resources},
        )

    def _package(self, source: Path, layer: bool = False) -> str:
        """Zip a function's code or a layer and upload it, once; return its S3 address."""
        if source not in self._archives:
            if not source.is_dir():
                raise LocalAwsError(f"the template takes code from {source}, which is no folder")
            self._archives[source] = archive = self._zip(source, layer)
            self.client("s3").upload_file(str(archive), BUCKET, archive.name)
        return f"s3://{BUCKET}/{self._archives[source].name}"

    def _zip(self, source: Path, layer: bool) -> Path:
        """The code; of a layer, also what its requirements name."""
        build = Path(tempfile.mkdtemp(dir=self._home))
        code = Path(shutil.copytree(source, build / "code", ignore=NOT_CODE))
        files = {path.relative_to(code): path for path in code.rglob("*")}
        if layer and (requirements := source / "requirements.txt").exists():
            packages = _packages(requirements, (), build)
            files |= {Path("python") / path.relative_to(packages): path for path in packages.rglob("*")}
        archive = build.with_suffix(".zip")
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED, strict_timestamps=False) as bundle:
            for name, path in sorted(files.items()):
                bundle.write(path, name)
        shutil.rmtree(build)
        return archive

    def _depend(self, properties: dict[str, Any], source: Path, extra: Sequence[str]) -> None:
        """Put a function's dependencies on its path, behind its code.

        `sam build` lays them beside the code; here each environment of the function would unzip a thousand files.
        """
        requirements = source / "requirements.txt"
        if extra or requirements.exists():
            wanted = requirements if requirements.exists() else None
            if (asked := (wanted, tuple(extra))) not in self._installed:
                self._installed[asked] = _packages(wanted, extra, Path(tempfile.mkdtemp(dir=self._home)))
            variables = properties.setdefault("Environment", {}).setdefault("Variables", {})
            given = [variables["PYTHONPATH"]] if "PYTHONPATH" in variables else []
            variables["PYTHONPATH"] = os.pathsep.join([str(self._guard), *given, str(self._installed[asked])])

    def logs(self, function: str) -> list[str]:
        """What a function printed, oldest first. `function` is its physical name."""
        configuration = self.client("lambda").get_function_configuration(FunctionName=function)
        group = configuration.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{function}")
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]


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


def read_template(path: Path) -> dict[str, Any]:
    """A CloudFormation or SAM template as data, its short forms expanded."""
    template = yaml.load(path.read_text(), Loader=_CloudFormation)  # noqa: S506, a SafeLoader
    assert isinstance(template, dict)
    return template


def references(value: Any) -> set[str]:
    """Logical ids that a piece of a template refers to, pseudo parameters left out."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref":
                found.add(inner)
            elif key == "Fn::GetAtt":
                found.add(inner[0] if isinstance(inner, list) else inner.split(".")[0])
            elif key == "DependsOn":
                found.update([inner] if isinstance(inner, str) else inner)
            elif key == "Fn::Sub":
                text, given = (inner, {}) if isinstance(inner, str) else inner
                found.update(part.split("}")[0].split(".")[0] for part in text.replace("${!", "").split("${")[1:])
                found -= given.keys()
                found |= references(given)
            else:
                found |= references(inner)
    elif isinstance(value, list):
        for inner in value:
            found |= references(inner)
    return {name for name in found if not name.startswith("AWS::")}


def own_names(template: dict[str, Any]) -> dict[str, str]:
    """Each logical id with the name that its author wrote: CDK adds a hash, and keeps the path of the construct."""
    found = {}
    for logical_id, resource in template["Resources"].items():
        path = resource.get("Metadata", {}).get("aws:cdk:path")
        parts = path.split("/")[1:] if path else [logical_id]
        found[logical_id] = ".".join(part for part in parts if part not in ("Resource", "Default"))
    return found


def secrets_by_arn(template: dict[str, Any]) -> dict[str, Any]:
    """A copy of the template that asks for a secret's ARN, which `Ref` is in CloudFormation; MiniStack's is a name."""
    resources = template["Resources"]
    secrets = {name for name, resource in resources.items() if resource["Type"] == "AWS::SecretsManager::Secret"}

    def written(value: Any) -> Any:
        if isinstance(value, dict):
            if set(value) == {"Ref"} and value["Ref"] in secrets:
                return {"Fn::GetAtt": [value["Ref"], "Id"]}
            if set(value) == {"Fn::Sub"}:
                text, given = (value["Fn::Sub"], {}) if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"]
                for name in secrets - given.keys():
                    text = text.replace(f"${{{name}}}", f"${{{name}.Id}}")
                return {"Fn::Sub": [text, written(given)] if given else text}
            return {key: written(inner) for key, inner in value.items()}
        return [written(inner) for inner in value] if isinstance(value, list) else value

    adapted = written(template)
    assert isinstance(adapted, dict)
    return adapted


def without_bootstrap(template: dict[str, Any]) -> dict[str, Any]:
    """The template without CDK's check of its bootstrap stack, which only an account has."""
    parameters = {name: each for name, each in template.get("Parameters", {}).items() if name != "BootstrapVersion"}
    return {**{key: each for key, each in template.items() if key != "Rules"}, "Parameters": parameters}


def without(template: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """The template without some resources and without every resource and output that refers to them."""
    resources, gone = dict(template["Resources"]), set(names)
    while gone & resources.keys():
        resources = {name: resource for name, resource in resources.items() if name not in gone}
        gone = {name for name, resource in resources.items() if references(resource) & (names := names | gone)}
    outputs = {name: each for name, each in template.get("Outputs", {}).items() if not references(each) & names}
    return {**template, "Resources": resources, "Outputs": outputs}


def install() -> None:
    """Create or check the environment of the local AWS from the lock file; takes a moment the first time."""
    lock, compiled = (ROOT / "uv.lock").read_text(), ENVIRONMENT / "compiled.lock"
    current = compiled.exists() and compiled.read_text() == lock  # to compile all anew would cost each run seconds
    group = ["--only-group", "local-aws", *([] if current else ["--compile-bytecode"])]
    _uv("sync", "--quiet", "--frozen", *group, "--project", str(ROOT), UV_PROJECT_ENVIRONMENT=str(ENVIRONMENT))
    if not current:
        compiled.write_text(lock)


def _packages(requirements: Path | None, extra: Sequence[str], build: Path) -> Path:
    """A folder with a function's dependencies, installed as `sam build` would, their bytecode too.

    What is made of the same releases is kept beside the environment and used again; `build` is for what can't be kept.
    """
    (more := build / "extra.txt").write_text("\n".join(extra))
    wanted = [str(path) for path in (requirements, more) if path]
    python = ["--quiet", "--python", str(ENVIRONMENT / "bin" / "python")]
    releases = _uv("pip", "compile", "--no-header", "--no-annotate", *python, *wanted)
    if all(re.fullmatch(r"[\w.-]+(\[.*\])?==\S+( ;.*)?", line) for line in releases.splitlines()):
        text = releases + (requirements.read_text() if requirements else "")  # with its index, if it names one
        kept = ENVIRONMENT / "packages" / hashlib.sha256(text.encode()).hexdigest()[:16]
    else:  # a folder, an archive or a repository may change under its name
        kept = build / "packages"
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        fresh = tempfile.mkdtemp(dir=kept.parent)
        try:
            files = [word for path in wanted for word in ("--requirement", path)]
            _uv("pip", "install", "--compile-bytecode", *python, "--target", fresh, *files)
            with contextlib.suppress(OSError):  # another process was here first
                os.rename(fresh, kept)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return kept


def _uv(*arguments: str, **variables: str) -> str:
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv:
        raise LocalAwsError("uv is not on PATH: install it as README.md says, then run this through `uv run`")
    # Functions are unzipped without their time stamps, so their bytecode must not be checked against them.
    environment = {**os.environ, "PYC_INVALIDATION_MODE": "UNCHECKED_HASH", **variables}
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run([uv, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = " ".join(done.stderr.split())[:300]
        raise LocalAwsError(f"`uv {arguments[0]}` failed; the first run needs the network. uv says: {reason}")
    return done.stdout


def _settled(cloudformation: Any, name: str) -> Any:
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack


def _reasons(cloudformation: Any, name: str) -> dict[str, str]:
    """Why resources of a stack failed, the first reason of each."""
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return {
        event["LogicalResourceId"]: event["ResourceStatusReason"]
        for event in reversed(events)
        if event["ResourceStatus"] == "CREATE_FAILED" and event.get("ResourceStatusReason")
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End a server and the functions that run under it; all that they would tidy up lies in our temporary folder."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)


if sys.platform == "win32":
    raise LocalAwsError("the local AWS runs on Linux and macOS; on Windows use WSL")
