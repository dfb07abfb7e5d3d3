"""Our ERP. An answer takes 2 to 8 seconds, and on Sundays it is being serviced. Each release has a parcel packed."""

import os

import urllib3

http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=10), retries=False)


def release(order_id, payment):
    answer = http.request("POST", f"{os.environ['ERP_URL']}/releases", json={"order_id": order_id, "payment": payment})
    if answer.status >= 300:
        raise RuntimeError(f"ERP: {answer.status}")


def is_released(order_id):
    answer = http.request("GET", f"{os.environ['ERP_URL']}/releases/{order_id}")
    if answer.status not in (200, 404):
        raise RuntimeError(f"ERP: {answer.status}")
    return answer.status == 200
