"""Functions with tenant isolation are invoked for a tenant, whom of all sources only a REST API names."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from trials import faults
from trials.bench import try_project
from trials.project import Kind, read
from trials.project.source import Route, Source
from trials.project.tenancy import tenant, unnamed, with_tenant
from trials.report.events import SourceEnded, Told
from trials.template import Model
from trials.verdicts import Finding, Promise, Verdict
from trials.workers import URL

RIGHT = Path(__file__).parent / "right" / "http_rest_api_for_tenants"
INVOKES = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations"}


def template(where: str = "", isolation: str = "PER_TENANT", openapi: bool = False) -> Model:
    function: dict[str, Any] = {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "python3.13"}}
    if isolation:
        function["Properties"]["TenancyConfig"] = {"TenantIsolationMode": isolation}
    parameters = {"integration.request.header.X-Amz-Tenant-Id": where} if where else {}
    words = ("uri", "requestParameters") if openapi else ("Uri", "RequestParameters")
    way = {"Integration": dict(zip(words, (INVOKES, parameters), strict=True))}
    method = {"Type": "AWS::ApiGateway::Method", "Properties": way}
    return Model({"Resources": {"F": function, "Method": method}})


def of(kind: Kind) -> Source:
    return Source(kind, "F", "F", route=Route("GET", "/notes") if kind is Kind.HTTP else None)


HEADER = "method.request.header.x-tenant"


@pytest.mark.parametrize(
    ("kind", "where", "isolation", "why"),
    [
        (Kind.HTTP, HEADER, "PER_TENANT", ""),
        (Kind.HTTP, "", "PER_TENANT", "F is isolated by tenant, and no route of this API can name one"),
        (Kind.QUEUE, HEADER, "PER_TENANT", "F is isolated by tenant, and no queue can name one"),
        (Kind.DIRECT, "", "PER_TENANT", ""),
        (Kind.QUEUE, "", "", ""),
    ],
)
def test_a_source_that_cannot_name_a_tenant_is_told(kind: Kind, where: str, isolation: str, why: str) -> None:
    assert unnamed(template(where, isolation), of(kind)) == why


@pytest.mark.parametrize("openapi", [False, True])
def test_a_request_has_what_names_its_tenant(openapi: bool) -> None:
    route = with_tenant(template(HEADER, openapi=openapi), of(Kind.HTTP)).route
    other = with_tenant(template(HEADER, isolation=""), of(Kind.HTTP)).route

    assert route
    assert route.parameters == (("header", "x-tenant"),)
    assert other
    assert other.parameters == ()


@pytest.mark.parametrize(
    ("where", "event", "named"),
    [
        (HEADER, {"headers": {"X-Tenant": "blue"}}, "blue"),
        (HEADER, {"headers": None}, ""),
        ("method.request.path.owner", {"pathParameters": {"owner": "blue"}}, "blue"),
        ("method.request.querystring.owner", {"queryStringParameters": {"owner": "blue"}}, "blue"),
        ("context.authorizer.tenant", {"requestContext": {"authorizer": {"tenant": "blue"}}}, "blue"),
        ("context.authorizer.claims.sub", {"requestContext": {"authorizer": {"claims": {"sub": "blue"}}}}, "blue"),
        ("'blue'", {}, "blue"),
    ],
)
def test_the_tenant_is_read_where_the_integration_says(where: str, event: dict[str, Any], named: str) -> None:
    assert tenant(template(where), "F", event) == named


def test_a_direct_event_is_each_time_the_same_tenant_s_and_another_one_another_s() -> None:
    first, again, other = (tenant(template(), "F", {"id": number}) for number in (1, 1, 2))

    assert first == again != other


# ---- whole systems


def told_of(folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> dict[str, Finding]:
    """The findings of the undisturbed delivery and of these trials."""
    monkeypatch.setattr(faults, "ALL", tuple(trial for trial in faults.ALL if trial.name in names))
    return {event.finding.trial: event.finding for event in try_project(read(folder, URL)) if isinstance(event, Told)}


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("isolation", "after_another"), [(True, (Verdict.HELD, None)), (False, (Verdict.BROKEN, Promise.LEAKED))]
)
def test_what_an_environment_remembers_is_its_tenant_s_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolation: bool, after_another: tuple[Verdict, Promise | None]
) -> None:
    folder = tmp_path / "system"
    shutil.copytree(RIGHT, folder)
    if not isolation:
        for file, before, after in (
            ("template.yaml", "      TenancyConfig: { TenantIsolationMode: PER_TENANT }\n", ""),
            ("src/app.py", "context.tenant_id", 'event["headers"]["x-tenant"]'),
        ):
            text = (folder / file).read_text()
            assert before in text
            (folder / file).write_text(text.replace(before, after))

    told = told_of(folder, monkeypatch, "after another")

    assert told["once"].judgement.verdict is Verdict.HELD, told["once"].judgement.happened
    assert (told["after another"].judgement.verdict, told["after another"].judgement.promise) == after_another


@pytest.mark.e2e
def test_a_function_in_node_that_is_invoked_directly_has_a_tenant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n"
        "  F:\n    Type: AWS::Serverless::Function\n    Properties:\n"
        "      Runtime: nodejs22.x\n      Handler: index.handler\n"
        "      TenancyConfig: { TenantIsolationMode: PER_TENANT }\n"
        "      InlineCode: 'exports.handler = async (event, context) => ({ of: context.tenantId.slice(0, 7) });'\n"
    )
    monkeypatch.setattr(faults, "ALL", ())

    events = list(try_project(read(tmp_path, URL)))
    (once,) = [event.finding.judgement for event in events if isinstance(event, Told)]

    assert '{"of": "tenant-"}' in once.happened, [event for event in events if isinstance(event, SourceEnded)]
