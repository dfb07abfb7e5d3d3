"""What lies in an object, by the ending of its key: something that a program which expects that ending can read."""

import gzip
import json
import struct
import zlib
from pathlib import PurePosixPath

PLAIN = json.dumps({"id": "trial-1"}).encode()
TABLE = b"id,name\ntrial-1,trial\n"
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")


def content_of(key: str) -> bytes:
    """The bytes of an object; JSON for every ending that is not known. Every image is a PNG, which readers go by."""
    ending = PurePosixPath(key.lower()).suffix
    if ending in IMAGES:
        return png(16)
    if ending == ".gz":
        return gzip.compress(PLAIN, mtime=0)
    return {".csv": TABLE, ".txt": b"trial-1\n", ".xml": b"<trial><id>trial-1</id></trial>"}.get(ending, PLAIN)


def png(side: int) -> bytes:
    """A grey square."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * side) * side)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
