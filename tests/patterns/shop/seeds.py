"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import Seed

SEEDS = (
    Seed("shop", "who comes second mails too", "twice", "doubled",
         (("mails.py", ', ConditionExpression="attribute_not_exists(mail_id)"', ""),)),
    Seed("shop", "what fails is taken for mailed", "throttled", "lost",
         (("mail.py", "VisibilityTimeout=wait)\n        raise\n", "VisibilityTimeout=wait)\n"),)),
    Seed("shop", "a refused entry is passed over", "partly refused", "lost",
         (("announce.py", "if code in MAY_PASS:", "if not code:"),)),
)  # fmt: skip
