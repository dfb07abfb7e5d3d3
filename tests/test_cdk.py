"""The stacks in Python and TypeScript deploy what the SAM templates do, and keep what is checked of those."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from support import templates
from support.deployed import EXPECTED, Facts, compare, differences, expected, facts, objections, without_hashes
from support.documents import ROOT
from trials.examples import scenario
from trials.local_aws import LocalAws
from trials.local_aws.synthesis import EXAMPLES, NODE, synthesise
from trials.template import read_template

NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/stack.py"))
PACKAGED = "StreamProcessor"  # the stack whose functions are packaged for AWS, as `cdk deploy` does
EVERYWHERE = ".*"
# Rule of cdk-nag, the constructs, and why a reviewer lets it be.
ACCEPTED = [
    (
        r"AwsSolutions-IAM4\[.*AWSLambdaBasicExecutionRole\]",
        EVERYWHERE,
        "CDK's own for a function's logs; it names no resource because the log group may not exist yet",
    ),
    (
        r"AwsSolutions-IAM4\[.*AWSLambdaBasicDurableExecutionRolePolicy\]",
        r"DurableWorkflow/Workflow/",
        "CDK's own, and SAM's, for a durable function's logs and checkpoints",
    ),
    (
        r"AwsSolutions-IAM5\[Resource::\*\]",
        r"/DefaultPolicy/",
        "X-Ray's and the log deliveries' actions, which know no resource; a test lists them one by one",
    ),
    (r"AwsSolutions-IAM5\[Resource::<\w+\.Arn>/\*\]", EVERYWHERE, "the objects of one bucket"),
    (r"AwsSolutions-IAM5\[Resource::<\w+\.Arn>/unreadable/\*\]", r"KeepPrices", "the objects under one prefix"),
    (
        r"AwsSolutions-IAM5\[Resource::<\w+\.Arn>/(checked|quarantine|results)/\*\]",
        r"FilePipeline",
        "the objects under one prefix",
    ),
    (r"AwsSolutions-IAM5\[Resource::.*schedule/<Reminders>/\*\]", r"PlanReminders", "the schedules of one group"),
    (
        r"AwsSolutions-IAM5\[Resource::.*subscriber/.*-track-again-\*\]",
        r"KeptEvents",
        "the readers that it makes itself",
    ),
    (r"AwsSolutions-IAM5\[Resource::<\w+\.Arn>:\*\]", EVERYWHERE, "the versions and aliases of one function"),
    (
        r"AwsSolutions-IAM5\[Action::kms:GenerateDataKey\*\]",
        r"FanOut/Publish",
        "CDK's grant for publishing under a key, which is that of SNS's documentation",
    ),
    (r"AwsSolutions-S1$", EVERYWHERE, "who read an object is CloudTrail's to tell; access logs want a second bucket"),
    (
        r"AwsSolutions-SQS3|Serverless-SQSRedrivePolicy",
        r"Dlq/|/Undelivered/|/Unprojected/|/Unread/|/Unreported/|/Unchecked/|/HalfDone/|/Reviews/|/Failed/|/Approvals/"
        r"|/Missed/|/LeftBehind/",
        "where failures end, and an alarm watches; people take reviews and approvals, so no code fails on them",
    ),
    (r"AwsSolutions-APIG4", r"OPTIONS|webhooks", "a preflight carries no token, and a webhook's signature is its own"),
    (
        r"AwsSolutions-SF1",
        r"Saga|FilePipeline",
        "the input holds addresses, or a whole list: errors are logged, without data",
    ),
    (r"AwsSolutions-SMG4", r"SigningSecret", "the provider makes the key; rotation by two versions is tested"),
    (
        r"AwsSolutions-IAM5\[Resource::.*execution:<\w+.Name>(/Rows)?:\*\]",
        r"Saga|FilePipeline",
        "executions of one machine",
    ),
    (r"Serverless-LambdaDLQ", EVERYWHERE, "no one invokes it asynchronously, or its failures have a destination"),
    (
        r"Serverless-LambdaEventSourceMappingDestination",
        r"SqsEventSource",
        "a queue's failures go where its redrive policy says; a mapping's destination is for streams",
    ),
]


@pytest.fixture(scope="session")
def synthesised(once: Callable[..., dict[str, Path]]) -> Callable[[str], dict[str, Path]]:
    """The templates that CDK makes in a language."""
    apps = {"python": ROOT / "tests" / "support" / "nag.py"}
    return lambda language: once(
        f"cdk-{language}", lambda out: synthesise(language, out, (PACKAGED,), apps.get(language))
    )


Synthesised = Callable[[str], dict[str, Path]]


@pytest.fixture(params=NAMES)
def stack(request: pytest.FixtureRequest, synthesised: Synthesised) -> Path:
    """The synthesised template of each example."""
    return synthesised("python")[request.param]


@pytest.mark.e2e
@pytest.mark.parametrize("name", NAMES)
def test_both_languages_make_the_same_template(synthesised: Synthesised, name: str) -> None:
    python, typescript = (without_hashes(synthesised(language)[name]) for language in ("python", "typescript"))

    assert python == typescript


@pytest.mark.e2e
@pytest.mark.parametrize("name", NAMES)
def test_cdk_deploys_what_sam_deploys(synthesised: Synthesised, name: str) -> None:
    assert [row for row in compare(name, synthesised("python")[name]) if not expected(row)] == []


@pytest.mark.e2e
def test_each_expected_difference_is_one_that_there_is(synthesised: Synthesised) -> None:
    found = {expected(row) for name, path in synthesised("python").items() for row in compare(name, path)}

    assert found - {""} == {reason for _, reason in EXPECTED}


@pytest.mark.e2e
def test_no_linter_objects(stack: Path) -> None:
    assert objections(stack) == []


@pytest.mark.e2e
def test_no_statement_grants_more_than_it_names(stack: Path) -> None:
    written = templates.statements(stack)

    assert written
    assert [wide for each in written for wide in templates.wildcards(each) if wide not in templates.NO_RESOURCE] == []


@pytest.mark.e2e
def test_the_packs_of_cdk_nag_object_to_nothing_that_no_reviewer_would_accept(synthesised: Synthesised) -> None:
    folder = next(iter(synthesised("python").values())).parent
    reports = json.loads((folder / "validation-report.json").read_text())["pluginReports"]
    found = [
        (violation["ruleName"], construct["constructPath"])
        for report in reports
        for violation in report["violations"]
        for construct in violation["violatingConstructs"]
    ]

    def accepts(rule: str, construct: str) -> list[int]:
        return [
            at for at, (name, where, _) in enumerate(ACCEPTED) if re.search(name, rule) and re.search(where, construct)
        ]

    assert {report["pluginName"] for report in reports} == {"AwsSolutions", "Serverless"}
    assert [each for each in found if not accepts(*each)] == []
    assert {at for each in found for at in accepts(*each)} == set(range(len(ACCEPTED))), (
        "an exception that nothing needs"
    )


@pytest.mark.e2e
def test_code_is_packaged_for_lambda_without_docker(synthesised: Synthesised) -> None:
    for language in ("python", "typescript"):
        template = synthesised(language)["stream_processor"]
        functions = [
            each for each in read_template(template)["Resources"].values() if each["Type"] == "AWS::Lambda::Function"
        ]
        assert functions
        for function in functions:
            asset = template.parent / function["Metadata"]["aws:asset:path"]
            module = function["Properties"]["Handler"].split(".")[0]
            assert (asset / f"{module}.py").is_file()
            assert not (asset / "stack.py").exists()
            assert list(asset.glob("pydantic_core/*cpython-314-aarch64-linux-gnu.so"))


def test_the_app_has_the_flags_of_a_new_project() -> None:
    recommended = json.loads((NODE / "node_modules" / "aws-cdk-lib" / "recommended-feature-flags.json").read_text())

    assert json.loads((EXAMPLES / "cdk.json").read_text())["context"] == recommended


def test_both_languages_use_one_version_of_cdk() -> None:
    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["cdk"]
    typescript = json.loads((NODE / "package.json").read_text())["dependencies"]

    for name in ("aws-cdk-lib", "constructs"):
        assert f"{name}=={typescript[name]}" in python


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["fan_out", "saga"])  # with handlers in TypeScript all of them: test_typescript.py
def test_a_synthesised_template_keeps_the_promises(real: LocalAws, synthesised: Synthesised, name: str) -> None:
    outcomes = list(scenario(EXAMPLES / name).play(real, lambda _: None, synthesised("python")[name]))

    assert outcomes
    assert [outcome for outcome in outcomes if not outcome.held] == []


# ---- the comparison itself


def queue(**more: object) -> Facts:
    return facts({"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60, **more}}}})


def test_a_property_that_differs_is_a_row() -> None:
    assert differences(queue(), queue(VisibilityTimeout=30)) == [("Queue Q", "VisibilityTimeout", "60", "30")]
    assert differences(queue(), queue(KmsMasterKeyId="k")) == [("Queue Q", "KmsMasterKeyId", "-", "k")]
    assert differences(queue(), queue()) == []
