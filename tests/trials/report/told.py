"""What the outputs for people tell of each trial: what was done to the source, and how to do it again."""

import shlex
from pathlib import Path

from trials.local_aws import ROOT
from trials.project.source import Kind, Source
from trials.report.result import Result
from trials.verdicts import Finding

DONE = {  # by trial, of any source that is not named below
    "arrives": "The template is read: may the source invoke the function?",
    "once": "One sample is delivered twice, each time into an empty world.",
    "twice": "The same event comes again after the first.",
    "twice at once": "The same event comes again together with the first.",
    "after another": "The event of another tenant comes first, in the same environment.",
    "out of order": "The sample and its successor come in either order.",
    "at its limit": "A message is received while its function has no concurrency left, and comes again.",
    "connection gone": "One of the connections that a broadcast reaches is gone.",
    "item removed": "The record of an item that is gone comes: REMOVE, without NewImage.",
    "unusual key": "The object that the event tells of has a key with a space, a plus and an umlaut.",
    "malformed": "An event that nobody can mean comes, alone.",
    "malformed in many ways": "Fields of the sample are left out, change their type or grow too large, each alone.",
    "service refuses": "The service that an API calls refuses the call, or a part of it.",
    "throttled": "Each AWS call of the function, and the outside service, is refused during the first delivery.",
    "throttled in a batch": "Two events come in one batch; calls of the second are refused, then one of the first.",
    "partly refused": "One entry of each batch that the function sends is refused under HTTP 200.",
    "refused for good": "One entry of each batch that the function sends is refused by a code that no retry changes.",
    "another at once": "Another event, which differs in one identity, is worked on at the same time.",
    "another under its key": "A request with another body comes under the key of the first.",
    "forged": "A signed request comes with another body, or another time, under the signature of the first.",
    "told too much": "A call is denied in AWS's words, which name account, role and resource.",
    "read at once": "What a request has made is asked for at once, by a read that may not see it yet.",
    "late repeat": "The same event comes again after somebody else has changed what it left.",
    "identities joined": "Two events come whose identities are the same text once they are joined.",
    "text with a placeholder": "A text of the sample holds a placeholder of EventBridge Scheduler's.",
    "in pages": "Each page of what is queried, scanned or listed holds one item, and there are several.",
    "outside busy or slow": "The outside service answers 429 during the first delivery; then it answers late.",
    "under its role": "The sample is delivered once where IAM is enforced.",
    "outage and redrive": "The last call is refused, or unanswered, until the event is given up; then it comes again.",
    "held up": "The first delivery is held up near its timeout while the event comes again.",
    "twice, over midnight": "The same event comes before midnight, UTC, and again after it.",
    "next run": "The run of the next day comes, which differs from this one in its time alone.",
    "dies beside a copy": "A message comes a second time while the first is at work; then that environment dies.",
    "dies": "The environment is killed after a call took effect.",
    "answer lost": "The answer to a call is lost after it took effect.",
    "times out": "A call outlasts the function.",
    "a task fails once": "Each task in turn is refused once, as by a service that has too much to do.",
    "a task fails for good": "Each task in turn fails each time, by errors that the definition names and by another.",
    "outcome unknown": "Each task in turn is done and its answer is lost, once and then each time.",
    "undone twice": "What undoes a failed execution is done, its answer is lost, and it is done again.",
    "late step": "A task that was given up after its time is done all the same, after what undid it.",
    "started twice": "A second execution is started with the same input.",
    "search": "Random sequences of events, repeats, faults and redrives are played.",
}
OF_KINDS = {  # what is done otherwise, or called otherwise, by trial and kind of source
    "arrives": {
        **dict.fromkeys(
            (Kind.QUEUE, Kind.STREAM, Kind.TABLE),
            "The template is read: may the function read its source, and does the filter let anything through?",
        ),
        Kind.SCHEDULE: "The template is read: is the schedule on, and may it send what it cannot deliver to its queue?",
        Kind.ROUTE: "The template is read: does the role of what lies between let it call where the way ends?",
    },
    "once": {
        Kind.HTTP: "One request is sent twice, each time into an empty world.",
        Kind.MACHINE: "Two executions have the same input, each in an empty world.",
        Kind.ROUTE: "One event that fits is sent where the way begins, and looked for where it ends.",
    },
    "malformed": {
        Kind.QUEUE: "A message that nobody can mean comes before a good one, in a batch if the mapping makes any.",
        Kind.STREAM: "A record that nobody can mean comes in a batch before a good one.",
        Kind.HTTP: "A request comes whose body nobody can mean.",
        Kind.TOPIC: "A message that nobody can mean comes, alone.",
        Kind.BUS: "An event comes that fits the rule, with a detail that nobody can mean.",
        Kind.ROUTE: "Requests come that are no JSON, that lack a part, or whose texts have to be encoded.",
    },
    "throttled": {
        Kind.HTTP: "Each AWS call of the function, and the outside service, is refused during the first request.",
        **dict.fromkeys(
            (Kind.DIRECT, Kind.TASK),
            "Each AWS call of the function, and the outside service, is refused during the first call of it.",
        ),
    },
    "outside busy or slow": {Kind.HTTP: "The outside service answers 429 during the first request."},
    "outage and redrive": {
        Kind.QUEUE: "The last call is refused, or unanswered, until the message is given up; then it is sent again.",
    },
}


def done(trial: str, source: Source) -> str:
    """What a trial did to a source, in a sentence; empty for a trial that is not known."""
    if source.call and trial == "once":
        return "One request is sent to the API, and what it asks for is looked for where the service keeps it."
    return OF_KINDS.get(trial, {}).get(source.kind, DONE.get(trial, ""))


def again(result: Result, finding: Finding | None = None) -> str:
    """The command that runs the trials again, from any folder; of one source, if a finding is given."""
    words = ["uv", "run", str(ROOT / "examples" / "run.py"), str(Path(result.template or result.folder or "."))]
    of_one = finding is not None and finding not in result.of_no_source
    words += [*(["--only", finding.source] if finding and of_one else []), *result.asked]
    words += ["--search", str(result.searched)] if result.searched and not of_one else []
    return shlex.join(words)


def trials_of(result: Result) -> list[str]:
    """The trials that took place, in the order in which they do."""
    seen = {finding.trial for finding in result.findings}
    return [*(name for name in DONE if name in seen), *sorted(seen - DONE.keys())]
