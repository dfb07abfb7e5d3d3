"""What a Python handler reads of its event, in the shape of `reads`."""

from pathlib import Path

from trials.samples.listed import fields
from trials.samples.python.code import Code
from trials.samples.python.models import Models
from trials.samples.python.walk import Walker
from trials.samples.reads import Reads
from trials.samples.shape import Shape


def of_handler(folder: Path, handler: str, shared: tuple[Path, ...] = ()) -> Reads:
    """What the code of a handler reads; nothing where the code cannot be parsed.

    `shared` are more folders from which modules are imported, such as those of layers.
    """
    module, _, name = handler.rpartition(".")
    code = Code(folder, module, shared)
    walker = Walker(code)
    walker.start(name)
    walker.event.reads.fields = fields([each for module in code.modules for each in module.names])
    return walker.event.reads


def constructed(folder: Path, handler: str, name: str, shared: tuple[Path, ...] = ()) -> Shape | None:
    """What a class is made of that the code of a handler declares."""
    return Models(Code(folder, handler.rpartition(".")[0], shared)).constructed(name)
