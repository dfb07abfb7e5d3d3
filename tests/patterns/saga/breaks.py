"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import MACHINE, Break

BREAKS = (
    Break("saga", "one id is one order, started once", (("start.py", 'json.loads(known["input"]) != order or ', ""),)),
    Break("saga", "all or nothing, and the caller knows why",
          ((MACHINE, '"undo": ["stock", "charge"] }', '"undo": ["stock"] }'),)),
    Break("saga", "a refusal is not repeated, and what was refused is not undone",
          ((MACHINE, "$states.context.State.RetryCount = 0 ? ['stock'] : ['stock', 'charge']",
            "['stock', 'charge']"),)),
    Break("saga", "what a step answered is kept for its undo",
          ((MACHINE, '"Assign": { "charge_id": "{% $states.result.Payload.charge_id %}" },', ""),)),
    Break("saga", "a passing fault is retried",
          ((MACHINE, '''["CardDeclined"], "MaxAttempts": 0 },
        { "ErrorEquals": ["States.ALL"], "MaxAttempts": 3''', '''["CardDeclined"], "MaxAttempts": 0 },
        { "ErrorEquals": ["States.ALL"], "MaxAttempts": 0'''),)),
    Break("saga", "what may have happened is undone too",
          (("partner.py", 'if "begun" in known:', 'if event["charge_id"]:'),)),
    Break("saga", "what is undone stays undone",
          (("partner.py", ', ConditionExpression="attribute_not_exists(undone)")', ")"),)),
    Break("saga", "a human hears of an undo that fails while it is tried, and of the order's own failure",
          ((MACHINE, '"Output": "charge", "Next": "TellThatUndoFails"',
            '"Output": "charge", "Next": "WaitForMending"'),)),
    Break("saga", "what cannot be undone and may have happened is a human's",
          ((MACHINE, '"refused": false', '"refused": true'),)),
    Break("saga", "what cannot be undone and may have happened is a human's",
          ((MACHINE, '"Default": "AskWhetherBooked"\n    },\n    "Booked"',
            '"Default": "Undo"\n    },\n    "Booked"'),)),
    Break("saga", "a half-done order finds its human even if its event is lost, an undone one troubles nobody",
          (("sweep.py", ', "ABORTED")', ")"),)),
)  # fmt: skip
