"""What security-best-practices.md says of policies, caches and logs, decided by an evaluator and by running them."""

import base64
import copy
import hmac
import importlib
import importlib.util
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import jwt
import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from pydantic import TypeAdapter, ValidationError
from samtranslator.policy_template_processor.processor import PolicyTemplatesProcessor

from references import nested
from support import deployed, templates
from support.documents import ROOT
from support.policies import unknown_actions
from support.simulated import Request, decisions, resolved
from trials.local_aws import ACCOUNT, REGION
from trials.template import TemplateError, read_template

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


PERMISSIONS, RELEASE = HERE / "permissions.yaml", HERE / "release.yaml"
BOUNDARY, RELEASE_BOUNDARY = (f"arn:aws:iam::{ACCOUNT}:policy/{name}" for name in ("Boundary", "ReleaseBoundary"))
ROLE, OTHER = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("functions/ship", "admin"))


def document(name: str) -> Any:
    names = {**NAMES, "Boundary": BOUNDARY, "ReleaseBoundary": RELEASE_BOUNDARY}
    return resolved(read_template(PERMISSIONS)["Resources"][name]["Properties"]["PolicyDocument"], names)


def test_the_template_lints_and_names_real_actions() -> None:
    assert templates.findings(PERMISSIONS) == []
    assert [unknown_actions(document(name)) for name in ("Roles", "Boundary", "ReleaseBoundary")] == [[]] * 3
    assert templates.findings(KEY) == []


@pytest.mark.parametrize("action", ["CreateRole", "PutRolePolicy", "AttachRolePolicy", "PutRolePermissionsBoundary"])
def test_a_pipeline_touches_only_roles_that_have_a_boundary_of_ours(action: str) -> None:
    within = {"iam:PermissionsBoundary": BOUNDARY}
    another = {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/Wide"}
    requests = [
        Request(f"iam:{action}", ROLE, within),
        Request(f"iam:{action}", ROLE, {"iam:PermissionsBoundary": RELEASE_BOUNDARY}),
        Request(f"iam:{action}", ROLE),
        Request(f"iam:{action}", ROLE, another),
        Request(f"iam:{action}", OTHER, within),
    ]

    assert decisions([document("Roles")], requests) == ["Allow"] * 2 + ["ImplicitDeny"] * 3


def roles() -> list[tuple[str, dict[str, Any]]]:
    """Every role of the examples and of the release, with its template's name."""
    paths = [*sorted((ROOT / "examples").glob("*/template.yaml")), RELEASE]
    made = [(path, templates.translated(path)["Resources"]) for path in paths]
    return [
        (path.parent.name, each["Properties"])
        for path, resources in made
        for each in resources.values()
        if each["Type"] == "AWS::IAM::Role"
    ]


def services(role: dict[str, Any]) -> list[str]:
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    principal = trust["Principal"]["Service"]
    return principal if isinstance(principal, list) else [principal]


def test_a_pipeline_can_neither_loosen_the_boundary_nor_pass_a_role_to_a_service_that_runs_anything() -> None:
    requests = [
        Request("iam:DeleteRolePermissionsBoundary", ROLE, {"iam:PermissionsBoundary": BOUNDARY}),
        Request("iam:CreatePolicyVersion", BOUNDARY),
        Request("iam:PassRole", ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}),
        Request("iam:PassRole", OTHER, {"iam:PassedToService": "lambda.amazonaws.com"}),
        Request("iam:UpdateAssumeRolePolicy", ROLE),
    ]

    assert decisions([document("Roles")], requests) == ["ImplicitDeny"] * 5


def test_every_service_that_takes_a_role_in_our_templates_can_be_given_one() -> None:
    takes = {service for _, role in roles() for service in services(role)}
    takes |= {"pipes.amazonaws.com", "apigateway.amazonaws.com", "events.amazonaws.com"}
    passed = [Request("iam:PassRole", ROLE, {"iam:PassedToService": service}) for service in sorted(takes)]

    assert {"lambda.amazonaws.com", "codedeploy.amazonaws.com", "states.amazonaws.com"} < takes
    assert decisions([document("Roles")], passed) == ["Allow"] * len(takes)


