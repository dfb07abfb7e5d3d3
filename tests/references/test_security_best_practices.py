"""What security-best-practices.md says of policies, caches and logs, decided by an evaluator and by running them."""

import copy
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from pydantic import TypeAdapter, ValidationError
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.policy_template_processor.processor import PolicyTemplatesProcessor

from references import nested
from support import templates
from support.documents import ROOT
from support.policies import unknown_actions
from support.simulated import Request, decisions, resolved
from trials.local_aws import ACCOUNT, REGION
from trials.template import read_template

HERE = Path(__file__).parent
NAMES = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}


def arn(service: str, name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{REGION}:{account}:{name}"


def resources(example: str) -> dict[str, Any]:
    found = read_template(ROOT / "examples" / example / "template.yaml")["Resources"]
    assert isinstance(found, dict)
    return found


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


# A role


LOG = arn("dynamodb", "table/log")


def test_the_writer_of_the_log_can_append_and_read_and_nothing_else() -> None:
    policy = resources("event_store")["Command"]["Properties"]["Policies"][0]
    given = [resolved(policy, {"Log.Arn": LOG})]
    allowed = [Request(f"dynamodb:{action}", LOG) for action in ("GetItem", "PutItem", "Query")]
    refused = [Request(f"dynamodb:{action}", LOG) for action in ("DeleteItem", "UpdateItem", "DeleteTable", "Scan")]
    elsewhere = [Request("dynamodb:GetItem", f"{LOG}2"), Request("dynamodb:Query", f"{LOG}/index/by-day")]

    assert decisions(given, allowed) == ["Allow"] * 3
    assert decisions(given, refused + elsewhere) == ["ImplicitDeny"] * 6


def test_the_ready_made_policy_would_let_the_writer_delete() -> None:
    processor = PolicyTemplatesProcessor(PolicyTemplatesProcessor.get_default_policy_templates_json())
    ready: Any = processor.convert("DynamoDBCrudPolicy", {"TableName": "log"})  # type: ignore[arg-type]
    statements = json.loads(json.dumps(ready).replace("${tableName}", "log"))["Statement"]
    for statement in statements:
        statement["Resource"] = [LOG]

    assert decisions([{"Statement": statements}], [Request("dynamodb:DeleteItem", LOG)]) == ["Allow"]


# Resources


RULES = {"ToReview.Arn": arn("events", "rule/shop/to-review"), "ShipPlaced.Arn": arn("events", "rule/shop/ship")}
QUEUE = arn("sqs", "undelivered")
EVENTS, SNS = "events.amazonaws.com", "sns.amazonaws.com"


def test_only_our_rules_may_write_to_the_queue_of_undelivered_events() -> None:
    policy = resources("event_router")["UndeliveredPolicy"]["Properties"]["PolicyDocument"]
    given = [resolved(policy, {"Undelivered.Arn": QUEUE, **RULES})]

    def from_(source: str, service: str = EVENTS, action: str = "sqs:SendMessage") -> Request:
        return Request(action, QUEUE, {"aws:SourceArn": source}, service)

    assert decisions(given, [from_(each) for each in RULES.values()]) == ["Allow"] * 2
    strangers = [
        from_(arn("events", "rule/shop/to-review", "999999999999")),
        from_(arn("events", "rule/default/other")),
        from_(RULES["ToReview.Arn"], SNS),
        from_(RULES["ToReview.Arn"], action="sqs:ReceiveMessage"),
    ]
    assert decisions(given, strangers) == ["ImplicitDeny"] * 4


def test_a_service_principal_without_a_source_admits_every_account() -> None:
    policy = copy.deepcopy(resources("event_router")["UndeliveredPolicy"]["Properties"]["PolicyDocument"])
    del policy["Statement"][0]["Condition"]
    stranger = Request("sqs:SendMessage", QUEUE, {"aws:SourceArn": arn("events", "rule/x", "999999999999")}, EVENTS)

    assert decisions([resolved(policy, {"Undelivered.Arn": QUEUE})], [stranger]) == ["Allow"]


@pytest.mark.parametrize(("both", "answer"), [(True, "ImplicitDeny"), (False, "Allow")])
def test_a_bucket_that_another_account_made_anew_is_known_by_its_account_only(both: bool, answer: str) -> None:
    bound: dict[str, Any] = {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::uploads"}}
    bound |= {"StringEquals": {"aws:SourceAccount": ACCOUNT}} if both else {}
    s3 = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage"}
    given = [{"Statement": [{**s3, "Resource": QUEUE, "Condition": bound}]}]

    def of(account: str) -> Request:
        context = {"aws:SourceArn": "arn:aws:s3:::uploads", "aws:SourceAccount": account}
        return Request("sqs:SendMessage", QUEUE, context, "s3.amazonaws.com")

    assert decisions(given, [of(ACCOUNT), of("999999999999")]) == ["Allow", answer]


def test_the_key_of_the_topic_serves_sns_for_our_topics_and_no_one_else() -> None:
    policy = resources("fan_out")["Key"]["Properties"]["KeyPolicy"]
    name = "Fn::Sub"
    assert name in json.dumps(policy)
    given = [resolved(policy, {**NAMES, "AWS::StackName": "shop"})]
    ours, theirs = arn("sns", "shop-OrderPlaced-1"), arn("sns", "shop-OrderPlaced-1", "999999999999")
    key = arn("kms", "key/1")

    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        requests = [Request(action, key, {"aws:SourceArn": source}, SNS) for source in (ours, theirs)]
        assert decisions(given, requests) == ["Allow", "ImplicitDeny"]
    assert decisions(given, [Request("kms:ScheduleKeyDeletion", key, {"aws:SourceArn": ours}, SNS)]) == ["ImplicitDeny"]


def test_plain_http_is_refused_whoever_asks() -> None:
    (policy,) = [each for each in resources("queue_worker").values() if each["Type"] == "AWS::SQS::QueuePolicy"]
    orders = arn("sqs", "orders")
    given = [resolved(policy["Properties"]["PolicyDocument"], {"Orders.Arn": orders, "OrdersDlq.Arn": orders})]
    plain = Request("sqs:SendMessage", orders, {"aws:SecureTransport": "false"}, EVENTS)

    assert decisions(given, [plain]) == ["Deny"]


KEY, ALARMS, LOGS = HERE / "key.yaml", "cloudwatch.amazonaws.com", f"logs.{REGION}.amazonaws.com"
TO_TARGET = ("kms:GenerateDataKey", "kms:Decrypt")
OF_LOGS = "kms:EncryptionContext:aws:logs:arn"


def asked(service: str, action: str, **context: str) -> Request:
    return Request(action, arn("kms", "key/1"), context, service)


def by_key(requests: list[Request]) -> list[str]:
    policy = read_template(KEY)["Resources"]["Key"]["Properties"]["KeyPolicy"]
    return decisions([resolved(policy, NAMES)], requests)


def test_each_service_can_use_the_key_for_what_this_account_sends() -> None:
    sources = {SNS: arn("sns", "orders"), ALARMS: arn("cloudwatch", "alarm:backlog"), EVENTS: ""}
    theirs = {service: source.replace(ACCOUNT, "999999999999") for service, source in sources.items() if source}

    def deliveries(of: dict[str, str]) -> list[Request]:
        found = [(service, {"aws:SourceArn": source} if source else {}) for service, source in of.items()]
        return [asked(service, action, **context) for service, context in found for action in TO_TARGET]

    assert by_key(deliveries(sources)) == ["Allow"] * 6
    assert by_key(deliveries(theirs)) == ["ImplicitDeny"] * 4
    assert by_key([asked(service, "kms:ScheduleKeyDeletion") for service in (*sources, LOGS)]) == ["ImplicitDeny"] * 4


def test_a_condition_on_the_source_would_keep_every_rule_out() -> None:
    policy = copy.deepcopy(read_template(KEY)["Resources"]["Key"]["Properties"]["KeyPolicy"])
    (rules,) = [each for each in policy["Statement"] if each["Principal"].get("Service") == EVENTS]
    rules["Condition"] = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}

    assert decisions([resolved(policy, NAMES)], [asked(EVENTS, "kms:Decrypt")]) == ["ImplicitDeny"]


def test_logs_encrypt_only_this_account_s_groups() -> None:
    ours, theirs = ({OF_LOGS: arn("logs", "log-group:ship", account)} for account in (ACCOUNT, "999999999999"))
    actions = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:GenerateDataKey", "kms:DescribeKey"]

    assert by_key([asked(LOGS, each, **ours) for each in actions]) == ["Allow"] * 5
    assert by_key([asked(LOGS, each, **theirs) for each in actions]) == ["ImplicitDeny"] * 5
    assert by_key([asked(LOGS.replace(REGION, "eu-west-1"), "kms:Encrypt", **ours)]) == ["ImplicitDeny"]


# The pipeline's boundary


PERMISSIONS = HERE / "permissions.yaml"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/Boundary"
ROLE, OTHER = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("functions/ship", "admin"))


