"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import Seed

ORDERED = """done = __import__("boto3").resource("dynamodb", config=aws).Table(os.environ["DONE_TABLE"])


"""
KNOWS_REPEATS = '    """A death after this call repeats it; the carrier dedupes by our key."""\n'
LOOKS_FIRST = """    if "Item" in done.get_item(Key={"id": key}):
        return {}
"""
STATUS = """    if reply.status >= 300:
        raise ConnectionError(f"carrier said {reply.status}")
"""

SEEDS = (
    Seed(
        "scheduled_job",
        "the clock makes the key",
        "twice",
        "doubled",
        (("fire.py", "{due.isoformat()}", "{datetime.now(UTC).isoformat()}"),),
    ),
    Seed(
        "scheduled_job",
        "looks first, then orders",
        "twice at once",
        "doubled",
        (
            (
                "fire.py",
                '@idempotent_function(data_keyword_argument="key", persistence_store=store, config=once, '
                'key_prefix="job")\n',
                ORDERED,
            ),
            ("fire.py", KNOWS_REPEATS, LOOKS_FIRST),
            ("fire.py", ', headers={"Idempotency-Key": key}', ""),
            ("fire.py", "    return reply.json()\n", '    done.put_item(Item={"id": key})\n    return {}\n'),
        ),
    ),
    Seed("scheduled_job", "the carrier's status is not read", "throttled", "lost", (("fire.py", STATUS, ""),)),
)
