"""The comment for a pull request: the system as a Mermaid picture, the trials as a matrix, and what broke."""

import re
from collections.abc import Iterator
from itertools import accumulate

from trials.report.clean import clean
from trials.report.picture import DEAD, Node, Picture, State, picture
from trials.report.remarks import Remark, remarks, root
from trials.report.result import Result
from trials.report.terminal import closing
from trials.report.told import again, trials_of
from trials.verdicts import Status, Verdict

MARK = "<!-- aws-serverless-eda -->"  # by which a later run finds its own comment
LONGEST = 60_000  # characters, below what GitHub takes for one comment
SHAPES = {  # Mermaid's, by kind of node
    "function": ("[", "]"),
    "table": ("[(", ")]"),
    **dict.fromkeys(("queue", "topic", "bus", "stream", DEAD), ("([", "])")),
}
STROKES = {State.BROKEN: "stroke:#c62828,stroke-width:2.5px", State.OPEN: "stroke:#9a6700,stroke-dasharray:4 3"}


def markdown(result: Result) -> str:
    """The whole comment; what is too long for one ends with how much was left out."""
    parts = [MARK, f"**{inline(closing(result))}**"]
    if result.error:
        parts.append(f"Stopped: {inline(result.error)}")
    drawn = picture(result)
    if drawn.nodes:
        parts.append(f"```mermaid\n{mermaid(drawn)}\n```")
    if result.findings:
        parts.append(matrix(result))
    last = f"Again: `{again(result)}`"
    room = LONGEST - len("\n\n".join([*parts, last])) - 100  # for blank lines and the count of what is left out
    shown, left_out = fitting(list(stories(result)), room)
    parts += ["\n".join(shown)] if shown else []
    parts += [f"{left_out} more: run it."] if left_out else []
    text = clean("\n\n".join([*parts, last])) + "\n"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 2]}…\n"


def fitting(lines: list[str], room: int) -> tuple[list[str], int]:
    """The first lines that fit into so many characters, and how many do not."""
    ends = accumulate(len(line) + 1 for line in lines)
    fit = sum(end <= room for end in ends)
    return lines[:fit], len(lines) - fit


def mermaid(drawn: Picture) -> str:
    ids = {name: f"n{number}" for number, name in enumerate(drawn.nodes)}
    lines = ["flowchart LR", *(f"    {ids[name]}{shape(node)}" for name, node in drawn.nodes.items())]
    strokes: dict[State, list[str]] = {}
    for number, edge in enumerate(drawn.edges.values()):
        arrow = "-.->" if edge.failed_only or edge.named_only else "-->"
        said = f'|"{label(edge.label)}"|' if edge.label else ""
        lines.append(f"    {ids[edge.start]} {arrow}{said} {ids[edge.end]}")
        strokes.setdefault(edge.state, []).append(str(number))
    lines += [
        f"    linkStyle {','.join(strokes[state])} {style}" for state, style in STROKES.items() if state in strokes
    ]
    return "\n".join(lines)


def shape(node: Node) -> str:
    begins, ends = SHAPES.get(node.kind, ("[/", "/]"))
    return f'{begins}"{label(node.label)}<br/>{node.kind}"{ends}'


def label(text: str) -> str:
    """A text within quotes: Mermaid reads codes of characters in it."""
    return re.sub(r"[^\w ,.:/{}()→-]", lambda character: f"#{ord(character[0])};", " ".join(clean(text).split()))


def matrix(result: Result) -> str:
    trials = trials_of(result)
    lines = [f"| Source | {' | '.join(trials)} |", f"| --- |{' --- |' * len(trials)}"]
    for ended in result.sources:
        cells = [cell(result, str(ended.source), trial) for trial in trials]
        if ended.status is Status.UNTRIED:
            cells[0] = "untried"
        lines.append(f"| {inline(str(ended.source))} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(result: Result, source: str, trial: str) -> str:
    judged = [each.judgement for each in result.findings if (each.source, each.trial) == (source, trial)]
    broke = dict.fromkeys(f"**{each.promise}**" for each in judged if each.verdict is Verdict.BROKEN)
    return ", ".join(broke) or (str(max((each.verdict for each in judged), key=list(Verdict).index)) if judged else "")


def stories(result: Result) -> Iterator[str]:
    """What broke, a line each: lint after the trials."""
    said = [each for each in remarks(result) if each.level != "note" and not each.accepted]
    for remark in sorted(said, key=lambda remark: remark.is_lint):
        yield f"- {story(remark, result)}"


def story(remark: Remark, result: Result) -> str:
    where = f"`{code(remark.place.within(root(result)))}:{remark.place.line}`"
    subject = f"{inline(remark.subject)}, {remark.trial}" if remark.trial else inline(remark.subject)
    remedy = f" {inline(remark.remedy)}" if remark.remedy else ""
    link = f" [Why]({remark.link})" if remark.link.startswith("http") else ""
    return f"**{remark.rule}** {where} {subject}: {inline(remark.text)}{remedy}{link}"


def inline(text: str) -> str:
    """A text of one line in which nothing is Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]<>|#~@!&])", r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    return text.replace("`", "'").replace("|", "/")
