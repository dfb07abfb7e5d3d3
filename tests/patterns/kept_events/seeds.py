"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import Seed

SEEDS = (
    Seed(
        "kept_events",
        "a repeat is the next event",
        "twice",
        "doubled",
        (
            ("track.py", "if event.number == done + 1:", "if event.number <= done + 1:"),
            ("track.py", "number=event.number, status", "number=done + 1, status"),
        ),
    ),
    Seed(
        "kept_events",
        "errors are logged and passed over",
        "throttled",
        "lost",
        (
            (
                "track.py",
                "    apply(told)\n",
                "    try:\n        apply(told)\n    except Exception:\n        logger.exception('not applied')\n",
            ),
        ),
    ),
    Seed(
        "kept_events",
        "a write that fails is passed over",
        "throttled",
        "lost",
        (
            (
                "track.py",
                "    orders.put_item(**put)\n",
                "    try:\n        orders.put_item(**put)\n    except Exception:\n        logger.exception('no')\n",
            ),
        ),
    ),
)
