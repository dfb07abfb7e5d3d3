"""Keys that code goes through one by one: names that it lists, and the keys that a part of the event has."""

from typing import TYPE_CHECKING

from tree_sitter import Node

from trials.samples.javascript.code import WRAPPED, Code, parameters
from trials.samples.javascript.shapes import literal, text
from trials.samples.reads import Steps

if TYPE_CHECKING:
    from trials.samples.javascript.walk import Walker

ITERATES = {"map", "forEach", "filter", "some", "every", "find", "reduce", "flatMap"}
ASKS = {"includes", "has", "indexOf"}
OF_KEYS = ("Object.keys", "Object.entries")


class Words:
    """`listed` are the names that a variable holds one after the other, `held` the object whose keys it does."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.constants: dict[str, list[str]] = {}
        self.listed: dict[str, list[str]] = {}
        self.held: dict[str, Steps] = {}

    def declare(self, name: Node | None, value: Node | None) -> None:
        if name is not None and value is not None and (words := self.of(value)):
            self.constants[text(name)] = words

    def of(self, node: Node | None) -> list[str]:
        """The names that an expression lists: an array of texts, a set of them, or a variable that is one."""
        if node is None:
            return []
        if node.type in WRAPPED and node.named_children:
            return self.of(node.named_children[0])
        if node.type == "array":
            words = [literal(each) for each in node.named_children if each.type != "comment"]
            return [word for word in words if isinstance(word, str)] if all(isinstance(w, str) for w in words) else []
        if node.type == "new_expression" and text(node.child_by_field_name("constructor")) == "Set":
            listed = node.child_by_field_name("arguments")
            return self.of(listed.named_children[0]) if listed is not None and listed.named_children else []
        if node.type != "identifier":
            return []
        known = self.constants.get(text(node))
        above = self.code.everything.get(text(node))
        return known or (self.of(above) if above is not None and above.type != "identifier" else [])

    def bind(self, walker: "Walker", target: Node, over: Node) -> None:
        """What a loop over names, or over the keys of an object, gives its variable."""
        first = target.named_children[0] if target.type == "array_pattern" and target.named_children else target
        first = first.child_by_field_name("pattern") or first
        if words := self.of(over):
            self.listed[text(first)] = words
        elif (steps := self.keys_of(walker, over)) is not None:
            self.held[text(first)] = steps

    def keys_of(self, walker: "Walker", node: Node) -> Steps | None:
        """The part of the event of which `Object.keys(…)` or `Object.entries(…)` gives the keys."""
        called, listed = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if node.type != "call_expression" or text(called) not in OF_KEYS or listed is None or not listed.named_children:
            return None
        return walker.value(listed.named_children[0])

    def read(self, walker: "Walker", holder: Node | None, key: Node | None) -> None:
        """`body[name]`, `name in body` and `body.hasOwnProperty(name)` for names that are known."""
        words = self.listed.get(text(key), [])
        steps = walker.value(holder) if words and holder is not None else None
        for word in words:
            walker.event.property(steps, word)

    def gone_through(self, walker: "Walker", owner: Node, name: str, arguments: list[Node]) -> bool:
        """Whether a call goes through known names or keys, or asks whether a key is among known names."""
        if name in ASKS and arguments and (steps := self.held.get(text(arguments[0]))) is not None:
            for word in self.of(owner):
                walker.event.property(steps, word)
            return bool(self.of(owner))
        callback = walker.code.function(arguments[0]) if arguments and name in ITERATES else None
        given = parameters(callback)[name == "reduce" :] if callback is not None else []
        if callback is None or not given or not (self.of(owner) or self.keys_of(walker, owner) is not None):
            return False
        self.bind(walker, given[0], owner)
        walker.call(callback, [])
        return True
