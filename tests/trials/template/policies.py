"""Who may do what: the statements of a template's policies, and whether a service may send where it does."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from trials.template.nodes import KEY, RULE, Delivery, Node, Resource
from trials.template.sam import POLICIES as SAM_POLICIES
from trials.template.values import OPAQUE, as_dict, is_intrinsic, listed, logical_id, references, text

if TYPE_CHECKING:
    from trials.template.model import Model

POLICIES = {  # resource types that attach a policy, and the property that names what they attach it to
    "AWS::SQS::QueuePolicy": "Queues",
    "AWS::SQS::QueueInlinePolicy": "Queue",
    "AWS::SNS::TopicPolicy": "Topics",
    "AWS::SNS::TopicInlinePolicy": "TopicArn",
    "AWS::S3::BucketPolicy": "Bucket",
}
ROLE_POLICIES = {  # the same for roles
    "AWS::IAM::Policy": "Roles",
    "AWS::IAM::ManagedPolicy": "Roles",
    "AWS::IAM::RolePolicy": "RoleName",
}
EXECUTION = ("logs:*", "xray:*", "ec2:*NetworkInterface*", "ec2:*PrivateIpAddresses", "cloudwatch:PutMetricData")
POLLING = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
SHARDS = ("kinesis:DescribeStream*", "kinesis:Get*", "kinesis:List*", "kinesis:SubscribeToShard")
CHANGES = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams")
OF_EVENTS = {"SQS": POLLING, "Kinesis": SHARDS, "DynamoDB": CHANGES}  # what SAM grants a function for its events
MANAGED = {  # AWS's policies that grant a function what every function needs, and no more
    "AWSLambdaBasicExecutionRole": EXECUTION,
    "AWSLambdaVPCAccessExecutionRole": EXECUTION,
    "AWSXRayDaemonWriteAccess": EXECUTION,
    "AWSXrayWriteOnlyAccess": EXECUTION,
    "CloudWatchLambdaInsightsExecutionRolePolicy": EXECUTION,
    "AmazonAPIGatewayPushToCloudWatchLogs": EXECUTION,
    "AWSLambdaSQSQueueExecutionRole": (*EXECUTION, *POLLING),
    "AWSLambdaKinesisExecutionRole": (*EXECUTION, *SHARDS),
    "AWSLambdaDynamoDBExecutionRole": (*EXECUTION, *CHANGES),
    "AWSLambdaRole": ("lambda:InvokeFunction",),
}


def statements(template: Model, document: Node) -> tuple[list[Node], bool]:
    """The statements of a policy document, and whether those are all of them."""
    told: list[Node] = []
    whole = True
    for body in document.values():
        if body is None:
            continue
        if not isinstance(body, dict) or is_intrinsic(body):
            return told, False
        for index, entry in enumerate(listed(body.get("Statement"))):
            for statement in template.possible(entry):
                if isinstance(statement, dict) and not is_intrinsic(statement):
                    told.append(Node(template, statement, document.at("Statement", index)))
                elif statement is not None:
                    whole = False
    return told, whole


def attached(template: Model, resource: Resource) -> tuple[list[Node], bool]:
    """The statements of the policies on a queue, topic, key or bucket, and whether those are all of them."""
    if resource.type == KEY:
        return statements(template, resource.child("KeyPolicy"))
    return _held_by(template, resource, POLICIES)


def of_role(template: Model, role: Resource) -> tuple[list[Node], bool]:
    """The statements of a role's policies that the template writes, and whether those are all of them."""
    told, whole = _own(template, role)
    for value in role.values("ManagedPolicyArns"):
        for policy in listed(value):
            more, all_of_it = _managed(template, policy)
            told += more
            whole = whole and all_of_it
    return told, whole


