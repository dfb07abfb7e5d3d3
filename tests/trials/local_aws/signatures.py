"""What Python functions sign with HMAC, noted where the trials ask: so a request of a sender's can be signed anew."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# On the path of the servers and so of every function; nothing is noted unless the file is there.
NOTED = '''

def note_signatures():
    """Write key, message and digest of each HMAC into the file, and what a digest was compared with by `==`."""
    import os

    path = os.environ.get("TRIALS_SIGNED", "")
    if "_LAMBDA_TIMEOUT" not in os.environ or not os.path.exists(path):
        return
    import hmac
    import json

    def note(**told):
        with open(path, "a") as file:
            file.write(json.dumps(told) + "\\n")

    def compared(digest, other):
        if isinstance(other, (str, bytes)) and len(other) == len(digest):
            note(compared=other if isinstance(other, str) else other.decode("latin-1"))

    class Text(str):
        __hash__ = str.__hash__

        def __eq__(self, other):
            compared(self, other)
            return str.__eq__(self, other)

        def __ne__(self, other):
            return not self == other

        def __radd__(self, other):
            return Text(str(other) + str(self))

        def encode(self, *rest, **named):
            return Bytes(str.encode(self, *rest, **named))

    class Bytes(bytes):
        __hash__ = bytes.__hash__

        def __eq__(self, other):
            compared(self, other)
            return bytes.__eq__(self, other)

        def __ne__(self, other):
            return not self == other

    class Noted(hmac.HMAC):
        def __init__(self, key, msg=None, digestmod=""):
            self.told = (bytes(key), bytes(msg or b""))
            super().__init__(key, msg, digestmod)

        def update(self, msg):
            self.told = (self.told[0], self.told[1] + bytes(msg))
            super().update(msg)

        def copy(self):
            other = super().copy()
            other.told = self.told
            return other

        def digest(self):
            made = super().digest()
            key, message = self.told
            note(key=key.hex(), message=message.hex(), name=self.name.removeprefix("hmac-"), digest=made.hex())
            return Bytes(made)

        def hexdigest(self):
            return Text(self.digest().hex())

    at_once = hmac.digest

    def digest(key, msg, digest):
        return Noted(key, msg, digest).digest() if isinstance(digest, str) else at_once(key, msg, digest)

    hmac.new, hmac.digest = Noted, digest


note_signatures()
'''


@contextmanager
def noting(file: Path) -> Iterator[list[dict[str, str]]]:
    """What environments sign that start while it lasts; known when it ends."""
    told: list[dict[str, str]] = []
    file.touch()
    try:
        yield told
    finally:
        told += [json.loads(line) for line in file.read_text().splitlines()]
        file.unlink()
