"""Twelve planted defects of messages between services, by file and line.

canary-452037d4-aws-serverless-eda: not for training
"""

from pathlib import Path

from evals.review import Defect, Place, review
from evals.scoring import Severity

DEFECTS = {
    "given_up_after_one_try": Defect(
        Severity.LOSES,
        "template.yaml",
        "  Moves:",
        "RedrivePolicy: { deadLetterTargetArn: !GetAtt MovesDlq.Arn, maxReceiveCount: 1 }",
    ),
    "anybody_may_send_moves": Defect(
        Severity.EXPOSES, "template.yaml", "  MovesPolicy:", 'Principal: "*"', "Resource: !GetAtt Moves.Arn"
    ),
    "a_filter_that_lets_nothing_through": Defect(
        Severity.LOSES, "template.yaml", "  ToMoves:", "FilterPolicy: { depot: [{ exists: true }] }"
    ),
    "throttled_into_the_dead_letters": Defect(
        Severity.LOSES,
        "template.yaml",
        "  Move:",
        "ReservedConcurrentExecutions: 2",
        also=(Place("template.yaml", "  Move:", "ScalingConfig: { MaximumConcurrency: 20 }"),),
    ),
    "hears_its_own_events": Defect(Severity.COSTS, "template.yaml", "  Estimate:", "Pattern: { source: [depots] }"),
    "the_dead_letters_are_closed": Defect(
        Severity.LOSES,
        "template.yaml",
        "  Estimate:",
        "DeadLetterConfig: { Arn: !GetAtt NotEstimated.Arn }",
        also=(Place("template.yaml", "  NotEstimated:", "Type: AWS::SQS::Queue"),),
    ),
    "waits_for_a_year": Defect(
        Severity.BLOCKS, "template.yaml", "  Settle:", "Resource: arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    ),
    "refunded_and_never_closed": Defect(Severity.HIDES, "template.yaml", "  Settle:", "CloseParcel:", "End: true"),
    "all_parcels_in_one_line": Defect(
        Severity.BLOCKS, "src/scan.py", "def handler(event, context):", 'MessageGroupId="scans",'
    ),
    "older_scans_over_newer": Defect(
        Severity.LOSES,
        "src/move.py",
        "def move(scan):",
        "parcels.update_item(",
        'ExpressionAttributeValues={":depot": scan["depot"], ":at": scan["at"]},',
    ),
    "refused_events_unread": Defect(
        Severity.LOSES,
        "src/move.py",
        "def move(scan):",
        'events.put_events(Entries=[entry | {"EventBusName": os.environ["SHOP"]}])',
    ),
    "goes_on_behind_a_failure": Defect(
        Severity.LOSES,
        "src/move.py",
        "def handler(event, context):",
        'failures.append({"itemIdentifier": record["messageId"]})',
    ),
}
CHECKS = review(Path(__file__).parent / "files", DEFECTS)
