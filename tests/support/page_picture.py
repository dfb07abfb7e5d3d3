"""The picture on README's first screen: a page of `--html` about an example that was broken, in light and in dark.

Take it again after a change of the page, with Chromium (Debian's package `chromium`) on PATH:
uv run --directory tests python -m support.page_picture
"""

import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from html.parser import HTMLParser
from pathlib import Path

from support.documents import ROOT
from support.mistakes import Seed, seeds, sow

EXAMPLE, BROKEN = "queue_worker", "doubled"  # of the seed that is tried
PICTURES = {scheme: ROOT / "tests" / "bench" / "picture" / f"{scheme}.png" for scheme in ("light", "dark")}
LARGEST = 150_000  # bytes of a picture
SIZE, SCALE = (1040, 604), 1.25  # down to the matrix
TOP, STORIES = "<main>", '<h2 id="stories">'
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def seed() -> Seed:
    return next(each for each in seeds() if (each.example, each.broken) == (EXAMPLE, BROKEN))


def tried(folder: Path) -> str:
    """The page that the bench writes about the broken example, which is copied below the folder."""
    page = folder / "trials.html"
    command = [sys.executable, str(ROOT / "examples" / "run.py"), str(sow(seed(), folder)), "--html", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 1:
        raise RuntimeError(f"the trials ended with {done.returncode} instead of 1: {done.stdout}{done.stderr}")
    return page.read_text(encoding="utf-8")


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not {"style", "title", "desc"} & set(self._open):
            self.texts.append(" ".join(data.split()))


def words(page: str) -> list[str]:
    """What can be read above the stories: the verdict, the boxes and ways of the picture, the cells of the matrix."""
    texts = _Texts()
    texts.feed(page[page.index(TOP) : page.index(STORIES)])
    return texts.texts


def photograph(page: str, scheme: str) -> bytes:
    """A PNG of the page's upper part in a colour scheme, whatever the desktop prefers."""
    query = f"@media {'all' if scheme == 'dark' else 'not all'}"
    page = page.replace("@media (prefers-color-scheme: dark)", query)
    page = page.replace("color-scheme: light dark", f"color-scheme: {scheme}", 1)
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise RuntimeError("there is no chromium on PATH: apt-get install chromium")
    with tempfile.TemporaryDirectory() as home:
        source, image = Path(home, "page.html"), Path(home, "page.png")
        source.write_text(page, encoding="utf-8")
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={home}/profile"]
        flags += [f"--force-device-scale-factor={SCALE}", f"--window-size={SIZE[0]},{SIZE[1]}"]
        command = [program, *flags, f"--screenshot={image}", source.as_uri()]
        subprocess.run(command, capture_output=True, check=True, timeout=120)
        return image.read_bytes()


def with_words(image: bytes, told: list[str]) -> bytes:
    """The PNG with what can be read on it, one text a line, in a chunk of its own behind its header."""
    body = b"iTXt" + b"Words\0\0\0\0\0" + "\n".join(told).encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    end = len(SIGNATURE) + 25  # IHDR: 13 bytes, and 12 around them
    return image[:end] + chunk + image[end:]


def words_of(image: bytes) -> list[str]:
    """What a PNG says can be read on it; none if it does not say so."""
    found = re.search(rb"(....)iTXtWords\0\0\0\0\0", image, re.S)
    if found is None:
        return []
    (length,) = struct.unpack(">I", found[1])
    return image[found.end() : found.start() + 8 + length].decode().split("\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        page = tried(Path(folder))
    for scheme, path in PICTURES.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(with_words(photograph(page, scheme), words(page)))


if __name__ == "__main__":
    main()