def of_function(template: Model, function: Resource) -> tuple[list[Node], bool]:
    """What a function's role is granted, what SAM writes for it included, and whether that is all of it."""
    if function.type != "AWS::Serverless::Function" or not function.absent("Role"):
        role = function.refers("Role")
        return of_role(template, role) if role and role.type == "AWS::IAM::Role" else ([], False)
    told = [_allowing(function, *OF_EVENTS.get(event.kind, ())) for event in function.template.events]
    told.append(_allowing(function, "logs:*", "xray:*"))
    for key in ("DeadLetterQueue", "EventInvokeConfig"):
        if not function.absent(key):
            told.append(_allowing(function, "sqs:SendMessage", "sns:Publish", "events:PutEvents", "lambda:Invoke*"))
    whole = function.absent("Connectors") and "Connectors" not in template.raw(function.resource_path)
    whole = whole and not template.of("AWS::Serverless::Connector")
    for value in function.values("Policies"):
        for index, entry in enumerate(listed(value)):
            for policy in template.possible(entry):
                more, all_of_it = _of_sam(function, policy, index)
                told += more
                whole = whole and all_of_it
    return told, whole


def _of_sam(function: Resource, entry: Any, index: int) -> tuple[list[Node], bool]:
    """What one of the Policies of a function of SAM grants: a document, a template of SAM's, or a managed policy."""
    template, path = function.template, function.at("Policies", index)
    if isinstance(entry, dict) and "Statement" in entry:
        return statements(template, Node(template, entry, path))
    if isinstance(entry, dict) and len(entry) == 1 and not is_intrinsic(entry):
        ((name, arguments),) = entry.items()
        names = list(as_dict(arguments).values())
        actions = SAM_POLICIES.get(name, "").split()
        body = {"Effect": "Allow", "Action": actions, "Resource": names or "*"}
        return ([Node(template, body, path)], True) if actions else ([], False)
    return _managed(template, entry)


def _managed(template: Model, policy: Any) -> tuple[list[Node], bool]:
    """What a managed policy grants, one of the template or one of AWS's that grants little."""
    own = template.resource(policy)
    if own and own.type == "AWS::IAM::ManagedPolicy":
        return statements(template, own.child("PolicyDocument"))
    actions = MANAGED.get(text(policy).rpartition("/")[2])
    body = {"Effect": "Allow", "Action": list(actions or ()), "Resource": "*"}
    return ([Node(template, body, [])], True) if actions else ([], policy is None)


def _allowing(function: Resource, *actions: str) -> Node:
    body = {"Effect": "Allow" if actions else "Deny", "Action": list(actions), "Resource": "*"}
    return Node(function.template, body, function.path)


def _own(template: Model, role: Resource) -> tuple[list[Node], bool]:
    told, whole = _held_by(template, role, ROLE_POLICIES)
    written = [(index, item) for value in role.values("Policies") for index, item in enumerate(listed(value))]
    for index, inline in [(index, each) for index, item in written for each in template.possible(item)]:
        if not isinstance(inline, dict) or is_intrinsic(inline):
            whole = whole and inline is None
            continue
        document = Node(template, inline.get("PolicyDocument"), role.at("Policies", index, "PolicyDocument"))
        more, all_of_it = statements(template, document)
        told += more
        whole = whole and all_of_it
    return told, whole


def _held_by(template: Model, resource: Resource, kinds: dict[str, str]) -> tuple[list[Node], bool]:
    told: list[Node] = []
    whole = True
    for policy in template.of(*kinds):
        names = [each for value in policy.values(kinds[policy.type]) for each in listed(value)]
        holders = [template.resources.get(logical_id(each)) for name in names for each in template.possible(name)]
        if resource in holders:
            more, all_of_it = statements(template, policy.child("PolicyDocument"))
            told += more
            whole = whole and all_of_it
        elif None in holders:  # on something that this template does not tell
            whole = False
    return told, whole


def connected(template: Model, source: str, destination: str) -> bool:
    """A SAM connector leads from one to the other; SAM writes the policy.

    One may begin at what the template does not tell, such as an ARN with a name in it.
    """
    own = as_dict(as_dict(as_dict(template.body.get("Resources")).get(source)).get("Connectors"))
    ends = [as_dict(as_dict(connector).get("Properties")).get("Destination") for connector in own.values()]
    if any(destination in _end(each) for end in ends for each in listed(end)):
        return True
    return any(
        (source in (start := _end(connector.only("Source"))) or not start & template.resources.keys())
        and any(destination in _end(end) for end in listed(connector.only("Destination")))
        for connector in template.of("AWS::Serverless::Connector")
    )


