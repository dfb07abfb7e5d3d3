"""Realistic mistakes in this example, each caught by a test of its promises, its faults or its template."""

from support.mistakes import MACHINE, TEMPLATE, Mutant

MUTANTS = (
    Mutant("saga", "sells more than there is",
           (("stock.py", '"available >= :least"', '"available >= :least OR attribute_exists(sku)"'),)),
    Mutant("saga", "gives back without forgetting", (("stock.py", "[forget, shelf(", "[shelf("),)),
    Mutant("saga", "a step runs after its undo",
           (("partner.py", ', ConditionExpression="attribute_not_exists(undone)")', ")"),)),
    Mutant("saga", "every refusal is final", (("partner.py", "in (400, 402, 409, 422)", "< 500"),)),
    Mutant("saga", "no trace of a charge", (("partner.py", 'begin("charge"', '# begin("charge"'),)),
    Mutant("saga", "a step that fails is not undone",
           ((MACHINE, '"Next": "CancelShipment" }]', '"Next": "RefundCard" }]'),)),
    Mutant("saga", "a step is not retried", ((MACHINE, '"MaxAttempts": 4', '"MaxAttempts": 0'),)),
    Mutant("saga", "a timeout is not caught",
           ((MACHINE, '"Catch": [{ "ErrorEquals": ["States.ALL"]',
             '"Catch": [{ "ErrorEquals": ["States.TaskFailed"]'),)),
    Mutant("saga", "a task may hang", ((MACHINE, '"TimeoutSeconds": 30,', ""),)),
    Mutant("saga", "aborted executions are nobody's", ((TEMPLATE, "[TIMED_OUT, ABORTED]", "[TIMED_OUT]"),)),
    Mutant("saga", "nobody learns which execution",
           ((TEMPLATE, ", InputPath: $.detail.executionArn }", " }"),)),
    Mutant("saga", "addresses in the log", ((TEMPLATE, "IncludeExecutionData: false", "IncludeExecutionData: true"),)),
    Mutant("saga", "a name that can run twice", ((TEMPLATE, "Type: STANDARD #", "Type: EXPRESS #"),)),
    Mutant("saga", "marks that expire",
           ((TEMPLATE, "SSESpecification: {",
             "TimeToLiveSpecification: { AttributeName: expires, Enabled: true }\n      SSESpecification: {"),)),
)  # fmt: skip
