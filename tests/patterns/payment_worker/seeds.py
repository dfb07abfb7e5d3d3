"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import REPORTS, Seed

NO_CLAIM = """    record = ledger.claim(wanted, holder, int(time.time() + seconds) + MARGIN)
    if record["holder"] != holder:
        return come_second(payment, record)
"""

SEEDS = (
    Seed(
        "payment_worker",
        "the call is made without a claim",
        "twice",
        "doubled",
        (
            ("app.py", NO_CLAIM, ""),
            ("app.py", "    ledger.note(payment.payment_id, holder, state, what)\n", ""),
        ),
        also=("lost",),  # after a call that failed nothing is noted, and the message is deleted
    ),
    Seed(
        "payment_worker",
        "errors are logged and passed over",
        "throttled",
        "lost",
        (("app.py", "VisibilityTimeout=wait)\n        raise\n", "VisibilityTimeout=wait)\n"),),
        also=("silent",),  # what nobody can read is passed over too
    ),
    Seed(
        "payment_worker",
        "no partial batch",
        "malformed",
        "silent",
        (("template.yaml", REPORTS, "Enabled: true"),),
        also=("lost",),  # a refused write is answered in parts, which nobody reads: the payment never comes again
    ),
)
