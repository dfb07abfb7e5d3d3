"""An issuer of tokens, whoever code takes it for: it publishes the keys by which its tokens are verified."""

import json
import re
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

KEYS = re.compile(r"/(?:\.well-known/)?(?:jwks(?:\.json)?|keys|certs)$")
CONFIGURATION = re.compile(r"/\.well-known/(?:openid-configuration|oauth-authorization-server)$")
NAME = "trial"  # of its one key


class Issuer:
    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def publishes(self, host: str, path: str) -> dict[str, Any] | None:
        """What is read of it at an address: its keys, or where they are; None for anything else."""
        path = path.split("?")[0]
        if KEYS.search(path):
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
            return {"keys": [{**public, "kid": NAME, "alg": "RS256", "use": "sig"}]}
        if CONFIGURATION.search(path):
            own = f"https://{host}{CONFIGURATION.sub('', path)}"
            return {"issuer": own, "jwks_uri": f"{own}/.well-known/jwks.json"}
        return None

    def token(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": NAME})


def issuer_of(host: str, path: str) -> str:
    """Who has issued the tokens that are verified by the keys at an address; empty for an address of another kind."""
    path = path.split("?")[0]
    of = KEYS.sub("", path) if KEYS.search(path) else None
    return "" if of is None else f"https://{host}{of}"
