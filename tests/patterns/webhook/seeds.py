"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import Seed

APPLIES = "    apply(change=PaymentChanged.model_validate_json(raw))\n"
APPLIES_OR_NOT = """    try:
        apply(change=PaymentChanged.model_validate_json(raw))
    except Exception:
        logger.exception("not applied")
"""

SEEDS = (
    Seed(
        "webhook",
        "a row of its own for each delivery",
        "twice",
        "doubled",
        (
            (
                "work.py",
                '@idempotent_function(data_keyword_argument="change", persistence_store=store, config=once, '
                'key_prefix="webhook")\n',
                "",
            ),
            ("work.py", '{"S": change.payment}', "{\"S\": str(__import__('uuid').uuid4())}"),
        ),
    ),
    Seed(
        "webhook",
        "no dead-letter queue",
        "malformed",
        "lost",
        (
            (
                "template.yaml",
                "      RedrivePolicy: { deadLetterTargetArn: !GetAtt WebhooksDlq.Arn, maxReceiveCount: 5 }\n",
                "",
            ),
        ),
    ),
    Seed("webhook", "errors are logged and passed over", "throttled", "lost", (("work.py", APPLIES, APPLIES_OR_NOT),)),
)
