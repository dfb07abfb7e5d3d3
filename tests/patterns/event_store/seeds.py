"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import REPORTS, Seed

CATCHES_UP = """        dynamodb.put_item(
            TableName=BALANCES,
            Item={"card": {"S": card}, "version": {"N": str(new.version)}, "cents": {"N": str(new.cents)}},
            ConditionExpression="attribute_not_exists(card) OR version < :version",
            ExpressionAttributeValues={":version": {"N": str(new.version)}},
        )
"""
COUNTS = """        dynamodb.update_item(
            TableName=BALANCES,
            Key={"card": {"S": card}},
            UpdateExpression="SET cents = :cents ADD version :one",
            ExpressionAttributeValues={":cents": {"N": str(new.cents)}, ":one": {"N": "1"}},
        )
"""

SEEDS = (
    Seed("event_store", "counts what it hears of", "twice", "doubled", (("project.py", CATCHES_UP, COUNTS),)),
    Seed(
        "event_store",
        "every error is taken for being up to date",
        "throttled",
        "lost",
        (("project.py", "except dynamodb.exceptions.ConditionalCheckFailedException:", "except Exception:"),),
    ),
    Seed(
        "event_store",
        "no partial batch, and no error",
        "throttled",
        "lost",
        (("template.yaml", REPORTS, "Enabled: true"), ("project.py", "if position == 0:", "if position < 0:")),
    ),
)
