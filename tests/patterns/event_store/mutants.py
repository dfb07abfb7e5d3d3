"""Realistic mistakes in this example, each caught by a test of its promises, its faults or its template."""

from support.mistakes import GIVEN_UP, LOST, TEMPLATE, Mutant

MUTANTS = (
    Mutant("event_store", "a writer overwrites an event", (("command.py", "else put | once}", "else put}"),)),
    Mutant("event_store", "nothing marks a command as done",
           (("command.py", ', f"command#{command.command_id}": result}', "}"),)),
    Mutant("event_store", "overdrafts", (("command.py", "if new.cents < 0:", "if command.cents < 0:"),)),
    Mutant("event_store", "a read that decides is not consistent",
           (("ledger.py", "        ConsistentRead=True,\n", ""),)),
    Mutant("event_store", "only the first page",
           (("ledger.py", "    for page in pages:", "    for page in list(pages)[:1]:"),)),
    Mutant("event_store", "a slow projection undoes a newer one",
           (("project.py", "version < :version", "version <> :version"),)),
    Mutant("event_store", "the writer may delete",
           ((TEMPLATE, "dynamodb:PutItem, dynamodb:Query", "dynamodb:PutItem, dynamodb:DeleteItem, dynamodb:Query"),)),
    Mutant("event_store", "hears of marks and snapshots too",
           ((TEMPLATE, '"S": [{"prefix": "event#"}]', '"S": [{"prefix": ""}]'),)),
    Mutant("event_store", "any number of retries", ((TEMPLATE, "MaximumRetryAttempts: 10", "# any number"),)),
    Mutant("event_store", "what is given up is gone", ((TEMPLATE, GIVEN_UP, LOST),)),
    Mutant("event_store", "the log goes with its stack",
           ((TEMPLATE, "DeletionPolicy: Retain", "DeletionPolicy: Delete"),)),
)  # fmt: skip