def granted(role: dict[str, Any]) -> set[str]:
    statements = [
        each for policy in role.get("Policies", []) for each in deployed.listed(policy["PolicyDocument"]["Statement"])
    ]
    actions = {action.replace("*", "") for each in statements for action in deployed.listed(each["Action"])}
    arns = [str(each).rsplit("/", 1)[-1].rstrip("'}") for each in role.get("ManagedPolicyArns", [])]
    return actions | {action for name in arns for action in deployed.MANAGED[name]}


def test_no_role_of_our_templates_needs_what_the_boundary_refuses() -> None:
    """As the one of a mapping from an encrypted queue needs `kms:Decrypt`, and a hook has to report."""
    needed = sorted({action for _, role in roles() if services(role) != [CODEDEPLOY] for action in granted(role)})
    everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    to_schedule = {"iam:PassedToService": "scheduler.amazonaws.com"}
    requests = [Request(each, ROLE, to_schedule if each == "iam:PassRole" else {}) for each in needed]
    answers = decisions([everything], requests, [document("Boundary")])

    assert len(needed) > 40
    assert {"kms:Decrypt", "lambda:InvokeFunction", "codedeploy:PutLifecycleEventHookExecutionStatus"} <= set(needed)
    assert [each for each, answer in zip(needed, answers, strict=True) if answer != "Allow"] == []


CODEDEPLOY = "codedeploy.amazonaws.com"
SHIFTS = [
    "lambda:UpdateAlias",
    "lambda:GetAlias",
    "lambda:GetProvisionedConcurrencyConfig",
    "cloudwatch:DescribeAlarms",
]


def test_codedeploy_can_shift_and_watch_below_its_boundary_and_a_function_can_not() -> None:
    everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    requests = [Request(each, "*") for each in (*SHIFTS, "lambda:InvokeFunction")]

    assert decisions([everything], requests, [document("ReleaseBoundary")]) == ["Allow"] * 5
    assert decisions([everything], requests[:4], [document("Boundary")]) == ["ImplicitDeny"] * 4
    beyond = [Request(each, "*") for each in ("iam:CreateUser", "dynamodb:PutItem", "lambda:UpdateFunctionCode")]
    assert decisions([everything], beyond, [document("ReleaseBoundary")]) == ["ImplicitDeny"] * 3


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


def test_every_role_of_the_release_is_one_that_the_pipeline_may_make() -> None:
    stored = {
        each["Properties"]["Name"]: each["Properties"]["Value"]
        for each in read_template(PERMISSIONS)["Resources"].values()
        if each["Type"] == "AWS::SSM::Parameter"
    }
    parameters = read_template(RELEASE)["Parameters"]
    of_release = [role for name, role in roles() if name == RELEASE.parent.name]
    bounds = [stored[parameters[role["PermissionsBoundary"]["Ref"]]["Default"]]["Ref"] for role in of_release]

    assert {role["Path"] for role in of_release} == {"/functions/"}
    assert [(services(role) == [CODEDEPLOY], bound) for role, bound in zip(of_release, bounds, strict=True)].count(
        (True, "ReleaseBoundary")
    ) == 1
    assert bounds.count("Boundary") == len(of_release) - 1 == 2


def test_sam_gives_the_role_that_it_makes_for_codedeploy_neither_path_nor_boundary_and_tags_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    template = read_template(RELEASE)
    del template["Resources"]["ShipOrders"]["Properties"]["DeploymentPreference"]["Role"]
    monkeypatch.setattr(templates, "read_template", lambda _path: template)
    made = templates.translated(RELEASE)["Resources"]
    its = made["CodeDeployServiceRole"]["Properties"]

    assert (its.get("Path"), its.get("PermissionsBoundary")) == (None, None)
    assert "Tags" in made["ShipOrdersRole"]["Properties"]  # hence iam:TagRole


