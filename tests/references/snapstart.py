"""Under SnapStart the module runs once, when the version is published; every environment starts from that moment."""

import os
import random
import uuid

import boto3
from botocore.config import Config
from snapshot_restore_py import register_after_restore, register_before_snapshot

s3 = boto3.client("s3", config=Config(connect_timeout=1, read_timeout=2))
environment = ""


@register_before_snapshot
def warm() -> None:
    """What is loaded lazily is loaded now: a call at publish time builds parsers, endpoint rules and credentials."""
    s3.list_objects_v2(Bucket=os.environ["BUCKET"], MaxKeys=1)


@register_after_restore
def diverge() -> None:
    """What must differ between environments, or was read from the world, is made again; it has 10 s."""
    global environment
    random.seed()  # or all environments draw the same numbers; `secrets` and `uuid4` ask the system and are safe
    environment = str(uuid.uuid4())
    s3.close()  # the snapshot's connections are dead; the client opens new ones


diverge()  # without SnapStart no hook runs
