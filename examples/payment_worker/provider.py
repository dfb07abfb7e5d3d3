"""A payment provider without idempotency keys: what each of its answers says about the charge."""

import os

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

PROVIDER = os.environ["PROVIDER_URL"]

# A connection that is kept may have died while the environment was frozen, which looks like an answer that was lost.
provider = urllib3.PoolManager(
    timeout=urllib3.Timeout(connect=2, read=20), retries=False, headers={"Connection": "close"}
)


class NotCharged(Exception):
    """Nothing was charged, for certain: the same call may be made again."""


def charge(payment_id: str, card: str, cents: int) -> tuple[str, str]:
    """DONE, REFUSED or UNKNOWN, and what was said. Only what the provider's contract rules out is no charge."""
    try:
        reply = provider.request("POST", PROVIDER, json={"reference": payment_id, "card": card, "cents": cents})
    except (NewConnectionError, ConnectTimeoutError) as error:
        raise NotCharged("the request was never sent") from error
    except HTTPError as error:  # it was sent, and no answer came: the card may be charged
        return "UNKNOWN", repr(error)
    if reply.status in (401, 403, 429):  # by its contract turned away before anything was done
        raise NotCharged(f"the provider said {reply.status}")
    said = f"{reply.status} {reply.data.decode(errors='replace')[:1000]}"
    if reply.status in (402, 422):
        return "REFUSED", said
    return ("DONE" if reply.status in (200, 201) else "UNKNOWN"), said  # a 500 or 504 may have charged
