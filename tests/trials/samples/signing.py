"""Requests that their sender signs: signed anew, once it was noted what the function's own code signs to compare."""

import base64
import hmac
import re
import time
from dataclasses import dataclass, replace
from typing import Any

from trials.project.ed25519 import ED25519, SEED, signature
from trials.samples.sample import Sample

STAMP = re.compile(r"(?<![0-9A-Za-z])1[0-9]{9}(?:[0-9]{3})?(?![0-9A-Za-z])")  # seconds or milliseconds, until 2033
DIGEST = r"(?<![0-9A-Za-z+/]){}(?![0-9A-Za-z+/=])"
ANEW = ", signed anew"


@dataclass(frozen=True)
class Signing:
    """How a request is signed: HMAC or Ed25519 over its body, with what stands before and after it, as the time may.

    `old` is the signature that the sample's headers hold, `stamp` the time in them, if there is one.
    """

    key: bytes
    name: str  # of the hash, or Ed25519
    before: bytes
    after: bytes
    old: str
    stamp: str = ""

    @property
    def times(self) -> bool:
        """Whether the time is among what is signed."""
        return bool(self.stamp) and self.stamp.encode() in self.before + self.after

    def signed(self, payload: dict[str, Any], now: float) -> dict[str, Any]:
        """The request as its sender would send it at a time: the headers are the sample's, the body may be another."""
        before, after, others = self.before, self.after, dict[str, str]()
        if self.stamp:
            others[self.stamp] = at(now, self.stamp)
            old, new = self.stamp.encode(), others[self.stamp].encode()
            before, after = before.replace(old, new), after.replace(old, new)
        message = before + raw(payload) + after
        made = signature(self.key, message) if self.name == ED25519 else hmac.digest(self.key, message, self.name)
        return in_headers(payload, {**others, self.old: like(self.old, made)})


def at(now: float, like_this: str) -> str:
    return str(int(now * 1000 if len(like_this) == 13 else now))


def raw(payload: dict[str, Any]) -> bytes:
    body = payload.get("body") or ""
    return base64.b64decode(body) if payload.get("isBase64Encoded") else str(body).encode(errors="surrogatepass")


def like(old: str, digest: bytes) -> str:
    """A digest as the old one is written."""
    return digest.hex() if len(old) == 2 * len(digest) else base64.b64encode(digest).decode()


def in_headers(payload: dict[str, Any], others: dict[str, str]) -> dict[str, Any]:
    headers = dict(payload.get("headers") or {})
    for name, value in headers.items():
        for old, new in others.items():
            headers[name] = headers[name].replace(old, new) if isinstance(value, str) else value
    return {**payload, "headers": headers}


def texts(payload: dict[str, Any]) -> str:
    headers = payload.get("headers") if isinstance(payload.get("headers"), dict) else {}
    return "\n".join(value for value in (headers or {}).values() if isinstance(value, str))


def stamped(payload: Any, now: float) -> tuple[dict[str, Any], str] | None:
    """A request whose headers may hold a signature, with the present time for that in its headers; None for another."""
    if not isinstance(payload, dict) or not isinstance(payload.get("headers"), dict) or not raw(payload):
        return None
    stamps = list(dict.fromkeys(STAMP.findall(texts(payload))))
    if len(stamps) != 1:
        return payload, ""
    return in_headers(payload, {stamps[0]: (stamp := at(now, stamps[0]))}), stamp


def learned(sample: Sample, payload: dict[str, Any], stamp: str, notes: list[dict[str, str]]) -> Sample | None:
    """The sample with the way in which it is signed, from what was noted while the function refused this payload."""
    for note in notes if raw(payload) else ():
        before, body, after = bytes.fromhex(note.get("message", "")).partition(raw(payload))
        if not body:
            continue
        digest = bytes.fromhex(note["digest"])
        width = {2 * len(digest): f"[0-9a-f]{{{2 * len(digest)}}}"}
        width[4 * -(-len(digest) // 3)] = f"[0-9A-Za-z+/]{{{-(-8 * len(digest) // 6)}}}={{0,2}}"
        for form in width.values():
            if old := re.search(DIGEST.format(form), texts(payload)):
                signing = Signing(bytes.fromhex(note["key"]), note["name"], before, after, old[0], stamp)
                return replace(sample, payload=payload, signing=signing, origin=f"{sample.origin}{ANEW}")
    return None


def by_ed25519(sample: Sample, now: float) -> Sample | None:
    """The request signed over time and body, as Discord does, if it has a header that is called after Ed25519."""
    headers = sample.payload.get("headers") if isinstance(sample.payload, dict) else None
    named = next((name for name in headers or {} if ED25519 in name.lower()), "")
    timed = next((name for name in headers or {} if "timestamp" in name.lower()), "")
    if not named or not raw(sample.payload):
        return None
    old, stamp = "ab" * 64, at(now, "seconds") if timed else ""
    payload = {**sample.payload, "headers": {**(headers or {}), named: old, **({timed: stamp} if timed else {})}}
    signing = Signing(SEED, ED25519, stamp.encode(), b"", old, stamp)
    return replace(sample, payload=payload, signing=signing, origin=f"{sample.origin}{ANEW}")


def sent(sample: Sample, now: float | None = None) -> Any:
    """The payload as it is sent at a time."""
    return sample.signing.signed(sample.payload, now or time.time()) if sample.signing else sample.payload
