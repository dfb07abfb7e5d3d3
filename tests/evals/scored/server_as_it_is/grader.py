"""A Web Function: the server itself, where Lambda asks it to listen, with the limits that were asked for.

canary-495889a2-aws-serverless-eda: not for training
"""

import hashlib
import hmac
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

import urllib3

from evals.harness import Missing, environment, text
from evals.iam import allows, arn, listed, resolved, statements
from evals.scoring import Checks, Severity
from evals.system import said
from support.templates import translated
from trials.local_aws import LocalAws, LocalAwsError, wait_for
from trials.template import references

CHECKS = Checks()
REVISION, ENDPOINT = "AWS::Lambda::WebFunctionRevision", "AWS::Lambda::WebFunctionEndpoint"
RUNTIMES = ("nodejs24.x",)
COPES, BY_DEFAULT = 30, 64  # requests at once: of this server, and of an environment
NEEDED, MOST = 300, 450  # requests a second
RATES = {*range(0, 1000, 100), *range(1000, 10_001, 1000)}  # those that Lambda takes
ENVIRONMENTS = 20


def whole(answer: Path, aws: LocalAws) -> dict[str, Any]:
    """What SAM makes of the template."""
    with environment(answer, aws):  # SAM asks for the region
        return made_of(answer / "template.yaml", text(answer, "template.yaml"))


@lru_cache(maxsize=1)
def made_of(template: Path, _: str) -> dict[str, Any]:
    return translated(template)


def only(answer: Path, aws: LocalAws, kind: str) -> dict[str, Any]:
    given = [each["Properties"] for each in whole(answer, aws)["Resources"].values() if each["Type"] == kind]
    if len(given) != 1:
        raise Missing(f"{len(given)} resources are an {kind}")
    properties: dict[str, Any] = given[0]
    return properties


def service(answer: Path, aws: LocalAws) -> dict[str, Any]:
    config: dict[str, Any] = only(answer, aws, REVISION).get("ServiceConfig", {})
    return config


def entry(answer: Path, aws: LocalAws) -> str:
    named = service(answer, aws).get("EnvironmentVariables", {}).get("AWS_LAMBDA_NODEJS_ENTRYPOINT", "index.js")
    return str(named).removeprefix("/var/task/").removeprefix("./")


