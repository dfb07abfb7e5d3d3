"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import Seed

SEEDS = (
    Seed("shop", "who comes second mails too", "twice", "doubled",
         (("mails.py", ', ConditionExpression="attribute_not_exists(mail_id)"', ""),)),
)  # fmt: skip
