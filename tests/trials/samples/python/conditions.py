"""What a condition of Python's says of an item: it is passed over for what it has, or done for what it lacks."""

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trials.samples.python.walk import Walker

ENDS = (ast.Continue, ast.Return, ast.Raise, ast.Break)


def noted(walker: "Walker", node: ast.If) -> None:
    """Take note of what is read for a condition, and of what an item must not be for the code to go on."""
    known = dict(walker.event.reads.values)
    walker.value(node.test)
    if isinstance(node.body[-1], ast.Continue) and not node.orelse:
        for test in parts(node.test, ast.Or):
            if not isinstance(test, ast.Compare):
                walker.event.unwanted(walker.value(test) if not isinstance(test, ast.UnaryOp) else None)
            elif isinstance(test.ops[0], ast.Eq | ast.In) and (steps := walker.value(test.left)) is not None:
                walker.event.reads.values.pop(steps, None)
                walker.event.reads.values |= {steps: known[steps]} if steps in known else {}
    elif not isinstance(node.body[-1], ENDS):
        for test in parts(node.test, ast.And):
            lacking(walker, test)


def lacking(walker: "Walker", test: ast.expr) -> None:
    """Take note of what an item must lack: `if not action.get("reminded")`."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        walker.event.unwanted(walker.value(test.operand))


def parts(test: ast.expr, joined: type[ast.boolop]) -> list[ast.expr]:
    return test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, joined) else [test]


def collected(walker: "Walker", target: ast.expr, steps: tuple[str, ...]) -> None:
    """Let a list into which something was put stand for it; under a key only what is of an item."""
    if isinstance(target, ast.Name):
        walker.names.setdefault(target.id, steps)
    elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        walker.event.keep(str(target.slice.value), steps)
