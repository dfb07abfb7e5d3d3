"""MiniStack whose Choice states compare texts and times with those at a path, as the States Language has it.

MiniStack knows them for numbers, and takes any other rule of the kind for one that does not fit.
"""

from functools import wraps
from typing import Any

import ministack.services.stepfunctions as machines

LACKING = {
    f"{kind}{order}Path": f"{kind}{order}"
    for kind in ("String", "Timestamp")
    for order in ("LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
} | {"TimestampEqualsPath": "TimestampEquals"}
plain = machines._evaluate_rule


@wraps(plain)
def evaluate(rule: Any, data: Any, ctx: Any = None) -> Any:
    for written, known in LACKING.items():
        if written in rule:
            other = machines._resolve_path_or_ctx(rule[written], data, ctx)
            return isinstance(other, str) and plain({"Variable": rule["Variable"], known: other}, data, ctx)
    return plain(rule, data, ctx)


machines._evaluate_rule = evaluate
