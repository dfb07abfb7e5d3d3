"""What a JavaScript or TypeScript handler reads of its event, in the shape of `reads`."""

from pathlib import Path

from trials.samples.javascript.code import parsed
from trials.samples.javascript.walk import Walker
from trials.samples.listed import fields
from trials.samples.reads import Reads


def of_handler(folder: Path, handler: str) -> Reads:
    """What the code of a handler reads; nothing where there is none."""
    module, _, name = handler.rpartition(".")
    code = parsed(folder)
    walker = Walker(code)
    walker.start(code.find(name, module))
    walker.event.reads.fields = fields([(name, walker.words.of(value)) for name, value in code.values])
    return walker.event.reads
