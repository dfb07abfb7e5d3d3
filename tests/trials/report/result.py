"""All that was found out about one project, and the exit code that follows."""

from dataclasses import asdict, dataclass, field
from typing import Any

from trials.local_aws import Outcome
from trials.project.source import Source
from trials.report.events import CallsSeen, Deployed, Event, Linted, Note, SamplesUsed, SourceEnded, Told
from trials.samples.sample_files import SampleFile
from trials.verdicts.permissions import Used
from trials.verdicts.words import Finding, Status, Verdict

HELD, BROKE, FAILED, OPEN = 0, 1, 2, 3  # exit codes
NO_SHAPE = "it has not the shape of an event of any source that was tried"


@dataclass(frozen=True)
class Objection:
    """What makes two remarks of two runs the same one: no line, no text, for both move."""

    rule: str
    subject: str
    trial: str = ""

    @property
    def is_open(self) -> bool:
        """Whether nothing broke, but nothing is known either."""
        return self.rule in (Status.UNPROVED, Status.UNTRIED)

    def __str__(self) -> str:
        return f"{self.subject}{', ' if self.trial else ''}{self.trial}: {self.rule}"


@dataclass(frozen=True)
class Change:
    """An accepted objection in whose place another one came: the same trial of the same source breaks otherwise."""

    before: Objection
    after: Objection

    def __str__(self) -> str:
        where = ", ".join(filter(None, [self.after.subject, self.after.trial]))
        return f"{where}: changed from {self.before.rule} to {self.after.rule}"


@dataclass(frozen=True)
class Compared:
    """A result beside a baseline; `mended` is what the baseline still accepts and the run no longer finds."""

    file: str
    accepted: dict[Objection, str]  # and why
    new: list[Objection]
    overdue: list[Objection]
    mended: list[Objection]
    changed: list[Change] = field(default_factory=list)

    @property
    def _not_accepted(self) -> list[Objection]:
        return [*self.new, *self.overdue, *(change.after for change in self.changed)]

    @property
    def broken(self) -> bool:
        return any(not each.is_open for each in self._not_accepted) or bool(self.mended)

    @property
    def open(self) -> bool:
        return bool(self._not_accepted)

    def as_json(self) -> dict[str, Any]:
        told = {
            name: list(map(str, getattr(self, name))) for name in ("accepted", "new", "changed", "overdue", "mended")
        }
        return {"file": self.file, **told}


@dataclass
class Result:
    """Collects the events; `error` says why the work could not be done to its end."""

    template: str = ""
    folder: str = ""
    body: dict[str, Any] = field(default_factory=dict)  # the template as its author wrote it
    listed: list[Source] = field(default_factory=list)  # all sources, those that were not reached too
    asked: list[str] = field(default_factory=list)  # options that decide which trials take place
    searched: int = 0  # steps of random sequences that were asked for
    notes: list[str] = field(default_factory=list)
    lint: list[dict[str, str]] = field(default_factory=list)
    not_linted: str = "nothing was linted: the work stopped before"
    deployed: list[str] = field(default_factory=list)
    not_deployed: dict[str, str] = field(default_factory=dict)
    sources: list[SourceEnded] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    samples: list[SampleFile] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)  # files, and why their event was not taken
    outcomes: list[Outcome] = field(default_factory=list)  # of the project's own scenario
    policies: dict[str, Used] = field(default_factory=dict)  # by function
    error: str = ""
    seconds: float = 0
    allow_unproved: bool = False
    compared: Compared | None = None  # with a baseline

    def take(self, event: Event) -> None:
        if isinstance(event, Linted):
            self.lint, self.not_linted = event.findings, event.why_not
        elif isinstance(event, Deployed):
            self.deployed = event.resources
            self.not_deployed |= event.left_out
        elif isinstance(event, Told):
            self.findings.append(event.finding)
        elif isinstance(event, CallsSeen):
            before = self.policies.get(event.function)
            self.policies[event.function] = before.and_by(event.used) if before else event.used
        elif isinstance(event, Note):
            self.notes.append(event.text)
        elif isinstance(event, SamplesUsed):
            for file in self.samples:
                if file.path in event.files:
                    file.used_by.append(str(event.source))
        elif isinstance(event, SourceEnded):
            self.sources.append(event)

    @property
    def of_no_source(self) -> list[Finding]:
        """Findings about all sources together, as those of a search are."""
        ended = {str(each.source) for each in self.sources}
        return [finding for finding in self.findings if finding.source not in ended]

    @property
    def broken(self) -> bool:
        if self.compared:
            return self.compared.broken
        shown = any(finding.judgement.verdict is Verdict.BROKEN for finding in self.findings)
        return shown or not all(outcome.held for outcome in self.outcomes)

    @property
    def exit_code(self) -> int:
        """0 if all was delivered and held, 1 if something broke, 2 if the work failed, 3 if something is open."""
        if self.error:
            return FAILED
        if self.broken:
            return BROKE
        delivered = all(source.status is Status.DELIVERED for source in self.sources)
        if self.compared:
            delivered = not self.compared.open
        looked = bool(self.sources or self.outcomes)
        return HELD if looked and (delivered or self.allow_unproved) else OPEN

    def unused(self, file: SampleFile) -> str:
        """Why nobody used a sample file; empty if somebody did."""
        if file.why or file.used_by:
            return file.why
        return NO_SHAPE if self.sources else "no source was tried"

    def _sample(self, file: SampleFile) -> dict[str, Any]:
        return {"file": file.path, "used_by": file.used_by, "why": self.unused(file)}

    def as_json(self) -> dict[str, Any]:
        """The one object that `--json` prints."""
        return {
            "template": self.template,
            "exit": self.exit_code,
            "error": self.error,
            "sources": [row(source) for source in self.sources],
            "findings": [told(finding) for finding in self.findings],
            "samples": [self._sample(file) for file in self.samples],
            "written": [{"file": file, "why": why} for file, why in self.written.items()],
            "lint": self.lint,
            "not_linted": self.not_linted,
            "deployed": self.deployed,
            "not_deployed": self.not_deployed,
            "policies": {name: {"least": used.least, "unused": used.unused} for name, used in self.policies.items()},
            "notes": self.notes,
            "outcomes": [asdict(outcome) for outcome in self.outcomes],
            "baseline": self.compared.as_json() if self.compared else {},
            "seconds": self.seconds,
        }


def row(ended: SourceEnded) -> dict[str, Any]:
    return {
        "source": str(ended.source),
        "kind": str(ended.source.kind),
        "function": ended.source.function,
        "status": str(ended.status),
        "why": ended.why,
        "supply": ended.to_supply,
        "seconds": round(ended.seconds, 1),
    }


def told(finding: Finding) -> dict[str, Any]:
    judgement = finding.judgement
    return {
        "source": finding.source,
        "trial": finding.trial,
        "verdict": str(judgement.verdict),
        "promise": str(judgement.promise or ""),
        "happened": judgement.happened,
        "details": list(judgement.details),
        "supply": judgement.supply,
        "remedy": finding.remedy,
        "link": finding.link,
    }
