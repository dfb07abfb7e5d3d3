"""Reads answered as the services may answer them: in pages of one item, or before what was written last is seen."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

Answer = tuple[int, dict[str, str], bytes]  # status, headers and body
Forward = Callable[..., Awaitable[Answer]]  # as the proxy's `forwarded`
Item = dict[str, Any]
PREFIX = "DynamoDB_20120810."
IN_PAGES = (f"{PREFIX}Query", f"{PREFIX}Scan")


async def page_of_one(forwarded: Forward, upstream: str, request: Any) -> tuple[Answer, int] | None:
    """The first item, and from where to go on, as the service says it; None for a call that has no pages.

    With it, how many further pages there are: one or none.
    """
    body, more = b"", ""
    if request.headers.get("X-Amz-Target", "") in IN_PAGES:
        body = json.dumps({"Limit": 1, **json.loads(await request.read())}).encode()
    elif request.query.get("list-type") == "2" and "max-keys" not in request.query:
        more = "&max-keys=1"
    else:
        return None
    status, headers, answer = await forwarded(upstream, request, body, more)
    further = b'"LastEvaluatedKey"' in answer or b"<IsTruncated>true" in answer
    return (status, headers, answer), int(further)


async def too_early(
    forwarded: Forward, upstream: str, request: Any, body: bytes, known: list[Item]
) -> tuple[Answer, int] | None:
    """What DynamoDB answers before it sees more than the items `known`; None for a call that reads consistently.

    With it, how many items are held back.
    """
    operation = request.headers.get("X-Amz-Target", "").removeprefix(PREFIX)
    if operation not in ("GetItem", "BatchGetItem", "Query", "Scan") or '"ConsistentRead":true' in squeezed(body):
        return None
    status, headers, answer = await forwarded(upstream, request, body)
    if status != 200:
        return (status, headers, answer), 0
    told, held_back = as_before(json.loads(answer), known)
    headers = {name: value for name, value in headers.items() if "crc32" not in name.lower()}
    return (200, headers, json.dumps(told).encode()), held_back


def squeezed(body: bytes) -> str:
    return json.dumps(json.loads(body or b"{}"), separators=(",", ":"))


def as_before(told: dict[str, Any], known: list[Item]) -> tuple[dict[str, Any], int]:
    """An answer without the items that are new, and how many these are; `known` are those from before."""

    def seen(items: list[Item]) -> list[Item]:
        return [item for item in items if any(item.items() <= before.items() for before in known)]

    lists = [told["Items"]] if "Items" in told else list(told.get("Responses", {}).values())
    lists += [[told["Item"]]] if "Item" in told else []
    held_back = sum(len(items) - len(seen(items)) for items in lists)
    changed = dict(told)
    if "Items" in told:
        changed |= {"Items": seen(told["Items"]), "Count": len(seen(told["Items"]))}
    if "Responses" in told:
        changed["Responses"] = {table: seen(items) for table, items in told["Responses"].items()}
    if "Item" in told and not seen([told["Item"]]):
        del changed["Item"]
    return changed, held_back
