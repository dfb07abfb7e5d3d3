"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import Break

BREAKS = (
    Break("payment_worker", "every payment is made", (("provider.py", "in (200, 201)", "in (200,)"),)),
    Break("payment_worker", "a duplicate charges nothing",
          (("ledger.py", "AND attempt < :attempt)\"", "AND attempt < :attempt) OR attribute_exists(holder)\""),)),
    Break("payment_worker", "recorded, and not asked again", (("provider.py", "in (402, 422):", "in (422,):"),)),
    Break("payment_worker", "poison is set aside", (("app.py", "le=100_000_000, strict=True)", "le=100_000_000)"),)),
    Break("payment_worker", "made once, later",
          (("provider.py", "in (401, 403, 429):", "in (401, 403):"),
           ("provider.py", "in (402, 422):", "in (402, 422, 429):"))),
    Break("payment_worker", "never tried again by itself",
          (("provider.py", 'return "UNKNOWN", repr(error)', 'raise NotCharged("no answer") from error'),)),
    Break("payment_worker", "each is charged once",
          (("resolve.py", 'int(record["attempt"]) + 1', 'int(record["attempt"])'),)),
    Break("payment_worker", "nothing is left open",
          (("resolve.py", '"UNKNOWN" if verdict.verdict == "RETRY" else verdict.verdict', '"UNKNOWN"'),)),
)  # fmt: skip
