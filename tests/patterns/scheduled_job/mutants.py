"""Realistic mistakes in this example, each caught by a test of its promises, its faults or its template."""

from support.mistakes import GIVEN_UP, LOST, TEMPLATE, Mutant

MUTANTS = (
    Mutant("scheduled_job", "a taken id is taken over",
           (("plan.py", 'raise Refused("the id is taken") from None', "scheduler.update_schedule(**wanted)"),)),
    Mutant("scheduled_job", "a time that the clocks skip is planned",
           (("plan.py", "if first > second:", "if at.fold:"),)),
    Mutant("scheduled_job", "Scheduler fills in a customer's text", (("plan.py", '.replace("<", r"\\u003c")', ""),)),
    Mutant("scheduled_job", "the clock makes the key",
           (("fire.py", "/{due.isoformat()}", "/{datetime.now(UTC).date()}"),)),
    Mutant("scheduled_job", "the id alone makes the key",
           (("fire.py", "{event['id']}/{due.isoformat()}", "{event['id']}"),)),
    Mutant("scheduled_job", "nothing is too late", (("fire.py", '<= LIMITS[event["job"]]', "<= timedelta(days=30)"),)),
    Mutant("scheduled_job", "an hour that the clocks skip", ((TEMPLATE, "cron(15 4 * * ? *)", "cron(15 2 * * ? *)"),)),
    Mutant("scheduled_job", "a schedule without a dead-letter queue",
           ((TEMPLATE, "DeadLetterConfig: {", "# DeadLetterConfig: {"),)),
    Mutant("scheduled_job", "what the function raises is gone", ((TEMPLATE, GIVEN_UP, LOST),)),
    Mutant("scheduled_job", "reminders without a dead-letter queue",
           ((TEMPLATE, ', "DeadLetterConfig": {"Arn": "${Undelivered.Arn}"},', ","),)),
    Mutant("scheduled_job", "any schedule may use the role", ((TEMPLATE, "aws:SourceArn: [", "# aws:SourceArn: ["),)),
    Mutant("scheduled_job", "the role may be passed to any service",
           ((TEMPLATE, "Condition: { StringEquals: { iam:PassedToService",
             "# Condition: { StringEquals: { iam:PassedToService"),)),
    Mutant("scheduled_job", "jobs are remembered for ever",
           ((TEMPLATE, "TimeToLiveSpecification: {", "# TimeToLiveSpecification: {"),)),
    Mutant("scheduled_job", "a missed night is no news",
           ((TEMPLATE, "TreatMissingData: breaching", "TreatMissingData: notBreaching"),)),
)  # fmt: skip