def document(name: str) -> Any:
    names = {**NAMES, "Boundary": BOUNDARY}
    return resolved(read_template(PERMISSIONS)["Resources"][name]["Properties"]["PolicyDocument"], names)


def test_the_template_lints_and_names_real_actions() -> None:
    assert templates.findings(PERMISSIONS) == []
    assert unknown_actions(document("Roles")) == []
    assert templates.findings(KEY) == []


@pytest.mark.parametrize("action", ["CreateRole", "PutRolePolicy", "AttachRolePolicy", "PutRolePermissionsBoundary"])
def test_a_pipeline_touches_only_roles_that_have_the_boundary(action: str) -> None:
    within = {"iam:PermissionsBoundary": BOUNDARY}
    another = {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/Wide"}
    requests = [
        Request(f"iam:{action}", ROLE, within),
        Request(f"iam:{action}", ROLE),
        Request(f"iam:{action}", ROLE, another),
        Request(f"iam:{action}", OTHER, within),
    ]

    assert decisions([document("Roles")], requests) == ["Allow"] + ["ImplicitDeny"] * 3


def test_a_pipeline_can_neither_loosen_the_boundary_nor_pass_a_role_to_another_service() -> None:
    requests = [
        Request("iam:DeleteRolePermissionsBoundary", ROLE, {"iam:PermissionsBoundary": BOUNDARY}),
        Request("iam:CreatePolicyVersion", BOUNDARY),
        Request("iam:PassRole", ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}),
        Request("iam:PassRole", OTHER, {"iam:PassedToService": "lambda.amazonaws.com"}),
        Request("iam:UpdateAssumeRolePolicy", ROLE),
    ]

    assert decisions([document("Roles")], requests) == ["ImplicitDeny"] * 5
    passed = Request("iam:PassRole", ROLE, {"iam:PassedToService": "lambda.amazonaws.com"})
    assert decisions([document("Roles")], [passed]) == ["Allow"]


