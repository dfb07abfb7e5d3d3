import os

import urllib3

http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=4), retries=False)


def store(product):
    """Put a product's public part into the index."""
    document = {"name": product["name"], "cents": int(product["cents"]), "text": product.get("text", "")}
    call("PUT", product["id"], int(product["revision"]), json=document)


def remove(product):
    """Above the last revision that the product had, and below that with which it may come back."""
    call("DELETE", product["id"], int(product["revision"]) + 1)


def call(method, product_id, version, **content):
    reply = http.request(method, f"{os.environ['SEARCH_URL']}/products/{product_id}?version={version}", **content)
    if reply.status >= 300 and reply.status != 409:  # the index knows this version already, or a newer one
        raise RuntimeError(f"{product_id}: {reply.status}")
