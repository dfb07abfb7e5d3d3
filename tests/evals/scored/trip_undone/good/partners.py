import os

import urllib3

http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=5), retries=False)


class SoldOut(Exception):
    pass


class NotDone(Exception):
    """Or done, and nobody can know."""


def reserve(event, context):
    reply = http.request(
        "POST",
        f"{os.environ['PARTNERS_URL']}/{event['partner']}/bookings",
        json=event["wish"],
        headers={"Idempotency-Key": event["trip"]},
    )
    if reply.status == 409:
        raise SoldOut(event["partner"])
    if reply.status >= 300:
        raise NotDone(f"{event['partner']}: {reply.status}")
    return {"booked": event["partner"]}


def cancel(event, context):
    reply = http.request("DELETE", f"{os.environ['PARTNERS_URL']}/{event['partner']}/bookings/{event['trip']}")
    if reply.status >= 300 and reply.status != 404:
        raise NotDone(f"{event['partner']}: {reply.status}")
    return {"canceled": event["partner"]}
