"""One self-contained page: the system as a picture, the trials as a matrix, and the story behind each cell."""

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path

from trials.report.clean import clean
from trials.report.drawing import drawing
from trials.report.events import SourceEnded
from trials.report.picture import picture
from trials.report.remarks import Remark, remarks, root
from trials.report.result import Result
from trials.report.terminal import accounts, closing
from trials.report.told import DONE, again, done, trials_of
from trials.verdicts import Finding, Status, Verdict

STYLE = Path(__file__).with_name("page.css")
LONGEST = 6_000  # characters of an event that are shown
SHOWN_ELSEWHERE = ("Lint", "Unproved", "Untried", "Stopped")
ONLY_NAMED = (
    " Grey, dashed, only named: a function has its name in a variable, and what it may call is not in the template."
)
EXIT = {0: "held", 1: "broken", 2: "broken", 3: "unproved"}


def page(result: Result) -> str:
    """The whole document, in HTML; all that readers' code said is escaped."""
    said = remarks(result)
    name = Path(result.folder or result.template or ".").name
    drawn = picture(result)
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(name)}: trials</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head><body>",
        '<a class="skip" href="#stories">To what happened</a>',
        f"<main><h1>{escape(name)}</h1>",
        f'<p class="verdict {EXIT[result.exit_code]}">{escape(closing(result))}</p>',
        f"<p>Stopped: {escape(result.error)}</p>" if result.error else "",
        *(
            (
                '<h2 id="system">The system</h2>',
                f'<div class="wide picture" tabindex="0" role="region" aria-labelledby="system">{drawing(drawn)}</div>',
                "<p class='none'>Red: something broke on this way. Green: every promise held. Amber, dashed: unproved"
                " or untried. Grey: in the template, no trial is about it. Dotted: only what failed goes here."
                f"{ONLY_NAMED if any(edge.named_only for edge in drawn.edges.values()) else ''}</p>",
            )
            if drawn.nodes
            else ()
        ),
        *matrix(result),
        '<h2 id="stories">What happened</h2>',
        *(part for number, ended in enumerate(result.sources) for part in of_source(number, ended, result, said)),
        *of_all(result, said),
        *lint(result, said),
        *others(result, said),
        f"<h2>Again</h2><pre><code>{escape(again(result))}</code></pre></main></body></html>",
    ]
    return clean("\n".join(part for part in parts if part)) + "\n"


def matrix(result: Result) -> Iterator[str]:
    trials = trials_of(result)
    if not trials:
        return
    yield '<h2 id="trials">The trials</h2><div class="wide" tabindex="0" role="region" aria-labelledby="trials">'
    yield '<table class="matrix"><caption>Each cell leads to its story.</caption><thead><tr><th scope="col">Source</th>'
    yield "".join(f'<th scope="col">{escape(trial)}</th>' for trial in trials) + "</tr></thead><tbody>"
    for number, ended in enumerate(result.sources):
        cells = "".join(f"<td>{cell(result, number, ended, trial)}</td>" for trial in trials)
        if ended.status is Status.UNTRIED:
            link = f'<a class="untried" href="#s{number}">untried</a>'
            cells = f'<td colspan="{len(trials)}">{link} {escape(ended.why)}</td>'
        yield f'<tr><th scope="row">{escape(str(ended.source))}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def cell(result: Result, number: int, ended: SourceEnded, trial: str) -> str:
    """The worst that a trial of a source came to, as a link to its story."""
    numbered = [(at, each) for at, each in enumerate(of(result, ended)) if each.trial == trial]
    if not numbered:
        return '<span class="none" title="it did not take place">-</span>'
    at, worst = max(numbered, key=lambda at_and_finding: list(Verdict).index(at_and_finding[1].judgement.verdict))
    broke = dict.fromkeys(str(each.judgement.promise) for _, each in numbered if each.judgement.promise)
    verdict = worst.judgement.verdict
    return f'<a class="{verdict}" href="#s{number}-{at}">{escape(", ".join(broke) or str(verdict))}</a>'


def of(result: Result, ended: SourceEnded) -> list[Finding]:
    return [finding for finding in result.findings if finding.source == str(ended.source)]