@contextmanager
def listening(answer: Path, aws: LocalAws) -> Iterator[str]:
    """The server as Lambda starts it, at the address that it is given. Raises `Missing` if it does not listen there."""
    file = answer / "server" / entry(answer, aws)
    if not file.is_file():  # lambda_finds_the_server says so
        file = next((each for each in (answer / "server").glob("*.*js") if "listen" in each.read_text()), file)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    variables = {"AWS_LAMBDA_HTTP_ENDPOINT": address, "PATH": "/usr/bin:/bin:/usr/local/bin", "PORT": "0"}
    process = subprocess.Popen(
        ["node", file.name], cwd=file.parent, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        try:
            wait_for("the server", lambda: process.poll() is not None or is_open(address), timeout=3)
        except LocalAwsError:
            raise Missing(f"nothing listens at AWS_LAMBDA_HTTP_ENDPOINT, {address}") from None
        if process.poll() is not None:
            raise Missing(f"the server ended with {process.returncode}")
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait()


def is_open(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as probe:
        return not probe.connect_ex((host, int(port)))


def asked(url: str, token: str = "") -> urllib3.BaseHTTPResponse:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return urllib3.PoolManager(retries=False, timeout=5).request("GET", f"{url}/offers/o-17", headers=headers)


@CHECKS(Severity.ASKED)
def the_server_runs_on_lambda(answer: Path, aws: LocalAws) -> Iterator[str]:
    only(answer, aws, REVISION)
    only(answer, aws, ENDPOINT)
    yield from ()


@CHECKS(Severity.BLOCKS)
def it_listens_where_lambda_asks(answer: Path, aws: LocalAws) -> Iterator[str]:
    mark = hmac.new(b"local", b"kim", hashlib.sha256).hexdigest()[:16]
    with listening(answer, aws) as url:
        reply = asked(url, f"kim.{mark}")
    if (reply.status, reply.json() if reply.data else None) != (200, {"offer": "o-17", "cents": 400}):
        yield f"an offer is answered with {reply.status} {reply.data!r}"


@CHECKS(Severity.BLOCKS)
def lambda_finds_the_server(answer: Path, aws: LocalAws) -> Iterator[str]:
    if not (answer / "server" / entry(answer, aws)).is_file():
        yield f"Lambda starts {entry(answer, aws)}, which is not in the folder"


@CHECKS(Severity.BLOCKS)
def the_runtime_exists(answer: Path, aws: LocalAws) -> Iterator[str]:
    runtime = only(answer, aws, REVISION).get("BuildConfig", {}).get("RuntimeConfig", {}).get("Runtime")
    if runtime not in RUNTIMES:
        yield f"no Web Function runs on {runtime}"


@CHECKS(Severity.BLOCKS)
def no_more_at_once_than_it_copes_with(answer: Path, aws: LocalAws) -> Iterator[str]:
    at_once = int(service(answer, aws).get("MaxConcurrencyPerEnvironment", BY_DEFAULT))
    if not 1 < at_once <= COPES:
        yield f"an environment takes {at_once} requests at once, and the server copes with {COPES}"


@CHECKS(Severity.COSTS)
def the_rate_is_limited(answer: Path, aws: LocalAws) -> Iterator[str]:
    rate = only(answer, aws, ENDPOINT).get("ThrottleConfig", {}).get("RateLimit")
    if rate is None or not NEEDED <= int(rate) <= MOST or int(rate) not in RATES:
        yield f"{rate} requests a second: Lambda takes certain rates, needed are {NEEDED} and at most {MOST}"


@CHECKS(Severity.COSTS)
def the_bill_has_a_ceiling(answer: Path, aws: LocalAws) -> Iterator[str]:
    most = only(answer, aws, ENDPOINT).get("ScalingConfig", {}).get("MaxEnvironments")
    if most is None or int(most) > ENVIRONMENTS:
        yield f"up to {most or 'any number of'} environments run"


@CHECKS(Severity.BLOCKS)
def customers_get_in(answer: Path, aws: LocalAws) -> Iterator[str]:
    if only(answer, aws, ENDPOINT).get("AuthType") != "ApplicationManaged":
        yield "requests have to be signed for IAM, which our customers cannot"


@CHECKS(Severity.EXPOSES)
def nobody_gets_in_without_a_token(answer: Path, aws: LocalAws) -> Iterator[str]:
    """As far as the server can be started at all."""
    file = answer / "server" / entry(answer, aws)
    source = file.read_text() if file.is_file() else ""
    if not re.search(r"AWS_LAMBDA_HTTP_ENDPOINT", source):
        return
    try:
        with listening(answer, aws) as url:
            status = asked(url).status
    except Missing:
        return
    if status != 401:
        yield f"whoever has no token is answered with {status}"


@CHECKS(Severity.BLOCKS)
def lambda_may_read_the_build(answer: Path, aws: LocalAws) -> Iterator[str]:
    made = whole(answer, aws)
    bucket = made["Resources"].get("Builds", {}).get("Properties", {})
    if bucket.get("VersioningConfiguration", {}).get("Status") != "Enabled":
        yield "the bucket has no versions: Lambda takes code from a versioned bucket only"
    policies = [each["Properties"] for each in made["Resources"].values() if each["Type"] == "AWS::S3::BucketPolicy"]
    given = [one for each in policies for one in statements(resolved(made, each["PolicyDocument"]))]
    for action in ("s3:GetObject", "s3:GetObjectVersion"):
        if not allows(given, action, f"{arn(made, 'Builds')}/build.zip", "lambda.amazonaws.com"):
            yield f"Lambda may not {action}"


@CHECKS(Severity.BLOCKS)
def the_endpoint_serves_the_revision(answer: Path, aws: LocalAws) -> Iterator[str]:
    weights = only(answer, aws, ENDPOINT).get("RevisionWeights", [])
    latest = only(answer, aws, ENDPOINT).get("AutoDeploymentMode") == "LatestRevision"
    if not latest and sum(int(each["Weight"]) for each in weights) != 100:
        yield f"the endpoint's revisions share {[each['Weight'] for each in weights]} of 100 requests"


@CHECKS(Severity.BLOCKS)
def the_role_is_lambdas(answer: Path, aws: LocalAws) -> Iterator[str]:
    resources = whole(answer, aws)["Resources"]
    for name in references(service(answer, aws).get("ExecutionRoleArn")) & resources.keys():
        trust = statements(resources[name]["Properties"]["AssumeRolePolicyDocument"])
        if not any("lambda.amazonaws.com" in str(each) and "sts:AssumeRole" in str(each) for each in trust):
            yield f"Lambda may not assume {name}"


@CHECKS(Severity.HIDES)
def what_it_logs_is_kept(answer: Path, aws: LocalAws) -> Iterator[str]:
    made = whole(answer, aws)
    for name in references(service(answer, aws).get("ExecutionRoleArn")) & made["Resources"].keys():
        role = made["Resources"][name]["Properties"]
        managed = "AWSLambdaBasicExecutionRole" in str(role.get("ManagedPolicyArns"))
        documents = [each["PolicyDocument"] for each in role.get("Policies", [])]
        own = [one for document in resolved(made, documents) for one in statements(document)]
        for action in () if managed else ("logs:CreateLogStream", "logs:PutLogEvents"):
            if not any(fnmatchcase(action, str(name)) for one in own for name in listed(one.get("Action"))):
                yield f"{name} may not {action}"


@CHECKS(Severity.BLOCKS)
def it_can_be_deployed(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from said(answer, "E0", "E1", "E2", "E3", "SAM")
