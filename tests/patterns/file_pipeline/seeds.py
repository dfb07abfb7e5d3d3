"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import Seed

SEEDS = (
    Seed(
        "file_pipeline",
        "each check keeps a copy of its own",
        "twice",
        "doubled",
        (("check.py", "{upload.key}/{upload.version}", "{upload.key}/{os.urandom(8).hex()}"),),
    ),
    Seed(
        "file_pipeline",
        "every error of S3 is taken for an overtaken file",
        "throttled",
        "lost",
        (("check.py", '        if error.response["Error"]["Code"] not in OVERTAKEN:\n            raise\n', ""),),
    ),
    Seed(
        "file_pipeline",
        "a busy S3 is taken for an overtaken file",
        "throttled",
        "lost",
        (("check.py", '("NoSuchKey", "PreconditionFailed")', '("NoSuchKey", "PreconditionFailed", "SlowDown")'),),
    ),
)
