"""What a function's code reads of its event, whichever language it is written in."""

from pathlib import Path

from trials.samples import javascript, python
from trials.samples.reads import Reads


def of_code(folder: Path, handler: str, runtime: str) -> Reads | None:
    """None for a language that is not read here, and for code that does not lie beside the template."""
    if not folder.is_dir():
        return None
    if runtime.startswith("python"):
        return python.of_handler(folder, handler)
    return javascript.of_handler(folder, handler) if runtime.startswith("nodejs") else None
