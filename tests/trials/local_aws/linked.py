"""MiniStack that unpacks what npm installed into a function once, and links it into each of its environments.

Some packages hold 25,000 files, and each environment of each world waits for them.
"""

import hashlib
import os
import shutil
import tempfile
import threading
import types
import zipfile
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime as runtime

FEWEST = 500  # files from which it is worth it
INSTALLED = "/node_modules/"
unpacking = threading.Lock()


class Package(zipfile.ZipFile):
    """A package whose installed files are links. On Lambda none of them can be written over; here all would change."""

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        installed = [each for each in self.infolist() if INSTALLED in f"/{each.filename}"]
        if path is None or members is not None or len(installed) < FEWEST:
            super().extractall(path, members, pwd)
            return
        apart = {each.filename for each in installed}
        super().extractall(path, [name for name in self.namelist() if name not in apart])
        shutil.copytree(self._unpacked(installed), path, copy_function=os.link, dirs_exist_ok=True)

    def _unpacked(self, installed: list[zipfile.ZipInfo]) -> Path:
        """Where these files lie, for all packages that have the same."""
        told = repr([(each.filename, each.CRC, each.file_size) for each in installed])
        place = Path(tempfile.gettempdir(), f"installed-{hashlib.sha256(told.encode()).hexdigest()[:32]}")
        with unpacking:
            if not place.exists():
                begun = tempfile.mkdtemp(prefix="unpacking-")
                super().extractall(begun, [each.filename for each in installed])
                os.rename(begun, place)
        return place


runtime.zipfile = types.SimpleNamespace(**{**vars(zipfile), "ZipFile": Package})
