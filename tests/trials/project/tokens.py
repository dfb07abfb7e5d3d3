"""A token as code checks one itself: well formed, and signed by a key that nobody knows."""

import base64
import hmac
import json
from typing import Any

from trials.moment import SECONDS

CLAIMS: dict[str, Any] = {
    **dict.fromkeys(("sub", "id", "userId", "user_id", "username", "name"), "trial-1"),
    **{"email": "trial@example.com", "role": "admin", "iss": "https://issuer.example.test", "aud": "trial"},
    **{"iat": SECONDS, "exp": 4102444800},
}
HASHES = {"sha256": "HS256", "sha384": "HS384", "sha512": "HS512"}


def written(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def token(key: bytes, name: str = "sha256", role: str = CLAIMS["role"]) -> str:
    header = {"alg": HASHES[name], "typ": "JWT"}
    signed = ".".join(written(json.dumps(part).encode()) for part in (header, CLAIMS | {"role": role}))
    return f"{signed}.{written(hmac.digest(key, signed.encode(), name))}"


TOKEN = token(b"trial")
