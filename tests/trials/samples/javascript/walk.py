"""Follow the event through the code of a JavaScript or TypeScript handler."""

from tree_sitter import Node

from trials.samples.javascript.code import FUNCTIONS, WRAPPED, Code, everywhere, parameters, takes_events
from trials.samples.javascript.conditions import lacking, noted
from trials.samples.javascript.known import (
    COUNTERS,
    ENVELOPES,
    FORMS,
    ITERATES,
    NUMBERS,
    PARSED_BY,
    PARSES,
    PASSES,
    SAME,
    SAME_LIST,
)
from trials.samples.javascript.shapes import key, literal, text
from trials.samples.javascript.words import Words
from trials.samples.paths import CHECKED, LISTED, REQUEST, SPLIT, EventPaths
from trials.samples.reads import EACH, FORM, JSON, Steps
from trials.samples.shape import Shape

DEEPEST, MOST = 5, 400  # calls within calls, and calls in all


def served_by(route: Node) -> tuple[str, str]:
    """The method and the path of a call such as `app.post('/orders', place)`."""
    called, listed = route.child_by_field_name("function"), route.child_by_field_name("arguments")
    method = text(called.child_by_field_name("property")) if called is not None else ""
    path = literal(listed.named_children[0]) if listed is not None else ""
    return "GET" if method == "all" else method.upper(), str(path)


