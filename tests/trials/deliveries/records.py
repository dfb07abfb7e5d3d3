"""Records and events in the shapes in which Lambda gets them."""

import gzip
import io
import json
import struct
import zipfile
import zlib
from base64 import b64encode
from pathlib import PurePosixPath
from typing import Any

from trials.local_aws import ACCOUNT, REGION
from trials.moment import SECONDS, TO_MILLISECONDS
from trials.template import as_dict

KEY = "trial"  # of a record of a stream, if a sample names none


def sequence_number(record: dict[str, Any]) -> str:
    """By which a partial answer names a record."""
    return str(record["kinesis"]["sequenceNumber"] if "kinesis" in record else record["dynamodb"]["SequenceNumber"])


def kinesis_record(payload: Any, number: int, arn: str) -> dict[str, Any]:
    text = payload if isinstance(payload, str) else payload.get("data_text")
    data = payload["data"] if text is None else b64encode(text.encode()).decode()
    key = payload.get("partitionKey", KEY) if isinstance(payload, dict) else KEY
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": key,
            "sequenceNumber": f"4954511524349098501828006771497314458218006259324420{number:04}",
            "data": data,
            "approximateArrivalTimestamp": SECONDS + 0.123,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:4954511524349098501828006771497314458218006259324420{number:04}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/trial",
        "awsRegion": REGION,
        "eventSourceARN": arn,
    }


def table_record(payload: Any, number: int, arn: str) -> dict[str, Any]:
    record = {
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        **payload,
        "eventID": f"trial-{number}",
        "eventSourceARN": arn,
    }
    record["dynamodb"] = {**payload["dynamodb"], "SequenceNumber": f"{number:020}"}
    return record


def lane(payload: Any, key: str = "") -> str:
    """What a stream keeps in order, one after the other: a record's key, or of a table the item's hash key `key`."""
    if not isinstance(payload, dict):
        return KEY
    keys = as_dict(as_dict(payload.get("dynamodb")).get("Keys"))
    return json.dumps(keys.get(key)) if keys else str(payload.get("partitionKey", KEY))


def notification(message: Any, arn: str, attributes: dict[str, Any] | None = None) -> dict[str, Any]:
    inner: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
        "TopicArn": arn,
        "Subject": None,
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": TO_MILLISECONDS,
        "MessageAttributes": attributes or {},
    }
    subscription = f"{arn}:2bcfbf39-05c3-41de-beaa-fcfcc21c8f55"
    record = {"EventVersion": "1.0", "EventSubscriptionArn": subscription, "EventSource": "aws:sns", "Sns": inner}
    return {"Records": [record]}


def message_record(message: Any, queue_arn: str) -> dict[str, Any]:
    """A received message as a mapping hands it over, its attributes in Lambda's spelling."""
    attributes = {
        name: {
            "stringValue": value.get("StringValue"),
            "binaryValue": value.get("BinaryValue"),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value.get("DataType"),
        }
        for name, value in message.get("MessageAttributes", {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": attributes,
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }


# ---- objects

PLAIN = json.dumps({"id": "trial-1"}).encode()
CSV = ".csv"  # behind it may stand how many columns are wanted
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")


def content_of(key: str, known: str = "") -> bytes:
    """The bytes of an object; JSON for every ending that is not known. Every image is a PNG, which readers go by.

    `known` is the ending whose kind of file is wanted whatever the key says.
    """
    ending = known or PurePosixPath(key.lower()).suffix
    if ending in IMAGES:
        return png(16)
    if ending == ".pdf":
        return pdf()
    if ending == ".gz":
        return gzip.compress(PLAIN, mtime=0)
    if ending == ".zip":
        return archive()
    if ending.startswith(CSV):
        return rows(int(ending.removeprefix(CSV) or 2))
    return {".txt": b"trial-1\n", ".xml": b"<trial><id>trial-1</id></trial>"}.get(ending, PLAIN)


def rows(columns: int) -> bytes:
    """A head and one row, after which nothing comes that could be taken for another.

    What a third column and others may be is unknown: a number is read as a text too, so that is all but the first.
    """
    names = ["id", "name", *(f"column_{number}" for number in range(3, columns + 1))]
    values = ["trial-1", "trial"] if columns == 2 else ["trial-1", *["1"] * (columns - 1)]
    return f"{','.join(names)}\n{','.join(values)}".encode()


def archive() -> bytes:
    """One file of JSON; the same bytes each time."""
    with io.BytesIO() as made:
        with zipfile.ZipFile(made, "w") as packed:
            packed.writestr(zipfile.ZipInfo("trial-1.json"), PLAIN)
        return made.getvalue()


def pdf() -> bytes:
    """One page with a table between lines: a head, a row, and what there is in all."""
    cells = (("id", "name", "amount"), ("trial-1", "trial", "1"), ("", "total", "1"))
    lines = [f"20 {y} m 260 {y} l S" for y in (60, 90, 120, 150)]
    lines += [f"{x} 60 m {x} 150 l S" for x in (20, 100, 180, 260)]
    texts = [
        f"BT /F1 12 Tf {30 + 80 * column} {130 - 30 * row} Td ({text}) Tj ET"
        for row, line in enumerate(cells)
        for column, text in enumerate(line)
    ]
    drawn = "\n".join([*lines, *texts])
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 280 200]/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R>>",
        f"<</Length {len(drawn)}>>\nstream\n{drawn}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    text, places = "%PDF-1.4\n", list[int]()
    for number, inner in enumerate(objects, start=1):
        places.append(len(text))
        text += f"{number} 0 obj\n{inner}\nendobj\n"
    listed = "".join(f"{place:010} 00000 n \n" for place in places)
    start = len(text)
    text += f"xref\n0 6\n0000000000 65535 f \n{listed}trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"
    return text.encode()


def png(side: int) -> bytes:
    """A grey square."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * side) * side)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
