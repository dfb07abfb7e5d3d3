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

from support import deployed, templates
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
    Shown("shared_key", "key", {"Key": "Key"}, ("KeyPolicy",)),
    Shown("tenants", "tenants", {"Get": "Api.GET"}, ("Integration",)),
    Shown("alarms", "alarms", {name: name for name in ("BurnedForAnHour", "BurnsNow", "Burning")}),
    Shown(
        "provisioned_concurrency",
        "provisioned_concurrency",
        {
            "QuoteVersion": "Quote.CurrentVersion",
            "QuoteAliaslive": "Quote.Aliaslive",
            "Warm": "Warm",
            "WarmPolicy": "WarmPolicy",
        },
    ),
    Shown("storage_first", "storage_first", {"Post": "Api.orders.POST"}, ("Integration", "AuthorizationType")),
]
WHOLE = [  # a stack that is the template, resource for resource
    Shown("permissions", "permissions", {}),
    Shown("pipeline_role", "pipeline_role", {}),
    Shown(
        "release",
        "release",
        {},
        renamed={
            "ShipOrdersAliaslive": "ShipOrders.Aliaslive",
            "ShipOrdersDeploymentGroup": "Canary",
            "ShipOrdersVersion": "ShipOrders.CurrentVersion",
            "CodeDeploy": "Canary.ServiceRole",
            "CodeDeployDefaultPolicy": "Canary.ServiceRole.DefaultPolicy",
            "ServerlessDeploymentApplication": "Canary.Application",
        },
    ),
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
        lambda resource, name, sam, cdk: (
            (resource, name, sam, cdk) == ("QuoteVersion", "DeletionPolicy", "Retain", "-")
        ),
        "CDK deletes a replaced version unless `current_version_options` says otherwise; a release says so",
    ),
    (
        lambda resource, name, sam, cdk: (
            resource.startswith("ManagedPolicy ") and (name, sam, cdk) in (("Description", "-", ""), ("Path", "-", "/"))
        ),
        "CDK writes the defaults of a managed policy",
    ),
]
# CDK takes the function's name from the alias's ARN and adds the alias again, so that it waits for the alias.
BY_ALIAS = re.compile(
    r'\{"Fn::Join": \["", \[\{"Fn::Select": \[6, \{"Fn::Split": \[":", (\{"Ref": "\w+"\})\]\}\]\}, ":live"\]\]\}'
)


@pytest.fixture(scope="session")
def synthesised(once: Callable[..., dict[str, Path]]) -> Callable[[str], dict[str, Path]]:
    """The stacks' templates in a language."""
    apps = {language: HERE / f"infrastructure{suffix}" for language, suffix in SUFFIXES.items()}
    return lambda language: once(
        f"infrastructure-{language}", lambda out: synthesise(language, out, app=apps[language])
    )


Synthesised = Callable[[str], dict[str, Path]]


def in_cdk(shown: Shown, path: Path) -> dict[str, Any]:
    """A synthesised template, in which things are called as the SAM template calls them."""
    template = without_bootstrap(read_template(path))
    names = {cdk: sam for sam, cdk in {**shown.resources, **shown.renamed}.items()}
    resources = {own: {**each, "Metadata": {}} for own, each in template["Resources"].items()}
    text = json.dumps({**template, "Resources": resources})
    for logical_id, name in own_names(template).items():
        text = text.replace(f'"{logical_id}"', f'"{names.get(name, name)}"')
    found = json.loads(BY_ALIAS.sub(r"\1", text))
    assert isinstance(found, dict)
    return found


def in_sam(shown: Shown) -> dict[str, Any]:
    """What CloudFormation gets of the SAM template, versions without their hash."""
    text = json.dumps(templates.translated(HERE / f"{shown.sam}.yaml"))
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
    yield from differences(facts(shown, in_sam(shown)["Resources"]), facts(shown, in_cdk(shown, path)["Resources"]))


