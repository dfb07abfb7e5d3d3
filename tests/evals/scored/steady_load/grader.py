"""A function on Managed Instances, with a ceiling, memory for all at once, and no file for two.

canary-1e9f668d-aws-serverless-eda: not for training
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from evals.harness import Missing, environment, intercepted, text, unique
from evals.scoring import Checks, Severity
from evals.system import System, said
from support.templates import translated
from trials.local_aws import LocalAws
from trials.template import references

CHECKS = Checks()
PROVIDER, FUNCTION = "AWS::Lambda::CapacityProvider", "AWS::Lambda::Function"
LEAST, MOST = 2048, 32_768  # MB of a function on Managed Instances
OF_ONE = 500  # MB of one request
BY_DEFAULT = 16  # requests at once for each vCPU, of Python
CEILING = 60  # vCPUs
UNKNOWN_TO_CFN_LINT = "E1010 'Arn' is not one of []"  # the ARN of a capacity provider of SAM's
PARAMETERS = {"SubnetIds": "subnet-1a,subnet-1b", "SecurityGroupIds": "sg-1"}


def whole(answer: Path, aws: LocalAws) -> dict[str, Any]:
    """The resources that SAM makes of the template."""
    with environment(answer, aws):  # SAM asks for the region
        return made_of(answer / "template.yaml", text(answer, "template.yaml"))


@lru_cache(maxsize=1)
def made_of(template: Path, _: str) -> dict[str, Any]:
    made: dict[str, Any] = translated(template)["Resources"]
    return made


def price(answer: Path, aws: LocalAws) -> dict[str, Any]:
    function = whole(answer, aws).get("Price")
    if not function or function["Type"] != FUNCTION:
        raise Missing("there is no function Price")
    properties: dict[str, Any] = function["Properties"]
    return properties


def instances(answer: Path, aws: LocalAws) -> dict[str, Any]:
    config = price(answer, aws).get("CapacityProviderConfig", {})
    own: dict[str, Any] = config.get("LambdaManagedInstancesCapacityProviderConfig", {})
    return own


def provider(answer: Path, aws: LocalAws) -> dict[str, Any]:
    resources = whole(answer, aws)
    for name in references(instances(answer, aws).get("CapacityProviderArn")):
        if resources.get(name, {}).get("Type") == PROVIDER:
            properties: dict[str, Any] = resources[name]["Properties"]
            return properties
    return {}


def deployed(answer: Path, aws: LocalAws) -> System:
    system = System(answer, aws, **PARAMETERS)
    for tariff, cents in (("solo", 100), ("team", 70)):
        item = {"tariff": {"S": tariff}, "cents": {"N": str(cents)}}
        aws.client("dynamodb").put_item(TableName=system.id("Rates"), Item=item)
    return system


def offer(name: str, tariff: str, count: int) -> dict[str, Any]:
    return {"offer_id": name, "tariff": tariff, "lines": [{"sku": f"of {name}", "count": count}]}


@contextmanager
def disk() -> Iterator[list[Path]]:
    """A /tmp of its own, for code that asks for the temporary folder; and both, for code that does not ask."""
    with tempfile.TemporaryDirectory() as folder, patch.object(tempfile, "tempdir", folder):
        yield [Path(folder), Path("/tmp")]  # noqa: S108


def stored(system: System, name: str) -> str:
    body = system.aws.client("s3").get_object(Bucket=system.id("Offers"), Key=f"{name}.csv")["Body"]
    return str(body.read().decode()).strip()


@CHECKS(Severity.ASKED)
def it_runs_on_managed_instances(answer: Path, aws: LocalAws) -> Iterator[str]:
    if not provider(answer, aws):
        yield "Price has no capacity provider of this template"


@CHECKS(Severity.COSTS)
def the_bill_has_a_ceiling(answer: Path, aws: LocalAws) -> Iterator[str]:
    most = provider(answer, aws).get("CapacityProviderScalingConfig", {}).get("MaxVCpuCount")
    if most is None or int(most) > CEILING:
        yield f"up to {most or 'any number of'} vCPUs are paid for"


@CHECKS(Severity.BLOCKS)
def an_environment_has_its_memory(answer: Path, aws: LocalAws) -> Iterator[str]:
    """All requests that run at once share an environment's memory, each in a process of its own."""
    memory = int(price(answer, aws).get("MemorySize", 128))
    if not instances(answer, aws):
        return
    at_once = int(instances(answer, aws).get("PerExecutionEnvironmentMaxConcurrency", BY_DEFAULT))
    if not LEAST <= memory <= MOST:
        yield f"{memory} MB: Lambda refuses less than {LEAST} and more than {MOST}"
    elif memory < at_once * OF_ONE:
        yield f"{at_once} requests of {OF_ONE} MB share {memory} MB"


