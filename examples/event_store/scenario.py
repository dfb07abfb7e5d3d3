"""Gift cards: many spenders at once, commands repeated, an outage, balances deleted and rebuilt."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from trials.local_aws import LocalAws, Outcome, seen

OUTAGE = 12  # failed deliveries that it lasts
DENIAL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "dynamodb:PutItem", "Resource": "*"}],
}


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    stack = local.deploy(template, AlarmTopicArn="arn:aws:sns:us-east-1:123456789012:alerts")
    dynamodb, functions, out = local.client("dynamodb"), local.client("lambda"), stack.outputs

    def command(command_id: str, kind: str, cents: int, card: str = "gift-1") -> dict[str, Any]:
        payload = {"command_id": command_id, "card": card, "kind": kind, "cents": cents}
        reply = functions.invoke(FunctionName=out["CommandFunction"], Payload=json.dumps(payload).encode())
        answer: dict[str, Any] = json.loads(reply["Payload"].read())
        return answer

    def balances() -> dict[str, tuple[int, int]]:
        items = dynamodb.scan(TableName=out["BalancesTable"], ConsistentRead=True)["Items"]
        return {item["card"]["S"]: (int(item["version"]["N"]), int(item["cents"]["N"])) for item in items}

    def queued() -> int:
        url, name = out["UnprojectedUrl"], "ApproximateNumberOfMessages"
        told = local.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
        return int(told[name])

    say("a card of 100, and twelve who spend 10 each at once")
    first = command("grant", "CreditGranted", 100)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: command(f"spend-{n}", "CreditSpent", 10), range(12)))
    spent = [answer for answer in answers if "version" in answer]
    refused = [answer for answer in answers if "refused" in answer]
    told = f"{len(spent)} spent, {len(refused)} refused"
    yield Outcome("12 times 10 of 100", told, "no overdraft, none too few", (len(spent), len(refused)) == (10, 2))
    versions = sorted(answer["version"] for answer in spent)
    yield Outcome(
        "the 10 at once",
        f"{len(set(versions))} versions, of 1 to {max(versions, default=1)}",
        "none overwritten",
        versions == list(range(2, 12)),
    )

    say("every command is sent again")
    again = command("grant", "CreditGranted", 100)
    repeats = [command(f"spend-{n}", "CreditSpent", 10) for n in range(12)]
    same = again == first and repeats == answers
    yield Outcome("all 13 again", "the first answers" if same else "other answers", "a repeat changes nothing", same)

    say("the balances follow the log")
    command("other", "CreditGranted", 77, card="gift-2")
    wanted = {"gift-1": (11, 0), "gift-2": (1, 77)}
    seen(lambda: balances() == wanted)
    yield Outcome("12 events", f"{len(balances())} balances", "they say what the log says", balances() == wanted)

    say("the balances cannot be written, for longer than ten deliveries")
    iam, role = local.client("iam"), local.role(stack.resources["Project"])
    iam.put_role_policy(RoleName=role, PolicyName="outage", PolicyDocument=json.dumps(DENIAL))
    command("late", "CreditGranted", 5, card="gift-3")

    def refused_writes() -> int:
        return sum(one["decision"] != "Allow" and one["action"] == "dynamodb:PutItem" for one in local.decisions())

    seen(lambda: refused_writes() >= OUTAGE)
    refusals = refused_writes()
    iam.delete_role_policy(RoleName=role, PolicyName="outage")
    wanted["gift-3"] = (1, 5)
    seen(lambda: balances() == wanted)
    given_up = queued()
    yield Outcome(
        f"a grant in an outage of {refusals} deliveries",
        f"{len(balances())} balances, {given_up} given up",
        "an outage loses no balance",
        refusals >= OUTAGE and balances() == wanted and given_up == 0,
    )

    say("the balances are lost, and rebuilt from the log")
    for card in wanted:
        dynamodb.delete_item(TableName=out["BalancesTable"], Key={"card": {"S": card}})
    functions.invoke(FunctionName=out["ProjectFunction"], Payload=b"{}")
    yield Outcome("a rebuild from zero", f"{len(balances())} balances", "the same again", balances() == wanted)
