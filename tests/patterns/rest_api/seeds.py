"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import Seed

STORED = """    try:
        dynamodb.put_item(
"""
LOOKED_FIRST = """    for found in dynamodb.scan(TableName=TABLE, ConsistentRead=True)["Items"]:
        if found["request"]["S"] == request:
            return stored(found)
    try:
        dynamodb.put_item(
"""
BY_ID = 'order_id = str(uuid5(NAMESPACE_URL, f"{len(customer)}:{customer}:{key}"))'
NO_ID = "order_id = str(__import__('uuid').uuid4())"

SEEDS = (
    Seed("rest_api", "an id of its own for each request", "twice", "doubled", (("orders.py", BY_ID, NO_ID),)),
    Seed(
        "rest_api",
        "every error is swallowed",
        "throttled",
        "lost",
        (
            ("orders.py", "except dynamodb.exceptions.ConditionalCheckFailedException as error:", "except Exception:"),
            ("orders.py", "        found: Any = error.response\n", "        return stored(item)\n"),
            ("orders.py", '        if found["Item"]["request"]["S"] != request:\n', ""),
            ("orders.py", "            raise KeyReused from error\n", ""),
        ),
    ),
    Seed(
        "rest_api",
        "looks first, then writes",
        "twice at once",
        "doubled",
        (("orders.py", BY_ID, NO_ID), ("orders.py", STORED, LOOKED_FIRST)),
    ),
)
