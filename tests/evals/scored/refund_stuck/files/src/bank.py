"""The bank's API: POST /transfers.

Most transfers take a second. In the bank's night run, 01:00 to 02:30, one takes up to 25 seconds. For a day the bank
knows an Idempotency-Key again and answers with the first transfer.
"""

import os

import urllib3

http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=30), retries=False)


class NotTransferred(Exception):
    pass


def transfer(refund_id, iban, cents):
    reply = http.request(
        "POST",
        f"{os.environ['BANK_URL']}/transfers",
        json={"reference": refund_id, "iban": iban, "cents": cents},
        headers={"Idempotency-Key": refund_id},
    )
    if reply.status >= 300:
        raise NotTransferred(f"{reply.status} for {refund_id}")
    return reply.json()["transfer"]
