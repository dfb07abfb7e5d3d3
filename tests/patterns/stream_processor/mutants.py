"""Realistic mistakes in this example, each caught by a test of its promises, its faults or its template."""

from support.mistakes import GIVEN_UP, LOST, ONCE, TEMPLATE, Mutant

MUTANTS = (
    Mutant("stream_processor", "the last to come stands", (("app.py", "version < :version", "version <> :version"),)),
    Mutant("stream_processor", "a write that fails is taken for an old price",
           (("app.py", ONCE, "except Exception:"),)),
    Mutant("stream_processor", "a bad record at the front is reported, not raised",
           (("app.py", "if position == 0:", "if position < 0:"),)),
    Mutant("stream_processor", "goes on after a failure",
           (("app.py", 'return {"batchItemFailures": [{"itemIdentifier": number}]}', "continue"),)),
    Mutant("stream_processor", "any number of retries", ((TEMPLATE, "MaximumRetryAttempts: 10", "# any number"),)),
    Mutant("stream_processor", "what is given up is gone", ((TEMPLATE, GIVEN_UP, LOST),)),
    Mutant("stream_processor", "retention before age",
           ((TEMPLATE, "RetentionPeriodHours: 72", "RetentionPeriodHours: 24"),)),
    Mutant("stream_processor", "begins at the latest record",
           ((TEMPLATE, "StartingPosition: TRIM_HORIZON", "StartingPosition: LATEST"),)),
)  # fmt: skip
