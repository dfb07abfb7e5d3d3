"""What a role may do, and whom a function, queue, topic, key or bus lets in."""

import json
import re
import sys
from collections.abc import Iterator
from fnmatch import filter as matching
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
import _model as model

ROLE = "references/security-best-practices.md#permissions"
JOB = "references/serverless-patterns.md#scheduled-job"
ROUTER = "references/security-best-practices.md#permissions"
TAGS = ["iam", "speedy, simple, singular"]
INLINE = ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group")
APART = (
    *("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"),
    *("AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy", "AWS::IAM::GroupPolicy"),
)
SAM = ("AWS::Serverless::Function", "AWS::Serverless::StateMachine")
ALL = ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess")
# What AWS's own execution roles grant on everything, a text message, whose receiver has no ARN, and what is asked of
# a model of AWS's, unless one names a model of one's own.
EXEMPT = {
    *("logs:createloggroup", "logs:createlogstream", "logs:putlogevents", "sns:publish"),
    *("ec2:createnetworkinterface", "ec2:deletenetworkinterface", "ec2:detachnetworkinterface"),
    *("ec2:assignprivateipaddresses", "ec2:unassignprivateipaddresses"),
    *("rekognition:detectmoderationlabels", "rekognition:startmediaanalysisjob"),
}
# Types of resources that an action can be narrowed to, and that most calls of it do not have.
OPTIONAL = {"billingview", "dataset", "entity-recognizer-endpoint", "lexicon", "parallel-data", "terminology"}
DEPUTIES = {f"{name}.amazonaws.com" for name in ("events", "pipes", "scheduler", "states")}


def granted(template: model.Model) -> Iterator[model.Node]:
    """The statements that allow a role, a user or a group something."""
    documents = [each.child("PolicyDocument") for each in template.of(*APART)]
    documents += [each.child("PolicyDocument") for holder in template.of(*INLINE) for each in holder.items("Policies")]
    documents += [each for holder in template.of(*SAM) for each in holder.items("Policies") if "Statement" in each.body]
    for document in documents:
        for statement in template.statements(document)[0]:
            if statement.only("Effect") == "Allow":
                yield statement


def attached(template: model.Model) -> Iterator[tuple[str, model.Where]]:
    """The names of AWS's own policies that something has."""
    for holder in template.of(*INLINE, *SAM):
        key = "Policies" if holder.type in SAM else "ManagedPolicyArns"
        for index, value in enumerate(model.listed(holder.only(key))):
            names = [model.text(each).rpartition("/")[2] for each in template.possible(value)]
            if len(set(names)) == 1:
                yield names[0], holder.at(key, index)


def actions(statement: model.Node) -> list[str]:
    return [model.text(each) for value in statement.values("Action") for each in model.listed(value)]


