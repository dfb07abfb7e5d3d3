"""Twelve planted defects of a file pipeline, by file and line.

canary-834fc32d-aws-serverless-eda: not for training
"""

from pathlib import Path

from evals.review import Defect, Place, review
from evals.scoring import Severity

DEFECTS = {
    "anybody_reads_the_uploads": Defect(
        Severity.EXPOSES,
        "template.yaml",
        "  Uploads:",
        "PublicAccessBlockConfiguration: { BlockPublicAcls: true, IgnorePublicAcls: true }",
        "Action: s3:GetObject",
    ),
    "a_password_for_everybody": Defect(
        Severity.EXPOSES, "template.yaml", "  Check:", "PARTNER_PASSWORD: 7Gk-grid-2026"
    ),
    "every_table_of_the_account": Defect(
        Severity.EXPOSES, "template.yaml", "Action: [s3:GetObject, s3:PutObject]", "- Effect: Allow", 'Resource: "*"'
    ),
    "what_fails_is_discarded": Defect(
        Severity.LOSES,
        "template.yaml",
        "  Check:",
        "Events:",
        also=(Place("template.yaml", "  Check:", "Handler: check.handler"),),
    ),
    "runs_overtake_each_other": Defect(
        Severity.DOUBLES,
        "template.yaml",
        "  SumUp:",
        "ScheduleExpression: rate(5 minutes)",
        also=(Place("template.yaml", "  SumUp:", "Timeout: 600"),),
    ),
    "into_anothers_folder": Defect(
        Severity.EXPOSES,
        "src/ticket.py",
        "def handler(event, context):",
        "key = f\"{body['customer']}/{body['name']}\"",
    ),
    "rows_of_the_file_before": Defect(
        Severity.EXPOSES,
        "src/check.py",
        "def read(bucket, key):",
        "rows.append(row)",
        also=(Place("src/check.py", "rows = []", "rows = []"),),
    ),
    "what_was_left_out": Defect(
        Severity.LOSES, "src/check.py", "def keep():", "dynamodb.batch_write_item(RequestItems={READINGS: puts})"
    ),
    "names_are_encoded": Defect(
        Severity.LOSES, "src/check.py", "def handler(event, context):", 'key = record["s3"]["object"]["key"]'
    ),
    "each_receipt_is_an_upload": Defect(
        Severity.COSTS,
        "src/check.py",
        "def handler(event, context):",
        's3.put_object(Bucket=bucket, Key=f"{key}.receipt", Body=receipt)',
        also=(
            Place("template.yaml", "  Check:", 'Properties: { Bucket: !Ref Uploads, Events: "s3:ObjectCreated:*" }'),
        ),
    ),
    "the_first_page": Defect(
        Severity.LOSES,
        "src/sums.py",
        "def new_readings(meter, since):",
        'return readings.query(KeyConditionExpression=condition)["Items"]',
    ),
    "added_twice": Defect(
        Severity.DOUBLES,
        "src/sums.py",
        "def handler(event, context):",
        "sums.update_item(",
        'ExpressionAttributeValues={":more": sum(int(one["kwh"]) for one in new), ":last": new[-1]["at"]},',
    ),
}
CHECKS = review(Path(__file__).parent / "files", DEFECTS)
