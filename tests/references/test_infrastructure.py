"""The stacks of infrastructure.py and infrastructure.ts deploy what the SAM templates beside them do, where a reference
shows it."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from support import templates
from support.deployed import Expected, Names, Row, differences, expected, flat, objections, without_hashes
from support.documents import ROOT, fences
from trials.local_aws.synthesis import snake_case, synthesise
from trials.template import own_names, read_template, references, without_bootstrap

pytestmark = pytest.mark.e2e
HERE = Path(__file__).parent
SUFFIXES = {"python": ".py", "typescript": ".ts"}


@dataclass(frozen=True)
class Shown:
    """What fences show of a stack: the template's name, its resources and what CDK calls them, and which of their
    attributes; all properties unless some are named."""

    stack: str
    sam: str
    resources: dict[str, str]
    properties: tuple[str, ...] = ()
    renamed: dict[str, str] = field(default_factory=dict)  # what the shown resources refer to

    def __str__(self) -> str:
        return self.sam


SHOWN = [
    Shown("permissions", "permissions", {"Roles": "Roles"}, ("PolicyDocument",)),
    Shown("shared_key", "key", {"Key": "Key"}, ("KeyPolicy",)),
    Shown("tenants", "tenants", {"Get": "Api.GET"}, ("Integration",)),
    Shown("alarms", "alarms", {name: name for name in ("BurnedForAnHour", "BurnsNow", "Burning")}),
    Shown(
        "provisioned_concurrency",
        "provisioned_concurrency",
        {
            "QuoteVersion": "Quote.CurrentVersion",
            "QuoteAliaslive": "Quote.Aliaslive",
            "Warm": "Quote.Aliaslive.AliasScaling.Target",
            "WarmPolicy": "Quote.Aliaslive.AliasScaling.Target.Tracking",
        },
    ),
    Shown(
        "release",
        "release",
        {
            "NewVersionFails": "NewVersionFails",
            "ShipOrdersAliaslive": "ShipOrders.Aliaslive",
            "ShipOrdersDeploymentGroup": "Canary",
            "ShipOrdersVersion": "ShipOrders.CurrentVersion",
        },
        renamed={
            "CodeDeployServiceRole": "Canary.ServiceRole",
            "ServerlessDeploymentApplication": "Canary.Application",
        },
    ),
    Shown("pipeline_role", "pipeline_role", {"Deploy": "Deploy"}, ("AssumeRolePolicyDocument",)),
    Shown("storage_first", "storage_first", {"Post": "Api.orders.POST"}, ("Integration", "AuthorizationType")),
]
# Differences that are CDK's own and change nothing that the reference promises, each with the reason.
EXPECTED: Expected = [
    (
        lambda _, name, sam, cdk: name == "Metrics[0].Id" and (sam, cdk) == ("rate", "expr_1"),
        "CDK numbers expressions; no other refers to this one",
    ),
    (
        lambda _, name, sam, cdk: name == "Metrics[0].ReturnData" and (sam, cdk) == ("-", "true"),
        "CDK writes the default",
    ),
    (
        lambda _, name, sam, cdk: name == "AlarmRule" and cdk == "(" + re.sub(r"<(\w+)>", r"<\1.Arn>", sam) + ")",
        "a composite alarm takes names and ARNs, and brackets around all change nothing",
    ),
    (
        lambda resource, name, sam, _: (resource, name, sam) == ("Burning", "AlarmName", "-"),
        "CDK makes up a composite alarm's name where CloudFormation would",
    ),
    (
        lambda _, name, sam, cdk: name == "ResourceId" and sam in cdk.replace(PART_OF_ALIAS, "<Quote>"),
        "CDK takes the function's name from the alias, so the target waits for it without a DependsOn",
    ),
    (
        lambda _, name, sam, cdk: name == "RoleARN" and sam == "-" and "/aws-service-role/lambda." in cdk,
        "CDK names the service-linked role that Application Auto Scaling takes unasked",
    ),
    (
        lambda resource, name, sam, cdk: (
            (resource, name, sam, cdk) == ("QuoteVersion", "DeletionPolicy", "Retain", "-")
        ),
        "CDK deletes a replaced version unless `current_version_options` says otherwise; a release says so",
    ),
    (
        lambda resource, name, *_: (resource, name) == ("WarmPolicy", "PolicyName"),
        "no one refers to it",
    ),
    (
        lambda _, name, sam, cdk: (
            name == "AutoRollbackConfiguration.Events" and sam == f"{cdk}, DEPLOYMENT_STOP_ON_REQUEST"
        ),
        "who stops a deployment says there whether it goes back: `--auto-rollback-enabled`",
    ),
]
PART_OF_ALIAS = "{'Fn::Select': [6, {'Fn::Split': [':', '<QuoteAliaslive>']}]}"


@pytest.fixture(scope="session")
def synthesised(once: Callable[..., dict[str, Path]]) -> Callable[[str], dict[str, Path]]:
    """The stacks' templates in a language."""
    apps = {language: HERE / f"infrastructure{suffix}" for language, suffix in SUFFIXES.items()}
    return lambda language: once(
        f"infrastructure-{language}", lambda out: synthesise(language, out, app=apps[language])
    )


