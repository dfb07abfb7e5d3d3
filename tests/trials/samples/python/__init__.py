"""What a Python handler reads of its event, in the shape of `reads`."""

from pathlib import Path

from trials.samples.python.code import Code
from trials.samples.python.walk import Walker
from trials.samples.reads import Reads


def of_handler(folder: Path, handler: str, shared: tuple[Path, ...] = ()) -> Reads:
    """What the code of a handler reads; nothing where the code cannot be parsed.

    `shared` are more folders from which modules are imported, such as those of layers.
    """
    module, _, name = handler.rpartition(".")
    code = Code(folder, module, shared)
    walker = Walker(code)
    walker.start(name)
    return walker.event.reads
