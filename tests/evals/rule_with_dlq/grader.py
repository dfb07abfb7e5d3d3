"""The rule delivers what it should; what it cannot deliver may be written to its dead-letter queue, by it alone."""

import json
from collections.abc import Iterator
from pathlib import Path

from evals.harness import graded, messages, text, unique
from evals.iam import allows, arn, listed, resolved, statements
from support import templates
from trials.local_aws import LocalAws, LocalAwsError, wait_for
from trials.template import read_template

EVENTS = "events.amazonaws.com"
SENT = [("shop.orders", "OrderPlaced", "o-1"), ("shop.orders", "OrderCanceled", "o-2"), ("other", "OrderPlaced", "o-3")]


@graded
def grade(answer: Path, aws: LocalAws) -> Iterator[str]:
    text(answer, "template.yaml")
    path = answer / "template.yaml"
    yield from (each for each in templates.findings(path) if each.startswith("E"))
    template = read_template(path)
    resources, rule = template["Resources"], arn(template, "ToWarehouse")
    (target,) = resources["ToWarehouse"]["Properties"]["Targets"]
    if resolved(template, target.get("DeadLetterConfig", {}).get("Arn")) != arn(template, "Undelivered"):
        yield "the target's dead letters do not go to Undelivered"
    policies = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::SQS::QueuePolicy"]
    for name in ("Warehouse", "Undelivered"):
        own = [each for each in policies if name in resolved(template, listed(each["Queues"]))]
        given = [each for policy in own for each in statements(resolved(template, policy["PolicyDocument"]))]
        url = arn(template, name)
        if not allows(given, "sqs:SendMessage", url, EVENTS, source=rule):
            yield f"the rule may not send to {name}"
        elif allows(given, "sqs:SendMessage", url, EVENTS, source=rule.replace("ToWarehouse", "AnothersRule")):
            yield f"anybody's rule may send to {name}"

    stack = aws.create("routed", json.loads(json.dumps(template).replace("shop-events", unique("shop-events"))))
    sent = [
        {
            "EventBusName": stack.resources["Bus"],
            "Source": source,
            "DetailType": kind,
            "Detail": json.dumps({"id": order}),
        }
        for source, kind, order in SENT
    ]
    aws.client("events").put_events(Entries=sent)
    try:
        bodies = wait_for("the event", lambda: messages(aws, stack.resources["Warehouse"]), timeout=2)
    except LocalAwsError:
        bodies = []
    came = [json.loads(body)["detail"]["id"] for body in bodies]
    if came != ["o-1"]:
        yield f"the warehouse gets {came}"
