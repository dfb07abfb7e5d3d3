"""What functions look for: items in DynamoDB, and objects, parameters and secrets that are not there."""

import json
import re
import urllib.parse
from typing import Any

LOOKUPS = ("GetItem", "BatchGetItem", "Query", "UpdateItem", "DeleteItem", "TransactWriteItems")
MOST = 20  # that are remembered of either kind
SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([\w-]+)/")
NAMED = {  # by the last words of a target: the kind of thing, and the member that names it
    "secretsmanager.GetSecretValue": ("secret", "SecretId"),
    "AmazonSSM.GetParameter": ("parameter", "Name"),
    "AmazonSSM.GetParameters": ("parameter", "Names"),
    "AmazonSSM.GetParametersByPath": ("parameters", "Path"),
}


def lookup(target: str, body: bytes) -> dict[str, Any] | None:
    """A request to DynamoDB for items: its operation and its content."""
    service, _, operation = target.partition(".")
    if not service.startswith("DynamoDB_") or operation not in LOOKUPS:
        return None
    return {"operation": operation, "request": json.loads(body or b"{}")}


def missing(method: str, path: str, query: str, headers: Any, body: bytes, status: int) -> list[tuple[str, str]]:
    """The kinds and names of what a request may have asked for in vain; an object is named by its bucket and key.

    Of several parameters AWS tells under 200 which are not there, so that each of them is named.
    """
    kind, member = NAMED.get(headers.get("X-Amz-Target", ""), ("", ""))
    if kind and (status >= 400 or kind == "parameters" or member == "Names"):
        named = json.loads(body or b"{}").get(member) or []
        return [(kind, str(name)) for name in ([named] if isinstance(named, str) else named)]
    signed = SCOPE.search(headers.get("Authorization", ""))
    bucket, _, key = urllib.parse.unquote(path).lstrip("/").partition("/")
    if status == 404 and method in ("GET", "HEAD") and signed and signed[1] == "s3" and key and "uploadId" not in query:
        return [("object", f"{bucket}/{key}")]
    return []
