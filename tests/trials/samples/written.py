"""Write the samples that were not taken into the project, as whole events, for the reader to fill in."""

import json
from hashlib import md5
from pathlib import Path
from typing import Any

from trials.deliveries.records import kinesis_record, message_record, notification, table_record
from trials.local_aws import ACCOUNT, REGION
from trials.moment import MILLISECONDS
from trials.project.sources import Kind, Source
from trials.samples.sample import Sample


def whole(source: Source, sample: Sample) -> Any:
    """The event that a source makes of a sample, as Lambda gets it; it names what the template calls its origin."""
    if source.kind is Kind.QUEUE:
        return {"Records": [message_record(received(sample), arn("sqs", source.origin))]}
    if source.kind is Kind.STREAM:
        return {"Records": [kinesis_record(sample.payload, 1, arn("kinesis", f"stream/{source.origin}"))]}
    if source.kind is Kind.TABLE:
        stream = arn("dynamodb", f"table/{source.origin}/stream/2026-11-23T08:00:00.000")
        return {"Records": [table_record(sample.payload, 1, stream)]}
    if source.kind is Kind.TOPIC:
        return notification(sample.payload, arn("sns", source.origin), sample.attributes)
    return sample.payload


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def received(sample: Sample) -> dict[str, Any]:
    """A message as a queue hands it out."""
    text = sample.payload if isinstance(sample.payload, str) else json.dumps(sample.payload)
    return {
        "MessageId": "19dd0b57-b21e-4ac1-bd88-01bbb068cb78",
        "ReceiptHandle": "trial",
        "Body": text,
        "MD5OfBody": md5(text.encode(), usedforsecurity=False).hexdigest(),
        "MessageAttributes": sample.attributes,
        "Attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(MILLISECONDS + 123),
            "SenderId": "AIDATRIAL",
            "ApproximateFirstReceiveTimestamp": str(MILLISECONDS + 124),
        },
    }


def write(folder: Path, source: Source, event: Any) -> str:
    """The path of the file that was written, from the folder; empty if there is one already."""
    path = folder / "events" / f"{source.file}.json"
    if path.exists():
        return ""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(event, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return str(path.relative_to(folder))
