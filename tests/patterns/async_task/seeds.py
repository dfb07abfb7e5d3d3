"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import Seed

COMES_BACK = 'change_message_visibility(QueueUrl=TASKS, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=wait)'

SEEDS = (
    Seed(
        "async_task",
        "one bad letter fails the batch",
        "malformed",
        "blocked",
        (
            (
                "give_up.py",
                '            failures.append({"itemIdentifier": record["messageId"]})\n',
                "            raise\n",
            ),
        ),
    ),
    Seed(
        "async_task",
        "no queue for letters that nobody can read",
        "malformed",
        "lost",
        (
            (
                "template.yaml",
                "      RedrivePolicy: { deadLetterTargetArn: !GetAtt Unread.Arn, maxReceiveCount: 5 }\n",
                "",
            ),
        ),
    ),
    Seed(
        "async_task",
        "sends anew what it cannot do",
        "malformed",
        "lost",
        (
            ("worker.py", COMES_BACK, 'send_message(QueueUrl=TASKS, MessageBody=record["body"])'),
            ("worker.py", '[{"itemIdentifier": record["messageId"]}]', "[]"),
        ),
    ),
)
