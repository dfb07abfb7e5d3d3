"""A Lambda authorizer for a REST API that takes only tokens which the issuer signed for this API.

Its answer stays right while API Gateway caches it for the token. The package needs `pyjwt[crypto]`.
"""

import os
from typing import Any

import jwt

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]
MAY = {"reader": ("GET/*",), "clerk": ("GET/*", "POST/orders")}  # routes by role

# Keeps the issuer's keys for five minutes, and asks for an unknown one every 30 s at most, whoever makes keys up.
keys = jwt.PyJWKClient(os.environ["JWKS_URL"], timeout=2)


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Everything this caller may do in the stage: API Gateway holds the answer against the next method too."""
    stage = "/".join(event["methodArn"].split("/")[:2])
    claims = verified(event["authorizationToken"])
    allowed = [f"{stage}/{path}" for path in MAY[claims["role"]]]
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": allowed}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": claims["sub"], "policyDocument": policy, "context": {"tenant": claims["tenant"]}}


def verified(header: str) -> dict[str, Any]:
    """The claims of a token that is genuine, for us and in time; any other text than `Unauthorized` would be a 500."""
    token = header.removeprefix("Bearer ")
    try:
        key = keys.get_signing_key_from_jwt(token)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],  # never what the token itself asks for
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": ["exp", "sub", "role", "tenant"]},
        )
    except jwt.PyJWKClientConnectionError:  # the issuer is down, and the caller not to blame: 500
        raise
    except jwt.PyJWTError as refused:
        raise ValueError("Unauthorized") from refused
    if claims["role"] not in MAY:
        raise ValueError("Unauthorized")
    return claims
