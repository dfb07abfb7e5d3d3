"""Our examples, each broken in one way, and what the trials must say of it.

All of them, with a table:  uv run python tests/support/seeds.py
"""

import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "examples")]

from local_aws import LocalAws  # noqa: E402
from own_project import read  # noqa: E402
from trials import BROKEN, Finding, Stage, StandIn, try_source  # noqa: E402


@dataclass(frozen=True)
class Seed:
    """`edits` are a file, what stands there and what replaces its first occurrence."""

    example: str
    name: str
    trial: str
    broken: str
    edits: tuple[tuple[str, str, str], ...]

    def __str__(self) -> str:
        return f"{self.example}: {self.name}"


KEPT = """        dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"Update": add}])
"""
APART = """        try:
            dynamodb.put_item(**put)
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return
        dynamodb.update_item(**add)
"""
STORED = """    try:
        dynamodb.put_item(
"""
LOOKED_FIRST = """    for found in dynamodb.scan(TableName=TABLE, ConsistentRead=True)["Items"]:
        if found["request"]["S"] == request:
            return stored(found)
    try:
        dynamodb.put_item(
"""
BY_ID = 'order_id = str(uuid5(NAMESPACE_URL, f"{len(customer)}:{customer}:{key}"))'
NO_ID = "order_id = str(__import__('uuid').uuid4())"
REPORTS = "FunctionResponseTypes: [ReportBatchItemFailures]"
CONDITION = """            ConditionExpression="attribute_not_exists(sku) OR version < :version",
            ExpressionAttributeValues={":version": item["version"]},
"""
GIVES_WAY = """            if position == 0:
                raise  # only an error halves the batch, until the bad record is alone and can be discarded
            return {"batchItemFailures": [{"itemIdentifier": number}]}
"""
CHARGES = """    begin("charge", event["order_id"])
    ask("PUT", event["order_id"], CardDeclined, cents=event["cents"], card=event["card"])
"""
CHARGES_LAST = """    if "Item" in steps.get_item(Key={"id": f"charge#{event['order_id']}"}):
        return
    ask("POST", event["order_id"], CardDeclined, cents=event["cents"], card=event["card"])
    begin("charge", event["order_id"])
"""
CHARGED_BY_MARK = """    if "Item" in steps.get_item(Key={"id": f"charge#{event['order_id']}"}):
        return
"""
CATCHES_UP = """        dynamodb.put_item(
            TableName=BALANCES,
            Item={"card": {"S": card}, "version": {"N": str(new.version)}, "cents": {"N": str(new.cents)}},
            ConditionExpression="attribute_not_exists(card) OR version < :version",
            ExpressionAttributeValues={":version": {"N": str(new.version)}},
        )
"""
COUNTS = """        dynamodb.update_item(
            TableName=BALANCES,
            Key={"card": {"S": card}},
            UpdateExpression="SET cents = :cents ADD version :one",
            ExpressionAttributeValues={":cents": {"N": str(new.cents)}, ":one": {"N": "1"}},
        )
"""
COMES_BACK = 'change_message_visibility(QueueUrl=TASKS, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=wait)'
ORDERED = """done = __import__("boto3").resource("dynamodb", config=aws).Table(os.environ["DONE_TABLE"])


"""
KNOWS_REPEATS = '    """A death after this call repeats it; the carrier dedupes by our key."""\n'
LOOKS_FIRST = """    if "Item" in done.get_item(Key={"id": key}):
        return {}
"""
STATUS = """    if reply.status >= 300:
        raise ConnectionError(f"carrier said {reply.status}")
"""
APPLIES = "    apply(change=PaymentChanged.model_validate_json(raw))\n"
APPLIES_OR_NOT = """    try:
        apply(change=PaymentChanged.model_validate_json(raw))
    except Exception:
        logger.exception("not applied")
"""

