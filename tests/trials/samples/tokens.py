"""A token that a request holds, signed anew once it was noted by which key the function checks it."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from trials.project.tokens import CLAIMS, HASHES, TOKEN, token
from trials.samples.sample import Sample
from trials.samples.sought import texts

ANEW = ", its token signed anew"


JWT = re.compile(r"\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")


def holds_token(payload: Any) -> bool:
    return bool(JWT.search(json.dumps(payload, default=str)))


ROLE = re.compile(r"""\brole['"\])]*\s*[!=]==?\s*['"]([\w -]+)['"]""", re.IGNORECASE)


def roles(folder: Path) -> list[str]:
    """The role that every token has, and those with which code compares one."""
    return list(dict.fromkeys([CLAIMS["role"], *(role for text in texts(folder) for role in ROLE.findall(text))]))


def signed_by(sample: Sample, notes: list[dict[str, str]], compared: list[str]) -> Iterator[Sample]:
    """The sample with a token of each role, signed by the function's own key; none if it signed none to compare."""
    asked = re.escape(TOKEN.rsplit(".", 1)[0]).encode()
    for note in notes:
        name = note.get("name", "").lower().replace("-", "")
        if name in HASHES and re.fullmatch(asked, bytes.fromhex(note.get("message", ""))):
            for role in compared:
                made = token(bytes.fromhex(note["key"]), name, role)
                payload = json.loads(json.dumps(sample.payload).replace(TOKEN, made))
                of_role = "" if role == CLAIMS["role"] else f" for the role {role}"
                yield replace(sample, payload=payload, origin=f"{sample.origin}{ANEW}{of_role}")
            return