def test_cloudformation_may_make_change_and_delete_a_role_but_not_its_trust_or_its_boundary() -> None:
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, "AWS::IAM::Role").schema["handlers"]
    needed = sorted({each for kind in ("create", "read", "update", "delete") for each in handlers[kind]["permissions"]})
    within = {"iam:PermissionsBoundary": BOUNDARY}
    answers = decisions([document("Roles")], [Request(each, ROLE, within) for each in needed])

    assert len(needed) > 10
    assert [each for each, answer in zip(needed, answers, strict=True) if answer != "Allow"] == [
        "iam:DeleteRolePermissionsBoundary",
        "iam:UpdateAssumeRolePolicy",
    ]


def test_sam_puts_every_function_s_role_below_the_boundary_but_not_the_one_for_codedeploy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    template = read_template(HERE / "release.yaml")
    template["Globals"] = {"Function": {"RolePath": "/functions/", "PermissionsBoundary": BOUNDARY}}
    monkeypatch.setattr(templates, "read_template", lambda _path: template)
    made = templates.translated(HERE / "release.yaml")["Resources"]
    roles = {name: each["Properties"] for name, each in made.items() if each["Type"] == "AWS::IAM::Role"}
    given = {name: (each.get("Path"), each.get("PermissionsBoundary")) for name, each in roles.items()}

    assert given.pop("CodeDeployServiceRole") == (None, None)
    assert set(given.values()) == {("/functions/", BOUNDARY)}
    assert all("Tags" in roles[name] for name in given)  # hence iam:TagRole


def test_a_role_below_the_boundary_is_no_administrator_whatever_it_is_given() -> None:
    everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    requests = [Request("iam:CreateUser", "*"), Request("dynamodb:PutItem", LOG)]

    assert decisions([everything], requests, [document("Boundary")]) == ["ImplicitDeny", "Allow"]
    assert decisions([], [requests[1]], [document("Boundary")]) == ["ImplicitDeny"]


# The authorizer


STAGE = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:api/live"


def through(handler: Any, *calls: str, who: str = "ana:clerk") -> list[str]:
    """What API Gateway decides when it keeps the first answer for the token."""
    answer = handler({"methodArn": f"{STAGE}/{calls[0]}", "authorizationToken": f"Bearer {who}", "type": "TOKEN"}, None)
    return decisions([answer["policyDocument"]], [Request("execute-api:Invoke", f"{STAGE}/{call}") for call in calls])


def test_a_policy_for_one_method_refuses_the_next_while_it_is_cached() -> None:
    wrong = module(ROOT / "tests" / "counterexamples" / "authorizer_one_method.py").handler

    assert through(wrong, "GET/orders", "POST/orders") == ["Allow", "ImplicitDeny"]


def test_a_policy_for_all_that_the_caller_may_do_stays_right_in_any_order() -> None:
    handler = module(HERE / "authorizer.py").handler

    assert through(handler, "GET/orders", "POST/orders", "DELETE/orders/1") == ["Allow", "Allow", "ImplicitDeny"]
    assert through(handler, "DELETE/orders/1", "GET/orders") == ["ImplicitDeny", "Allow"]
    assert through(handler, "GET/orders", "POST/orders", who="ben:reader") == ["Allow", "ImplicitDeny"]


