"""Realistic mistakes in this example, each caught by a test of its promises, its faults or its template."""

from support.mistakes import NO_REDRIVE, REDRIVE, REPORTS, TEMPLATE, Mutant

MUTANTS = (
    Mutant("queue_worker", "the address is the key",
           (("app.py", 'event_key_jmespath="order_id"', 'event_key_jmespath="address"'),)),
    Mutant("queue_worker", "nothing makes a booking idempotent",
           (("app.py", "@idempotent_function(", "# @idempotent_function("),)),
    Mutant("queue_worker", "the carrier gets no key",
           (("app.py", ', headers={"Idempotency-Key": order.order_id}', ""),)),
    Mutant("queue_worker", "every refusal is hopeless", (("app.py", "in (400, 404, 409, 422)", "< 500"),)),
    Mutant("queue_worker", "what fails is taken for done", (("app.py", "        raise\n", "        return {}\n"),)),
    Mutant("queue_worker", "no dead-letter queue", ((TEMPLATE, REDRIVE, NO_REDRIVE),)),
    Mutant("queue_worker", "one failure repeats the batch", ((TEMPLATE, REPORTS, "Enabled: true"),)),
    Mutant("queue_worker", "visible again after one timeout",
           ((TEMPLATE, "VisibilityTimeout: 360", "VisibilityTimeout: 60"),)),
    Mutant("queue_worker", "no TTL", ((TEMPLATE, "TimeToLiveSpecification: {", "# TimeToLiveSpecification: {"),)),
    Mutant("queue_worker", "the alarm watches the queue instead of its DLQ",
           ((TEMPLATE, "!GetAtt OrdersDlq.QueueName", "!GetAtt Orders.QueueName"),)),
    Mutant("queue_worker", "more at once than the carrier allows",
           ((TEMPLATE, "MaximumConcurrency: 5", "MaximumConcurrency: 50"),)),
)  # fmt: skip
