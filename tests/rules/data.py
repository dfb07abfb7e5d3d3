"""What keeps data for as long as they are needed, and no longer: tables and logs."""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
import _model as model

QUEUE = "references/eda-patterns.md#queue-worker"
STORE = "references/eda-patterns.md#event-store"
LINES = "references/observability-best-practices.md#logs"
SINGULAR, FAILURES = "speedy, simple, singular", "design for failures and duplicates"
LOGS = "AWS::Logs::LogGroup"
TABLES = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::Serverless::SimpleTable")
KEPT = ("Retain", "RetainExceptOnCreate")


class FunctionLogs(model.Rule):
    id = "I9901"
    shortdesc = "A function has a log group of this template"
    description = "The one that Lambda makes keeps every line for ever, at a price, and outlives the stack."
    section = LINES
    tags = ["lambda", "logs", SINGULAR]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        groups = [each for group in template.of(LOGS) for each in group.values("LogGroupName")]
        for function in template.functions:
            names = {model.text(each) for each in function.values("FunctionName")} - {""}
            own = any(
                function.name in model.references(group) or any(name in model.text(group) for name in names)
                for group in groups
            )
            if function.absent("LoggingConfig", "LogGroup") and not own:
                message = f"{function.name} logs to a group that nothing ever empties"
                yield function.resource_path, f"{message}: add {LOGS} with RetentionInDays, and LoggingConfig.LogGroup"


class Retention(model.Rule):
    id = "W9902"
    shortdesc = "A log group says for how long it keeps a line"
    description = "The default is for ever: the bill grows, and so does what a leak would give away."
    section = LINES
    tags = ["logs", SINGULAR]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for group in template.of(LOGS):
            if group.absent("RetentionInDays") and group.only("LogGroupClass") != "DELIVERY":  # which keeps two days
                yield group.resource_path, f"{group.name} keeps every line for ever: set RetentionInDays"


class Idempotency(model.Rule):
    id = "W9903"
    shortdesc = "A table of what has been done forgets it one day"
    description = "Without a time to live it grows with every event and costs more every month."
    section = QUEUE
    tags = ["dynamodb", FAILURES]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        pointed = {
            name
            for function in template.functions
            for variable, value in _variables(function).items()
            for name in model.references(value)
            if "idempot" in str(variable).lower()
        }
        for table in template.of(*TABLES):
            named = f"{table.name} {' '.join(model.text(each) for each in table.values('TableName'))}"
            if (table.name in pointed or "idempot" in named.lower()) and _eternal(table):
                simple = "make it an AWS::DynamoDB::Table with" if table.type == TABLES[2] else "add"
                message = f"{table.name} keeps every key for ever: {simple} TimeToLiveSpecification"
                yield table.resource_path, f"{message} on the attribute that holds the expiry"


def _variables(function: model.Resource) -> dict[str, object]:
    variables = function.only("Environment", "Variables")
    return variables if isinstance(variables, dict) else {}


def _eternal(table: model.Resource) -> bool:
    return table.absent("TimeToLiveSpecification") or all(
        model.flag(enabled) is False for enabled in table.values("TimeToLiveSpecification", "Enabled")
    )


def _unrecoverable(template: model.Model, kept: bool) -> Iterator[tuple[model.Resource, str]]:
    for table in template.of(*TABLES[:2]):
        body = template.raw(table.resource_path)
        protected = all(model.flag(each) for each in table.values("DeletionProtectionEnabled"))
        reason = next((f"DeletionPolicy: {each}" for each in KEPT if body.get("DeletionPolicy") == each), "")
        reason = reason or ("DeletionProtectionEnabled" if protected else "")
        replicas = list(table.items("Replicas")) if table.type == TABLES[1] else [table]
        bare = [
            replica.absent("PointInTimeRecoverySpecification")
            or all(
                model.flag(value) is False
                for value in replica.values("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled")
            )
            for replica in replicas
        ]
        if bare and all(bare) and bool(reason) == kept and _eternal(table):
            yield table, reason


class Recovery(model.Rule):
    id = "W9904"
    shortdesc = "A table that must outlive its stack can be restored"
    description = "Kept from deletion, it is still overwritten by one bad deployment; nothing brings the items back."
    section = STORE
    tags = ["dynamodb", FAILURES]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for table, reason in _unrecoverable(template, kept=True):
            message = f"{table.name} has {reason} and no way back: set PointInTimeRecoveryEnabled: true"
            yield table.resource_path, f"{message} in PointInTimeRecoverySpecification"


class AnyRecovery(model.Rule):
    id = "I9905"
    shortdesc = "A table whose items do not expire can be restored"
    description = "One bad deployment overwrites what nothing else holds; the last 35 days are then a call away."
    section = STORE
    tags = ["dynamodb", FAILURES]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for table, _ in _unrecoverable(template, kept=False):
            yield table.resource_path, f"{table.name} has no way back: set PointInTimeRecoveryEnabled: true"
