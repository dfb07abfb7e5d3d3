"""Each tenant has environments of its own, and which tenant a request is for is nothing that its caller can say.

canary-2f6be310-aws-serverless-eda: not for training
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.harness import Missing, text
from evals.scoring import Checks, Severity
from support.templates import findings
from trials.local_aws import LocalAws
from trials.template import Model, read_template

CHECKS = Checks()
HEADER = "integration.request.header.x-amz-tenant-id"


def model(answer: Path) -> Model:
    text(answer, "template.yaml")
    return Model(read_template(answer / "template.yaml"), answer / "template.yaml")


def evaluate(answer: Path) -> Any:
    for function in model(answer).functions:
        if function.name == "Evaluate":
            return function
    raise Missing("there is no function Evaluate")


def tenants(value: Any) -> list[Any]:
    """Where the tenant's header comes from, wherever the template says so."""
    if isinstance(value, list):
        return [source for each in value for source in tenants(each)]
    if not isinstance(value, dict):
        return []
    own = [source for key, source in value.items() if str(key).lower() == HEADER]
    return own + [source for each in value.values() for source in tenants(each)]


@CHECKS(Severity.ASKED)
def environments_are_a_tenants_own(answer: Path, aws: LocalAws) -> Iterator[str]:
    tenancy = evaluate(answer).only("TenancyConfig")
    if tenancy != {"TenantIsolationMode": "PER_TENANT"}:
        yield f"tenants share environments: TenancyConfig is {tenancy}"


@CHECKS(Severity.EXPOSES)
def the_tenant_is_whom_the_authorizer_names(answer: Path, aws: LocalAws) -> Iterator[str]:
    for source in tenants(model(answer).body):
        if not str(source).startswith("context.authorizer."):
            yield f"the caller says which tenant it is: {source}"


@CHECKS(Severity.BLOCKS)
def requests_name_their_tenant(answer: Path, aws: LocalAws) -> Iterator[str]:
    template = model(answer)
    if not tenants(template.body):
        yield "no request has the header by which Lambda knows its tenant: each is refused"
    if [each for each in template.events if each.kind == "HttpApi" and each.owner.name == "Evaluate"]:
        yield "an HTTP API, which cannot set that header, still stands before the function"


def guarded(method: Any) -> bool:
    kind = method.only("AuthorizationType")
    return kind not in (None, "NONE") and (kind == "AWS_IAM" or method.only("AuthorizerId") is not None)


@CHECKS(Severity.EXPOSES)
def nobody_gets_in_without_a_token(answer: Path, aws: LocalAws) -> Iterator[str]:
    template = model(answer)
    methods = template.of("AWS::ApiGateway::Method")
    open_ = [each.name for each in methods if not guarded(each)]
    for name in open_:
        if template.resources[name].only("HttpMethod") != "OPTIONS":
            yield f"{name} asks for no authorization"


@CHECKS(Severity.BLOCKS)
def it_can_be_deployed(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from (each for each in findings(answer / "template.yaml") if each.startswith("E"))
    for name in ("SnapStart", "ProvisionedConcurrencyConfig", "FunctionUrlConfig"):
        if evaluate(answer).only(name):
            yield f"{name} is refused for a function with tenants"
