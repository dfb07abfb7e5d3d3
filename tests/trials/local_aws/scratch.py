"""The folder for temporary files that functions find, empty for each trial as `/tmp` is in a new environment of Lambda.

In a mount namespace it is `/tmp` itself, seen by this process and its children alone. Elsewhere it is only what TMPDIR
names, and a path that is written out, such as `/tmp/cache.json`, stays on the machine.
Environments of one trial share it. Nothing is ever deleted in `/tmp`: a new folder is laid over the one before.
"""

import itertools
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from trials.local_aws.namespace import bind, inside

TMP = Path("/tmp")  # noqa: S108, what Lambda calls it


class Scratch(Protocol):
    folder: Path  # what TMPDIR names

    def renew(self) -> None:
        """Let it be empty."""


class Beside:
    """A folder in that of the local AWS."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "scratch"
        self.renew()

    def renew(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(exist_ok=True)


class Private:
    """A `/tmp` of this mount namespace, in which only what is `needed` of the machine's is seen.

    Raises `OSError` where the kernel refuses the mount, and `ValueError` where something needed is `/tmp` itself or
    this process has no namespace of its own.
    """

    def __init__(self, home: Path, needed: Iterable[Path]) -> None:
        self.folder, self._home = TMP.resolve(), home
        self._numbers = itertools.count(1)
        within = [path.resolve() for path in needed if path.resolve().is_relative_to(self.folder)]
        if self.folder in within:
            raise ValueError(f"{self.folder} itself is needed")
        if not inside():
            raise ValueError("this process has no mount namespace of its own: the machine would see the mounts")
        self._seen = sorted({path.relative_to(self.folder).parts[0] for path in within})
        self.renew()

    def renew(self) -> None:
        empty = self._home / f"tmp-{next(self._numbers)}"
        empty.mkdir()
        for name in self._seen:
            if (self.folder / name).is_dir():
                (empty / name).mkdir()
            else:
                (empty / name).touch()
            bind(self.folder / name, empty / name)
        bind(empty, self.folder, with_mounts=True)


def scratch(home: Path, needed: Iterable[Path]) -> Scratch:
    """The best that this process can have; `home` is the folder of the local AWS."""
    try:
        return Private(home, needed)
    except (OSError, ValueError):
        return Beside(home)
