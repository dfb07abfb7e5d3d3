"""What a function's code reads of its event, whichever language it is written in."""

import re
from pathlib import Path

from trials.moment import LATER, NOW
from trials.project import Project
from trials.samples import javascript, python
from trials.samples.derive import ENDS, words
from trials.samples.reads import Reads
from trials.samples.shape import Shape

MOMENT = re.compile(r"\b(?:timestamp|epoch|at)$")  # others, such as "time", may be durations
MILLISECONDS = re.compile(r" (?:ms|millis)$")


def of_function(project: Project, function: str) -> Reads | None:
    """What the code of one of a project's functions reads, and that of its layers in Python."""
    return of_code(*project.written(function), project.shared(function))


def declared_in(project: Project, function: str, name: str) -> Shape | None:
    """What a class is made of that the code of one of a project's functions in Python declares."""
    folder, handler, runtime = project.written(function)
    known = folder.is_dir() and runtime.startswith("python")
    return python.constructed(folder, handler, name, project.shared(function)) if known else None


def of_code(folder: Path, handler: str, runtime: str, shared: tuple[Path, ...] = ()) -> Reads | None:
    """None for a language that is not read here, and for code that does not lie beside the template.

    `shared` are more folders from which modules in Python are imported.
    """
    if not folder.is_dir():
        return None
    if runtime.startswith("python"):
        return timed(python.of_handler(folder, handler, shared), 1)
    return timed(javascript.of_handler(folder, handler), 1000) if runtime.startswith("nodejs") else None


def timed(reads: Reads | None, unit: int) -> Reads | None:
    """With the moment of the run for each number that is called as a time; `unit` says how many make a second."""
    for steps in reads.numbers - reads.values.keys() if reads else ():
        name, in_milliseconds = MILLISECONDS.subn("", words(steps[-1]))
        ends = re.search(ENDS, name)
        if reads and (ends or MOMENT.search(name)):
            reads.values[steps] = int((LATER if ends else NOW).timestamp()) * (1000 if in_milliseconds else unit)
    return reads
