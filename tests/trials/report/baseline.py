"""What a project broke before anybody looked: a file of accepted objections, so that it starts green and only betters.

An entry says why it may stay (`reason`) or until when (`until`). What is new or breaks otherwise, what is overdue,
and what is mended and still stands in the file, makes the run fail.
"""

import datetime
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trials.local_aws import LocalAwsError
from trials.report.clean import clean
from trials.report.remarks import SCENARIO, Remark, remarks
from trials.report.result import Change, Compared, Objection, Result
from trials.verdicts import Status, Verdict

NAME = "trials-baseline.toml"
DAYS = 90  # until an entry without a reason is due
HEADER = """\
# What `examples/run.py PATH --baseline check` accepts. An entry has a `reason` why it may stay, or a date `until` which
# it may; write the one in place of the other. `--baseline write` adds what is new, and takes out what is mended.
"""


@dataclass(frozen=True)
class Entry:
    """An accepted objection; `happened` is for the reader, and is not compared."""

    objection: Objection
    happened: str = ""
    reason: str = ""
    until: datetime.date | None = None

    @property
    def why(self) -> str:
        return self.reason or f"until {self.until}"

    def overdue(self, today: datetime.date) -> bool:
        return not self.reason and self.until is not None and self.until < today

    def as_toml(self) -> str:
        told = {"rule": self.objection.rule, "subject": self.objection.subject, "trial": self.objection.trial}
        told |= {"happened": self.happened, "reason": self.reason}
        lines = [f"{key} = {quoted(value)}" for key, value in told.items() if value]
        return "\n".join(["[[accepted]]", *lines, *([f"until = {self.until}"] if self.until else [])]) + "\n"


@dataclass(frozen=True)
class Baseline:
    """What the command line asks for: `write` or `check` one file."""

    file: Path
    writes: bool
    entries: list[Entry] = field(default_factory=list)
    today: datetime.date = field(default_factory=datetime.date.today)


def quoted(text: str) -> str:
    """A text as a TOML string of one line."""
    return json.dumps(clean(text), ensure_ascii=False).replace("\x7f", "\\u007f")


def opened(file: Path, writes: bool) -> Baseline:
    """The baseline as its file says; raises `LocalAwsError` with one line for what cannot be read or is no entry."""
    if not file.exists():
        if not writes:
            raise LocalAwsError(f"there is no baseline {file}: make one with `--baseline write`")
        return Baseline(file, writes)
    try:
        read = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LocalAwsError(f"{file} is no TOML: {error}") from error
    accepted = read.get("accepted", [])
    if set(read) - {"accepted"} or not isinstance(accepted, list):
        raise LocalAwsError(f"{file}: all it holds is [[accepted]], once for each entry")
    return Baseline(file, writes, [entry(each, number, file) for number, each in enumerate(accepted, 1)])


KEYS = {"rule": str, "subject": str, "trial": str, "happened": str, "reason": str, "until": datetime.date}


def entry(told: Any, number: int, file: Path) -> Entry:
    where = f"{file}, entry {number}"
    if not isinstance(told, dict) or not {"rule", "subject"} <= told.keys() or told.keys() - KEYS.keys():
        raise LocalAwsError(f"{where}: it has rule and subject, may have trial and happened, and reason or until")
    if wrong := next((key for key, value in told.items() if not isinstance(value, KEYS[key])), ""):
        kind = "a date such as 2027-01-31, without quotes" if wrong == "until" else "a text"
        raise LocalAwsError(f"{where}: {wrong} is {kind}")
    if not (told.get("reason") or told.get("until")):
        raise LocalAwsError(f'{where}: say why it may stay (reason = "…") or until when (until = 2027-01-31)')
    objection = Objection(told["rule"], told["subject"], told.get("trial", ""))
    return Entry(objection, told.get("happened", ""), told.get("reason", ""), told.get("until"))


def compare(baseline: Baseline, result: Result) -> Compared:
    """What the result has that the baseline does not accept, and the other way round."""
    entries = {each.objection: each for each in baseline.entries}
    raised = {each.objection: each for each in remarks(result)}
    overdue = [each for each in baseline.entries if each.overdue(baseline.today) and each.objection in raised]
    accepted = {each: entries[each].why for each in raised if each in entries and entries[each] not in overdue}
    new = [each for each in raised if each not in entries]
    gone = [each.objection for each in mended(baseline, result, set(raised))]
    changed = list(changes(gone, new))
    return Compared(
        file=baseline.file.name,
        accepted=accepted,
        new=[each for each in new if each not in {change.after for change in changed}],
        overdue=[each.objection for each in overdue],
        mended=[each for each in gone if each not in {change.before for change in changed}],
        changed=changed,
    )


def changes(gone: list[Objection], new: list[Objection]) -> Iterator[Change]:
    """Pairs of what is gone and what is new in the same trial of a source, or in how a source ended."""
    coming = [each for each in new if each.trial or each.is_open]
    for before in gone:
        place = (before.subject, before.trial)
        if after := next((each for each in coming if (each.subject, each.trial) == place), None):
            coming.remove(after)
            yield Change(before, after)


def mended(baseline: Baseline, result: Result, raised: set[Objection]) -> Iterator[Entry]:
    """Entries that this run looked at and no longer found; what it did not look at may be as it was."""
    for accepted in baseline.entries:
        if accepted.objection not in raised and not result.error and looked_at(accepted.objection, result):
            yield accepted


def looked_at(objection: Objection, result: Result) -> bool:
    sources = {str(ended.source) for ended in result.sources}
    if objection.trial:
        of_it = [finding for finding in result.findings if finding.source == objection.subject]
        verdicts = {each.judgement.verdict for each in of_it if each.trial == objection.trial}
        return objection.subject not in sources or (bool(verdicts) and Verdict.UNPROVED not in verdicts)
    if objection.rule in (*Status,):
        return True
    if objection.rule == SCENARIO:
        return bool(result.outcomes)
    return not result.not_linted


def renewed(baseline: Baseline, result: Result) -> list[Entry]:
    """The entries that stay as they are, and one for everything that is new."""
    gone = set(mended(baseline, result, {each.objection for each in remarks(result)}))
    known = {each.objection for each in baseline.entries}
    until = baseline.today + datetime.timedelta(days=DAYS)
    new = {each.objection: each for each in remarks(result) if each.objection not in known}
    return [
        *(each for each in baseline.entries if each not in gone),
        *(Entry(objection, short(each), until=until) for objection, each in new.items()),
    ]


def short(remark: Remark) -> str:
    text = " ".join(remark.text.split())
    return text if len(text) <= 160 else f"{text[:159]}…"


def write(baseline: Baseline, result: Result) -> Baseline:
    """Write what the result has into the file; what is in it keeps its reason and its date."""
    entries = renewed(baseline, result)
    text = "\n".join([HEADER, *(each.as_toml() for each in entries)])
    baseline.file.write_text(text, encoding="utf-8")
    return replace(baseline, entries=entries)