def of_source(number: int, ended: SourceEnded, result: Result, said: list[Remark]) -> Iterator[str]:
    yield f'<section aria-labelledby="s{number}"><h3 id="s{number}">{escape(str(ended.source))}</h3>'
    if ended.why:
        supply = f" To supply: {ended.to_supply}." if ended.supply else ""
        yield f"<p>{ended.status}: {escape(ended.why.rstrip('.'))}.{escape(supply)}</p>"
    if ended.event is not None:
        text = json.dumps(ended.event, indent=2, ensure_ascii=False, default=str)
        text = text if len(text) <= LONGEST else f"{text[:LONGEST]}\n… {len(text) - LONGEST} more characters"
        yield f'<p>The event that was sent:</p><pre tabindex="0"><code>{escape(text)}</code></pre>'
    by_finding = {each.finding: each for each in said if each.finding}
    for at, finding in enumerate(of(result, ended)):
        yield story(f"s{number}-{at}", finding, done(finding.trial, ended.source), by_finding.get(finding), result)
    yield "</section>"


def of_all(result: Result, said: list[Remark]) -> Iterator[str]:
    """What was found of no source alone."""
    by_finding = {each.finding: each for each in said if each.finding}
    for at, finding in enumerate(result.of_no_source):
        yield f'<section aria-labelledby="all-{at}-of"><h3 id="all-{at}-of">{escape(finding.source)}</h3>'
        yield story(f"all-{at}", finding, DONE.get(finding.trial, ""), by_finding.get(finding), result)
        yield "</section>"


def story(anchor: str, finding: Finding, deed: str, remark: Remark | None, result: Result) -> str:
    judgement = finding.judgement
    rows = [("Done", escape(deed)), ("What happened", escape(judgement.happened))]
    if details := [each for each in judgement.details if each not in judgement.happened]:
        rows.append(("Difference", "<ul>" + "".join(f"<li>{escape(each)}</li>" for each in details) + "</ul>"))
    if judgement.supply:
        rows.append(("To supply", escape(judgement.supply)))
    if remark:
        where = f"{remark.place.within(root(result))}:{remark.place.line}"
        construct = f" ({remark.place.construct})" if remark.place.construct else ""
        rows.append(("Where", f"<code>{escape(where)}</code>{escape(construct)}"))
        rows += [("Accepted", escape(remark.accepted))] if remark.accepted else []
        rows.append(("Remedy", escape(finding.remedy)))
        rows.append(("Why", f'<a href="{escape(finding.link)}">{escape(finding.link.rsplit("/", 1)[-1])}</a>'))
        rows.append(("Again", f"<code>{escape(again(result, finding))}</code>"))
    told = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in rows if text)
    heading = escape(f"{finding.trial}: {judgement.promise or judgement.verdict}")
    return f'<article id="{anchor}" class="{judgement.verdict}"><h4>{heading}</h4><dl>{told}</dl></article>'


def lint(result: Result, said: list[Remark]) -> Iterator[str]:
    from_lint = [each for each in said if each.is_lint]
    yield "<h2>Lint</h2>"
    if not from_lint:
        yield f"<p>{escape(result.not_linted or 'clean')}</p>"
    for remark in from_lint:
        kind = "broken" if remark.level == "error" else "unproved"
        link = f' <a href="{escape(remark.link)}">why</a>' if remark.link else ""
        where = f"{remark.place.within(root(result))}:{remark.place.line}"
        accepted = f" Accepted: {escape(remark.accepted)}." if remark.accepted else ""
        heading = f"{escape(remark.rule)}, {remark.level}"
        yield f'<article class="{kind}"><h3>{heading}</h3><p>{escape(remark.text)}{link}</p>'
        yield f"<p><code>{escape(where)}</code> {escape(remark.subject)}{accepted}</p></article>"


def others(result: Result, said: list[Remark]) -> Iterator[str]:
    """What the terminal tells below its table, apart from what this page has in places of its own."""
    told = {name: lines for name, lines in accounts(result, said).items() if lines and name not in SHOWN_ELSEWHERE}
    scenario = [
        f"{outcome.sent}: {outcome.happened}. {outcome.promise}: {'yes' if outcome.held else 'NO'}"
        for outcome in result.outcomes
    ]
    told |= {"scenario.py": scenario} if scenario else {}
    if told:
        yield "<h2>Also</h2>"
    for name, lines in told.items():
        yield f"<h3>{escape(name)}</h3><ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
