"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import REPORTS, Seed

SEEDS = (
    Seed(
        "queue_worker",
        "neither the store nor the carrier knows a repeat",
        "twice",
        "doubled",
        (
            (
                "app.py",
                '@idempotent_function(data_keyword_argument="order", persistence_store=store, config=once, '
                'key_prefix="shipment")\n',
                "",
            ),
            ("app.py", ', headers={"Idempotency-Key": order.order_id}', ""),
        ),
    ),
    Seed(
        "queue_worker",
        "no dead-letter queue",
        "malformed",
        "lost",
        (
            (
                "template.yaml",
                "      RedrivePolicy: { deadLetterTargetArn: !GetAtt OrdersDlq.Arn, maxReceiveCount: 40 }\n",
                "",
            ),
        ),
    ),
    Seed(
        "queue_worker",
        "no partial batch",
        "malformed",
        "silent",
        (("template.yaml", REPORTS, "Enabled: true"),),
        also=("lost",),  # what is refused is answered in parts, which nobody reads: it never comes again
    ),
)
