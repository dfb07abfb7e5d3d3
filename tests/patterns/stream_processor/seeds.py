"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import Seed

CONDITION = """            ConditionExpression="attribute_not_exists(sku) OR version < :version",
            ExpressionAttributeValues={":version": item["version"]},
"""
GIVES_WAY = """            if position == 0:
                raise  # only an error halves the batch, until the bad record is alone and can be discarded
            return {"batchItemFailures": [{"itemIdentifier": number}]}
"""

SEEDS = (
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
)
