"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import GIVEN_UP, LOST, TEMPLATE, Break

BREAKS = (
    Break("scheduled_job", "an error, never a silent shift",
          (("plan.py", "    if first > second:", "    if first > second and not zone:"),)),
    Break("scheduled_job", "the next time that is one",
          (("plan.py", "{first.astimezone(zone)", "{second.astimezone(zone)"),)),
    Break("scheduled_job", "a retry is no error and no second schedule",
          (("plan.py", '["Input"] != wanted["Target"]["Input"]:', '["Input"]:'),)),
    Break("scheduled_job", "each waits for its customer's clock",
          (("plan.py", "at, name = (at, zone.key)", 'at, name = (at, "UTC")'),)),
    Break("scheduled_job", "each fires once and clears itself away",
          (("plan.py", '"ActionAfterCompletion": "DELETE"', '"ActionAfterCompletion": "NONE"'),)),
    Break("scheduled_job", "neither fires at its old time",
          (("plan.py", "scheduler.delete_schedule(", "scheduler.get_schedule("),)),
    Break("scheduled_job", "neither fires at its old time",
          (("plan.py", "update_schedule(**schedule(Reminder.model_validate(request)))",
            "get_schedule(**Id.model_validate(request).name())"),)),
    Break("scheduled_job", "a second delivery does nothing",
          (("fire.py", "@idempotent_function(", "# @idempotent_function("),)),
    Break("scheduled_job", "too late is not sent",
          (("fire.py", '"notices": timedelta(hours=1)', '"notices": timedelta(hours=48)'),)),
    Break("scheduled_job", "nothing is lost unseen", ((TEMPLATE, GIVEN_UP, LOST),)),
)  # fmt: skip
