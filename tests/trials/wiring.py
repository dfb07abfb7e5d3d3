"""Whether an event gets from its source to the function at all, read from the template: permissions and filters.

The trials hand events over as the source would; what would stop the source itself is judged here, by rule. A value that
only deployment tells stops nothing.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from trials.project.integrations import ANSWERS
from trials.project.sources import Kind, Source
from trials.samples.pattern import written
from trials.template import Model, Node, Resource, references
from trials.template.events import EVERY, RECORD_KEYS
from trials.template.nodes import QUEUE, TOPIC, Delivery
from trials.template.policies import admits, allows
from trials.template.values import flag
from trials.verdicts import Judgement, Promise, broken, unproved

ROUTE = "AWS::ApiGatewayV2::Route"
POLLS = {  # by what is polled: the actions without which Lambda makes no mapping
    Kind.QUEUE: ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    Kind.STREAM: ("kinesis:GetRecords", "kinesis:GetShardIterator"),
    Kind.TABLE: ("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"),
}
SENDERS = (  # types that a permission's SourceArn names
    *("AWS::Events::Rule", "AWS::SNS::Topic", "AWS::S3::Bucket", "AWS::Logs::LogGroup", "AWS::Cognito::UserPool"),
    *("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api", "AWS::IoT::TopicRule"),
)
API_GATEWAY = "apigateway.amazonaws.com"
PIPES = "pipes.amazonaws.com"
TAKEN = {  # by a pipe, by the type of its source
    QUEUE: POLLS[Kind.QUEUE],
    "AWS::Kinesis::Stream": POLLS[Kind.STREAM],
    "AWS::DynamoDB::Table": POLLS[Kind.TABLE],
    "AWS::DynamoDB::GlobalTable": POLLS[Kind.TABLE],
}
SENT = {  # by a pipe, by the type of its target; of a machine either of two actions may be
    QUEUE: ("sqs:SendMessage",),
    TOPIC: ("sns:Publish",),
    "AWS::Events::EventBus": ("events:PutEvents",),
}
CALLERS = {  # resource types that call a function under its own policy, and as whom
    "AWS::Events::Rule": "events.amazonaws.com",
    "AWS::SNS::Subscription": "sns.amazonaws.com",
    "AWS::SNS::Topic": "sns.amazonaws.com",
    "AWS::S3::Bucket": "s3.amazonaws.com",
    "AWS::Logs::SubscriptionFilter": "logs.amazonaws.com",
    "AWS::ApiGateway::Method": "apigateway.amazonaws.com",
    ROUTE: "apigateway.amazonaws.com",
    "AWS::IoT::TopicRule": "iot.amazonaws.com",
    "AWS::Cognito::UserPool": "cognito-idp.amazonaws.com",
}
FILTER_KEYS = {Kind.QUEUE: "SQS", Kind.STREAM: "Kinesis", Kind.TABLE: "DynamoDB"}  # whose records a filter reads


def wiring(template: Model, source: Source) -> Iterator[Judgement]:
    """What would keep every event of a source from its function, or a failed one from its dead-letter queue."""
    if source.kind is Kind.ROUTE:  # of one without a call, its receiver's policy is a rule's: E9304
        yield from called(template, source)
        yield from carried(template, source)
        return
    yield from filtered_out(source)
    yield from switched_off(template, source)
    yield from may_not_poll(template, source)
    name = source.name.split(".")[0]
    resource = template.resources.get(name)
    if not resource:
        return
    principal = CALLERS.get(resource.type)
    if principal and not by_role(template, resource) and not may_invoke(template, source, resource, principal):
        text = (
            f"no AWS::Lambda::Permission lets {principal} invoke {source.function}: nothing that {name} sends arrives"
        )
        yield broken(Promise.DENIED, text)
    if resource.type == "AWS::Scheduler::Schedule":
        yield from schedule(template, name, resource.child("Target"))


def called(template: Model, source: Source) -> Iterator[Judgement]:
    """An API calls a service under the integration's role, or, where it has none, under the receiver's policy."""
    end = template.resources.get(source.function)
    if not source.call or not end or "credentials" not in source.call.body:  # SAM makes the role
        return
    written, action = source.call.body["credentials"], str(source.call)
    role = template.resource(written)
    if not written:
        at_its_policy = Delivery(template, {}, end.path, "target", API_GATEWAY, source.origin, "", end)
        if end.type not in (QUEUE, TOPIC) or template.refused(at_its_policy):
            text = f"the integration has no role, and nothing else lets {API_GATEWAY} do {action} on {end.name}"
            yield broken(Promise.DENIED, text)
    elif role and role.type == "AWS::IAM::Role":
        trusting, whole = template.statements(role.child("AssumeRolePolicyDocument"))
        if whole and not any(admits(each, API_GATEWAY, "sts:AssumeRole") for each in trusting):
            yield broken(Promise.DENIED, f"the role {role.name} of the integration does not trust {API_GATEWAY}")
        elif source.call.action not in ANSWERS and allows(template, role, action, end) is False:
            yield broken(
                Promise.DENIED, f"the role {role.name} of the integration does not allow {action} on {end.name}"
            )


def carried(template: Model, source: Source) -> Iterator[Judgement]:
    """A pipe takes and sends under its own role."""
    pipe = template.resources.get(source.name) if source.pipe else None
    role = pipe.refers("RoleArn") if pipe else None
    if pipe and pipe.only("DesiredState") == "STOPPED":
        text = f"{pipe.name} is stopped in the template: nothing is carried until somebody starts it"
        yield unproved(text, supply="nothing, if it is meant to be stopped; else DesiredState: RUNNING")
    if not role or role.type != "AWS::IAM::Role":
        return
    trusting, whole = template.statements(role.child("AssumeRolePolicyDocument"))
    if whole and not any(admits(each, PIPES, "sts:AssumeRole") for each in trusting):
        yield broken(Promise.DENIED, f"the role {role.name} of the pipe does not trust {PIPES}")
        return
    for name, table in ((source.origin, TAKEN), (source.function, SENT)):
        end = template.resources.get(name)
        for action in table.get(end.type, ()) if end else ():
            if end and allows(template, role, action, end) is False:
                yield broken(Promise.DENIED, f"the role {role.name} of the pipe does not allow {action} on {name}")
                return


def by_role(template: Model, resource: Resource) -> bool:
    """Whether a caller takes on a role to call the function: then that role counts, and no permission is asked for."""
    integration = template.resource(resource.only("Target")) if resource.type == ROUTE else None
    return (
        any(not target.absent("RoleArn") for target in resource.items("Targets"))
        or not resource.absent("RoleArn")
        or not resource.absent("Integration", "Credentials")
        or bool(integration and not integration.absent("CredentialsArn"))
    )


def filtered_out(source: Source) -> Iterator[Judgement]:
    """A filter pattern whose top-level key no record of its source has."""
    known = RECORD_KEYS.get(FILTER_KEYS.get(source.kind, ""))
    patterns = [pattern for pattern in map(written, source.batching.filters) if pattern is not None]
    if not known or not patterns or len(patterns) < len(source.batching.filters):
        return
    strange = [sorted(set(pattern) - known) for pattern in patterns]
    if all(strange):
        text = f"its own mapping's filter lets no record through: a record of a {source.kind} has no {strange[0][0]!r}"
        yield broken(Promise.LOST, f"{text} at its top, but {', '.join(sorted(known - EVERY)[:4])} and so on")


def may_invoke(template: Model, source: Source, resource: Resource, principal: str) -> bool:
    """Whether a permission of the template may be for this caller, or one stands where the template does not tell."""
    called = qualified(template, source.function, [resource.body, integration_of(resource)])
    for permission in template.of("AWS::Lambda::Permission"):
        callers = permission.values("Principal")
        named = template.function(permission.only("FunctionName"))
        if named not in (source.function, "") or not permits_invoking(permission):
            continue
        if named and qualified(template, named, permission.written("FunctionName")) != called:
            continue
        senders = {each for each in references(permission.written("SourceArn")) if sends(template.resources.get(each))}
        if senders and not senders & {resource.name, source.origin}:
            continue
        if any(not isinstance(each, str) or each in (principal, "*") for each in callers):
            return True
    return False


def permits_invoking(permission: Resource) -> bool:
    actions = permission.values("Action")
    return any(not isinstance(each, str) or fnmatchcase("lambda:InvokeFunction", each) for each in actions)


def integration_of(resource: Resource) -> Any:
    """What a route of an HTTP API asks, which stands in a resource of its own."""
    meant = resource.template.resource(resource.only("Target")) if resource.type == ROUTE else None
    return meant.body if meant else {}


def qualified(template: Model, function: str, written: Any) -> frozenset[str]:
    """The aliases and versions of a function that an expression names: a permission counts for these alone."""
    known = template.of("AWS::Lambda::Alias", "AWS::Lambda::Version")
    own = {each.name for each in known if template.function(each.written("FunctionName")) == function}
    return frozenset(own & references(written))


def sends(resource: Resource | None) -> bool:
    return bool(resource and resource.type in SENDERS)


def switched_off(template: Model, source: Source) -> Iterator[Judgement]:
    """A mapping, a rule or a schedule that is deployed switched off."""
    nodes: list[Node] = [each for each in (*template.mappings, *template.targets) if each.label == source.name]
    nodes += [each for each in [template.resources.get(source.name)] if each]
    if any(flag(each.only("Enabled")) is False or each.only("State") == "DISABLED" for each in nodes):
        text = f"{source.name} is switched off in the template: nothing arrives until somebody switches it on"
        yield unproved(text, supply="nothing, if it is meant to be off; else Enabled: true or State: ENABLED")


def may_not_poll(template: Model, source: Source) -> Iterator[Judgement]:
    """A mapping polls under the function's role."""
    function, origin = template.resources.get(source.function), template.resources.get(source.origin)
    role = function.refers("Role") if function and origin and source.kind in POLLS else None
    if not role or not origin or role.type != "AWS::IAM::Role":
        return
    refused = [each for each in POLLS[source.kind] if allows(template, role, each, origin) is False]
    if refused:
        text = f"the role {role.name} does not allow {refused[0]} on {origin.name}: the mapping cannot be made"
        yield broken(Promise.DENIED, text)


def schedule(template: Model, name: str, target: Node) -> Iterator[Judgement]:
    """A schedule sends what it cannot deliver under its own role, whatever the queue's policy says."""
    queue, role = target.refers("DeadLetterConfig", "Arn"), target.refers("RoleArn")
    if not queue or not role or role.type != "AWS::IAM::Role":
        return
    if allows(template, role, "sqs:SendMessage", queue) is False:
        text = f"the role of {name} may not send to {queue.name}: what the schedule cannot deliver is gone"
        yield broken(Promise.DENIED, f"{text}; the queue's policy does not help, Scheduler sends under the role")
