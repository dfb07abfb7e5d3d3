"""What a function's code reads of its event, whichever language it is written in."""

from pathlib import Path

from trials.project import Project
from trials.samples import javascript, python
from trials.samples.reads import Reads
from trials.samples.shape import Shape


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
        return python.of_handler(folder, handler, shared)
    return javascript.of_handler(folder, handler) if runtime.startswith("nodejs") else None
