import os

import urllib3

RETRIES = urllib3.Retry(total=2, connect=2, read=2, backoff_factor=0.1, allowed_methods=None)
http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=4), retries=RETRIES)


class ProviderError(Exception):
    pass


class Provider:
    """The card provider: POST / with an order; it keeps an Idempotency-Key for a day."""

    def charge(self, order_id, cents):
        headers = {"Idempotency-Key": order_id}
        reply = http.request(
            "POST", os.environ["PROVIDER_URL"], json={"order_id": order_id, "cents": cents}, headers=headers
        )
        if reply.status >= 300:
            raise ProviderError(f"{reply.status} for {order_id}")
        return reply.json()["reference"]
