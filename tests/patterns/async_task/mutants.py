"""Realistic mistakes in this example, each caught by a test of its promises, its faults or its template."""

from support.mistakes import JWT, NO_REDRIVE, REDRIVE, TEMPLATE, Mutant

MUTANTS = (
    Mutant("async_task", "a job that runs is taken over",
           (("jobs.py", '"#state = :queued OR (#state = :running AND lease < :now)"',
             '"#state IN (:queued, :running) OR lease < :now"'),)),
    Mutant("async_task", "a replaced worker goes on",
           (("jobs.py", "AND worker = :mine", "AND (worker = :mine OR attribute_exists(worker))"),)),
    Mutant("async_task", "a job that has ended is stopped",
           (("jobs.py", '"#state IN (:queued, :running)"',
             '"attribute_exists(job_id) OR #state IN (:queued, :running)"'),)),
    Mutant("async_task", "everyone sees every job",
           (("jobs.py", 'return job if job and job["customer"] == customer else None', "return job or None"),)),
    Mutant("async_task", "a used key takes another report",
           (("jobs.py", 'if job["month"] != month:', 'if job["customer"] != customer:'),)),
    Mutant("async_task", "the copy of a busy worker's job is dropped",
           (("worker.py", "            raise Busy(job_id)", "            return"),)),
    Mutant("async_task", "no token is asked for", ((TEMPLATE, JWT, ""),)),
    Mutant("async_task", "no dead-letter queue", ((TEMPLATE, REDRIVE, NO_REDRIVE),)),
    Mutant("async_task", "visible again after one timeout",
           ((TEMPLATE, "VisibilityTimeout: 1800", "VisibilityTimeout: 300"),)),
    Mutant("async_task", "the TTL of an attribute that is not there",
           ((TEMPLATE, "AttributeName: expires, Enabled", "AttributeName: expiration, Enabled"),)),
    Mutant("async_task", "what GiveUp cannot read is gone",
           ((TEMPLATE, "RedrivePolicy: { deadLetterTargetArn: !GetAtt Unread.Arn, maxReceiveCount: 5 }", ""),)),
    Mutant("async_task", "results go before their jobs", ((TEMPLATE, "ExpirationInDays: 7", "ExpirationInDays: 1"),)),
    Mutant("async_task", "given-up jobs raise no alarm", ((TEMPLATE, "Value: !Ref GiveUp }", "Value: !Ref Submit }"),)),
)  # fmt: skip
