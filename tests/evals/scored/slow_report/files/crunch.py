"""Sums up a customer's month. For the largest it takes ten minutes and comes to 40 MB of CSV; it only reads.

The warehouse bills us two dollars for each run.
"""

import os

import urllib3

http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=120), retries=urllib3.Retry(3))


def report(company, month):
    lines = ["day;orders;cents"]
    for day in range(1, 32):
        answer = http.request("GET", f"{os.environ['WAREHOUSE_URL']}/{company}/{month}/{day:02}")
        if answer.status == 200:
            lines += answer.json()
    return "\n".join(lines)
