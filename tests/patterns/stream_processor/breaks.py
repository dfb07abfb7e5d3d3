"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import Break

BREAKS = (
    Break("stream_processor", "the last one stands", (("app.py", " OR version < :version", " OR version > :version"),)),
    Break("stream_processor", "garbage holds up nobody",
          (("app.py", "        set_aside(record, error)", "        raise"),)),
    Break("stream_processor", "older never wins", (("app.py", "version < :version", "version <> :version"),)),
    Break("stream_processor", "harmless",
          (("app.py", "unreadable/{record.kinesis.sequence_number}", "unreadable/{os.urandom(8).hex()}"),)),
)  # fmt: skip