Synthesised = Callable[[str], dict[str, Path]]


def in_cdk(shown: Shown, path: Path) -> dict[str, Any]:
    """The resources of a synthesised template, called as the SAM template calls them."""
    template = without_bootstrap(read_template(path))
    names = {cdk: sam for sam, cdk in {**shown.resources, **shown.renamed}.items()}
    text = json.dumps({own: {**each, "Metadata": {}} for own, each in template["Resources"].items()})
    for logical_id, name in own_names(template).items():
        text = text.replace(f'"{logical_id}"', f'"{names.get(name, name)}"')
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def in_sam(shown: Shown) -> dict[str, Any]:
    """The resources that CloudFormation gets of the SAM template, versions without their hash."""
    text = json.dumps(templates.translated(HERE / f"{shown.sam}.yaml")["Resources"])
    found = json.loads(re.sub(r"Version[0-9a-f]{10}\b", "Version", text))
    assert isinstance(found, dict)
    return found


def facts(shown: Shown, resources: dict[str, Any]) -> dict[str, dict[str, Any]]:
    plain = Names({own: {**each, "Metadata": {}} for own, each in resources.items()}).plain
    found = {}
    for name in shown.resources:
        properties = resources[name].get("Properties", {})
        policies = {key: value for key, value in resources[name].items() if key in ("UpdatePolicy", "DeletionPolicy")}
        kept = {key: properties[key] for key in shown.properties} or {**properties, **policies}
        found[name] = flat(plain(kept))
    return found


def rows(shown: Shown, path: Path) -> Iterator[Row]:
    """What SAM's resources and CDK's have differently of what is shown."""
    yield from differences(facts(shown, in_sam(shown)), facts(shown, in_cdk(shown, path)))


def test_both_languages_make_the_same_templates(synthesised: Synthesised) -> None:
    python, typescript = (
        {name: without_hashes(path) for name, path in synthesised(language).items()} for language in SUFFIXES
    )

    assert python.keys() == {shown.stack for shown in SHOWN}
    assert python == typescript


@pytest.mark.parametrize("shown", SHOWN, ids=str)
def test_cdk_deploys_what_the_template_shows(synthesised: Synthesised, shown: Shown) -> None:
    assert facts(shown, in_sam(shown))
    assert [row for row in rows(shown, synthesised("python")[shown.stack]) if not expected(row, EXPECTED)] == []


def test_each_expected_difference_is_one_that_there_is(synthesised: Synthesised) -> None:
    made = synthesised("python")
    found = {expected(row, EXPECTED) for shown in SHOWN for row in rows(shown, made[shown.stack])}

    assert found - {""} == {reason for _, reason in EXPECTED}


@pytest.mark.parametrize("shown", SHOWN, ids=str)
def test_no_linter_objects(synthesised: Synthesised, shown: Shown) -> None:
    assert objections(synthesised("python")[shown.stack]) == []


def order(resources: dict[str, Any]) -> list[str]:
    """The order of creation, in which an update policy counts; raises `CycleError` when there is none."""
    return list(TopologicalSorter({name: references(body) for name, body in resources.items()}).static_order())


def test_the_alarm_that_stops_a_release_looks_before_the_alias_moves(synthesised: Synthesised) -> None:
    (shown,) = [each for each in SHOWN if each.stack == "release"]
    resources = in_cdk(shown, synthesised("python")["release"])
    created = order(resources)

    assert created.index("NewVersionFails") < created.index("ShipOrdersAliaslive")
    (alias,) = [each for each in resources["NewVersionFails"]["Properties"]["Dimensions"] if each["Name"] == "Resource"]
    alias["Value"] = {"Ref": "ShipOrdersAliaslive"}
    with pytest.raises(CycleError, match="NewVersionFails"):
        order(resources)


def test_a_boundary_reaches_every_role_that_for_codedeploy_too_but_gives_it_no_path(synthesised: Synthesised) -> None:
    resources = read_template(synthesised("python")["release"])["Resources"].values()
    roles = [each["Properties"] for each in resources if each["Type"] == "AWS::IAM::Role"]

    assert len(roles) == 3
    assert ["codedeploy" in json.dumps(each["AssumeRolePolicyDocument"]) for each in roles].count(True) == 1
    assert all(":policy/Boundary" in json.dumps(each["PermissionsBoundary"]) for each in roles)
    assert not any("Path" in each for each in roles)


def test_every_stack_is_quoted_and_its_typescript_linked_beside() -> None:
    quoted = set()
    for page in (ROOT / "references").glob("*.md"):
        addresses = [fence.address for fence in fences(page) if "references/infrastructure.py#" in fence.address]
        quoted |= {symbol.split(".")[0] for address in addresses for symbol in address.split("#")[1].split(",")}
        assert bool(addresses) == ("(../tests/references/infrastructure.ts)" in page.read_text()), page.name

    assert {shown.stack for shown in SHOWN} <= {snake_case(symbol) for symbol in quoted}
