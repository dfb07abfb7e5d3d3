"""How each kind of broken promise is mended, and the section that explains it."""

from trials.home import page
from trials.project.sources import Kind
from trials.verdicts.words import Promise

EDA, SERVERLESS = "references/eda-patterns.md", "references/serverless-patterns.md"
RETRIES = "references/observability-best-practices.md#retries-and-dead-letters"
SECTIONS = {
    Kind.QUEUE: f"{EDA}#queue-worker",
    Kind.TOPIC: f"{EDA}#fan-out",
    Kind.BUS: f"{EDA}#event-router",
    Kind.TABLE: f"{EDA}#outbox",
    Kind.STREAM: f"{SERVERLESS}#stream-processor",
    Kind.HTTP: f"{SERVERLESS}#rest-api",
    Kind.SCHEDULE: f"{SERVERLESS}#scheduled-job",
    Kind.TASK: f"{EDA}#saga",
    Kind.MACHINE: f"{EDA}#saga",
}
GENERAL = {
    Promise.LOST: RETRIES,
    Promise.DOUBLED: f"{EDA}#order-and-once",
    Promise.BLOCKED: RETRIES,
    Promise.SILENT: RETRIES,
    Promise.LEAKED: "references/security-best-practices.md#what-an-environment-keeps",
    Promise.DENIED: "references/security-best-practices.md#permissions",
    Promise.DOES_NOT_START: "references/deployment-best-practices.md#packaging",
}
REMEDIES = {
    Promise.LOST: "Let what fails raise, or name it in batchItemFailures with ReportBatchItemFailures on the mapping; "
    "give the source a dead-letter queue or an on-failure destination.",
    Promise.DOUBLED: "Make the effect conditional on a key of the event (a conditional write, an idempotency record, "
    "or a key that the receiver dedupes by), written in the same transaction as the effect.",
    Promise.BLOCKED: "Report the failed records alone (ReportBatchItemFailures), bound the retries, and halve failing "
    "batches of a stream (BisectBatchOnFunctionError) with an on-failure destination.",
    Promise.SILENT: "Do not swallow the error: raise it, or name the record in batchItemFailures and switch on "
    "ReportBatchItemFailures, so that the event comes again or is kept.",
    Promise.LEAKED: "Begin each event with values of its own inside the handler: a module global, a default argument, "
    "an attribute of a client and a file in /tmp all stay for the next event of the same environment.",
    Promise.DENIED: "Add the missing statement to the role, or to the policy of the resource that receives.",
    Promise.DOES_NOT_START: "Import the module as Lambda does: name the handler rightly, package what it imports, and "
    "set every variable that it reads.",
}

REFUSED_IN_PART = (
    "The status was 200, and the answer names what was refused (FailedEntryCount, FailedRecordCount, Failed, "
    "UnprocessedItems): send those entries again, and raise if one is left."
)
LATE_STEP = (
    "Let what undoes a step leave a mark that the step's own write is conditional on, or give the function a Timeout "
    "at least 10 seconds below the task's TimeoutSeconds, so that it has ended when it is undone."
)
OF_TRIALS = {
    (Promise.LOST, "partly refused"): REFUSED_IN_PART,
    (Promise.LOST, "refused for good"): REFUSED_IN_PART,
    (Promise.LOST, "throttled in a batch"): "Do every record of the event, not the first alone, and name each one that "
    "fails in batchItemFailures, wherever it stands (ReportBatchItemFailures); of a stream the first that fails.",
    (Promise.LOST, "late step"): LATE_STEP,
    (Promise.SILENT, "read at once"): "Read with ConsistentRead=True what the caller may just have made; an index "
    "cannot, so answer 202 where only an index finds it.",
    (
        Promise.SILENT,
        "forged",
    ): "Compute the signature over all that its sender signs, the time included, byte for byte "
    "as it came, and refuse what does not match before anything is done.",
    (Promise.LEAKED, "told too much"): "Log the error, and answer 500 with a text of your own: one handler for "
    "whatever a route raises sees to it for all.",
    (Promise.LEAKED, "forged"): "Compare by hmac.compare_digest (crypto.timingSafeEqual in Node.js).",
}
OF_MACHINES = {
    Promise.LOST: "Let a Catch lead every failure of a step, also one whose answer was lost, to the tasks that undo "
    "what may have been done; an EXPRESS execution needs a log, or somebody who waits for its end.",
    Promise.DOUBLED: "Let each task know a repetition by a key that all attempts and executions of one event share: "
    "the execution's input holds it, and whoever starts the execution names it after the event.",
    Promise.SILENT: "Let the way that a Catch leads to end in a Fail state, or tell somebody before it ends well.",
}


OF_WAYS = {  # of an API that calls a service itself
    Promise.SILENT: "Give the integration a response for each class of status with a selection pattern (4\\d{2}, "
    "5\\d{2}), so that what the service refuses is an error for the caller too.",
    Promise.LOST: "Encode what the template puts into the call ($util.urlEncode in a form, $input.json in JSON), and "
    "let the response's template tell of entries that failed.",
    Promise.BLOCKED: "Put values into the call's JSON by $input.json; after $util.escapeJavaScript turn \\' back into "
    "' (for SAM's Api event of a state machine: UnescapeMappingTemplate: true).",
}


def remedy(promise: Promise | None, kind: Kind, trial: str = "", of_a_way: bool = False) -> tuple[str, str]:
    """What to do and where to read why; nothing for a promise that held, in a trial if one is named."""
    if promise is None:
        return "", ""
    of_an_environment = promise in (Promise.LEAKED, Promise.DENIED, Promise.DOES_NOT_START)
    by_source = not of_an_environment or (promise, trial) in OF_TRIALS
    section = SECTIONS.get(kind, GENERAL[promise]) if by_source else GENERAL[promise]
    if of_a_way:
        told = OF_WAYS.get(promise)
    else:
        told = OF_TRIALS.get((promise, trial)) or (OF_MACHINES.get(promise) if kind is Kind.MACHINE else None)
    return told or REMEDIES[promise], page(section)