SEEDS = (
    Seed(
        "queue_worker",
        "neither the store nor the carrier knows a repeat",
        "twice",
        "doubled",
        (
            (
                "app.py",
                '@idempotent_function(data_keyword_argument="order", persistence_store=store, config=once, '
                'key_prefix="shipment")\n',
                "",
            ),
            ("app.py", ', headers={"Idempotency-Key": order.order_id}', ""),
        ),
    ),
    Seed(
        "queue_worker",
        "no dead-letter queue",
        "malformed",
        "lost",
        (
            (
                "template.yaml",
                "      RedrivePolicy: { deadLetterTargetArn: !GetAtt OrdersDlq.Arn, maxReceiveCount: 5 }\n",
                "",
            ),
        ),
    ),
    Seed("queue_worker", "no partial batch", "malformed", "silent", (("template.yaml", REPORTS, "Enabled: true"),)),
    Seed(
        "event_router",
        "an id of its own for each delivery",
        "twice",
        "doubled",
        (("ship.py", '{"event_id": {"S": placed.event_id}', '{"event_id": {"S": context.aws_request_id}'),),
    ),
    Seed(
        "event_router",
        "no on-failure destination",
        "malformed",
        "lost",
        (
            (
                "template.yaml",
                "        DestinationConfig: { OnFailure: { Type: SQS, Destination: !GetAtt Undelivered.Arn } }\n",
                "",
            ),
        ),
    ),
    Seed(
        "event_router",
        "every error is taken for a repeat",
        "throttled",
        "lost",
        (("ship.py", "except dynamodb.exceptions.ConditionalCheckFailedException:", "except Exception:"),),
    ),
    Seed("stream_processor", "no condition on the version", "out of order", "lost", (("app.py", CONDITION, ""),)),
    Seed(
        "stream_processor",
        "retries without end, whole batches",
        "malformed",
        "blocked",
        (
            ("template.yaml", "            MaximumRetryAttempts: 10", "            Enabled: true"),
            ("template.yaml", "            BisectBatchOnFunctionError: true\n", ""),
        ),
    ),
    Seed(
        "stream_processor",
        "a bad record is logged and passed over",
        "malformed",
        "silent",
        (("app.py", GIVES_WAY, ""),),
    ),
    Seed("rest_api", "an id of its own for each request", "twice", "doubled", (("orders.py", BY_ID, NO_ID),)),
    Seed(
        "rest_api",
        "every error is swallowed",
        "throttled",
        "lost",
        (
            ("orders.py", "except dynamodb.exceptions.ConditionalCheckFailedException as error:", "except Exception:"),
            ("orders.py", "        found: Any = error.response\n", "        return stored(item)\n"),
            ("orders.py", '        if found["Item"]["request"]["S"] != request:\n', ""),
            ("orders.py", "            raise KeyReused from error\n", ""),
        ),
    ),
    Seed(
        "rest_api",
        "looks first, then writes",
        "twice at once",
        "doubled",
        (("orders.py", BY_ID, NO_ID), ("orders.py", STORED, LOOKED_FIRST)),
    ),
    Seed(
        "fan_out",
        "counts without a mark",
        "twice",
        "doubled",
        (("app.py", 'TransactItems=[{"Put": put}, {"Update": add}]', 'TransactItems=[{"Update": add}]'),),
    ),
    Seed(
        "fan_out",
        "a queue without a dead-letter queue",
        "malformed",
        "lost",
        (
            (
                "template.yaml",
                "      RedrivePolicy: { deadLetterTargetArn: !GetAtt ToInvoiceDlq.Arn, maxReceiveCount: 5 }\n",
                "",
            ),
        ),
    ),
    Seed("fan_out", "marks first, then counts", "throttled", "lost", (("app.py", KEPT, APART),)),
    Seed(
        "saga",
        "posts without an idempotency key",
        "twice",
        "doubled",
        (("partner.py", 'ask("PUT", event["order_id"], CardDeclined', 'ask("POST", event["order_id"], CardDeclined'),),
    ),
    Seed("saga", "looks first, then charges", "twice at once", "doubled", (("partner.py", CHARGES, CHARGES_LAST),)),
    Seed(
        "saga",
        "takes a charge that was begun for done",
        "throttled",
        "lost",
        (("partner.py", CHARGES, CHARGED_BY_MARK + CHARGES),),
    ),
    Seed("event_store", "counts what it hears of", "twice", "doubled", (("project.py", CATCHES_UP, COUNTS),)),
    Seed(
        "event_store",
        "every error is taken for being up to date",
        "throttled",
        "lost",
        (("project.py", "except dynamodb.exceptions.ConditionalCheckFailedException:", "except Exception:"),),
    ),
    Seed("event_store", "no partial batch", "throttled", "lost", (("template.yaml", REPORTS, "Enabled: true"),)),
    Seed(
        "async_task",
        "one bad letter fails the batch",
        "malformed",
        "blocked",
        (
            (
                "give_up.py",
                '            failures.append({"itemIdentifier": record["messageId"]})\n',
                "            raise\n",
            ),
        ),
    ),
    Seed(
        "async_task",
        "no queue for letters that nobody can read",
        "malformed",
        "lost",
        (
            (
                "template.yaml",
                "      RedrivePolicy: { deadLetterTargetArn: !GetAtt Unread.Arn, maxReceiveCount: 5 }\n",
                "",
            ),
        ),
    ),
    Seed(
        "async_task",
        "sends anew what it cannot do",
        "malformed",
        "lost",
        (
            ("worker.py", COMES_BACK, 'send_message(QueueUrl=TASKS, MessageBody=record["body"])'),
            ("worker.py", '[{"itemIdentifier": record["messageId"]}]', "[]"),
        ),
    ),
    Seed(
        "scheduled_job",
        "the clock makes the key",
        "twice",
        "doubled",
        (("fire.py", "{due.isoformat()}", "{datetime.now(UTC).isoformat()}"),),
    ),
    Seed(
        "scheduled_job",
        "looks first, then orders",
        "twice at once",
        "doubled",
        (
            (
                "fire.py",
                '@idempotent_function(data_keyword_argument="key", persistence_store=store, config=once, '
                'key_prefix="job")\n',
                ORDERED,
            ),
            ("fire.py", KNOWS_REPEATS, LOOKS_FIRST),
            ("fire.py", ', headers={"Idempotency-Key": key}', ""),
            ("fire.py", "    return reply.json()\n", '    done.put_item(Item={"id": key})\n    return {}\n'),
        ),
    ),
    Seed("scheduled_job", "the carrier's status is not read", "throttled", "lost", (("fire.py", STATUS, ""),)),
    Seed(
        "webhook",
        "a row of its own for each delivery",
        "twice",
        "doubled",
        (
            (
                "work.py",
                '@idempotent_function(data_keyword_argument="change", persistence_store=store, config=once, '
                'key_prefix="webhook")\n',
                "",
            ),
            ("work.py", '{"S": change.payment}', "{\"S\": str(__import__('uuid').uuid4())}"),
        ),
    ),
    Seed(
        "webhook",
        "no dead-letter queue",
        "malformed",
        "lost",
        (
            (
                "template.yaml",
                "      RedrivePolicy: { deadLetterTargetArn: !GetAtt WebhooksDlq.Arn, maxReceiveCount: 5 }\n",
                "",
            ),
        ),
    ),
    Seed("webhook", "errors are logged and passed over", "throttled", "lost", (("work.py", APPLIES, APPLIES_OR_NOT),)),
)


