"""Calls that wait for AWS, side by side: one client, a pool of threads, as many connections."""

import os
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

THREADS = int(os.environ.get("THREADS", "20"))
CALLS = Config(
    max_pool_connections=THREADS,  # or the eleventh thread's connection is thrown away after each call
    connect_timeout=1,
    read_timeout=2,  # of each attempt: three of them and their waits must fit the function's timeout
    retries={"mode": "standard", "total_max_attempts": 3},
)
s3 = boto3.client("s3", config=CALLS)  # clients are safe to share between threads; sessions and resources are not


def sizes(bucket: str, keys: list[str]) -> list[int]:
    """The first failure cancels what has not begun and waits for what has: no call goes on in the next invocation."""
    with ThreadPoolExecutor(THREADS) as threads:
        return [head["ContentLength"] for head in threads.map(lambda key: s3.head_object(Bucket=bucket, Key=key), keys)]
