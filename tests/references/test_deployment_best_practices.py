"""What the deployment reference says: a release that can be taken back, a pipeline that only main can use."""

import base64
import copy
import functools
import importlib.resources
import importlib.util
import io
import json
import re
import subprocess
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from aws_lambda_powertools.utilities.batch.exceptions import UnexpectedBatchTypeError
from aws_lambda_powertools.utilities.feature_flags import FeatureFlags
from aws_lambda_powertools.utilities.feature_flags.base import StoreProvider
from aws_lambda_powertools.utilities.feature_flags.exceptions import ConfigurationStoreError, SchemaValidationError
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from support import commands, templates
from support.documents import ROOT
from support.handlers import Context, sqs_event
from support.simulated import ask
from trials.template import read_template, references

HERE = ROOT / "tests" / "references"
RELEASE, ROLE, PIPELINE = HERE / "release.yaml", HERE / "pipeline_role.yaml", HERE / "pipeline.yml"
VERSION = "arn:aws:lambda:us-east-1:123456789012:function:ship:7"
HOOK = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e-1"}


def load(path: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> Any:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location(f"{path.stem}_under_test", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# A release


def release(**changes: Any) -> dict[str, Any]:
    """The resources that CloudFormation gets of release.yaml, with some properties of the worker changed."""
    template = read_template(RELEASE)
    template["Resources"]["ShipOrders"]["Properties"].update(changes)
    return translated(template)


def translated(template: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(_translated(json.dumps(template)))


@functools.cache
def _translated(text: str) -> dict[str, Any]:
    template = json.loads(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(templates, "read_template", lambda _path: copy.deepcopy(template))
        resources = templates.translated(RELEASE)["Resources"]
    assert isinstance(resources, dict)
    return resources


def order(resources: dict[str, Any]) -> list[str]:
    """The order of creation, in which an update policy counts; raises `CycleError` when there is none."""
    return list(TopologicalSorter({name: references(body) for name, body in resources.items()}).static_order())


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: each for name, each in resources.items() if each["Type"] == f"AWS::{kind}"}


@pytest.mark.parametrize("path", [RELEASE, ROLE], ids=lambda path: path.name)
def test_no_linter_objects(path: Path) -> None:
    assert templates.findings(path) == []


def test_the_queue_feeds_the_alias_so_weights_hold_for_its_batches() -> None:
    (mapping,) = of_type(release(), "Lambda::EventSourceMapping").values()

    assert mapping["Properties"]["FunctionName"] == {"Ref": "ShipOrdersAliaslive"}


def test_an_alarm_on_the_new_version_alone_stops_the_release_and_takes_it_back() -> None:
    resources = release()
    (version,) = of_type(resources, "Lambda::Version")
    (group,) = of_type(resources, "CodeDeploy::DeploymentGroup").values()
    alarm = resources["NewVersionFails"]["Properties"]

    assert {"Name": {"Ref": "NewVersionFails"}} in group["Properties"]["AlarmConfiguration"]["Alarms"]
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["Properties"]["AutoRollbackConfiguration"]["Events"]
    assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == {
        "FunctionName": {"Ref": "ShipOrders"},
        "Resource": {"Fn::Sub": "${ShipOrders}:live"},
        "ExecutedVersion": {"Fn::GetAtt": [version, "Version"]},
    }


def test_the_alarm_looks_at_the_new_version_before_the_alias_moves() -> None:
    created = order(release())

    assert created.index("NewVersionFails") < created.index("ShipOrdersAliaslive")


@pytest.mark.e2e
@pytest.mark.parametrize("given", [{"Ref": "ShipOrders.Alias"}, {"Ref": "ShipOrdersOrders"}], ids=str)
def test_an_alarm_that_refers_to_the_alias_or_its_mapping_is_a_circle_that_the_linter_sees_only_once_it_is_translated(
    given: dict[str, str], tmp_path: Path
) -> None:
    template = read_template(RELEASE)
    template["Resources"]["NewVersionFails"]["Properties"]["Dimensions"][1]["Value"] = given
    (path := tmp_path / "template.yaml").write_text(json.dumps(template))

    assert not [finding for finding in templates.linted(path) if finding.startswith("E3004")]
    assert [finding for finding in templates.findings(path) if finding.startswith("E3004")]
    with pytest.raises(CycleError, match="NewVersionFails"):
        order(translated(template))


ALWAYS = [{"CodeUri": "s3://bucket/new"}, {"MemorySize": 1024}, {"Environment": {"Variables": {"NEW": "1"}}}]
ASKED = [{"Timeout": 61}, {"Runtime": "python3.13"}, {"Architectures": ["x86_64"]}, {"Layers": ["arn:aws:lambda:x"]}]


@pytest.mark.parametrize("all_properties", [True, False])
@pytest.mark.parametrize("change", ALWAYS[1:] + ASKED, ids=str)
def test_what_makes_a_version(change: dict[str, Any], all_properties: bool) -> None:
    before = of_type(release(AutoPublishAliasAllProperties=all_properties), "Lambda::Version")
    after = of_type(release(AutoPublishAliasAllProperties=all_properties, **change), "Lambda::Version")

    assert (before.keys() != after.keys()) is (all_properties or change in ALWAYS)


def test_the_release_makes_a_version_of_every_change() -> None:
    assert of_type(release(), "Lambda::Version").keys() != of_type(release(Timeout=61), "Lambda::Version").keys()


def test_a_version_outlives_the_release_that_replaces_it() -> None:
    (version,) = of_type(release(), "Lambda::Version").values()

    assert version["DeletionPolicy"] == "Retain"


def test_codedeploy_may_invoke_the_hook_and_the_hook_may_invoke_and_report() -> None:
    resources = release()
    (group,) = of_type(resources, "CodeDeploy::DeploymentGroup").values()
    hook, role = resources["ProveShipOrders"]["Properties"], resources["CodeDeploy"]["Properties"]
    granted = [
        s for p in resources["ProveShipOrdersRole"]["Properties"]["Policies"] for s in p["PolicyDocument"]["Statement"]
    ]
    (proves,) = resources["CodeDeployProves"]["Properties"]["PolicyDocument"]["Statement"]

    assert group["Properties"]["ServiceRoleArn"] == {"Fn::GetAtt": ["CodeDeploy", "Arn"]}
    assert [each["Fn::Sub"].rsplit("/", 1)[-1] for each in role["ManagedPolicyArns"]] == [
        "AWSCodeDeployRoleForLambdaLimited"
    ]
    assert resources["CodeDeployProves"]["Properties"]["Roles"] == [{"Ref": "CodeDeploy"}]
    assert (proves["Action"], proves["Resource"]) == (
        "lambda:InvokeFunction",
        {"Fn::GetAtt": ["ProveShipOrders", "Arn"]},
    )
    assert [each["Action"] for each in granted] == [
        "lambda:InvokeFunction",
        "codedeploy:PutLifecycleEventHookExecutionStatus",
    ]
    assert hook["Environment"]["Variables"]["NEW_VERSION"] == granted[0]["Resource"]
    assert len(of_type(resources, "Lambda::Alias")) == 1  # the hook is not itself shifted
    (retries,) = of_type(resources, "Lambda::EventInvokeConfig").values()
    assert retries["Properties"]["MaximumRetryAttempts"] == 0


def test_nothing_waits_in_a_circle() -> None:
    assert len(order(release())) > 10


def counted(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The metrics and their dimension values that the filter makes of a log: its pattern is one comparison."""
    pattern = release()["NotShipped"]["Properties"]["FilterPattern"]
    said = re.fullmatch(r'\{ \$\.(\w+) = ("[^"]+") \}', pattern)
    assert said
    (into,) = release()["NotShipped"]["Properties"]["MetricTransformations"]
    (dimension,) = into["Dimensions"]
    field = dimension["Value"].removeprefix("$.")
    return [(into["MetricName"], line[field]) for line in lines if line.get(said[1]) == json.loads(said[2])]


def test_records_that_the_new_version_fails_stop_the_release_and_those_of_the_old_one_do_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = dict.fromkeys(templates.variables_set(RELEASE, "ShipOrders"), "https://x")
    of_its_own = {**names, "POWERTOOLS_SERVICE_NAME": "released"}  # a logger that writes where this test reads
    worker = load(ROOT / "examples" / "queue_worker" / "app.py", monkeypatch, **of_its_own)
    resources = release()
    alarm = resources["OrdersFail"]["Properties"]
    (version,) = of_type(resources, "Lambda::Version")
    (group,) = of_type(resources, "CodeDeploy::DeploymentGroup").values()
    monkeypatch.setattr(worker, "book", lambda **_: (_ for _ in ()).throw(ConnectionError("carrier said 500")))
    monkeypatch.setattr(worker.sqs, "change_message_visibility", lambda **_: None)
    failing = sqs_event('{"order_id": "o-1", "address": "1 Main St"}')
    for number in ("6", "7"):
        worker.handler(failing, Context(function_version=number))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert counted(lines) == [(alarm["MetricName"], "6"), (alarm["MetricName"], "7")]
    assert alarm["Dimensions"] == [{"Name": "function_version", "Value": {"Fn::GetAtt": [version, "Version"]}}]
    assert {"Name": {"Ref": "OrdersFail"}} in group["Properties"]["AlarmConfiguration"]["Alarms"]
    assert alarm["Namespace"] == {"Ref": "AWS::StackName"}
    logging = resources["ShipOrders"]["Properties"]["LoggingConfig"]
    assert resources["NotShipped"]["Properties"]["LogGroupName"] == logging["LogGroup"]


# Its hook


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Any:
    return load(HERE / "release_hook.py", monkeypatch, NEW_VERSION=VERSION)


def answer(payload: Any, **more: str) -> dict[str, Any]:
    body = json.dumps(payload).encode()
    return {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(body), len(body)), **more}


def reported(hook: ModuleType, invoked: Any) -> str:
    """What the hook reports when the new version answers so, and how it ends."""
    request = {"FunctionName": VERSION, "Payload": json.dumps({"Records": [hook.PROBE]})}
    with Stubber(hook.lambda_) as lambda_, Stubber(hook.codedeploy) as codedeploy:
        if isinstance(invoked, str):
            lambda_.add_client_error("invoke", invoked, expected_params=request)
        else:
            lambda_.add_response("invoke", invoked, request)
        statuses: list[str] = []
        hook.codedeploy.meta.events.register(
            "provide-client-params.codedeploy.*", lambda params, **_: statuses.append(params["status"])
        )
        names = {"deploymentId": "d-1", "lifecycleEventHookExecutionId": "e-1"}
        for status in ("Succeeded", "Failed"):
            codedeploy.add_response("put_lifecycle_event_hook_execution_status", {}, None if status else names)
        try:
            hook.handler(HOOK, Context())
        except (RuntimeError, ClientError):
            statuses.append("raised")
    return " ".join(statuses)


REFUSED = {"batchItemFailures": [{"itemIdentifier": "probe"}]}


def test_a_version_that_refuses_what_is_no_order_gets_traffic(hook: ModuleType) -> None:
    assert reported(hook, answer(REFUSED)) == "Succeeded"


@pytest.mark.parametrize(
    "invoked",
    [
        answer({"errorType": "Runtime.ImportModuleError"}, FunctionError="Unhandled"),
        answer(REFUSED, FunctionError="Unhandled"),
        answer({"batchItemFailures": []}),
        answer(None),
        "TooManyRequestsException",
    ],
    ids=["cannot start", "error in disguise", "ships anything", "says nothing", "cannot be invoked"],
)
def test_any_other_outcome_is_reported_as_failed_and_leaves_an_error(hook: ModuleType, invoked: Any) -> None:
    assert reported(hook, invoked) == "Failed raised"


def test_a_version_that_hangs_is_reported_before_the_hook_itself_ends(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = hook.lambda_.meta.config
    limit = read_template(RELEASE)["Resources"]["ProveShipOrders"]["Properties"]["Timeout"]
    monkeypatch.setattr(hook, "prove", lambda: (_ for _ in ()).throw(ReadTimeoutError(endpoint_url="lambda")))
    with Stubber(hook.codedeploy) as codedeploy:
        expected = {"deploymentId": "d-1", "lifecycleEventHookExecutionId": "e-1", "status": "Failed"}
        codedeploy.add_response("put_lifecycle_event_hook_execution_status", {}, expected)
        with pytest.raises(ReadTimeoutError):
            hook.handler(HOOK, Context())
        codedeploy.assert_no_pending_responses()

    assert config.retries["total_max_attempts"] == 1
    assert config.connect_timeout + config.read_timeout < limit
    assert config.read_timeout > read_template(RELEASE)["Resources"]["ShipOrders"]["Properties"]["Timeout"]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Any:
    names = templates.variables_set(RELEASE, "ShipOrders")
    return load(ROOT / "examples" / "queue_worker" / "app.py", monkeypatch, **dict.fromkeys(names, "https://x"))


def test_the_worker_answers_the_probe_as_the_hook_expects_and_ships_nothing(
    hook: ModuleType, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked: list[Any] = []
    monkeypatch.setattr(worker, "book", lambda order: booked.append(order))
    with Stubber(worker.sqs) as sqs:
        sqs.add_client_error("change_message_visibility", "ReceiptHandleIsInvalid")

        assert worker.handler({"Records": [hook.PROBE]}, Context()) == REFUSED
    assert booked == []


def test_a_batch_without_records_would_prove_nothing(worker: Any) -> None:
    with pytest.raises(UnexpectedBatchTypeError):
        worker.handler({"Records": []}, Context())


# The pipeline


def linted(tool: str, path: Path) -> subprocess.CompletedProcess[str]:
    flags = {
        "zizmor": ["--offline", "--quiet", "--no-progress", "--format=plain"],
        "actionlint": ["-shellcheck=", "-pyflakes="],
    }
    return subprocess.run([tool, *flags[tool], str(path)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("tool", ["actionlint", "zizmor"])
def test_neither_linter_of_workflows_objects(tool: str) -> None:
    done = linted(tool, PIPELINE)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("tool", "before", "after", "complaint"),
    [
        ("zizmor", r"checkout@\w+", "checkout@v7", "unpinned-uses"),
        ("zizmor", r'"\$STAGE"', "${{ github.head_ref }}", "template-injection"),
        ("zizmor", r"permissions: \{ id-token: write \}", "permissions: write-all", "excessive-permissions"),
        ("zizmor", r"persist-credentials: false", "fetch-depth: 1", "artipacked"),
        ("actionlint", r"needs: build", "needs: biuld", "biuld"),
        ("actionlint", r"vars\.ROLE", "var.ROLE", "undefined variable"),
    ],
)
def test_the_linters_of_workflows_see(tool: str, before: str, after: str, complaint: str, tmp_path: Path) -> None:
    (changed := tmp_path / "pipeline.yml").write_text(re.sub(before, after, PIPELINE.read_text()))

    done = linted(tool, changed)

    assert done.returncode
    assert complaint in done.stdout


def jobs() -> dict[str, Any]:
    found = yaml.safe_load(PIPELINE.read_text())["jobs"]
    assert isinstance(found, dict)
    return found


def runs(job: str) -> list[str]:
    return [step["run"] for step in jobs()[job]["steps"] if "run" in step]


def test_what_was_built_once_and_tested_goes_through_every_environment() -> None:
    building = [name for name in jobs() if {"sam build", "sam package"} & {" ".join(r.split()[:2]) for r in runs(name)}]

    assert building == ["build"]
    assert [(name, job.get("needs")) for name, job in jobs().items()] == [
        ("build", None),
        ("test", "build"),
        ("production", "test"),
    ]
    assert jobs()["test"]["steps"] == jobs()["production"]["steps"]
    assert any("--template packaged.yaml" in run for run in runs("production"))


def test_a_job_gets_credentials_only_through_its_environment() -> None:
    for name, job in jobs().items():
        assert job["environment"] == name
        assert job["permissions"].get("id-token") == "write"
    assert "secrets." not in PIPELINE.read_text()


@pytest.mark.e2e
def test_every_command_of_the_pipeline_exists() -> None:
    for name in jobs():
        assert commands.complaints("\n".join(runs(name)).replace("uv run --frozen pytest", "true")) == []


# Its role: trust and permissions


SUBJECT = "repo:shop@1234/shipping@5678:environment:production"
FORK = "repo:mallory@666/shipping@777:environment:production"


def token(subject: str, audience: str = "sts.amazonaws.com") -> str:
    claims = {"iss": "https://token.actions.githubusercontent.com", "aud": audience, "sub": subject}
    parts: list[dict[str, str]] = [{"alg": "none"}, claims, {}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


PROVIDER = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
EVALUATE = """
from ministack.core.iam_evaluator import EvalContext, evaluate_trust_policy
from ministack.services.sts import _web_identity_principal

def answer(asked):
    policy, tokens = asked
    return [admits(policy, each) for each in tokens]

def admits(policy, token):
    provider, claims = _web_identity_principal(token, "", "arn:aws:iam::123456789012:role/deploy")
    action = "sts:AssumeRoleWithWebIdentity"
    context = EvalContext(provider, "WebIdentityUser", "123456789012", action, "*", "us-east-1", service_context=claims)
    return evaluate_trust_policy(policy, provider, context)
"""


def admitted(*tokens: str, subject: str = SUBJECT, conditions: dict[str, Any] | None = None) -> list[bool]:
    """Which tokens the trust policy admits, by the evaluator of the local AWS; optionally with other conditions."""
    policy = read_template(ROLE)["Resources"]["Deploy"]["Properties"]["AssumeRolePolicyDocument"]
    policy["Statement"][0] |= {"Condition": conditions} if conditions else {}
    text = json.dumps(policy).replace('{"Ref": "Subject"}', json.dumps(subject))
    text = text.replace('{"Ref": "GitHub"}', json.dumps(PROVIDER))
    decided = ask(EVALUATE, [json.loads(text), tokens])
    assert isinstance(decided, list)
    return decided


def test_the_role_admits_its_environment_and_nothing_else() -> None:
    right, wrong_audience = token(SUBJECT), token(SUBJECT, audience="https://github.com/mallory")
    others = [
        FORK,
        "repo:shop@1234/other@9:environment:production",
        SUBJECT.replace("production", "test"),
        "repo:shop@1234/shipping@5678:pull_request",
        "repo:shop@1234/shipping@5678:ref:refs/heads/main",
        "repo:shop/shipping:environment:production",
    ]

    assert admitted(right, wrong_audience, *map(token, others)) == [True] + 7 * [False]


def test_a_role_that_knows_the_repository_by_name_refuses_a_repository_of_today() -> None:
    name = "repo:shop/shipping:environment:production"

    assert admitted(token(name), token(SUBJECT), subject=name) == [True, False]


HOST = "token.actions.githubusercontent.com"


@pytest.mark.parametrize(
    ("conditions", "intruder"),
    [
        ({"StringEquals": {f"{HOST}:aud": "sts.amazonaws.com"}}, FORK),
        ({"StringLike": {f"{HOST}:sub": "repo:*/shipping@*"}}, FORK),
        ({"StringLike": {f"{HOST}:sub": "repo:shop*"}}, "repo:shop-thief/x:ref:refs/heads/main"),
        (
            {"StringLike": {f"{HOST}:sub": "repo:shop@1234/shipping@5678:*"}},
            "repo:shop@1234/shipping@5678:pull_request",
        ),
    ],
    ids=["no sub", "any owner", "prefix of an owner", "any event"],
)
def test_a_looser_condition_lets_others_in(conditions: Any, intruder: str) -> None:
    assert admitted(token(intruder), token(intruder, "x"), conditions=conditions)[0]


@pytest.mark.parametrize("subject", ["repo:shop/*", "repo:shop/*:environment:test", "repo:shop/x:environment:*", "*"])
def test_the_parameter_takes_no_wildcard(subject: str) -> None:
    pattern = read_template(ROLE)["Parameters"]["Subject"]["AllowedPattern"]

    assert re.fullmatch(pattern, SUBJECT)
    assert not re.fullmatch(pattern, subject)


@pytest.mark.e2e
def test_the_role_may_do_what_sam_deploy_calls_for_one_stack_and_no_more() -> None:
    commands.sam_commands()
    (source,) = commands.SAM.glob("lib/python*/site-packages/samcli/lib/deploy/deployer.py")
    called = set(re.findall(r"_client\.(?!get_paginator|get_waiter)(\w+)\(", source.read_text()))
    called |= set(re.findall(r'get_paginator\("(\w+)"\)', source.read_text()))
    called -= {"create_stack", "update_stack", "rollback_stack", "delete_stack"}  # of sam sync and of --on-failure
    first, second = templates.statements(ROLE)[1:]

    assert {action.partition(":")[2].lower() for action in first["Action"]} == {n.replace("_", "") for n in called}
    assert second["Condition"] == {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    assert [wide for each in (first, second) for wide in templates.wildcards(each)] == []


# samconfig


def test_every_key_of_the_configuration_is_an_option_of_its_command() -> None:
    stages = yaml.safe_load((HERE / "samconfig.yaml").read_text())
    assert stages.pop("version") == 0.1

    for stage in stages.values():
        for command, body in stage.items():
            flags = commands.sam_commands()["commands"][command]["flags"]
            assert [key for key in body["parameters"] if f"--{key.replace('_', '-')}" not in flags] == []
    assert set(stages) == {"test", "production"}
    assert set(stages) < set(jobs())


@pytest.mark.e2e
def test_a_misspelt_key_and_an_unknown_stage_are_ignored_without_a_word(tmp_path: Path) -> None:
    commands.sam_commands()
    stage = {"parameters": {"stack_nam": "shipping"}}
    (tmp_path / "samconfig.yaml").write_text(json.dumps({"version": 0.1, "test": {"deploy": stage}}))
    (tmp_path / "template.yaml").write_text(RELEASE.read_text())
    environment = {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(tmp_path), "PATH": "", "HOME": str(tmp_path)}
    command = [str(commands.SAM / "bin" / "sam"), "deploy", "--region", "us-east-1", "--config-env"]
    running = [
        subprocess.Popen([*command, name], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        for name in ("test", "tset")
    ]

    for said in [each.communicate()[1] for each in running]:
        assert "Missing option '--stack-name'" in said
        assert "stack_nam" not in said
        assert "tset" not in said


def test_lists_of_the_globals_are_put_in_front() -> None:
    template = read_template(RELEASE)
    template["Globals"]["Function"]["Layers"] = ["arn:of:all"]
    template["Resources"]["ShipOrders"]["Properties"]["Layers"] = ["arn:of:one"]

    assert translated(template)["ShipOrders"]["Properties"]["Layers"] == ["arn:of:all", "arn:of:one"]


# Runtimes


def test_the_calendar_of_the_runtimes() -> None:
    source = importlib.resources.files("cfnlint.data.AdditionalSpecs").joinpath("LmbdRuntimeLifecycle.json")
    runtimes = json.loads(source.read_text())
    old = [name for name, dates in runtimes.items() if dates["deprecated"] < "2026-11-23"]
    blocked = {name for name in old if runtimes[name]["create-block"] == "2027-02-01"}
    coming = {n: d["update-block"] for n, d in runtimes.items() if "2026-11-23" <= d["deprecated"] <= "2027-06-30"}
    also = {name for name, dates in runtimes.items() if dates["update-block"] == "2027-03-03"} - blocked

    assert blocked == {
        *("python3.8", "python3.9", "python3.10", "nodejs16.x", "nodejs18.x", "nodejs20.x"),
        *("ruby3.2", "dotnet6", "dotnet8", "provided.al2"),
    }
    assert {runtimes[name]["update-block"] for name in blocked} == {"2027-03-03"}
    assert also == {"python3.7", "nodejs14.x", "ruby2.7", "java8", "go1.x", "provided"}
    assert coming == {
        "ruby3.3": "2027-05-31",
        "nodejs22.x": "2027-07-01",
        **dict.fromkeys(("python3.11", "java8.al2", "java11", "java17"), "2027-08-31"),
    }


# Feature flags


class Flags(StoreProvider):
    """AppConfig, in this process."""

    def __init__(self, document: Any) -> None:
        self.document = document

    @property
    def get_raw_configuration(self) -> dict[str, Any]:
        return self.get_configuration()

    def get_configuration(self) -> dict[str, Any]:
        if isinstance(self.document, Exception):
            raise self.document
        return dict(self.document)


RULE = {"when_match": True, "conditions": [{"action": "EQUALS", "key": "tenant", "value": "acme"}]}


def evaluated(document: Any, **context: str) -> Any:
    return FeatureFlags(store=Flags(document)).evaluate(name="new_carrier", context=context, default=False)


def test_a_flag_is_on_for_whom_a_rule_names() -> None:
    document = {"new_carrier": {"default": False, "rules": {"pilot": RULE}}}

    assert evaluated(document, tenant="acme") is True
    assert evaluated(document, tenant="other") is False


def test_an_outage_of_the_store_means_the_default_without_an_error() -> None:
    assert evaluated(ConfigurationStoreError("down")) is False


def test_what_appconfig_gives_for_its_own_type_of_flags_is_refused() -> None:
    with pytest.raises(SchemaValidationError):
        evaluated({"new_carrier": {"enabled": True}})
