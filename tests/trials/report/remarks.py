"""Everything that lint and the trials object to, in one shape, for all outputs that show it at its place."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from trials.home import page
from trials.local_aws import ROOT
from trials.report.places import Place, Places, root_of
from trials.report.result import Objection, Result
from trials.verdicts import Finding, Promise, Status, Verdict


class Level(StrEnum):
    """How much a remark weighs, in SARIF's words."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


SCENARIO = "scenario"
LEVELS = {"Error": Level.ERROR, "Warning": Level.WARNING}  # cfn-lint's
AT_THE_FUNCTION = (Promise.LEAKED, Promise.DENIED, Promise.DOES_NOT_START)  # what only its code or role can mend


@dataclass(frozen=True)
class Remark:
    """One objection: `rule` is cfn-lint's id, the promise that broke, or how a source ended that nothing is known of.

    `subject` is the source or the piece of the template it is about, `trial` the trial that showed it.
    """

    rule: str
    level: Level
    subject: str
    text: str
    place: Place
    trial: str = ""
    remedy: str = ""
    link: str = ""
    function: Place | None = None  # where the source's function stands
    finding: Finding | None = None  # of the trials

    accepted: str = ""  # by a baseline: why

    @property
    def objection(self) -> Objection:
        return Objection(self.rule, self.subject, self.trial)

    @property
    def is_lint(self) -> bool:
        return not self.trial and self.rule not in (*Status, SCENARIO)

    @property
    def sentence(self) -> str:
        """The remark with its remedy, for outputs that have one text for it."""
        where = f"{self.subject}, {self.trial}: " if self.trial else ""
        return f"{where}{self.text}" + (f" Remedy: {self.remedy}" if self.remedy else "")


def remarks(result: Result) -> list[Remark]:
    """All remarks of a result: lint first, then the trials in the order of the report."""
    if not result.template:
        return []
    places = Places(Path(result.template))
    said = [*of_lint(result, places), *of_findings(result, places), *of_sources(result, places)]
    accepted = result.compared.accepted if result.compared else {}
    return [replace(each, accepted=accepted.get(each.objection, "")) for each in said]


def of_lint(result: Result, places: Places) -> Iterator[Remark]:
    for complaint in result.lint:
        path = complaint.get("path", "")
        steps = [int(step) if step.isdigit() else step for step in path.split("/") if step]
        place = places.of_path(steps)
        if place.file == places.template and complaint["line"] != "1":
            place = Place(place.file, int(complaint["line"]), place.construct)
        level = LEVELS.get(complaint["level"], Level.NOTE)
        link = complaint.get("link", "").replace(f"{ROOT.as_uri()}/", page(""))
        yield Remark(complaint["rule"], level, path or "template", complaint["message"], place, link=link)


def of_findings(result: Result, places: Places) -> Iterator[Remark]:
    sources = {str(ended.source): ended.source for ended in result.sources}
    for finding in result.findings:
        judgement = finding.judgement
        if judgement.verdict is not Verdict.BROKEN or not judgement.promise:
            continue
        source, function = sources.get(finding.source), None
        place = Place(places.template)
        if source:
            function = places.of_resource(source.function)
            place = function if judgement.promise in AT_THE_FUNCTION else places.of_source(source)
            if finding.trial == "arrives":
                place = places.of_source(source)
        yield Remark(
            str(judgement.promise),
            Level.ERROR,
            finding.source,
            judgement.happened.rstrip(".") + ".",
            place,
            finding.trial,
            finding.remedy,
            finding.link,
            function,
            finding,
        )
    for outcome in result.outcomes:
        if not outcome.held:
            text = f"{outcome.happened}; promised was: {outcome.promise}."
            place = Place(Path(result.folder) / "scenario.py")
            yield Remark(SCENARIO, Level.ERROR, f"scenario.py: {outcome.sent}", text, place)


def of_sources(result: Result, places: Places) -> Iterator[Remark]:
    """Sources that nothing is known of: they are what exit code 3 means."""
    for ended in result.sources:
        if ended.status in (Status.UNPROVED, Status.UNTRIED):
            supply = f" To supply: {ended.to_supply.rstrip('.')}." if ended.supply else ""
            text = f"{ended.source}: {ended.why.rstrip('.')}.{supply}"
            yield Remark(str(ended.status), Level.NOTE, str(ended.source), text, places.of_source(ended.source))


def root(result: Result) -> Path:
    """The folder that the outputs name files from."""
    return root_of(Path(result.template or "."))


def position(remark: Remark, result: Result) -> str:
    """File, line and construct of a remark, in one text."""
    construct = f" ({remark.place.construct})" if remark.place.construct else ""
    return f"{remark.place.within(root(result))}:{remark.place.line}{construct}"
