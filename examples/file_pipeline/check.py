"""Checks each uploaded price list before anything else reads it: what passes is imported once, the rest set aside."""

import json
import os
from contextlib import suppress
from hashlib import sha256

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import ClientError
from pydantic import BaseModel, Field

INCOMING, FILES, MACHINE = os.environ["INCOMING_BUCKET"], os.environ["FILES_BUCKET"], os.environ["STATE_MACHINE"]
HEADER = b"sku,cents,currency"
OVERTAKEN = ("NoSuchKey", "PreconditionFailed")  # deleted or overwritten meanwhile; what overwrote it has its own event

logger, metrics = Logger(), Metrics(namespace="Shop")
aws = Config(connect_timeout=1, read_timeout=100, retries={"mode": "standard", "total_max_attempts": 2})  # a large copy
s3, states = boto3.client("s3", config=aws), boto3.client("stepfunctions", config=aws)


class Upload(BaseModel):
    key: str = Field(min_length=1)  # as it is: S3 encodes it in its own notifications, not in those by EventBridge
    size: int = Field(ge=0)
    etag: str = Field(min_length=1)
    sequencer: str = Field(pattern=r"^[0-9A-Fa-f]{1,32}$")

    @property
    def version(self) -> str:
        """Sequencers differ in length; filled up with zeros, they compare as text."""
        return self.sequencer.upper().zfill(32)

    @property
    def unchanged(self) -> str:
        """The condition of each look at the file; in the event it lacks its quotes."""
        return f'"{self.etag}"'


def part(upload: Upload, span: str) -> bytes:
    found = s3.get_object(Bucket=INCOMING, Key=upload.key, IfMatch=upload.unchanged, Range=f"bytes={span}")
    return found["Body"].read()


def objection(upload: Upload) -> str | None:
    """Why nobody should read the file; a file of any size is told by its two ends."""
    if upload.size < len(HEADER) + 3:
        return "it has no row"  # or no byte: a range of nothing would be an error
    if part(upload, "0-1023").splitlines()[0] != HEADER:
        return f"its first line is not {HEADER.decode()}"
    if part(upload, "-1") != b"\n":
        return "it is cut off: its last line does not end"
    return None


def keep(upload: Upload, where: str) -> str:
    """A copy that nobody overwrites, of exactly what was checked."""
    kept = f"{where}/{upload.key}/{upload.version}"
    s3.copy_object(
        Bucket=FILES,
        Key=kept,
        CopySource={"Bucket": INCOMING, "Key": upload.key},
        CopySourceIfMatch=upload.unchanged,
        TaggingDirective="REPLACE",  # else S3 copies the sender's tags, which needs further permissions
    )
    return kept


def start(upload: Upload, kept: str, correlation_id: str) -> None:
    """A repeated event starts nothing under its name, for the 90 days that Step Functions remembers it."""
    given = {"list": upload.key, "version": upload.version, "file": kept, "correlation_id": correlation_id}
    name = f"{sha256(upload.key.encode()).hexdigest()[:32]}-{upload.version}"
    with suppress(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(stateMachineArn=MACHINE, name=name, input=json.dumps(given))


@logger.inject_lambda_context(correlation_id_path="id")
def handler(event: dict, context: LambdaContext) -> None:
    upload = Upload.model_validate(event["detail"]["object"])
    logger.info("taken", key=upload.key, version=upload.version)
    try:
        why = objection(upload)
        kept = keep(upload, "quarantine" if why else "checked")
    except ClientError as error:
        if error.response["Error"]["Code"] not in OVERTAKEN:
            raise
        logger.info("overtaken", key=upload.key)
        return
    if why is None:
        start(upload, kept, event["id"])
    else:
        logger.warning("set aside", why=why, kept=kept)
        metrics.add_metric(name="FileRefused", unit=MetricUnit.Count, value=1)
        metrics.flush_metrics()
