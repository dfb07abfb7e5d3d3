"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import Seed

CONDITION = """            ConditionExpression="attribute_not_exists(sku) OR version < :version",
            ExpressionAttributeValues={":version": item["version"]},
"""
ASIDE = "        set_aside(record, error)  # no retry makes it readable, and its lane need not wait\n"

SEEDS = (
    Seed("stream_processor", "no condition on the version", "out of order", "lost", (("app.py", CONDITION, ""),)),
    Seed(
        "stream_processor",
        "retries without end, whole batches",
        "malformed",
        "blocked",
        (
            ("app.py", ASIDE, "        raise\n"),
            ("template.yaml", "            BisectBatchOnFunctionError: true\n", ""),
        ),
    ),
    Seed(
        "stream_processor",
        "a bad record is logged and passed over",
        "malformed",
        "silent",
        (("app.py", ASIDE, "        logger.warning('unreadable', error=str(error))\n"),),
    ),
)
