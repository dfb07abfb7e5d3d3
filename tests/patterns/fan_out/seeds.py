"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import Seed

KEPT = """        dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"Update": add}])
"""
APART = """        try:
            dynamodb.put_item(**put)
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return
        dynamodb.update_item(**add)
"""

SEEDS = (
    Seed(
        "fan_out",
        "counts without a mark",
        "twice",
        "doubled",
        (("app.py", 'TransactItems=[{"Put": put}, {"Update": add}]', 'TransactItems=[{"Update": add}]'),),
    ),
    Seed(
        "fan_out",
        "a queue without a dead-letter queue",
        "malformed",
        "lost",
        (
            (
                "template.yaml",
                "      RedrivePolicy: { deadLetterTargetArn: !GetAtt ToInvoiceDlq.Arn, maxReceiveCount: 5 }\n",
                "",
            ),
        ),
    ),
    Seed(
        "fan_out",
        "marks first, then counts",
        "throttled",
        "lost",
        (("app.py", KEPT, APART),),
        also=("doubled",),  # an update whose answer takes longer than the client waits is sent again, and adds again
    ),
)
