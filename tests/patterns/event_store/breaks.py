"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import Break

BREAKS = (
    Break("event_store", "no overdraft, none too few", (("command.py", "if new.cents < 0:", "if command.cents < 0:"),)),
    Break("event_store", "none overwritten", (("command.py", "else put | once}", "else put}"),)),
    Break("event_store", "a repeat changes nothing",
          (("command.py", ', f"command#{command.command_id}": mark}', "}"),)),
    Break("event_store", "they say what the log says", (("project.py", "version < :version", "version > :version"),)),
    Break("event_store", "an outage loses no balance",
          (("project.py", "                raise  #", "                break  #"),)),
    Break("event_store", "the same again", (("project.py", "in sorted(cards):", "in sorted(cards)[:1]:"),)),
)  # fmt: skip
