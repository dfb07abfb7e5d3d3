"""Twelve planted defects of an API that keeps money, by file and line.

canary-19338580-aws-serverless-eda: not for training
"""

from pathlib import Path

from evals.review import Defect, Place, review
from evals.scoring import Severity

DEFECTS = {
    "any_site_with_the_customers_login": Defect(
        Severity.EXPOSES, "template.yaml", "  Api:", 'AllowOrigins: ["https://*"]'
    ),
    "longer_than_the_api_waits": Defect(Severity.DOUBLES, "template.yaml", "  Balance:", "Timeout: 60"),
    "whoever_calls_may_correct": Defect(
        Severity.EXPOSES, "template.yaml", "Correct:", "Properties:", "Auth: { Authorizer: NONE }"
    ),
    "poison_until_it_expires": Defect(
        Severity.BLOCKS, "template.yaml", "  TopUps:", "Properties:", "MessageRetentionPeriod: 1209600"
    ),
    "gone_with_the_stack": Defect(
        Severity.LOSES,
        "template.yaml",
        "  Balances:",
        "Properties:",
        "KeySchema: [{ AttributeName: customer, KeyType: HASH }]",
    ),
    "an_hour_that_is_skipped": Defect(
        Severity.LOSES,
        "template.yaml",
        "  Statements:",
        "ScheduleExpression: cron(30 2 * * ? *)",
        "ScheduleExpressionTimezone: Europe/Vienna",
    ),
    "spent_twice": Defect(
        Severity.DOUBLES,
        "src/balance.py",
        "def spend(event):",
        'if "Item" in spends.get_item(Key={"spend_id": body["spend_id"]}):',
        also=(
            Place(
                "src/balance.py",
                "def spend(event):",
                'spends.put_item(Item={"spend_id": body["spend_id"], "cents": int(body["cents"])})',
            ),
        ),
    ),
    "below_nothing": Defect(
        Severity.LOSES, "src/balance.py", "def spend(event):", 'UpdateExpression="ADD cents :less",'
    ),
    "other_bytes_than_were_signed": Defect(
        Severity.LOSES, "src/webhook.py", "def signed(event, body):", "message = json.dumps(json.loads(body)).encode()"
    ),
    "cards_in_the_logs": Defect(
        Severity.EXPOSES,
        "src/webhook.py",
        "def handler(event, context):",
        'logger.info("received", extra={"body": body.decode(), "headers": event["headers"]})',
    ),
    "kept_or_not_it_says_yes": Defect(
        Severity.LOSES, "src/webhook.py", "def handler(event, context):", 'return {"statusCode": 200}'
    ),
    "one_of_two_top_ups_is_lost": Defect(
        Severity.LOSES,
        "src/topup.py",
        "def add(payment):",
        'item = balances.get_item(Key={"customer": payment["customer"]}).get("Item", {"cents": 0, "payments": []})',
        'balances.put_item(Item={**item, "customer": payment["customer"]})',
    ),
}
CHECKS = review(Path(__file__).parent / "files", DEFECTS)
