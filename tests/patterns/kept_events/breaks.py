"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import Break

BREAKS = (
    Break("kept_events", "each order by its events, in order",
          (("publish.py", "sorted(events, key=lambda event: event.number)",
            "sorted(events, key=lambda event: -event.number)"),)),
    Break("kept_events", "the bus keeps a repeat to itself",
          (("publish.py", 'f"{event.order_id}-{event.number}"', "os.urandom(8).hex()"),)),
    Break("kept_events", "they wait, and none is lost",
          (("operate.py", "State=STATES[command.do])", 'State=STATES[command.do], ResumePosition="LATEST")'),)),
    Break("kept_events", "what is given up is named",
          (("template.yaml", "      OnFailureConfiguration: {", "      # OnFailureConfiguration: {"),)),
    Break("kept_events", "a failure holds up all", (("template.yaml", "Type: FIFO", "Type: UNORDERED"),)),
    Break("kept_events", "a gap is not passed",
          (("track.py", "if event.number == done + 1:", "if event.number > done:"),)),
    Break("kept_events", "what was missed is made good",
          (("operate.py", '{"StartingPosition": "POINT_IN_TIME", "PointInTimeConfiguration": place,',
            '{"StartingPosition": "LATEST",'),)),
    Break("kept_events", "what was applied stays",
          (("track.py", "    if event.number == done + 1:\n",
            "    if event.delivery == 'REPLAY':\n        save(event, before, number=event.number, cents=0)\n"
            "    if event.number == done + 1:\n"),
           ("operate.py", '{"PointType": "TIMESTAMP", "StartingPoint": since}', '{"PointType": "HORIZON"}'))),
    Break("kept_events", "it ends once nothing is missing",
          (("operate.py", "    if waiting := missing():", "    if (waiting := missing()) and not reader:"),)),
    Break("kept_events", "nobody waits for it",
          (("track.py", '        logger.warning("set aside", exc_info=True)\n', "        raise\n"),)),
)  # fmt: skip