def test_an_unknown_token_is_a_401_by_the_one_message_that_api_gateway_knows() -> None:
    handler = module(HERE / "authorizer.py").handler

    with pytest.raises(ValueError, match=r"^Unauthorized$"):
        through(handler, "GET/orders", who="mallory:root")


# Tenants


TENANTS = HERE / "tenants.yaml"


def translated(monkeypatch: pytest.MonkeyPatch, **properties: Any) -> Any:
    """What SAM makes of the tenants' template, with more properties of its function."""
    template = read_template(TENANTS)
    template["Resources"]["Reports"]["Properties"].update(properties)
    monkeypatch.setattr(templates, "read_template", lambda _path: template)
    return templates.translated(TENANTS)["Resources"]


def test_the_tenant_is_whom_the_authorizer_names(monkeypatch: pytest.MonkeyPatch) -> None:
    made = translated(monkeypatch)
    method = made["Get"]["Properties"]

    assert templates.findings(TENANTS) == []
    assert made["Reports"]["Properties"]["TenancyConfig"] == {"TenantIsolationMode": "PER_TENANT"}
    assert method["AuthorizationType"] == "CUSTOM"
    assert method["Integration"]["RequestParameters"] == {
        "integration.request.header.X-Amz-Tenant-Id": "context.authorizer.tenant"
    }


QUEUED = {"Queue": arn("sqs", "orders")}


@pytest.mark.parametrize(
    ("properties", "complaint"),
    [
        ({"FunctionUrlConfig": {"AuthType": "AWS_IAM"}}, "Function URL is not supported"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "SnapStart is not supported"),
        (
            {"AutoPublishAlias": "live", "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 1}},
            "Provisioned concurrency is not supported",
        ),
        ({"Events": {"Orders": {"Type": "SQS", "Properties": QUEUED}}}, "Event source 'SQS' is not supported"),
    ],
    ids=["url", "snapshot", "provisioned", "queue"],
)
def test_what_a_function_with_tenants_cannot_have(
    properties: dict[str, Any], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidDocumentException) as refused:
        translated(monkeypatch, **properties)

    assert complaint in str(refused.value.causes)


def test_sam_lets_an_http_api_pass_which_cannot_name_the_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    assert translated(monkeypatch, Events={"Get": {"Type": "HttpApi"}})["ServerlessHttpApi"]


# Events in messages


DETAIL = {"tenant": "acme", "order_id": "o-1", "total": 7}


def message(**changes: Any) -> SQSRecord:
    event = {"source": "shop.orders", "detail-type": "OrderPlaced", "id": "1", "detail": DETAIL}
    return SQSRecord({"body": json.dumps({**event, **changes})})


def test_an_order_is_taken_out_of_its_event_without_what_nobody_asked_for() -> None:
    later = {**DETAIL, "total_paid": 0, "is_admin": True}

    assert nested.placed(message(detail=later)).model_dump() == DETAIL


def test_a_replayed_event_is_taken_though_it_has_a_field_more() -> None:
    class Strict(nested.OrderPlaced, extra="forbid"): ...

    replayed = message(**{"replay-name": "again"})

    assert nested.placed(replayed).model_dump() == DETAIL
    with pytest.raises(ValidationError, match="replay-name"):
        Strict.model_validate_json(replayed.body)


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "elsewhere"},
        {"detail-type": "OrderPaid"},
        {"detail": json.dumps(DETAIL)},
        *(
            {"detail": {**DETAIL, "order_id": each}}
            for each in ({"$ne": ""}, ["o-1"], 1, "", "a" * 65, "o-1\n", "../o")
        ),
        {"detail": {**DETAIL, "tenant": "acme#1"}},
        *({"detail": {**DETAIL, "total": each}} for each in (-1, "7", True, 0.5, 10**7)),
    ],
    ids=str,
)
def test_what_only_looks_like_an_order_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        nested.placed(message(**changes))


def test_without_strict_a_text_passes_for_a_number_or_a_yes() -> None:
    assert TypeAdapter(int).validate_json('"7"') == 7
    assert TypeAdapter(bool).validate_json('"yes"') is True


# Logs


def test_what_identifies_a_customer_is_not_in_the_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "masked")  # a logger of its own, that writes where this test reads
    order = {
        "order_id": "o-1",
        "email": "ana@example.com",
        "address": {"street": "1 Main St"},
        "payments": [{"card": "4111", "amount": 7}],
    }
    masked = module(HERE / "masked.py")

    masked.note(order)

    line = capsys.readouterr().out
    assert "o-1" in line
    assert '"amount": 7' in line or '"amount":7' in line
    assert not [secret for secret in ("ana@", "Main St", "4111") if secret in line]
    assert order["email"] == "ana@example.com"
