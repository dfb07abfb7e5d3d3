"""How each kind of broken promise is mended, by what the source has already, and the section that explains it."""

from trials.home import page
from trials.project.sources import Kind, Source
from trials.verdicts.words import Promise

EDA, SERVERLESS = "references/eda-patterns.md", "references/serverless-patterns.md"
OBSERVABILITY = "references/observability-best-practices.md"
SECURITY = "references/security-best-practices.md"
DEPLOYMENT = "references/deployment-best-practices.md"
PERFORMANCE = "references/performance-optimization.md"
RETRIES = f"{OBSERVABILITY}#retries-and-dead-letters"
ONCE = f"{EDA}#order-and-once"
QUEUE_WORKER = f"{EDA}#queue-worker"
STREAM = f"{SERVERLESS}#stream-processor"
REST_API = f"{SERVERLESS}#rest-api"
JOB = f"{SERVERLESS}#scheduled-job"
DURABLE = f"{SERVERLESS}#durable-workflow"
AS_THEY_ARRIVE = f"{SERVERLESS}#events-as-they-arrive"
OF_A_WAY = f"{SERVERLESS}#storage-first-and-small-patterns"
SAGA = f"{EDA}#saga"
REVIEW = f"{DEPLOYMENT}#review"  # its table of what becomes a success though it failed
ENVIRONMENT = f"{SECURITY}#what-an-environment-keeps"

ON_A_STREAM = (Kind.STREAM, Kind.TABLE)
LATE = "late step"
ALWAYS_FAILING = ("malformed", "outage and redrive")  # trials of events that fail to the last retry
CALLED = (Kind.DIRECT, Kind.TASK)  # by somebody who gets the error
SECTIONS = {
    Promise.LOST: REVIEW,
    Promise.DOUBLED: ONCE,
    Promise.BLOCKED: ONCE,
    Promise.SILENT: REVIEW,
    Promise.LEAKED: ENVIRONMENT,
    Promise.DENIED: f"{SECURITY}#permissions",
    Promise.DOES_NOT_START: f"{DEPLOYMENT}#packaging",
}
SECTIONS_OF_KINDS = {
    (Promise.DOUBLED, Kind.QUEUE): QUEUE_WORKER,
    (Promise.DOUBLED, Kind.HTTP): REST_API,
    (Promise.DOUBLED, Kind.SCHEDULE): JOB,
    **{(promise, Kind.MACHINE): SAGA for promise in (Promise.LOST, Promise.DOUBLED, Promise.SILENT)},
    **{(Promise.BLOCKED, kind): STREAM for kind in ON_A_STREAM},
}
SECTIONS_OF_TRIALS = {
    (Promise.LOST, "arrives"): STREAM,  # its row about filters
    (Promise.LOST, "once"): AS_THEY_ARRIVE,
    (Promise.DENIED, "once"): f"{SECURITY}#who-may-invoke",
    (Promise.LOST, "malformed"): RETRIES,
    (Promise.LOST, "outage and redrive"): RETRIES,
    (Promise.LOST, "unusual key"): AS_THEY_ARRIVE,
    (Promise.BLOCKED, "unusual key"): AS_THEY_ARRIVE,
    (Promise.BLOCKED, "connection gone"): AS_THEY_ARRIVE,
    (Promise.BLOCKED, "at its limit"): QUEUE_WORKER,
    (Promise.BLOCKED, "dies"): QUEUE_WORKER,
    (Promise.BLOCKED, "answer lost"): QUEUE_WORKER,
    (Promise.BLOCKED, "times out"): QUEUE_WORKER,
    (Promise.LOST, "throttled in a batch"): ONCE,
    (Promise.LOST, "after another"): ONCE,
    (Promise.LOST, "late repeat"): ONCE,
    (Promise.LOST, "out of order"): f"{EDA}#ordered-consumer",
    (Promise.LOST, "twice at once"): f"{EDA}#event-store",
    (Promise.LOST, "another at once"): f"{EDA}#event-store",
    (Promise.LOST, LATE): SAGA,
    (Promise.LOST, "next run"): JOB,
    (Promise.LOST, "text with a placeholder"): JOB,
    **{
        (promise, "in pages"): f"{PERFORMANCE}#dynamodb-and-calls-in-parallel"
        for promise in (Promise.LOST, Promise.DOUBLED, Promise.BLOCKED)
    },
    (Promise.SILENT, "read at once"): f"{PERFORMANCE}#back-pressure-and-reading",
    (Promise.SILENT, "another under its key"): REST_API,
    (Promise.SILENT, "malformed in many ways"): REST_API,
    (Promise.SILENT, "identities joined"): f"{SECURITY}#input-and-logs",
    (Promise.SILENT, "forged"): f"{SERVERLESS}#webhook-receiver",
    (Promise.LEAKED, "forged"): f"{SERVERLESS}#webhook-receiver",
    (Promise.LEAKED, "told too much"): f"{SECURITY}#input-and-logs",
}
SECTIONS_OF_STREAMS = {  # where records come in lanes, these trials meet another failure
    (Promise.LOST, "malformed"): STREAM,
    (Promise.LOST, "throttled in a batch"): STREAM,
    (Promise.LOST, "out of order"): STREAM,
    (Promise.SILENT, "malformed"): STREAM,
}