def _end(value: Any) -> set[str]:
    ends = as_dict(value)
    return {str(ends.get("Id", ""))} | references(list(ends.values()))


def refused(template: Model, delivery: Delivery) -> bool:
    """No statement of the receiver's policies lets the sender in, and those are all that it has."""
    told, whole = attached(template, delivery.receiver)
    return (
        whole
        and not any(admits(statement, delivery.principal, delivery.action, delivery) for statement in told)
        and not connected(template, delivery.sender, delivery.receiver.name)
    )


def principals(statement: Node) -> list[str]:
    """The services that a statement is for; "*" is everyone; one that is unknown is OPAQUE's name."""
    services = []
    for value in statement.values("Principal"):
        members = [value] if not isinstance(value, dict) or is_intrinsic(value) else []
        if not members:
            members = [value.get("Service")] + (["*"] if "*" in listed(value.get("AWS")) else [])
        for member in members:
            for principal in statement.template.possible(member):
                for one in listed(principal):
                    name = re.sub(r"\$\{AWS::URLSuffix\}", "amazonaws.com", text(one))
                    services.append(name if name and "${" not in name else repr(OPAQUE))
    return services


def conditions(statement: Node) -> dict[str, list[Any]]:
    """Condition keys in lower case and the values they are compared with; OPAQUE as a key for what is unknown."""
    compared: dict[str, list[Any]] = {}
    for block in statement.values("Condition"):
        if block is None:
            continue
        if not isinstance(block, dict) or is_intrinsic(block):
            compared[repr(OPAQUE)] = []
            continue
        for operator in block.values():
            for tests in statement.template.possible(operator):
                if isinstance(tests, dict) and not is_intrinsic(tests):
                    for key, value in tests.items():
                        compared.setdefault(str(key).lower(), []).extend(listed(value))
                else:
                    compared[repr(OPAQUE)] = []
    return compared


def names_action(statement: Node, action: str) -> bool:
    """A statement's actions may be this one, as far as the template tells."""
    actions = [text(each).lower() for value in statement.values("Action") for each in listed(value)]
    return not actions or any(not each or "${" in each or fnmatchcase(action.lower(), each) for each in actions)


def names_resource(statement: Node, resource: Resource) -> bool:
    """A statement's resources may be this one, as far as the template tells."""
    written = [each for value in statement.values("Resource") for each in listed(value)]
    named = [statement.template.resource(each) for each in written]
    return not named or None in named or resource in named


def reaches(statement: Node, resource: Resource, named: bool, actions: tuple[str, ...], polled: str = "") -> bool:
    """Whether a statement lets a function read or write a resource, which it names, or which the function names."""
    if resource.name in references(statement.body.get("Resource")):
        return any(names_action(statement, action) for action in (*actions, *filter(None, (polled,))))
    may_be = named and names_resource(statement, resource)
    return may_be and any(names_action(statement, action) for action in actions)


def admits(statement: Node, principal: str, action: str, delivery: Delivery | None = None) -> bool:
    """A statement lets a service do something, or may do so as far as the template tells."""
    if statement.only("Effect") == "Deny":
        return False
    if statement.absent("NotPrincipal") and not {principal, "*", repr(OPAQUE)} & set(principals(statement)):
        return False
    if not names_action(statement, action):
        return False
    if not delivery:
        return True
    if not names_resource(statement, delivery.receiver):
        return False
    template = statement.template
    senders = [
        logical_id(arn) for value in conditions(statement).get("aws:sourcearn", []) for arn in template.possible(value)
    ]
    same = {each.name for each in template.of(delivery.sender_type)}
    same |= {each.source for each in template.targets if each.kind == "rule"} if delivery.sender_type == RULE else set()
    return not (senders and set(senders) <= same - {delivery.sender})


def allows(template: Model, role: Resource, action: str, resource: Resource) -> bool | None:
    """Whether a role's policies allow an action on a resource; None where the template does not tell them whole."""
    told, whole = of_role(template, role)
    allowing = (each for each in told if each.only("Effect") != "Deny")
    if any(names_action(each, action) and names_resource(each, resource) for each in allowing):
        return True
    return False if whole else None
