"""Twelve planted defects by file and line, and that what is found is mostly one of them.

canary-c4f0d8b7-aws-serverless-eda: not for training
"""

from pathlib import Path

from evals.review import Defect, review
from evals.scoring import Severity

DEFECTS = {
    "any_queue_of_the_account": Defect(
        Severity.EXPOSES, "template.yaml", "  TakeOrder:", "Action: sqs:*", 'Resource: "*"'
    ),
    "visible_while_it_works": Defect(Severity.DOUBLES, "template.yaml", "  Orders:", "VisibilityTimeout: 30"),
    "dead_letters_expire_first": Defect(Severity.LOSES, "template.yaml", "  OrdersDlq:", "MessageRetentionPeriod"),
    "answer_not_read": Defect(Severity.LOSES, "template.yaml", "  Charge:", "Type: SQS", "BatchSize: 10"),
    "poison_blocks_the_stream": Defect(
        Severity.BLOCKS, "template.yaml", "  Project:", "Type: DynamoDB", "BatchSize: 100"
    ),
    "begins_too_late": Defect(Severity.LOSES, "template.yaml", "  Project:", "StartingPosition: LATEST"),
    "the_rule_may_not_send": Defect(
        Severity.LOSES, "template.yaml", "  Warehouse:", "Warehouse:", "Arn: !GetAtt Warehouse"
    ),
    "the_rule_keeps_nothing": Defect(Severity.LOSES, "template.yaml", "  ToWarehouse:", "Targets:", "Arn: !GetAtt"),
    "one_try_and_no_grave": Defect(
        Severity.LOSES, "template.yaml", "  Mailed:", "Type: EventBridgeRule", "RetryPolicy"
    ),
    "a_key_for_each_call": Defect(Severity.DOUBLES, "src/charge.py", "def charge", "http.request(", "Idempotency-Key"),
    "a_refusal_counts_as_charged": Defect(Severity.LOSES, "src/charge.py", "def charge", "http.request(", "put_item"),
    "refused_events_unread": Defect(Severity.LOSES, "src/charge.py", "def charge", "put_events(", "        ]"),
}

CHECKS = review(Path(__file__).parent / "files", DEFECTS)
