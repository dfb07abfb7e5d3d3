"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import Break

BREAKS = (
    Break("webhook", "nothing forged gets in, and no answer says why",
          (("receive.py", "TOLERANCE = 300", "TOLERANCE = 86_400"),)),
    Break("webhook", "answered before the work",
          (("receive.py", "    sqs.send_message(QueueUrl=WEBHOOKS, MessageBody=message, MessageAttributes=sent)",
            '    logger.debug("taken")'),)),
    Break("webhook", "larger than a message, not lost", (("receive.py", "INLINE = 262_144", "INLINE = 8_000_000"),)),
    Break("webhook", "5xx: the sender repeats",
          (("receive.py", "    sqs.send_message", "    with suppress(ClientError):\n        sqs.send_message"),)),
    Break("webhook", "a rotation loses nothing", (("receive.py", "for age in (300, 10):", "for age in (300,):"),)),
    Break("webhook", "the last version wins", (("work.py", "version < :version", "version <> :version"),)),
    Break("webhook", "set aside, every byte of it",
          (("receive.py", 'errors="surrogateescape"', 'errors="replace"'),)),
)  # fmt: skip