def comparable(path: Path) -> Any:
    """A synthesised template without the hashes of assets and of the versions that hold them."""
    return json.loads(re.sub(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}", r"\1", json.dumps(without_hashes(path))))


def test_both_languages_make_the_same_templates(synthesised: Synthesised) -> None:
    python, typescript = (
        {name: comparable(path) for name, path in synthesised(language).items()} for language in SUFFIXES
    )

    assert python.keys() == {shown.stack for shown in SHOWN + WHOLE}
    assert python == typescript


@pytest.mark.parametrize("shown", SHOWN, ids=str)
def test_cdk_deploys_what_the_template_shows(synthesised: Synthesised, shown: Shown) -> None:
    assert facts(shown, in_sam(shown)["Resources"])
    assert [row for row in rows(shown, synthesised("python")[shown.stack]) if not expected(row, EXPECTED)] == []


def whole(shown: Shown, path: Path) -> list[Row]:
    """What the template and the stack deploy differently, of all that they deploy."""
    return differences(deployed.facts(in_sam(shown)), deployed.facts(in_cdk(shown, path)))


@pytest.mark.parametrize("shown", WHOLE, ids=str)
def test_cdk_deploys_all_that_the_template_does(synthesised: Synthesised, shown: Shown) -> None:
    allowed = [*EXPECTED, *deployed.EXPECTED]

    assert [row for row in whole(shown, synthesised("python")[shown.stack]) if not expected(row, allowed)] == []


def test_each_expected_difference_is_one_that_there_is(synthesised: Synthesised) -> None:
    made = synthesised("python")
    found = {expected(row, EXPECTED) for shown in SHOWN for row in rows(shown, made[shown.stack])}
    found |= {expected(row, EXPECTED) for shown in WHOLE for row in whole(shown, made[shown.stack])}

    assert found - {""} == {reason for _, reason in EXPECTED}


@pytest.mark.parametrize("shown", SHOWN + WHOLE, ids=str)
def test_no_linter_objects(synthesised: Synthesised, shown: Shown) -> None:
    assert objections(synthesised("python")[shown.stack]) == []


def order(resources: dict[str, Any]) -> list[str]:
    """The order of creation, in which an update policy counts; raises `CycleError` when there is none.

    Names that authors wrote have dots, `Worker.ServiceRole`, so each is read under one without.
    """
    plain = {name: f"R{number}" for number, name in enumerate(resources)}
    text = json.dumps(resources)
    for name in sorted(plain, key=len, reverse=True):
        text = re.sub(rf'(?<=["{{]){re.escape(name)}(?=["}}.])', plain[name], text)
    bodies = json.loads(text)
    names = {short: name for name, short in plain.items()}
    needs = {
        names[short]: {names[each] for each in references(body) if each in names} for short, body in bodies.items()
    }
    return list(TopologicalSorter(needs).static_order())


def test_the_alarm_that_stops_a_release_looks_before_the_alias_moves(synthesised: Synthesised) -> None:
    (shown,) = [each for each in WHOLE if each.stack == "release"]
    resources = in_cdk(shown, synthesised("python")["release"])["Resources"]
    created = order(resources)

    assert created.index("NewVersionFails") < created.index("ShipOrdersAliaslive")
    (alias,) = [each for each in resources["NewVersionFails"]["Properties"]["Dimensions"] if each["Name"] == "Resource"]
    alias["Value"] = {"Ref": "ShipOrdersAliaslive"}
    with pytest.raises(CycleError):
        order(resources)


def test_each_role_stands_where_the_pipeline_may_make_it_and_below_the_boundary_of_its_kind(
    synthesised: Synthesised,
) -> None:
    resources = read_template(synthesised("python")["release"])["Resources"].values()
    roles = [each["Properties"] for each in resources if each["Type"] == "AWS::IAM::Role"]
    of_codedeploy = ["codedeploy" in json.dumps(each["AssumeRolePolicyDocument"]) for each in roles]

    assert sorted(of_codedeploy) == [False, False, True]
    assert [each["PermissionsBoundary"] for each in roles] == [
        {"Ref": "ReleaseBoundary" if its else "Boundary"} for its in of_codedeploy
    ]
    assert {each["Path"] for each in roles} == {"/functions/"}


def test_every_stack_is_quoted_and_its_typescript_linked_beside() -> None:
    quoted = set()
    for page in (ROOT / "references").glob("*.md"):
        addresses = [fence.address for fence in fences(page) if "references/infrastructure.py#" in fence.address]
        quoted |= {symbol.split(".")[0] for address in addresses for symbol in address.split("#")[1].split(",")}
        assert bool(addresses) == ("(../tests/references/infrastructure.ts)" in page.read_text()), page.name

    assert {shown.stack for shown in SHOWN + WHOLE} <= {snake_case(symbol) for symbol in quoted}