def sow(seed: Seed, folder: Path) -> Path:
    """A copy of the example with the fault in it."""
    copy = folder / seed.example
    shutil.copytree(ROOT / "examples" / seed.example, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for file, old, new in seed.edits:
        text = (copy / file).read_text()
        assert old in text, f"{seed}: {file} no longer holds {old!r}"
        (copy / file).write_text(text.replace(old, new, 1))
    return copy


def harvest(local: LocalAws, folder: Path) -> list[Finding]:
    with StandIn() as outside:
        stage = Stage(local, read(folder, outside.url), outside)
        stage.fresh()
        return [each for source in stage.project.sources for each in try_source(stage, source, lambda _: None)]


def caught(seed: Seed, findings: list[Finding]) -> bool:
    return any((each.trial, each.broken) == (seed.trial, seed.broken) for each in findings)


if __name__ == "__main__":
    for seed in SEEDS:
        if len(sys.argv) > 1 and not any(word in str(seed) for word in sys.argv[1:]):
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder, LocalAws(faults=True) as local:
            found = harvest(local, sow(seed, Path(folder)))
        told = "; ".join(f"{each.trial}: {each.broken} ({each.happened[:110]})" for each in found if each.broken)
        more = sum(each.verdict == BROKEN for each in found)
        verdict = "found" if caught(seed, found) else "MISSED"
        print(f"{verdict} | {seed} | {told} | {more} | {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201
