import os

import urllib3

http = urllib3.PoolManager(maxsize=10, timeout=urllib3.Timeout(connect=1, read=8), retries=False)


def call(method, order_id, order=None):
    answer = http.request(method, f"{os.environ['NORDLOG_URL']}/orders/{order_id}", json=order)
    if answer.status >= 300:
        raise RuntimeError(f"Nordlog: {answer.status} for {method} {order_id}")
