"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import Seed

BATCH = "            BatchSize: 1 # a death leaves one outcome unknown\n"
REPORTS = "            FunctionResponseTypes: [ReportBatchItemFailures]\n"

SEEDS = (
    Seed(
        "shop",
        "no partial batch of mails",
        "malformed",
        "silent",
        (("template.yaml", BATCH + REPORTS, BATCH),),
        also=("lost",),
    ),
    Seed(
        "shop",
        "what fails is taken for mailed",
        "throttled",
        "lost",
        (("mail.py", "VisibilityTimeout=wait)\n        raise\n", "VisibilityTimeout=wait)\n"),),
        also=("silent",),
    ),
    Seed(
        "shop",
        "a refused entry is passed over",
        "partly refused",
        "lost",
        (
            ("announce.py", "if code in MAY_PASS:", "if False:"),
            ("announce.py", "        if code:", "        if False:"),
        ),
    ),
    Seed(
        "shop",
        "who comes second mails too",
        "twice",
        "doubled",
        (("mails.py", ', ConditionExpression="attribute_not_exists(mail_id)"', ""),),
    ),
)