class Walker:
    """Follows the event through the code: `names` are the variables that hold a part of it."""

    def __init__(self, code: Code) -> None:
        self.code, self.event, self.words = code, EventPaths(), Words(code)
        self.names: dict[str, Steps] = {}
        self.returned: list[Steps] = []
        self.depth = self.calls = 0

    def start(self, entry: Node | None) -> None:
        at: Node | None = entry
        if at is not None and at.type == "identifier":
            at = self.code.everything.get(text(at), at)
        for node in everywhere(at) if at is not None and at.type == "call_expression" else ():
            self.event.parsed |= PARSED_BY.get(text(node.child_by_field_name("function")), set())
            self.powertools(node)
        function = self.code.function(entry)
        if function is not None:
            self.call(function, [()])
        for route in self.code.routes:
            listed = route.child_by_field_name("arguments")
            self.event.reads.routes.append(served_by(route))
            hooked = self.code.function(listed.named_children[-1]) if listed is not None else None
            if hooked is not None:
                self.call(hooked, [(REQUEST,)])
        self.event.mounted(self.code.mounts)
        for value in self.code.listed:
            if (named := self.code.function(value)) is not None and takes_events(named):
                self.call(named, [()])

    def powertools(self, node: Node) -> None:
        """`parser({ schema, envelope })`, as a middleware or a decorator."""
        if text(node.child_by_field_name("function")) != "parser":
            return
        given = {text(pair.child_by_field_name("key")): pair for pair in everywhere(node) if pair.type == "pair"}
        if "schema" in given:
            shape = self.code.shapes.shape(given["schema"].child_by_field_name("value"))
            envelope = text(given["envelope"].child_by_field_name("value")) if "envelope" in given else ""
            self.event.fields(shape, ENVELOPES.get(envelope, ()))

    # ---- functions

    def call(self, function: Node, arguments: list[Steps | None], filters: bool = False) -> Steps | None:
        """Walk through a function; what it returns, if that is a part of the event.

        One that `filters` says what a member of a list must be.
        """
        if self.depth >= DEEPEST or self.calls >= MOST:
            return None
        self.depth, self.calls = self.depth + 1, self.calls + 1
        names, returned = self.names, self.returned
        self.names, self.returned = dict(names), []
        for number, parameter in enumerate(parameters(function)):
            self.bind(parameter, arguments[number] if number < len(arguments) else None)
        body = function.child_by_field_name("body")
        if body is not None and body.type == "statement_block":
            self.walk(body)
        elif body is not None:
            lacking(self, body if filters else None)
            self.returned += filter(None, [self.value(body)])
        result = self.returned[0] if self.returned else None
        self.names, self.returned = names, returned
        self.depth -= 1
        return result

    def bind(self, target: Node, steps: Steps | None) -> None:
        """Give a name, or each name of a pattern, its part of the event."""
        if target.type in ("required_parameter", "optional_parameter"):
            pattern = target.child_by_field_name("pattern")
            if steps is not None and (kind := target.child_by_field_name("type")) is not None:
                self.event.fields(self.code.shapes.shape(kind.named_children[0]), steps)
            if pattern is not None:
                self.bind(pattern, steps)
        elif target.type in ("identifier", "shorthand_property_identifier_pattern"):
            self.names.pop(text(target), None)
            if steps is not None:
                self.names[text(target)] = steps
        elif target.type in ("assignment_pattern", "object_assignment_pattern"):
            left = target.child_by_field_name("left")
            if left is not None:
                self.bind(left, steps)
        elif target.type == "array_pattern":
            count = len(target.named_children)
            for element in target.named_children:
                self.bind(element, None if self.event.part(steps, count) else self.event.member(steps))
        elif target.type == "object_pattern":
            for part in target.named_children:
                self.unpack(part, steps)

    def unpack(self, part: Node, steps: Steps | None) -> None:
        """One entry of an object pattern: `{ id }`, `{ id = 1 }`, `{ id: order }`, `{ ...rest }`."""
        if steps is None and part.type == "shorthand_property_identifier_pattern":
            self.bind(part, self.event.looked_up(text(part)))
            return
        if part.type == "rest_pattern":
            self.bind(part.named_children[0], steps)
        elif part.type == "pair_pattern":
            target = part.child_by_field_name("value")
            if target is not None:
                name = key(part.child_by_field_name("key"))
                self.bind(target, self.event.property(steps, name) if steps is not None else self.event.looked_up(name))
        elif part.type == "object_assignment_pattern":
            inner = self.event.property(steps, text(part.child_by_field_name("left")))
            if inner is not None:
                self.event.reads.optional.add(inner)
            self.bind(part, inner)
        else:
            self.bind(part, self.event.property(steps, text(part)))

    # ---- statements

    def walk(self, node: Node) -> None:
        if node.type == "variable_declarator":
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            steps = self.value(value) if value is not None else None
            kind = node.child_by_field_name("type")
            if kind is not None and steps is not None:
                self.event.fields(self.code.shapes.shape(kind.named_children[0]), steps)
            if name is not None:
                self.bind(name, steps)
            self.words.declare(name, value)
        elif node.type == "for_in_statement":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            steps = self.value(right) if right is not None else None
            if left is not None and text(node.child_by_field_name("operator")) == "of":
                self.bind(left, self.event.member(steps))
                if right is not None:
                    self.words.bind(self, left, right)
            if (body := node.child_by_field_name("body")) is not None:
                self.walk(body)
        elif node.type == "return_statement":
            for expression in node.named_children:
                if (steps := self.value(expression)) is not None:
                    self.returned.append(steps)
        elif node.type == "switch_statement":
            self.switch(node)
        elif node.type == "if_statement":
            noted(self, node)
            for child in node.named_children[1:]:
                self.walk(child)
        elif node.type in FUNCTIONS or node.type.endswith("_type"):
            return
        elif node.type.endswith("expression") and node.type != "expression_statement":
            self.value(node)
        else:
            for child in node.named_children:
                self.walk(child)

    def switch(self, node: Node) -> None:
        subject, body = node.child_by_field_name("value"), node.child_by_field_name("body")
        steps = self.value(subject) if subject is not None else None
        for case in body.named_children if body is not None else []:
            wanted = literal(case.child_by_field_name("value"))
            if steps and wanted is not None:
                self.event.holds(steps, wanted)
            self.walk(case)

    # ---- expressions

    def value(self, node: Node) -> Steps | None:
        """The path that an expression stands for, if it is a part of the event; notes what is read on the way."""
        kind = node.type
        if kind in ("identifier", "shorthand_property_identifier"):
            return self.names.get(text(node))
        if kind in WRAPPED:
            return self.wrapped(node)
        if kind == "member_expression":
            owner = node.child_by_field_name("object")
            steps = self.value(owner) if owner is not None else None
            name = text(node.child_by_field_name("property"))
            return self.event.property(steps, name) if steps is not None else self.event.looked_up(name)
        if kind == "subscript_expression":
            return self.subscript(node)
        if kind == "call_expression":
            return self.called(node)
        if kind == "binary_expression":
            return self.binary(node)
        if kind == "ternary_expression":
            known = [self.value(each) for each in node.named_children][1:]
            return next((steps for steps in known if steps is not None), None)
        if kind == "assignment_expression":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            steps = self.value(right) if right is not None else None
            if left is not None and left.type in ("identifier", "object_pattern"):
                self.bind(left, steps)
            return steps
        if kind == "new_expression":
            return self.made(node)
        if kind == "object":
            return self.object(node)
        if kind == "unary_expression" and text(node.child_by_field_name("operator")) in ("+", "-"):
            argument = node.child_by_field_name("argument")
            return self.event.number(self.value(argument)) if argument is not None else None
        if kind in FUNCTIONS:
            self.call(node, [])
            return None
        for child in node.named_children:
            self.value(child)
        return None

    def made(self, node: Node) -> Steps | None:
        """What `new` makes: a form that is parsed; else only what it is given is read."""
        listed = node.child_by_field_name("arguments")
        known = [self.value(each) for each in listed.named_children] if listed is not None else []
        subject = known[0] if known else None
        form = text(node.child_by_field_name("constructor")) == "URLSearchParams"
        return self.event.read((*subject, FORM)) if form and subject else None

    def wrapped(self, node: Node) -> Steps | None:
        inner = node.named_children
        if node.type == "type_assertion":
            inner = inner[::-1]
        steps = self.value(inner[0]) if inner else None
        if steps is not None and node.type in ("as_expression", "satisfies_expression", "type_assertion"):
            self.event.fields(self.code.shapes.shape(inner[-1]), steps)
        return steps

    def object(self, node: Node) -> Steps | None:
        """What is spread into an object stands for the whole."""
        spread: Steps | None = None
        for member in node.named_children:
            inner = member.child_by_field_name("value") if member.type == "pair" else member
            if member.type == "spread_element":
                spread = spread or self.value(member.named_children[0])
            elif inner is not None and inner.type != "method_definition":
                named = key(member.child_by_field_name("key")) if member.type == "pair" else ""
                steps = self.value(inner)
                self.event.typed(named, steps)
                if named and steps:
                    self.event.keep(named, steps)
        return spread

    def subscript(self, node: Node) -> Steps | None:
        owner, index = node.child_by_field_name("object"), node.child_by_field_name("index")
        steps = self.value(owner) if owner is not None else None
        named = literal(index)
        if isinstance(named, str):
            return self.event.property(steps, named)
        if isinstance(named, int) and steps and self.event.part(steps, named + 1):
            return steps[:-1] if named == 0 else None  # the rest of a text may be split in another way
        if isinstance(named, int) or text(index) in COUNTERS:
            return self.event.member(steps)
        if index is not None:
            self.value(index)
            self.words.read(self, owner, index)
        return None

    def binary(self, node: Node) -> Steps | None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return None
        operator = text(node.child_by_field_name("operator"))
        if left.type == "unary_expression" and text(left).startswith("typeof"):
            steps = self.value(left.named_children[0])
            if steps and literal(right) == "number":
                self.event.reads.numbers.add(steps)
            elif steps and literal(right) == "boolean":
                self.event.reads.values.setdefault(steps, True)
            return None
        first, second = self.value(left), self.value(right)
        if operator == "in":
            self.words.read(self, right, left)
        if operator in ("||", "??"):
            if first and not first[-1].startswith("{"):
                self.event.reads.optional.add(first)
            return first if first is not None else second
        if operator == "&&":
            return second if second is not None else first
        if operator in ("==", "===", "!=", "!=="):
            self.event.compare(first, second)
            for steps, other in ((first, right), (second, left)):
                if steps and literal(other) not in ((None, "", False) if operator[0] == "!" else (None, "")):
                    self.event.holds(steps, literal(other))
        elif operator in ("-", "*", "/", "%", "<", ">", "<=", ">="):
            self.event.number(first if right.type != "string" else None)
            self.event.number(second if left.type != "string" else None)
        return None

    def called(self, node: Node) -> Steps | None:
        function, listed = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or listed is None:
            return None
        arguments = [each for each in listed.named_children if each.type != "comment"]
        owner_node = function.child_by_field_name("object") if function.type == "member_expression" else None
        name = text(function.child_by_field_name("property")) if owner_node is not None else text(function)
        owner = self.value(owner_node) if owner_node is not None else None
        if owner is not None and name == "hasOwnProperty" and arguments:
            self.words.read(self, owner_node, arguments[0])
        if owner is not None:
            return self.method(owner, name, arguments)
        if owner_node is not None and self.words.gone_through(self, owner_node, name, arguments):
            return None
        schema = self.code.shapes.named(text(owner_node)) if owner_node is not None else None
        if schema is not None and name in ("parse", "parseAsync", "safeParse", "safeParseAsync"):
            return self.checked(schema, arguments, name)
        if name == "processPartialResponse" and len(arguments) > 1:
            if (handler := self.code.function(arguments[1])) is not None:
                self.call(handler, [("Records", EACH)])
            return None
        known = [None if each.type in FUNCTIONS else self.value(each) for each in arguments]
        subject = next((steps for steps in known if steps is not None), None)
        if subject is not None and owner_node is not None and text(owner_node) == "JSON" and name == "parse":
            return self.event.read((*subject, JSON)) if subject not in self.event.parsed else subject
        if subject is not None and owner_node is not None and text(owner_node) in FORMS and name in ("parse", "decode"):
            return self.event.read((*subject, FORM))
        if subject is not None and name == "unmarshal" and len(arguments) == 2:
            if (shape := self.code.shapes.named(str(literal(arguments[1])))) is not None:
                self.event.fields(shape, subject)
            return subject
        if subject is not None and name in PARSES and owner_node is None and name not in self.code.everything:
            return self.event.read((*subject, JSON))
        if subject is not None and owner_node is not None and text(owner_node) == "Array" and name == "isArray":
            self.event.member(subject)
            return None
        if subject is not None and name in NUMBERS:
            return self.event.number(subject)
        if subject is not None and name in PASSES:
            return subject
        local = self.meant(owner_node, name, node)
        if local is not None and (subject is not None or self.code.gives_items(local)):
            return self.call(local, known)
        for argument in arguments:
            if argument.type in FUNCTIONS:
                self.call(argument, [])
        return None

    def meant(self, owner: Node | None, name: str, call: Node) -> Node | None:
        """The project's function that a call means."""
        if owner is None:
            return self.code.function(self.code.known(name, call))
        inside = self.code.method(owner, name) or self.code.of_module(owner, name)
        return inside or self.code.function(self.code.everything.get(name))

    def checked(self, schema: Shape, arguments: list[Node], name: str) -> Steps | None:
        steps = self.value(arguments[0]) if arguments else None
        if steps is None:
            return None
        self.event.fields(schema, steps)
        return (*steps, CHECKED) if name.startswith("safe") else steps

    def method(self, owner: Steps, name: str, arguments: list[Node]) -> Steps | None:
        """A method of a part of the event: of a list, a text, or Express' request."""
        if owner[-1:] == (REQUEST,):
            return self.event.read(("body", JSON)) if name == "json" else None
        if name == "startsWith" and arguments and isinstance(prefix := literal(arguments[0]), str):
            self.event.begins(owner, prefix)
        if name == "split" and arguments and isinstance(literal(arguments[0]), str):
            return (*owner, f"{SPLIT}{literal(arguments[0])}")
        if owner[-1:] == (FORM,):
            named = literal(arguments[0]) if arguments else None
            return self.event.property(owner, named) if name == "get" and isinstance(named, str) else None
        callback = self.code.function(arguments[0]) if arguments and name in ITERATES | {"reduce"} else None
        if callback is not None:
            member = self.event.member(owner)
            result = self.call(callback, [None, member] if name == "reduce" else [member], name in ("filter", "find"))
            if name in ("map", "flatMap"):
                return (*result, LISTED) if result is not None else None
            if name in ("find", "findLast"):
                return member
            return owner if name in SAME_LIST else None
        for argument in arguments:
            self.value(argument)
        if name in ("at", "pop", "shift"):
            return self.event.member(owner)
        return owner if name in SAME | SAME_LIST else None
