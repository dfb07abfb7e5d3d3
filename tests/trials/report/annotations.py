"""Workflow commands that make GitHub Actions show each remark at its line."""

from collections.abc import Iterator

from trials.report.clean import clean
from trials.report.remarks import Level, remarks, root
from trials.report.result import Result

COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def annotations(result: Result) -> Iterator[str]:
    """A line for each remark that no baseline accepts, and one for why the work could not be done."""
    for remark in remarks(result):
        if remark.accepted:
            continue
        given = {
            "file": remark.place.within(root(result)),
            "line": str(remark.place.line),
            "title": f"{remark.rule}, {remark.trial}" if remark.trial else remark.rule,
        }
        listed = ",".join(f"{key}={of_property(value)}" for key, value in given.items())
        yield f"::{COMMANDS[remark.level]} {listed}::{of_text(f'{remark.sentence} {remark.link}'.strip())}"
    for mended in result.compared.mended if result.compared else []:
        yield f"::error title=baseline::{of_text(f'{mended} is mended: run --baseline write to take it out')}"
    if result.error:
        yield f"::error::{of_text(result.error)}"


def of_text(text: str) -> str:
    return clean(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def of_property(text: str) -> str:
    return of_text(text).replace(":", "%3A").replace(",", "%2C")
