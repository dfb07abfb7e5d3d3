"""What a condition of JavaScript's says of an item: it is passed over for what it has, or done for what it lacks."""

from typing import TYPE_CHECKING

from tree_sitter import Node

from trials.samples.javascript.shapes import literal, text

if TYPE_CHECKING:
    from trials.samples.javascript.walk import Walker

ENDS = ("continue_statement", "return_statement", "throw_statement", "break_statement")


def noted(walker: "Walker", node: Node) -> None:
    """Take note of what is read for a condition, and of what an item must not be for the code to go on."""
    condition, body = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
    if condition is None or body is None:
        return
    known = dict(walker.event.reads.values)
    walker.value(condition)
    inner = body.named_children if body.type == "statement_block" else [body]
    last = inner[-1].type if inner else ""
    if last == "continue_statement" and node.child_by_field_name("alternative") is None:
        for test in parts(condition, "||"):
            if test.type in ("member_expression", "subscript_expression", "identifier", "call_expression"):
                walker.event.unwanted(walker.value(test))
            elif equal := compared(test):
                steps = walker.value(equal)
                if steps is not None:
                    walker.event.reads.values.pop(steps, None)
                    walker.event.reads.values |= {steps: known[steps]} if steps in known else {}
    elif last not in ENDS:
        lacking(walker, condition)


def lacking(walker: "Walker", condition: Node | None) -> None:
    """Take note of what an item must lack: `if (!item.reminded)`, `items.filter((item) => !item.done)`."""
    for test in parts(condition, "&&") if condition is not None else ():
        if test.type == "unary_expression" and text(test.child_by_field_name("operator")) == "!":
            walker.event.unwanted(walker.value(test.named_children[0]))


def compared(node: Node) -> Node | None:
    """The left side of `left === "value"`."""
    equal = node.type == "binary_expression" and text(node.child_by_field_name("operator")) in ("==", "===")
    right = node.child_by_field_name("right")
    return node.child_by_field_name("left") if equal and literal(right) is not None else None


def parts(condition: Node, joined: str) -> list[Node]:
    """The conditions that an operator joins."""
    if condition.type == "parenthesized_expression" and condition.named_children:
        return parts(condition.named_children[0], joined)
    left, right = condition.child_by_field_name("left"), condition.child_by_field_name("right")
    if condition.type == "binary_expression" and text(condition.child_by_field_name("operator")) == joined:
        return [
            *(parts(left, joined) if left is not None else []),
            *(parts(right, joined) if right is not None else []),
        ]
    return [condition]
