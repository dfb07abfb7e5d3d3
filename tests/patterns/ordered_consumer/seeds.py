"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import REPORTS, Seed

SEEDS = (
    Seed(
        "ordered_consumer",
        "a repeat is the next change",
        "twice",
        "doubled",
        (
            ("app.py", "    if change.number <= before.applied:\n        return\n", ""),
            ("stock.py", "if change.number != self.applied + 1:", "if change.number > self.applied + 1:"),
        ),
    ),
    Seed(
        "ordered_consumer",
        "errors are logged and passed over",
        "throttled",
        "lost",
        (
            (
                "app.py",
                "    return apply(sku, change)\n",
                "    try:\n        apply(sku, change)\n    except Exception:\n        logger.exception('not applied')\n"
                "    return None\n",
            ),
        ),
    ),
    Seed("ordered_consumer", "no partial batch", "throttled", "lost", (("template.yaml", REPORTS, "Enabled: true"),)),
)
