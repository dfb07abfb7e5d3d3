import os

import urllib3

http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=4), retries=False)


def store(product):
    """Put a product's public part into the index."""
    document = {"name": product["name"], "cents": int(product["cents"]), "text": product.get("text", "")}
    url = f"{os.environ['SEARCH_URL']}/products/{product['id']}?version={int(product['revision'])}"
    reply = http.request("PUT", url, json=document)
    if reply.status >= 300 and reply.status != 409:
        raise RuntimeError(f"{product['id']}: {reply.status}")
