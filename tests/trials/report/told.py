"""What the outputs for people tell of each trial: what was done to the source, and how to do it again."""

import shlex
from pathlib import Path

from trials.local_aws import ROOT
from trials.report.result import Result
from trials.verdicts import Finding

DONE = {  # by trial
    "arrives": "The template is read: may the source invoke the function, and does its filter let anything through?",
    "once": "One sample is delivered twice, each time into an empty world.",
    "twice": "The same event comes again after the first.",
    "twice at once": "The same event comes again together with the first.",
    "after another": "The event of another tenant comes first, in the same environment.",
    "out of order": "The sample and its successor come in either order.",
    "at its limit": "A message is received while its function has no concurrency left, and comes again.",
    "connection gone": "One of the connections that a broadcast reaches is gone.",
    "item removed": "The record of an item that is gone comes: REMOVE, without NewImage.",
    "unusual key": "The object that the event tells of has a key with a space, a plus and an umlaut.",
    "malformed": "An event that nobody can mean comes, in a batch before a good one.",
    "malformed in many ways": "Fields of the sample are left out, change their type or grow too large.",
    "service refuses": "The service that an API calls refuses the call, or a part of it.",
    "throttled": "Each AWS call of the function, and the outside service, is refused during the first delivery.",
    "throttled in a batch": "Two events come in one batch; calls of the second are refused, then one of the first.",
    "partly refused": "One entry of each batch that the function sends is refused under HTTP 200.",
    "refused for good": "One entry of each batch is refused by a code that no retry changes.",
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
    "outage and redrive": "The last call is refused, or unanswered, until the source gives up; then it is sent again.",
    "held up": "The first delivery is held up near its timeout while the event comes again.",
    "twice, over midnight": "The same event comes before midnight, UTC, and again after it.",
    "next run": "The run of the next day comes, which differs from this one in its time alone.",
    "dies beside a copy": "A message comes a second time while the first is at work; then that environment dies.",
    "dies": "The environment is killed after a call took effect.",
    "answer lost": "The answer to a call is lost after it took effect.",
    "times out": "A call outlasts the function.",
}


def again(result: Result, finding: Finding | None = None) -> str:
    """The command that runs the trials again, from any folder; of one source, if a finding is given."""
    words = ["uv", "run", str(ROOT / "examples" / "run.py"), str(Path(result.template or result.folder or "."))]
    words += [*(["--only", finding.source] if finding else []), *result.asked]
    return shlex.join(words)


def trials_of(result: Result) -> list[str]:
    """The trials that took place, in the order in which they do."""
    seen = {finding.trial for finding in result.findings}
    return [*(name for name in DONE if name in seen), *sorted(seen - DONE.keys())]