FAILS = "Let the error leave the handler"
MARKED = "mark an event as done only together with its effect, or after it"
REMEDIES = {
    Promise.DOUBLED: "Make the effect conditional on a key of the event (a conditional write, an idempotency record, "
    "or a key that the receiver dedupes by), written in the same transaction as the effect.",
    Promise.LEAKED: "Begin each event with values of its own inside the handler: a variable of the module, a default "
    "argument, an attribute of a client and a file in /tmp all may stay for the next event of the same environment.",
    Promise.DENIED: "Add the missing statement to the role, or to the policy of the resource that receives.",
    Promise.DOES_NOT_START: "Import the module as Lambda does: name the handler rightly, package what it imports, and "
    "set every variable that it reads.",
}

REFUSED_IN_PART = (
    "The status was 200, and the answer names what was refused (FailedEntryCount, FailedRecordCount, Failed, "
    "UnprocessedItems): send those entries again, and let the call fail if one is left."
)
LATE_STEP = (
    "Let what undoes a step leave a mark that the step's own write is conditional on, or give the function a Timeout "
    "at least 10 seconds below the task's TimeoutSeconds, so that it has ended when it is undone."
)
ALL_PAGES = "Go on while the answer has LastEvaluatedKey, NextToken or the like, or use the SDK's paginator."
KEY_OF_AN_OBJECT = (
    "Decode the key of S3's own notification: a plus stands for a space, the rest is encoded as in a URL. One that "
    "came by way of EventBridge is not encoded."
)
LET_GO = (
    "A record or lock that an attempt leaves in progress must end with its invocation: give it an expiry (with "
    "Powertools, register the Lambda context), or the retries of an attempt that died are all refused."
)
ON_CONDITION = "Write on condition that what was read before is still there (a version, attribute_not_exists)"
OF_TRIALS = {
    (Promise.LOST, "arrives"): "In the filter's pattern put fields of the payload under the record's own key: body "
    "(SQS), data (Kinesis) or dynamodb (a table); at the top are fields of the record, such as eventName.",
    (Promise.LOST, "once"): "Wait for every call before the handler returns (await, Promise.allSettled).",
    (Promise.LOST, "partly refused"): REFUSED_IN_PART,
    (Promise.LOST, "refused for good"): REFUSED_IN_PART,
    (Promise.LOST, LATE): LATE_STEP,
    (Promise.LOST, "after another"): "Take as the key what tells two events apart, such as the order's id, not a "
    "field that two events may share.",
    (Promise.LOST, "late repeat"): "Make the first write conditional on the item's absence (attribute_not_exists), "
    "so that a repeat leaves what others changed since.",
    (Promise.LOST, "out of order"): "Write on condition that the event's version is higher than the stored one; its "
    "producer counts the version.",
    (Promise.LOST, "twice at once"): f"{ON_CONDITION}, and let the one that is refused begin again.",
    (Promise.LOST, "another at once"): f"{ON_CONDITION}, and let the one that is refused begin again.",
    (Promise.LOST, "next run"): "Let the key hold the time of the run (<aws.scheduler.scheduled-time>) beside the "
    "schedule's name.",
    (Promise.LOST, "text with a placeholder"): "Write < as \\u003c in the JSON of the schedule's Input.",
    **{(promise, "in pages"): ALL_PAGES for promise in (Promise.LOST, Promise.DOUBLED, Promise.BLOCKED)},
    (Promise.LOST, "unusual key"): KEY_OF_AN_OBJECT,
    (Promise.BLOCKED, "unusual key"): KEY_OF_AN_OBJECT,
    (Promise.BLOCKED, "item removed"): "Let REMOVE pass, which has no NewImage, or filter the mapping by eventName.",
    (Promise.BLOCKED, "connection gone"): "Catch GoneException (410) for each connection, delete its id and go on.",
    (Promise.BLOCKED, "at its limit"): "Set MaximumConcurrency on the mapping; remove the function's reserved "
    "concurrency, or reserve at least as much.",
    (Promise.BLOCKED, "dies"): LET_GO,
    (Promise.BLOCKED, "answer lost"): LET_GO,
    (Promise.BLOCKED, "times out"): LET_GO,
    (Promise.SILENT, "read at once"): "Read with ConsistentRead what the caller may just have made; an index cannot, "
    "so answer 202 where only an index finds it.",
    (Promise.SILENT, "another under its key"): "Keep a hash of the request beside its key, and refuse another request "
    "under that key (409).",
    (Promise.SILENT, "malformed in many ways"): "Refuse a list where one object is expected (422).",
    (Promise.SILENT, "identities joined"): "Join parts to a key so that no other parts give the same: demand a pattern "
    "without the separator, or write each part's length before it.",
    (Promise.SILENT, "forged"): "Compute the signature over all that its sender signs, the time included, byte for "
    "byte as it came, and refuse what does not match before anything is done.",
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


def remedy(promise: Promise | None, source: Source, trial: str = "") -> tuple[str, str]:
    """What to do and where to read why; nothing for a promise that held, in a trial if one is named."""
    if promise is None:
        return "", ""
    return told(promise, source, trial), page(section(promise, source, trial))


def section(promise: Promise, source: Source, trial: str) -> str:
    if source.call and promise in OF_WAYS:
        return OF_A_WAY
    if source.kind in ON_A_STREAM and (promise, trial) in SECTIONS_OF_STREAMS:
        return SECTIONS_OF_STREAMS[promise, trial]
    if (promise, trial) in SECTIONS_OF_TRIALS:
        return SECTIONS_OF_TRIALS[promise, trial]
    if source.durable and promise is Promise.DOUBLED:
        return DURABLE
    return SECTIONS_OF_KINDS.get((promise, source.kind), SECTIONS[promise])


def told(promise: Promise, source: Source, trial: str) -> str:
    if source.call and promise in OF_WAYS:
        return OF_WAYS[promise]
    if source.kind is Kind.MACHINE and promise in OF_MACHINES and trial != LATE:
        return OF_MACHINES[promise]
    if (promise, trial) in OF_TRIALS:
        return OF_TRIALS[promise, trial]
    if promise is Promise.LOST and trial in ALWAYS_FAILING and source.kind not in (Kind.HTTP, *CALLED):
        return " ".join(filter(None, (keep_what_fails(source), fail_apart(source) if is_batch(source) else "")))
    if promise is Promise.BLOCKED or (promise is Promise.LOST and trial == "throttled in a batch"):
        return fail_apart(source)
    if promise in (Promise.LOST, Promise.SILENT):
        return tell_of_failure(source, promise)
    return REMEDIES[promise]


def is_batch(source: Source) -> bool:
    return source.kind in (Kind.QUEUE, *ON_A_STREAM)


def fail_apart(source: Source) -> str:
    """How a good event is kept from the fate of a bad one, as far as the mapping does not see to it."""
    batching = source.batching
    missing = [] if batching.reports_failures else ["set FunctionResponseTypes: [ReportBatchItemFailures]"]
    if source.kind is Kind.QUEUE:
        handler = "catch per record, and return only the failed ones in batchItemFailures"
    elif source.kind in ON_A_STREAM:
        if batching.retries < 0:
            missing.append("bound the retries (MaximumRecordAgeInSeconds)")
        if not batching.halves:
            missing.append("halve failing batches (BisectBatchOnFunctionError)")
        if not batching.keeps_discarded:
            missing.append("add an on-failure destination")
        handler = (
            "keep at once what can never be read and go on, and return the first record that fails otherwise in "
            "batchItemFailures, or let its error leave the handler if it is the batch's first"
        )
    else:
        return "Catch per item, do all the others, and then let the call fail for those that are left."
    on_the_mapping = f"On the mapping {', '.join(missing)}. " if missing else ""
    return f"{on_the_mapping}In the handler {handler}."


def keep_what_fails(source: Source) -> str:
    """Where an event goes that fails every time."""
    if source.kind is Kind.QUEUE:
        return "Give the queue a dead-letter queue (RedrivePolicy)."
    if source.kind in ON_A_STREAM:
        return ""  # how a bad record is kept apart names the mapping's destination
    return "Give the function an on-failure destination or a dead-letter queue, for what fails to its last retry."


def tell_of_failure(source: Source, promise: Promise) -> str:
    """How a failure comes to whoever tries again."""
    also = f"; {MARKED}" if promise is Promise.LOST else ""
    if source.kind is Kind.HTTP:
        return f"Answer 5xx to a failure that may pass, so that the caller asks again{also}."
    if source.kind in CALLED:
        return f"{FAILS}, so that its caller knows{also}."
    if is_batch(source):
        named = "name the record in batchItemFailures"
        if not source.batching.reports_failures:
            named += ", with FunctionResponseTypes: [ReportBatchItemFailures] on the mapping"
        return f"{FAILS}, or {named}, so that the event comes again{also}."
    return f"{FAILS}, so that the event comes again or is kept{also}."
