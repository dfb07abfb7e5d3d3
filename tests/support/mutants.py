"""Our examples, each with one realistic mistake, and the test that catches it: proof that the checks can fail.

All of them, with a table:  uv run python tests/support/mutants.py
"""

import itertools
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "examples")]

from local_aws import install  # noqa: E402
from support.bundle import tracked  # noqa: E402
from support.seeds import Seed, sow  # noqa: E402
from synthesis import install_node  # noqa: E402

SHARED = (".local-aws", "tests/node/node_modules")  # environments that a copy finds under its own root
LIMIT = 300  # seconds; the slowest example takes a tenth of them
FIRST_FAILURE = re.compile(r"^(?:FAILED|ERROR) \S+::(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    """`edits` are a file, what stands there and what replaces its first occurrence."""

    example: str
    name: str
    edits: tuple[tuple[str, str, str], ...]

    @property
    def in_code(self) -> bool:
        """In a handler, else in the template or the state machine."""
        return all(file.endswith(".py") for file, _, _ in self.edits)

    def __str__(self) -> str:
        return f"{self.example}: {self.name}"


TEMPLATE, MACHINE = "template.yaml", "statemachine.asl.json"
REPORTS = "FunctionResponseTypes: [ReportBatchItemFailures]"
ONCE = "except dynamodb.exceptions.ConditionalCheckFailedException:"
JWT = "      AuthorizationType: JWT\n      AuthorizerId: !Ref Customers\n"
REDRIVE, NO_REDRIVE = "RedrivePolicy: {", "# RedrivePolicy: {"
GIVEN_UP, LOST = "DestinationConfig: {", "# DestinationConfig: {"
MUTANTS = (
    Mutant("queue_worker", "the address is the key",
           (("app.py", 'event_key_jmespath="order_id"', 'event_key_jmespath="address"'),)),
    Mutant("queue_worker", "nothing makes a booking idempotent",
           (("app.py", "@idempotent_function(", "# @idempotent_function("),)),
    Mutant("queue_worker", "the carrier gets no key",
           (("app.py", ', headers={"Idempotency-Key": order.order_id}', ""),)),
    Mutant("queue_worker", "every refusal is hopeless", (("app.py", "in (400, 404, 409, 422)", "< 500"),)),
    Mutant("queue_worker", "what fails is taken for done", (("app.py", "        raise\n", "        return {}\n"),)),
    Mutant("queue_worker", "no dead-letter queue", ((TEMPLATE, REDRIVE, NO_REDRIVE),)),
    Mutant("queue_worker", "one failure repeats the batch", ((TEMPLATE, REPORTS, "Enabled: true"),)),
    Mutant("queue_worker", "visible again after one timeout",
           ((TEMPLATE, "VisibilityTimeout: 360", "VisibilityTimeout: 60"),)),
    Mutant("queue_worker", "no TTL", ((TEMPLATE, "TimeToLiveSpecification: {", "# TimeToLiveSpecification: {"),)),
    Mutant("queue_worker", "the alarm watches the queue instead of its DLQ",
           ((TEMPLATE, "!GetAtt OrdersDlq.QueueName", "!GetAtt Orders.QueueName"),)),
    Mutant("queue_worker", "more at once than the carrier allows",
           ((TEMPLATE, "MaximumConcurrency: 5", "MaximumConcurrency: 50"),)),
    Mutant("stream_processor", "the last to come stands", (("app.py", "version < :version", "version <> :version"),)),
    Mutant("stream_processor", "a write that fails is taken for an old price",
           (("app.py", ONCE, "except Exception:"),)),
    Mutant("stream_processor", "a bad record at the front is reported, not raised",
           (("app.py", "if position == 0:", "if position < 0:"),)),
    Mutant("stream_processor", "goes on after a failure",
           (("app.py", 'return {"batchItemFailures": [{"itemIdentifier": number}]}', "continue"),)),
    Mutant("stream_processor", "any number of retries", ((TEMPLATE, "MaximumRetryAttempts: 10", "# any number"),)),
    Mutant("stream_processor", "what is given up is gone", ((TEMPLATE, GIVEN_UP, LOST),)),
    Mutant("stream_processor", "retention before age",
           ((TEMPLATE, "RetentionPeriodHours: 72", "RetentionPeriodHours: 24"),)),
    Mutant("stream_processor", "begins at the latest record",
           ((TEMPLATE, "StartingPosition: TRIM_HORIZON", "StartingPosition: LATEST"),)),
    Mutant("event_router", "every delivery opens a shipment",
           (("ship.py", 'ConditionExpression="attribute_not_exists(event_id)",', ""),)),
    Mutant("event_router", "a table that throttles is taken for a repeat", (("ship.py", ONCE, "except Exception:"),)),
    Mutant("event_router", "a version that it does not know is half-read",
           (("ship.py", "Field(ge=1, le=1,", "Field(ge=1,"),)),
    Mutant("event_router", "entries refused under HTTP 200 are lost",
           (("publish.py", 'if "ErrorCode" in answer]', 'if "Error" in answer]'),)),
    Mutant("event_router", "a new id on every attempt",
           (("publish.py", "f\"placed-{order['order_id']}\"", 'f"placed-{random.random()}"'),)),
    Mutant("event_router", "countries are not filtered", ((TEMPLATE, "anything-but: [XX, ZZ]", "exists: true"),)),
    Mutant("event_router", "a target without a queue for what it refuses",
           ((TEMPLATE, "DeadLetterConfig: {", "# DeadLetterConfig: {"),)),
    Mutant("event_router", "a rule that may not write to the queue",
           ((TEMPLATE, "[!GetAtt ToReview.Arn, !GetAtt ShipPlaced.Arn]", "[!GetAtt ToReview.Arn]"),)),
    Mutant("event_router", "what the function raises is gone", ((TEMPLATE, GIVEN_UP, LOST),)),
    Mutant("event_router", "a target is tried once",
           ((TEMPLATE, "RetryPolicy: { MaximumRetryAttempts: 20", "RetryPolicy: { MaximumRetryAttempts: 0"),)),
    Mutant("event_router", "a day of history for replays", ((TEMPLATE, "RetentionDays: 30 }", "RetentionDays: 1 }"),)),
    Mutant("event_store", "a writer overwrites an event", (("command.py", "else put | once}", "else put}"),)),
    Mutant("event_store", "nothing marks a command as done",
           (("command.py", ', f"command#{command.command_id}": result}', "}"),)),
    Mutant("event_store", "overdrafts", (("command.py", "if new.cents < 0:", "if command.cents < 0:"),)),
    Mutant("event_store", "a read that decides is not consistent",
           (("ledger.py", "        ConsistentRead=True,\n", ""),)),
    Mutant("event_store", "only the first page",
           (("ledger.py", "    for page in pages:", "    for page in list(pages)[:1]:"),)),
    Mutant("event_store", "a slow projection undoes a newer one",
           (("project.py", "version < :version", "version <> :version"),)),
    Mutant("event_store", "the writer may delete",
           ((TEMPLATE, "dynamodb:PutItem, dynamodb:Query", "dynamodb:PutItem, dynamodb:DeleteItem, dynamodb:Query"),)),
    Mutant("event_store", "hears of marks and snapshots too",
           ((TEMPLATE, '"S": [{"prefix": "event#"}]', '"S": [{"prefix": ""}]'),)),
    Mutant("event_store", "any number of retries", ((TEMPLATE, "MaximumRetryAttempts: 10", "# any number"),)),
    Mutant("event_store", "what is given up is gone", ((TEMPLATE, GIVEN_UP, LOST),)),
    Mutant("event_store", "the log goes with its stack",
           ((TEMPLATE, "DeletionPolicy: Retain", "DeletionPolicy: Delete"),)),
    Mutant("rest_api", "customer and key flow together",
           (("orders.py", 'f"{len(customer)}:{customer}:{key}"', 'f"{customer}:{key}"'),)),
    Mutant("rest_api", "a used key takes another quantity",
           (("orders.py", 'if found["Item"]["request"]["S"] != request:',
             'if found["Item"]["sku"]["S"] != order.sku:'),)),
    Mutant("rest_api", "a retry overwrites",
           (("orders.py", "attribute_not_exists(order_id)", "attribute_not_exists(placed)"),)),
    Mutant("rest_api", "an order is not yet there when it was just placed",
           (("orders.py", "Key=key, ConsistentRead=True", "Key=key"),)),
    Mutant("rest_api", "an inside view",
           (("problems.py", "    return problem(500)", "    return problem(500, detail=str(error))"),)),
    Mutant("rest_api", "of a list, the first order",
           (("app.py", "if not isinstance(app.current_event.json_body, dict):",
             "if app.current_event.json_body is None:"),)),
    Mutant("rest_api", "no token is asked for", ((TEMPLATE, JWT, ""),)),
    Mutant("rest_api", "tokens for other audiences",
           ((TEMPLATE, "{ Issuer: !Ref Issuer, Audience: [!Ref Audience] }", "{ Issuer: !Ref Issuer }"),)),
    Mutant("rest_api", "scripts of any site", ((TEMPLATE, "AllowOrigins: [!Ref Origin]", 'AllowOrigins: ["*"]'),)),
    Mutant("rest_api", "the gateway gives up before the function", ((TEMPLATE, "Timeout: 20 #", "Timeout: 60 #"),)),
    Mutant("rest_api", "a browser's preflight is refused", ((TEMPLATE, '"OPTIONS /{proxy+}"', '"OPTIONS /orders"'),)),
    Mutant("rest_api", "the orders go with their stack",
           ((TEMPLATE, "DeletionPolicy: Retain", "DeletionPolicy: Delete"),)),
    Mutant("rest_api", "the alarm watches nothing", ((TEMPLATE, "MetricName: 5xx", "MetricName: 5XXError"),)),
    Mutant("fan_out", "counts without a mark", (("app.py", '[{"Put": put}, {"Update": add}]', '[{"Update": add}]'),)),
    Mutant("fan_out", "a conflict is taken for a repeat",
           (("app.py", '["Code"] != "ConditionalCheckFailed":', '["Code"] == "ValidationError":'),)),
    Mutant("fan_out", "the mark expires before a redrive", (("app.py", "90 * 86_400", "86_400"),)),
    Mutant("fan_out", "entries refused under HTTP 200 are lost",
           (("publish.py", 'for entry in answer["Failed"]}', 'for entry in answer.get("Errors", [])}'),)),
    Mutant("fan_out", "a batch that fails keeps back the next",
           (("publish.py", "            refused |= dict.fromkeys(ids, str(error))",
             "            raise NotPublished(refused) from error"),)),
    Mutant("fan_out", "what SNS cannot deliver is gone", ((TEMPLATE, REDRIVE, NO_REDRIVE),)),
    Mutant("fan_out", "a queue without a dead-letter queue",
           ((TEMPLATE, "RedrivePolicy: { deadLetterTargetArn: !GetAtt ToInvoiceDlq.Arn, maxReceiveCount: 5 }", ""),)),
    Mutant("fan_out", "the filter is inclusive", ((TEMPLATE, 'numeric: [">", 50000]', 'numeric: [">=", 50000]'),)),
    Mutant("fan_out", "SNS may not use the key",
           ((TEMPLATE, "Action: [kms:GenerateDataKey*, kms:Decrypt]", "Action: [kms:Decrypt]"),)),
    Mutant("fan_out", "the topic may not write to a queue",
           ((TEMPLATE, "!Ref ToInvoice, !Ref ToCount, !Ref Undelivered]", "!Ref ToInvoice, !Ref Undelivered]"),
            (TEMPLATE, "Queues: [!Ref ToShipDlq, ", "Queues: [!Ref ToCount, !Ref ToShipDlq, "))),
    Mutant("fan_out", "marks for ever", ((TEMPLATE, "TimeToLiveSpecification: {", "# TimeToLiveSpecification: {"),)),
    Mutant("async_task", "a job that runs is taken over",
           (("jobs.py", '"#state = :queued OR (#state = :running AND lease < :now)"',
             '"#state IN (:queued, :running) OR lease < :now"'),)),
    Mutant("async_task", "a replaced worker goes on",
           (("jobs.py", "AND worker = :mine", "AND (worker = :mine OR attribute_exists(worker))"),)),
    Mutant("async_task", "a job that has ended is stopped",
           (("jobs.py", '"#state IN (:queued, :running)"',
             '"attribute_exists(job_id) OR #state IN (:queued, :running)"'),)),
    Mutant("async_task", "everyone sees every job",
           (("jobs.py", 'return job if job and job["customer"] == customer else None', "return job or None"),)),
    Mutant("async_task", "a used key takes another report",
           (("jobs.py", 'if job["month"] != month:', 'if job["customer"] != customer:'),)),
    Mutant("async_task", "the copy of a busy worker's job is dropped",
           (("worker.py", "            raise Busy(job_id)", "            return"),)),
    Mutant("async_task", "no token is asked for", ((TEMPLATE, JWT, ""),)),
    Mutant("async_task", "no dead-letter queue", ((TEMPLATE, REDRIVE, NO_REDRIVE),)),
    Mutant("async_task", "visible again after one timeout",
           ((TEMPLATE, "VisibilityTimeout: 1800", "VisibilityTimeout: 300"),)),
    Mutant("async_task", "the TTL of an attribute that is not there",
           ((TEMPLATE, "AttributeName: expires, Enabled", "AttributeName: expiration, Enabled"),)),
    Mutant("async_task", "what GiveUp cannot read is gone",
           ((TEMPLATE, "RedrivePolicy: { deadLetterTargetArn: !GetAtt Unread.Arn, maxReceiveCount: 5 }", ""),)),
    Mutant("async_task", "results go before their jobs", ((TEMPLATE, "ExpirationInDays: 7", "ExpirationInDays: 1"),)),
    Mutant("async_task", "given-up jobs raise no alarm", ((TEMPLATE, "Value: !Ref GiveUp }", "Value: !Ref Submit }"),)),
    Mutant("saga", "sells more than there is",
           (("stock.py", '"available >= :least"', '"available >= :least OR attribute_exists(sku)"'),)),
    Mutant("saga", "gives back without forgetting", (("stock.py", "[forget, shelf(", "[shelf("),)),
    Mutant("saga", "a step runs after its undo",
           (("partner.py", ', ConditionExpression="attribute_not_exists(undone)")', ")"),)),
    Mutant("saga", "every refusal is final", (("partner.py", "in (400, 402, 409, 422)", "< 500"),)),
    Mutant("saga", "no trace of a charge", (("partner.py", 'begin("charge"', '# begin("charge"'),)),
    Mutant("saga", "a step that fails is not undone",
           ((MACHINE, '"Next": "CancelShipment" }]', '"Next": "RefundCard" }]'),)),
    Mutant("saga", "a step is not retried", ((MACHINE, '"MaxAttempts": 4', '"MaxAttempts": 0'),)),
    Mutant("saga", "a timeout is not caught",
           ((MACHINE, '"Catch": [{ "ErrorEquals": ["States.ALL"]',
             '"Catch": [{ "ErrorEquals": ["States.TaskFailed"]'),)),
    Mutant("saga", "a task may hang", ((MACHINE, '"TimeoutSeconds": 30,', ""),)),
    Mutant("saga", "aborted executions are nobody's", ((TEMPLATE, "[TIMED_OUT, ABORTED]", "[TIMED_OUT]"),)),
    Mutant("saga", "nobody learns which execution",
           ((TEMPLATE, ", InputPath: $.detail.executionArn }", " }"),)),
    Mutant("saga", "addresses in the log", ((TEMPLATE, "IncludeExecutionData: false", "IncludeExecutionData: true"),)),
    Mutant("saga", "a name that can run twice", ((TEMPLATE, "Type: STANDARD #", "Type: EXPRESS #"),)),
    Mutant("saga", "marks that expire",
           ((TEMPLATE, "SSESpecification: {",
             "TimeToLiveSpecification: { AttributeName: expires, Enabled: true }\n      SSESpecification: {"),)),
    Mutant("webhook", "not compared in constant time",
           (("receive.py", "hmac.compare_digest(digest, each)", "digest == each"),)),
    Mutant("webhook", "the window is in milliseconds", (("receive.py", "> 300:", "> 300_000:"),)),
    Mutant("webhook", "the time is not signed", (("receive.py", 'prove(f"{stamp}.".encode() + raw,', "prove(raw,"),)),
    Mutant("webhook", "the key before a rotation is refused",
           (("receive.py", '("AWSCURRENT", "AWSPREVIOUS")', '("AWSCURRENT",)'),)),
    Mutant("webhook", "no key is a forgery",
           (("receive.py", "(ValueError if Keys.answered else ConnectionError)", "ValueError"),)),
    Mutant("webhook", "accepted and not kept",
           (("receive.py", "    enqueue(raw, key", "    with suppress(Exception): enqueue(raw, key"),)),
    Mutant("webhook", "the last to arrive stands", (("work.py", "version < :version", "version <> :version"),)),
    Mutant("webhook", "signatures in the log",
           ((TEMPLATE, "'{\"request\":", "'{\"signature\":\"$request.header.x-signature\",\"request\":"),)),
    Mutant("webhook", "a flood reaches the function",
           ((TEMPLATE, "DefaultRouteSettings: {", "# DefaultRouteSettings: {"),)),
    Mutant("webhook", "any API may call the receiver",
           ((TEMPLATE, "${Api}/*\n\n  SigningSecret", "*\n\n  SigningSecret"),)),
    Mutant("webhook", "no dead-letter queue", ((TEMPLATE, REDRIVE, NO_REDRIVE),)),
    Mutant("webhook", "bodies go before their messages", ((TEMPLATE, "ExpirationInDays: 30", "ExpirationInDays: 3"),)),
    Mutant("webhook", "events are remembered for ever",
           ((TEMPLATE, "TimeToLiveSpecification: {", "# TimeToLiveSpecification: {"),)),
    Mutant("webhook", "a secret that everybody knows",
           ((TEMPLATE, "{ GenerateSecretString: { PasswordLength: 64 } }", "{ SecretString: change-me }"),)),
    Mutant("scheduled_job", "a taken id is taken over",
           (("plan.py", 'raise Refused("the id is taken") from None', "scheduler.update_schedule(**wanted)"),)),
    Mutant("scheduled_job", "a time that the clocks skip is planned",
           (("plan.py", "if first > second:", "if at.fold:"),)),
    Mutant("scheduled_job", "Scheduler fills in a customer's text", (("plan.py", '.replace("<", r"\\u003c")', ""),)),
    Mutant("scheduled_job", "the clock makes the key",
           (("fire.py", "/{due.isoformat()}", "/{datetime.now(UTC).date()}"),)),
    Mutant("scheduled_job", "the id alone makes the key",
           (("fire.py", "{event['id']}/{due.isoformat()}", "{event['id']}"),)),
    Mutant("scheduled_job", "nothing is too late", (("fire.py", '<= LIMITS[event["job"]]', "<= timedelta(days=30)"),)),
    Mutant("scheduled_job", "an hour that the clocks skip", ((TEMPLATE, "cron(15 4 * * ? *)", "cron(15 2 * * ? *)"),)),
    Mutant("scheduled_job", "a schedule without a dead-letter queue",
           ((TEMPLATE, "DeadLetterConfig: {", "# DeadLetterConfig: {"),)),
    Mutant("scheduled_job", "what the function raises is gone", ((TEMPLATE, GIVEN_UP, LOST),)),
    Mutant("scheduled_job", "reminders without a dead-letter queue",
           ((TEMPLATE, ', "DeadLetterConfig": {"Arn": "${Undelivered.Arn}"},', ","),)),
    Mutant("scheduled_job", "any schedule may use the role", ((TEMPLATE, "aws:SourceArn: [", "# aws:SourceArn: ["),)),
    Mutant("scheduled_job", "the role may be passed to any service",
           ((TEMPLATE, "Condition: { StringEquals: { iam:PassedToService",
             "# Condition: { StringEquals: { iam:PassedToService"),)),
    Mutant("scheduled_job", "jobs are remembered for ever",
           ((TEMPLATE, "TimeToLiveSpecification: {", "# TimeToLiveSpecification: {"),)),
    Mutant("scheduled_job", "a missed night is no news",
           ((TEMPLATE, "TreatMissingData: breaching", "TreatMissingData: notBreaching"),)),
)  # fmt: skip


def copied(folder: Path) -> Path:
    """A copy of the repository that shares its environments."""
    for path in tracked():
        (to := folder / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, to)
    for name in SHARED:
        (folder / name).symlink_to(ROOT / name)
    return folder


def checked(mutant: Mutant, copy: Path) -> tuple[int, str]:
    """What pytest answers and says when it runs the example's checks, with this mistake only, until one fails."""
    shutil.rmtree(copy / "examples" / mutant.example)
    sow(Seed(mutant.example, mutant.name, trial="", broken="", edits=mutant.edits), copy / "examples")
    files = [f"tests/examples/test_{mutant.example}.py", "tests/test_templates.py"]
    if not mutant.in_code:
        files.reverse()  # the linter is faster
    options = ["-n", "0", "-v", "-x", "-p", "no:cacheprovider", "-k", mutant.example]
    command = [sys.executable, "-m", "pytest", *options, *files]
    with subprocess.Popen(command, cwd=copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as tests:
        try:
            said, _ = tests.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            tests.send_signal(signal.SIGINT)  # so that it ends its servers
            said, _ = tests.communicate()
    return tests.returncode, said


def catcher(said: str) -> str | None:
    """The first test that failed; a module that cannot be imported is no test."""
    found = FIRST_FAILURE.search(said)
    return found[1] if found else None


def passes(example: str, copy: Path) -> bool:
    """The checks of the example as it is are some of each file and pass: what fails later is due to the mistake."""
    code, said = checked(Mutant(example, "as it is", ()), copy)
    each = (f"tests/examples/test_{example}.py::", rf"tests/test_templates.py::.*\[{example}")
    return code == 0 and all(re.search(f"^{test}.* PASSED", said, re.MULTILINE) for test in each)


def main(words: list[str]) -> int:
    chosen = [mutant for mutant in MUTANTS if not words or any(word in str(mutant) for word in words)]
    install_node()
    install()
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder))
        for example, mutants in itertools.groupby(chosen, lambda mutant: mutant.example):
            if not passes(example, copy):
                sys.exit(f"the checks of {example} fail, or select nothing, before it is changed")
            for mutant in mutants:
                caught = catcher(checked(mutant, copy)[1])
                missed += caught is None
                print(f"{example} | {mutant.name} | {caught or 'NOT CAUGHT'}", flush=True)  # noqa: T201
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