def wide(statement: model.Node) -> bool:
    """It is for every resource, or for every one of a service."""
    parts = [model.text(each) for value in statement.values("Resource") for each in model.listed(value)]
    known = [re.sub(r"\$\{[^}]*\}", "-", each) for each in parts]
    return any(each == "*" or re.fullmatch(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:\*(/\*)?", each) for each in known)


def conditional(statement: model.Node) -> bool:
    return not statement.absent("Condition")


def narrowable(action: str) -> bool:
    """Most of the actions that are meant can be narrowed to a resource."""
    service, _, name = action.lower().partition(":")
    known = model.iam().get(service, {}).get("Actions", {})
    meant = matching(known, name)
    if action.lower() in EXEMPT or not meant:
        return False
    narrow = [each for each in meant if set(model.listed(known[each].get("Resources"))) - OPTIONAL]
    return 2 * len(narrow) > len(meant)


class Everything(model.Rule):
    id = "E9801"
    shortdesc = "No role may do everything"
    description = "Whoever makes one function do what it should not then owns the account."
    section = ROLE
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for statement in granted(template):
            if conditional(statement) or not wide(statement):
                continue
            if not statement.absent("NotAction"):
                yield statement.path, "NotAction allows all that it does not name: name the Action instead"
            elif {"*", "*:*"} & set(actions(statement)):
                yield statement.path, "every action on every resource: name the actions that the code calls"
        for name, path in attached(template):
            if name in ALL:
                yield path, f"{name} is the whole account: name the actions that the code calls"


class WholeService(model.Rule):
    id = "W9802"
    shortdesc = "A role is not granted a whole service"
    description = "To write an item is not to delete the table: a flaw in the code reaches as far as its role."
    section = ROLE
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for statement in granted(template):
            wildcards = [each for each in actions(statement) if re.fullmatch(r"[A-Za-z0-9-]+:\*", each)]
            if "*" in actions(statement) and not wide(statement):
                wildcards.append("*")
            if wildcards and not conditional(statement):
                yield statement.path, f"{', '.join(wildcards)} is more than any code calls: name the actions"
        for name, path in attached(template):
            if name.endswith("FullAccess") and name not in ALL:
                yield path, f"{name} reaches every resource of the account: name the actions and the resource"


class NamedResource(model.Rule):
    id = "W9803"
    shortdesc = "A role is granted an action on the resources that it is for"
    description = "On * it reaches every table, queue and secret of the account, also those of other teams."
    section = ROLE
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for statement in granted(template):
            if wide(statement) and not conditional(statement):
                broad = [
                    action
                    for action in actions(statement)
                    if not action.endswith(":*")
                    and not matching(["iam:passrole"], action.lower())
                    and narrowable(action)
                ]
                if broad:
                    more = f" and {len(broad) - 3} more" if len(broad) > 3 else ""
                    yield statement.path, f"{', '.join(broad[:3])}{more} on every resource: name the ones that are used"
        for holder in template.of(*SAM):
            for policy in holder.items("Policies"):
                for name, arguments in policy.body.items():
                    values = arguments.values() if isinstance(arguments, dict) and name != "Statement" else ()
                    if any(value == "*" for value in values):
                        message = f"{name} for * is for every one of the account"
                        yield policy.at(name), f"{message}: name the one that is used"


class PassRole(model.Rule):
    id = "E9804"
    shortdesc = "iam:PassRole names the role that may be passed, or the service that may get it"
    description = "With it on * code gives a new function or task the strongest role of the account, and is that role."
    section = ROLE
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for statement in granted(template):
            every = any(
                matching(["iam:passrole"], action.lower())
                for action in actions(statement)
                if action not in ("*", "*:*")
            )
            if every and wide(statement) and not conditional(statement):
                yield statement.path, "any role may be passed to any service: name the role, and iam:PassedToService"


class Trust(model.Rule):
    id = "I9805"
    shortdesc = "A role that a service assumes says for which of its resources"
    description = "AWS advises a Condition on aws:SourceAccount or aws:SourceArn against a confused deputy."
    section = JOB
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for role in template.of("AWS::IAM::Role"):
            for statement in template.statements(role.child("AssumeRolePolicyDocument"))[0]:
                services = sorted(DEPUTIES & set(model.principals(statement)))
                if services and not conditional(statement):
                    message = f"{services[0]} may assume {role.name} for any of its resources"
                    yield statement.path, f"{message}: add a Condition on aws:SourceArn or aws:SourceAccount"


class PublicFunction(model.Rule):
    id = "E9806"
    shortdesc = "A function's permission names who may invoke it"
    description = "With * every AWS account may, with what event it likes, past the API and its authorizer."
    section = ROLE
    tags = ["lambda", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        narrowed = ("SourceArn", "SourceAccount", "PrincipalOrgID", "EventSourceToken")
        url = ("FunctionUrlAuthType", "InvokedViaFunctionUrl")
        for permission in template.of("AWS::Lambda::Permission"):
            if permission.only("Principal") == "*" and all(permission.absent(key) for key in (*narrowed, *url)):
                message = "any AWS account may invoke the function"
                yield permission.at("Principal"), f"{message}: name a service and SourceArn"


class Public(model.Rule):
    id = "E9807"
    shortdesc = "The policy of a queue, topic, key or bus names whom it lets in"
    description = "With * and no condition anybody on the internet may send, read or decrypt."
    section = ROUTER
    tags = ["sqs", "sns", "kms", "eventbridge", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        documents = [each.child("KeyPolicy") for each in template.of(model.KEY)]
        documents += [
            policy.child("PolicyDocument")
            for policy in template.of(*model.POLICIES) if policy.type != "AWS::S3::BucketPolicy"
        ]  # fmt: skip
        statements = [each for document in documents for each in template.statements(document)[0]]
        for policy in template.of("AWS::Events::EventBusPolicy"):
            statements += [policy] if policy.absent("Statement") else [policy.child("Statement")]
        for statement in statements:
            allows = isinstance(statement.body, dict) and statement.only("Effect") in ("Allow", None)
            if allows and "*" in model.principals(statement) and not conditional(statement):
                yield statement.path, "anyone may, from any account: name the principal, or add a Condition"


class PlainHttp(model.Rule):
    id = "I9808"
    shortdesc = "The policy of a queue, topic or bucket refuses plain HTTP"
    description = "All three also answer without TLS: whoever is on the way then reads and changes what is sent."
    section = ROUTER
    tags = ["sqs", "sns", "s3", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        told: dict[str, list[model.Resource]] = {}
        for policy in template.of(*model.POLICIES):
            holder = policy.only(model.POLICIES[policy.type])
            told.setdefault(json.dumps(holder, default=str, sort_keys=True), []).append(policy)
        for policies in told.values():
            read = [template.statements(each.child("PolicyDocument")) for each in policies]
            allowing = [each for statements, _ in read for each in statements if each.only("Effect") != "Deny"]
            if policies[0].type == "AWS::S3::BucketPolicy" and any("*" in model.principals(each) for each in allowing):
                continue  # a website that S3 serves, which knows no TLS
            keys = {key.lower() for statements, _ in read for each in statements for key in model.conditions(each)}
            if all(whole for _, whole in read) and keys.isdisjoint({"aws:securetransport", repr(model.OPAQUE).lower()}):
                message = f"{policies[0].name} admits plain HTTP"
                yield policies[0].path, f"{message}: deny everything under Bool: {{ aws:SecureTransport: false }}"
