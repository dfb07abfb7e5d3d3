"""A Lambda authorizer for a REST API whose answer stays right while it is cached for the token."""

from typing import Any

MAY = {"reader": ("GET/*",), "clerk": ("GET/*", "POST/orders")}


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Everything this caller may do in the stage: API Gateway holds the answer against the next method too."""
    stage = "/".join(event["methodArn"].split("/")[:2])
    caller, role = verified(event["authorizationToken"])
    allowed = [f"{stage}/{path}" for path in MAY[role]]
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": allowed}
    return {"principalId": caller, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


def verified(token: str) -> tuple[str, str]:
    """Who the token is of; any other text than `Unauthorized` raised here would be a 500."""
    caller, _, role = token.removeprefix("Bearer ").partition(":")
    if role not in MAY:
        raise ValueError("Unauthorized")
    return caller, role