@CHECKS(Severity.COSTS)
def instances_are_shared(answer: Path, aws: LocalAws) -> Iterator[str]:
    """Else a vCPU that waits for DynamoDB is paid for in vain."""
    if instances(answer, aws).get("PerExecutionEnvironmentMaxConcurrency") == 1:
        yield "an environment takes one request at a time, and most of it is waiting"


@CHECKS(Severity.BLOCKS)
def it_starts_on_these_instances(answer: Path, aws: LocalAws) -> Iterator[str]:
    wanted = price(answer, aws).get("Architectures", ["x86_64"])
    given = provider(answer, aws).get("InstanceRequirements", {}).get("Architectures", wanted)
    if given != wanted:
        yield f"code for {wanted} is to run on {given}"


@CHECKS(Severity.BLOCKS)
def callers_keep_their_alias(answer: Path, aws: LocalAws) -> Iterator[str]:
    aliases = [each for each in whole(answer, aws).values() if each["Type"] == "AWS::Lambda::Alias"]
    own = [each for each in aliases if "Price" in references(each["Properties"]["FunctionName"])]
    if [each["Properties"]["Name"] for each in own] != ["live"]:
        yield "there is no alias live of Price, which its callers invoke; and on instances only a version runs"


@CHECKS(Severity.LOSES)
def offers_are_priced(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    with disk():
        answers = [system.call("Price", offer(name, "solo", 3)) for name in ("a-1", "a-2")]
    if [each["cents"] for each in answers] != [300, 300] or stored(system, "a-2") != "of a-2,3":
        yield f"two offers are {answers}"


@CHECKS(Severity.EXPOSES)
def offers_side_by_side_are_their_own(answer: Path, aws: LocalAws) -> Iterator[str]:
    """Another request's process shares /tmp, and runs while this one waits for DynamoDB or S3."""
    for moment in ("GetItem", "PutObject"):
        system = deployed(answer, aws)
        other: list[Any] = []

        def meanwhile(
            operation: str,
            parameters: dict[str, Any],
            really: Any,
            at: str = moment,
            system: System = system,
            other: list[Any] = other,
        ) -> Any:
            if operation == at and not other:
                other.append(None)
                other[0] = system.call("Price", offer("b-2", "team", 5))
            return really()

        with disk(), intercepted(meanwhile):
            first = system.call("Price", offer("b-1", "solo", 3))
        files = stored(system, "b-1"), stored(system, "b-2")
        if (first["cents"], other[0]["cents"]) != (300, 350) or files != ("of b-1,3", "of b-2,5"):
            yield f"two offers at once, the second during {moment}: {first}, {other[0]}, stored {files}"


@CHECKS(Severity.BLOCKS)
def nothing_stays_on_the_disk(answer: Path, aws: LocalAws) -> Iterator[str]:
    name = unique("c")
    with disk() as folders:
        deployed(answer, aws).call("Price", offer(name, "solo", 3))
        own = [path for folder in folders for path in folder.iterdir() if path.is_file() and name in content(path)]
        for path in own:
            path.unlink(missing_ok=True)
    if own:
        yield "each request leaves a file behind in a /tmp that all share: it is full after a while"


def content(path: Path) -> str:
    with suppress(OSError):
        return path.read_bytes()[:1000].decode(errors="replace")
    return ""


@CHECKS(Severity.LOSES)
def the_role_allows_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = deployed(answer, aws)
    with disk():
        system.call("Price", offer("d-1", "solo", 3))
    yield from system.denied()


@CHECKS(Severity.BLOCKS)
def it_can_be_deployed(answer: Path, aws: LocalAws) -> Iterator[str]:
    every = said(answer, "E0", "E1", "E2", "E3", "SAM")
    yield from (each for each in every if not each.startswith(UNKNOWN_TO_CFN_LINT))
