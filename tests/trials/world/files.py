"""What functions left on the file systems that they mount, by the name of each."""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from trials.world.compare import World
from trials.world.snapshot import LARGEST, parsed


def files(mounts: Path) -> World:
    systems = sorted(path for path in mounts.iterdir() if path.is_dir()) if mounts.is_dir() else []
    return {f"files {system.name}": list(contents(system)) for system in systems}


def contents(system: Path) -> Iterator[Any]:
    for path in sorted(system.rglob("*")):
        with suppress(FileNotFoundError):  # moved or removed since
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                whole = (
                    content.decode(errors="replace") if len(content) <= LARGEST else hashlib.sha256(content).hexdigest()
                )
                yield {"path": str(path.relative_to(system)), "body": parsed(whole)}
