"""Realistic mistakes in this example, each caught by a test of its promises, its faults or its template."""

from support.mistakes import GIVEN_UP, LOST, ONCE, TEMPLATE, Mutant

MUTANTS = (
    Mutant("event_router", "every delivery opens a shipment",
           (("ship.py", 'ConditionExpression="attribute_not_exists(event_id)",', ""),)),
    Mutant("event_router", "a table that throttles is taken for a repeat", (("ship.py", ONCE, "except Exception:"),)),
    Mutant("event_router", "a version that it does not know is half-read",
           (("ship.py", "Field(ge=1, le=1,", "Field(ge=1,"),)),
    Mutant("event_router", "entries refused under HTTP 200 are lost",
           (("publish.py", 'if "ErrorCode" in answer]', 'if "Error" in answer]'),)),
    Mutant("event_router", "a new id on every attempt",
           (("publish.py", "f\"placed-{order['order_id']}\"", 'f"placed-{random.random()}"'),)),
    Mutant("event_router", "countries are not filtered", ((TEMPLATE, "anything-but: [XX, ZZ]", "exists: true"),)),
    Mutant("event_router", "a target without a queue for what it refuses",
           ((TEMPLATE, "DeadLetterConfig: {", "# DeadLetterConfig: {"),)),
    Mutant("event_router", "a rule that may not write to the queue",
           ((TEMPLATE, "[!GetAtt ToReview.Arn, !GetAtt ShipPlaced.Arn]", "[!GetAtt ToReview.Arn]"),)),
    Mutant("event_router", "what the function raises is gone", ((TEMPLATE, GIVEN_UP, LOST),)),
    Mutant("event_router", "a target is tried once",
           ((TEMPLATE, "RetryPolicy: { MaximumRetryAttempts: 20", "RetryPolicy: { MaximumRetryAttempts: 0"),)),
    Mutant("event_router", "a day of history for replays", ((TEMPLATE, "RetentionDays: 30 }", "RetentionDays: 1 }"),)),
)  # fmt: skip
