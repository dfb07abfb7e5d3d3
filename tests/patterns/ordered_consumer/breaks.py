"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import Break

BREAKS = (
    Break("ordered_consumer", "each applied once, in order",
          (("app.py", "    if change.number <= before.applied:\n        return\n", ""),
           ("stock.py", "if change.number != self.applied + 1:", "if change.number > self.applied + 1:"),
           ("stock.py", "applied=change.number, pieces", "applied=max(self.applied, change.number), pieces"))),
    Break("ordered_consumer", "nothing goes past it",
          (("stock.py", "if change.number != self.applied + 1:", "if change.number <= self.applied:"),
           ("app.py", "if before.parked:", "if not sku:"))),
    Break("ordered_consumer", "other groups go on",
          (("app.py", "        if before.parked:", "        if stock.first_parked('mug'):"),)),
    Break("ordered_consumer", "it stays parked, and says why", (("release.py", "            why = str(error)\n", ""),)),
    Break("ordered_consumer", "replayed in order, then on",
          (("stock.py", "save(before.after(change), {", "save(replace(before.after(change), pieces=0), {"),)),
    Break("ordered_consumer", "set aside, body intact", (("app.py", "MessageBody=record.body,", "MessageBody=sku,"),)),
    Break("ordered_consumer", "a missing number is not passed",
          (("stock.py", "if change.number != self.applied + 1:", "if change.number <= self.applied:"),)),
    Break("ordered_consumer", "it takes its own place",
          (("app.py", "        if before.parked:\n",
            "        if before.parked and change.number == before.applied + 1:\n            return\n"
            "        if before.parked:\n"),)),
)  # fmt: skip
