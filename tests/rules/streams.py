"""What a stream that feeds a function must have so that one bad record neither stops nor loses others."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))
import _model as model

REPORTS = "ReportBatchItemFailures"
SECTION = "references/serverless-patterns.md#stream-processor"
KAFKA = "references/performance-optimization.md#kafka-and-mq"
WORKER = "references/eda-patterns.md#queue-worker"
TAGS = ["kinesis", "dynamodb", "lambda", "design for failures and duplicates"]


def streams(template: model.Model) -> Iterator[model.Mapping]:
    return (each for each in template.mappings if each.kind in ("Kinesis", "DynamoDB"))


def _endless(value: object) -> bool:
    return value is None or str(value) == "-1"


class Bounded(model.Rule):
    id = "E9201"
    shortdesc = "A stream mapping bounds how often or how long a failed batch is tried"
    description = (
        "By default neither has a bound: one bad record stops its shard until the stream deletes what waits behind it."
    )
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for mapping in streams(template):
            bounds = mapping.values("MaximumRetryAttempts") + mapping.values("MaximumRecordAgeInSeconds")
            if all(_endless(bound) for bound in bounds):
                message = "a bad record is retried until it expires, its shard waits"
                yield mapping.path, f"{message}: set MaximumRetryAttempts and MaximumRecordAgeInSeconds"


class Discarded(model.Rule):
    id = "E9202"
    shortdesc = "A stream mapping has an on-failure destination"
    description = "What it gives up is otherwise gone, and nobody knows which records those were."
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for mapping in streams(template):
            if mapping.absent("DestinationConfig", "OnFailure"):
                message = "records that are given up vanish: add DestinationConfig.OnFailure (S3 keeps the data)"
                yield mapping.path, message


class Bisect(model.Rule):
    id = "W9203"
    shortdesc = "A stream mapping splits a batch that failed"
    description = "A crash or a timeout reports no record, and a whole batch is given up for one of its records."
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for mapping in streams(template):
            split = mapping.values("BisectBatchOnFunctionError", default=False)
            if 1 not in mapping.numbers("BatchSize") and all(model.flag(value) is False for value in split):
                yield mapping.path, "a crash gives up the whole batch: add BisectBatchOnFunctionError: true"


class Latest(model.Rule):
    id = "W9204"
    shortdesc = "The mapping of a stream that is made with it starts at TRIM_HORIZON"
    description = (
        "LATEST misses what arrives in the minutes while the mapping is made; a new stream has no past to skip."
    )
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for mapping in streams(template):
            source = mapping.source
            if source and source.type == "AWS::Kinesis::StreamConsumer":
                source = source.refers("StreamARN")
            if source and all(value == "LATEST" for value in mapping.values("StartingPosition")):
                message = f"LATEST misses what {source.name} gets while the mapping is made: start at TRIM_HORIZON"
                yield mapping.at("StartingPosition"), message


class PartialBatch(model.Rule):
    id = "W9205"
    shortdesc = "A stream mapping reports the record that failed"
    description = (
        "Otherwise every record before it is done again on each retry. A warning: nothing is lost, and order is kept."
    )
    section = SECTION
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for mapping in streams(template):
            types = mapping.values("FunctionResponseTypes", default=[])
            if 1 not in mapping.numbers("BatchSize") and all(model.lacks(kind, REPORTS) for kind in types):
                message = f"a retry does good records again: add FunctionResponseTypes: [{REPORTS}]"
                yield mapping.path, message


class Filter(model.Rule):
    id = "E9206"
    shortdesc = "A mapping's filter asks for what a record of its source has"
    description = "A pattern whose first key no record has lets none through: nothing arrives, and nothing fails."
    section = WORKER
    tags = ["sqs", "kafka", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        filtered = [(each.kind, each.child("FilterCriteria")) for each in template.mappings]
        for pipe in template.of("AWS::Pipes::Pipe"):
            source = pipe.refers("Source")
            kind = model.SOURCES.get(source.type if source else model.service(pipe.only("Source")), "")
            filtered.append((kind, pipe.child("SourceParameters", "FilterCriteria")))
        for kind, criteria in filtered:
            known = model.RECORD_KEYS.get(kind, set())
            for criterion in criteria.items("Filters") if known and isinstance(criteria.body, dict) else ():
                strange = sorted(set(_pattern(criterion.only("Pattern"))) - known)
                if strange:
                    keys = ", ".join(sorted(known - model.EVERY))
                    message = f"a record of {kind} has no {strange[0]!r} at its top, so this lets none through"
                    yield criterion.path, f"{message}: filter on {keys}"


def _pattern(written: Any) -> dict[str, Any]:
    """A filter's pattern; nothing where only deployment tells it."""
    if isinstance(written, dict) and not model.is_intrinsic(written):
        return written
    text = model.text(written)
    try:
        pattern = json.loads(text)
    except ValueError:
        return {}
    return pattern if isinstance(pattern, dict) and not any("${" in key for key in pattern) else {}


class Topic(model.Rule):
    id = "W9207"
    shortdesc = "The mapping of a Kafka topic has an on-failure destination"
    description = "A record that fails each time keeps its partition waiting, or is given up and nobody knows which."
    section = KAFKA
    tags = ["kafka", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for mapping in template.mappings:
            if mapping.kind in ("MSK", "SelfManagedKafka") and mapping.absent("DestinationConfig", "OnFailure"):
                message = "a bad record keeps its partition waiting, or is given up unseen"
                yield mapping.path, f"{message}: add DestinationConfig.OnFailure"