def test_a_role_below_the_boundary_is_no_administrator_whatever_it_is_given() -> None:
    everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    passed = Request("iam:PassRole", ROLE, {"iam:PassedToService": "lambda.amazonaws.com"})
    requests = [Request("iam:CreateUser", "*"), passed, Request("dynamodb:PutItem", LOG)]

    assert decisions([everything], requests, [document("Boundary")]) == ["ImplicitDeny", "ImplicitDeny", "Allow"]
    assert decisions([], [requests[2]], [document("Boundary")]) == ["ImplicitDeny"]


# The authorizer


STAGE = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:api/live"
ISSUER, AUDIENCE = "https://login.example", "orders-api"
KEYS = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ("k-1", "k-2")}
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ana", "tenant": "acme", "role": "clerk"}


class KeySet(HTTPServer):
    """The issuer's set of keys on loopback; `status` and `known` can change while it runs."""

    def __init__(self) -> None:
        keys = self
        self.status, self.known, self.asked = 200, ["k-1"], 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                keys.asked += 1
                body = json.dumps({"keys": [keys.public(name) for name in keys.known]}).encode()
                self.send_response(keys.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        super().__init__(("127.0.0.1", 0), Handler)

    @staticmethod
    def public(name: str) -> dict[str, Any]:
        return {**RSAAlgorithm.to_jwk(KEYS[name].public_key(), as_dict=True), "kid": name, "use": "sig"}


@pytest.fixture
def key_set() -> Iterator[KeySet]:
    with KeySet() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def authorizer(key_set: KeySet, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """In an environment of its own, as after a cold start."""
    monkeypatch.setenv("JWKS_URL", f"http://127.0.0.1:{key_set.server_port}/jwks.json")
    monkeypatch.setenv("ISSUER", ISSUER)
    monkeypatch.setenv("AUDIENCE", AUDIENCE)
    sys.modules.pop("references.authorizer", None)
    return importlib.import_module("references.authorizer")


def token(key: Any = KEYS["k-1"], algorithm: str = "RS256", kid: str | None = "k-1", **claims: Any) -> str:
    """Signed for an hour, unless told otherwise; a claim that is None is left out."""
    given = {"exp": int(time.time()) + 3600, **CLAIMS, **claims}
    kept = {name: value for name, value in given.items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm, headers={"kid": kid} if kid else None)


def ask_authorizer(handler: Any, bearer: str, method: str = "GET/orders") -> Any:
    return handler({"methodArn": f"{STAGE}/{method}", "authorizationToken": f"Bearer {bearer}", "type": "TOKEN"}, None)


def through(handler: Any, *calls: str, role: str = "clerk") -> list[str]:
    """What API Gateway decides when it keeps the first answer for the token."""
    answer = ask_authorizer(handler, token(role=role), calls[0])
    return decisions([answer["policyDocument"]], [Request("execute-api:Invoke", f"{STAGE}/{call}") for call in calls])


@pytest.mark.usefixtures("authorizer")
def test_a_policy_for_one_method_refuses_the_next_while_it_is_cached() -> None:
    wrong = module(ROOT / "tests" / "counterexamples" / "authorizer_one_method.py").handler

    assert through(wrong, "GET/orders", "POST/orders") == ["Allow", "ImplicitDeny"]


def test_a_policy_for_all_that_the_caller_may_do_stays_right_in_any_order(authorizer: ModuleType) -> None:
    handler = authorizer.handler

    assert through(handler, "GET/orders", "POST/orders", "DELETE/orders/1") == ["Allow", "Allow", "ImplicitDeny"]
    assert through(handler, "DELETE/orders/1", "GET/orders") == ["ImplicitDeny", "Allow"]
    assert through(handler, "GET/orders", "POST/orders", role="reader") == ["Allow", "ImplicitDeny"]


def test_the_caller_and_the_tenant_are_those_of_the_signed_token(authorizer: ModuleType) -> None:
    answer = ask_authorizer(authorizer.handler, token())

    assert (answer["principalId"], answer["context"]) == ("ana", {"tenant": "acme"})


SELF_MADE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
UNSIGNED = jwt.encode({**CLAIMS, "exp": 9999999999}, "", algorithm="none", headers={"kid": "k-1"})
PEM = KEYS["k-1"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def with_the_public_key_as_secret() -> str:
    """PyJWT refuses to make such a token; an attacker does not."""
    _, claims, _ = token().split(".")
    head = json.dumps({**jwt.get_unverified_header(token()), "alg": "HS256"}).encode()
    signed = base64.urlsafe_b64encode(head).rstrip(b"=") + b"." + claims.encode()
    digest = hmac.new(PEM, signed, "sha256").digest()
    return (signed + b"." + base64.urlsafe_b64encode(digest).rstrip(b"=")).decode()


FORGERIES: dict[str, Callable[[], str]] = {
    "what the caller says": lambda: "ana:clerk",
    "nothing": lambda: "",
    "no signature": lambda: UNSIGNED,
    "another's signature": lambda: token(SELF_MADE),
    "the public key as a secret": with_the_public_key_as_secret,
    "another algorithm of the same key": lambda: token(algorithm="RS512"),
    "a key that nobody knows": lambda: token(kid="k-9"),
    "no key": lambda: token(kid=None),
    "another issuer": lambda: token(iss="https://login.mallory.example"),
    "another audience": lambda: token(aud="reports-api"),
    "no audience, as an access token of Cognito": lambda: token(aud=None),
    "expired": lambda: token(exp=int(time.time()) - 1),
    "never expires": lambda: token(exp=None),
    "not yet": lambda: token(nbf=int(time.time()) + 60),
    "no caller": lambda: token(sub=None),
    "no tenant": lambda: token(tenant=None),
    "a role that we do not know": lambda: token(role="root"),
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES.keys())
def test_what_the_issuer_did_not_sign_for_us_is_a_401_by_the_one_message_that_api_gateway_knows(
    authorizer: ModuleType, forged: Callable[[], str]
) -> None:
    with pytest.raises(ValueError, match=r"^Unauthorized$"):
        ask_authorizer(authorizer.handler, forged())


def test_a_payload_changed_under_its_signature_is_refused(authorizer: ModuleType) -> None:
    (head, _, signature), (_, other, _) = (each.split(".") for each in (token(role="reader"), token()))

    with pytest.raises(ValueError, match=r"^Unauthorized$"):
        ask_authorizer(authorizer.handler, ".".join((head, other, signature)))


def test_an_outage_of_the_issuer_is_no_401_and_known_keys_outlive_it(authorizer: ModuleType, key_set: KeySet) -> None:
    key_set.status = 503
    with pytest.raises(jwt.PyJWKClientConnectionError):
        ask_authorizer(authorizer.handler, token())
    key_set.status = 200
    assert ask_authorizer(authorizer.handler, token())["principalId"] == "ana"
    key_set.status = 503

    assert ask_authorizer(authorizer.handler, token())["principalId"] == "ana"


def test_made_up_key_ids_do_not_make_the_authorizer_call_the_issuer_each_time(
    authorizer: ModuleType, key_set: KeySet
) -> None:
    ask_authorizer(authorizer.handler, token())
    for number in range(20):
        with pytest.raises(ValueError, match="Unauthorized"):
            ask_authorizer(authorizer.handler, token(kid=f"made-up-{number}"))

    assert key_set.asked == 1


def test_a_key_that_the_issuer_adds_is_found_after_half_a_minute(
    authorizer: ModuleType, key_set: KeySet, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_authorizer(authorizer.handler, token())
    key_set.known = ["k-1", "k-2"]
    later = time.monotonic() + 31
    monkeypatch.setattr("jwt.jwks_client.time.monotonic", lambda: later)

    assert ask_authorizer(authorizer.handler, token(KEYS["k-2"], kid="k-2"))["principalId"] == "ana"


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
    with pytest.raises(TemplateError) as refused:
        translated(monkeypatch, **properties)

    assert complaint in str(refused.value)


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


@pytest.mark.filterwarnings("ignore:Field or expression")  # what is absent is warned of, which fails no order
def test_an_order_without_an_address_is_logged_too() -> None:
    module(HERE / "masked.py").note({"order_id": "o-1"})
