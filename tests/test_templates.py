"""Every template lints, translates, fits its handlers and grants no more than it names."""

import importlib.metadata
import sys
from pathlib import Path

import pytest

from support import policies, templates
from support.documents import ROOT
from trials.examples import patterns
from trials.template import read_template

PATHS = [ROOT / "examples" / name / "template.yaml" for name in patterns()]
STANDARD = sys.stdlib_module_names
pytestmark = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parent.name)


def test_no_linter_objects(path: Path) -> None:
    assert templates.linted(path) == []


@pytest.mark.e2e
def test_no_linter_objects_to_what_sam_makes_of_it(path: Path) -> None:
    assert templates.findings(path) == []


@pytest.mark.e2e
def test_aws_s_own_validator_does_not_object(path: Path) -> None:
    assert templates.objections(path) == []


def test_sam_translates_it(path: Path) -> None:
    types = {resource["Type"] for resource in templates.translated(path)["Resources"].values()}

    assert "AWS::Lambda::Function" in types
    assert not [name for name in types if name.startswith("AWS::Serverless::")]


def test_every_handler_exists(path: Path) -> None:
    found = templates.functions(path)

    assert found
    for module, function in found.values():
        assert function in templates.names(module)


def test_a_function_reads_the_variables_it_is_given_and_no_others(path: Path) -> None:
    for name, (module, _) in templates.functions(path).items():
        assert templates.variables_read(module) == templates.variables_set(path, name), name


def test_a_handler_is_short_enough_to_read_whole(path: Path) -> None:
    for module in path.parent.glob("*.py"):
        if module.name not in ("scenario.py", "stack.py"):
            lines = [line for line in module.read_text().splitlines() if line.strip()]
            assert len(lines) <= 80, f"{module.name} has {len(lines)} lines that are not blank"


def test_its_requirements_are_what_it_imports_at_the_versions_under_test(path: Path) -> None:
    used = {
        name
        for module, _ in templates.functions(path).values()
        for each in templates.modules(module)
        for name in templates.imports(each)
    }
    beside = {module.stem for module in path.parent.glob("*.py")}
    third_party = {
        templates.PACKAGES.get(name, name) for name in used - beside - templates.RUNTIME if name not in STANDARD
    }
    third_party |= {templates.DATA[name] for name in used if name in templates.DATA}
    if any(service in templates.NEWER for service in templates.clients(path.parent)):
        third_party |= {"boto3"}  # of which the lock has several, for the tools
    pinned = templates.requirements(path.parent)

    assert set(pinned) == third_party
    assert pinned.pop("boto3", importlib.metadata.version("boto3")) == importlib.metadata.version("boto3")
    assert {name: {version} for name, version in pinned.items()} == {name: templates.locked()[name] for name in pinned}


def test_no_statement_grants_more_than_it_names(path: Path) -> None:
    written = templates.statements(path)

    assert written
    assert [wide for each in written for wide in templates.wildcards(each) if wide not in templates.NO_RESOURCE] == []


def test_every_action_that_a_statement_names_is_one_that_iam_knows(path: Path) -> None:
    assert policies.unknown_actions(templates.statements(path)) == []


def test_no_bucket_can_become_public(path: Path) -> None:
    each = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    for resource in read_template(path)["Resources"].values():
        if resource["Type"] == "AWS::S3::Bucket":
            assert resource["Properties"]["PublicAccessBlockConfiguration"] == dict.fromkeys(each, True)


def test_no_queue_takes_a_message_without_tls(path: Path) -> None:
    resources = read_template(path)["Resources"]
    queues = {name for name, resource in resources.items() if resource["Type"] == "AWS::SQS::Queue"}
    refusing = {
        queue["Ref"]
        for resource in resources.values()
        if resource["Type"] == "AWS::SQS::QueuePolicy"
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": False}}
        for queue in resource["Properties"]["Queues"]
    }

    assert refusing == queues


def test_a_template_of_several_patterns_gives_each_what_it_asks_for_of_outputs_that_there_are(path: Path) -> None:
    for whole in path.parent.glob("whole.yaml"):
        read = read_template(whole)
        applications = {name: each["Properties"] for name, each in read["Resources"].items()}
        parts = {name: read_template(whole.parent / each["Location"]) for name, each in applications.items()}
        assert path in [(whole.parent / each["Location"]).resolve() for each in applications.values()]
        taken = list(read.get("Outputs", {}).values())
        for name, application in applications.items():
            given, asked = application.get("Parameters", {}), parts[name].get("Parameters", {})
            assert given.keys() <= asked.keys(), name
            assert {key for key, value in asked.items() if "Default" not in value} <= given.keys(), name
            taken += [{"Value": value} for value in given.values()]
        for value in taken:
            if isinstance(value["Value"], dict) and "Fn::GetAtt" in value["Value"]:
                part, _, output = str(".".join(value["Value"]["Fn::GetAtt"])).split(".")
                assert output in parts[part]["Outputs"], f"{whole.parent.name}: {part} has no output {output}"
