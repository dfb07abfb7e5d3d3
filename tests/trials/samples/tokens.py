"""A token that a request holds, signed anew once it was noted by which key the function checks it."""

import json
import re
from dataclasses import replace
from typing import Any

from trials.project.tokens import HASHES, TOKEN, token
from trials.samples.sample import Sample

ANEW = ", its token signed anew"


JWT = re.compile(r"\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")


def holds_token(payload: Any) -> bool:
    return bool(JWT.search(json.dumps(payload, default=str)))


def signed_by(sample: Sample, notes: list[dict[str, str]]) -> Sample | None:
    """The sample with a token that the function's own key has signed; None if it signed none to compare."""
    asked = re.escape(TOKEN.rsplit(".", 1)[0]).encode()
    for note in notes:
        name = note.get("name", "").lower().replace("-", "")
        if name in HASHES and re.fullmatch(asked, bytes.fromhex(note.get("message", ""))):
            payload = json.loads(json.dumps(sample.payload).replace(TOKEN, token(bytes.fromhex(note["key"]), name)))
            return replace(sample, payload=payload, origin=f"{sample.origin}{ANEW}")
    return None
