"""Follow the event through the code of a Python handler."""

import ast
from typing import Any

from trials.samples.paths import CHECKED, LISTED, REQUEST, SPLIT, EventPaths
from trials.samples.python.code import Code, Function, constant, is_function, is_number, last_name, takes_events
from trials.samples.python.conditions import collected, lacking, noted
from trials.samples.python.known import (
    ATTRIBUTES,
    ENVELOPES,
    FORMS,
    NUMBERS,
    PARSES,
    PASSES,
    RECORDS,
    SAME,
    VALIDATES,
    moment,
)
from trials.samples.python.models import Models, header, of_schema
from trials.samples.python.routes import is_route, served_by
from trials.samples.reads import EACH, FORM, FORMED, JSON, Steps

DEEPEST, MOST = 5, 400  # calls within calls, and calls in all


class Walker:
    """Follows the event: `names` are the variables that hold a part of it, `words` those that hold known keys."""

    def __init__(self, code: Code) -> None:
        self.code, self.models, self.event = code, Models(code), EventPaths()
        self.names: dict[str, Steps] = {}
        self.words: dict[str, list[str]] = {}
        self.holders: dict[str, Steps] = {}  # by the variable that its keys are in, one after the other
        self.returned: list[Steps] = []
        self.module = code.own
        self.under_way: tuple[Function, ...] = ()
        self.calls = 0

    def start(self, name: str) -> None:
        if (entry := self.code.own.functions.get(name)) is not None:
            self.decorated(entry)
            self.call(entry, [()])
        for module in self.code.modules:
            for function in module.functions.values():
                self.hooked(function)
        self.event.mounted([mount for module in self.code.modules for mount in module.mounts])
        self.event.settle()

    # ---- functions

    def call(
        self, function: Function, arguments: list[Steps | None], keywords: dict[str, Steps] | None = None
    ) -> Steps | None:
        """Walk through a function; what it returns, if that is a part of the event."""
        if len(self.under_way) >= DEEPEST or self.calls >= MOST:
            return None
        outer = self.names, self.words, self.returned, self.module
        self.names, self.words, self.returned, self.module = {}, {}, [], self.code.home(function)
        self.under_way, self.calls = (*self.under_way, function), self.calls + 1
        parameters = [each for each in function.args.args if each.arg not in ("self", "cls")]
        kinds = {each.arg: each.annotation for each in (*parameters, *function.args.kwonlyargs)}
        given = [(each.arg, steps) for each, steps in zip(parameters, arguments, strict=False)]
        for name, steps in [*given, *(keywords or {}).items()]:
            if steps is not None:
                self.names[name] = steps
                if steps:  # the event itself is put into its envelope elsewhere
                    self.event.fields(self.models.of(kinds.get(name)), steps)
        self.block(function.body)
        result = self.returned[0] if self.returned else None
        self.names, self.words, self.returned, self.module = outer
        self.under_way = self.under_way[:-1]
        return result

    def decorated(self, entry: Function) -> None:
        """`@event_parser(model=…, envelope=…)` and `@validator(inbound_schema=…, envelope=…)`."""
        for decorator in entry.decorator_list:
            name = ast.unparse(decorator.func).rsplit(".", 1)[-1] if isinstance(decorator, ast.Call) else ""
            if isinstance(decorator, ast.Call) and name in ("event_parser", "validator"):
                given = {keyword.arg: keyword.value for keyword in decorator.keywords}
                first = entry.args.args[0].annotation if entry.args.args else None
                self.checked(given, first if name == "event_parser" else None, ())

    def checked(self, given: dict[str | None, ast.expr], kind: ast.expr | None, at: Steps) -> None:
        """What Powertools' parser or validation asks of what stands at a path."""
        envelope = ast.unparse(given["envelope"]).rsplit(".", 1)[-1].removesuffix("()") if "envelope" in given else ""
        at = (*at, *ENVELOPES.get(envelope, ()))
        schema = given.get("inbound_schema") or given.get("schema")
        model = given.get("model") or kind
        if schema is not None:
            known = self.code.constant(schema.id, self.module) if isinstance(schema, ast.Name) else constant(schema)
            self.event.fields(of_schema(known), at)
        elif model is not None:
            self.event.fields(self.models.of(model), at)

    def hooked(self, function: Function) -> None:
        """A function that a library or a table calls: a record handler of a batch, a route of a resolver."""
        if any(function.name in module.listed for module in self.code.modules) and takes_events(function):
            self.call(function, [()])
        for parameter in function.args.args:
            kind = ast.unparse(parameter.annotation) if parameter.annotation else ""
            if kind.rsplit(".", 1)[-1] in RECORDS or (parameter.arg == "record" and len(function.args.args) == 1):
                self.call(function, [("Records", EACH)])
        if any(map(is_route, function.decorator_list)):
            self.event.reads.routes += filter(None, map(served_by, function.decorator_list))
            self.call(function, [])
            for parameter in function.args.args:
                if header(parameter.annotation):
                    self.event.note(("headers", parameter.arg.replace("_", "-")))
                elif (shape := self.models.of(parameter.annotation)).inner:
                    self.event.fields(shape, ("body", JSON))

    # ---- statements

    def block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self.statement(statement)

    def statement(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            steps = self.value(node.value)
            if isinstance(node, ast.AnnAssign) and steps:
                self.event.fields(self.models.of(node.annotation), steps)
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                self.assign(target, node.value, steps)
        elif isinstance(node, ast.For | ast.AsyncFor):
            self.loop(node.target, node.iter)
            self.block([*node.body, *node.orelse])
        elif isinstance(node, ast.Return) and node.value is not None:
            if (steps := self.value(node.value)) is not None:
                self.returned.append(steps)
        elif isinstance(node, ast.Match):
            self.match(node)
        elif isinstance(node, ast.If):
            noted(self, node)
            before = dict(self.names)
            self.block(node.body)
            first = dict(self.names)
            self.block(node.orelse)
            self.event.either(before, first, self.names)
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
            if steps := self.value(node.value):
                collected(self, node.target, steps)
        elif is_function(node) or isinstance(node, ast.ClassDef):
            return
        elif isinstance(node, ast.expr):
            self.value(node)
        else:
            for inner in ast.iter_child_nodes(node):
                self.statement(inner)

    def assign(self, target: ast.expr, value: ast.expr | None, steps: Steps | None) -> None:
        if isinstance(target, ast.Name):
            self.names.pop(target.id, None)
            if steps is not None:
                self.names[target.id] = steps
        elif isinstance(target, ast.Tuple | ast.List) and not self.event.part(steps, len(target.elts)):
            pairs = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            for element, given in zip(target.elts, pairs, strict=False):
                self.assign(element, given, self.value(given))

    def loop(self, target: ast.expr, over: ast.expr) -> None:
        if isinstance(over, ast.Call) and getattr(over.func, "id", "") == "enumerate" and over.args:
            over = over.args[0]
            target = target.elts[-1] if isinstance(target, ast.Tuple) and target.elts else target
        if isinstance(over, ast.Call) and isinstance(over.func, ast.Attribute) and over.func.attr in ("items", "keys"):
            key = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else target
            if isinstance(key, ast.Name) and (holder := self.value(over.func.value)) is not None:
                self.holders[key.id] = holder
        steps = self.value(over)
        if not isinstance(target, ast.Name):
            return
        if steps is not None and (member := self.event.member(steps)) is not None:
            self.names[target.id] = member
        known = self.literal(over)
        if isinstance(known, list | tuple | set) and all(isinstance(each, str) for each in known):
            self.words[target.id] = sorted(known) if isinstance(known, set) else list(known)

    def match(self, node: ast.Match) -> None:
        steps = self.value(node.subject)
        for case in node.cases:
            if steps is not None:
                self.pattern(case.pattern, steps)
            self.block(case.body)

    def pattern(self, pattern: ast.pattern, steps: Steps) -> None:
        if isinstance(pattern, ast.MatchValue) and (value := constant(pattern.value)) not in (None, ""):
            self.event.holds(steps, value)
        elif isinstance(pattern, ast.MatchMapping):
            for key, inner in zip(pattern.keys, pattern.patterns, strict=True):
                if isinstance(name := constant(key), str) and (at_key := self.key(steps, name)) is not None:
                    self.pattern(inner, at_key)
        elif isinstance(pattern, ast.MatchOr) and pattern.patterns:
            self.pattern(pattern.patterns[0], steps)
        elif isinstance(pattern, ast.MatchAs) and pattern.name and pattern.pattern is None:
            self.names[pattern.name] = steps

    # ---- expressions

    def value(self, node: ast.AST) -> Steps | None:
        """The path that an expression stands for, if it is a part of the event; notes what is read on the way."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Subscript):
            return self.subscript(node)
        if isinstance(node, ast.Attribute):
            return self.attribute(node)
        if isinstance(node, ast.Call):
            return self.called(node)
        if isinstance(node, ast.NamedExpr):
            steps = self.value(node.value)
            self.assign(node.target, node.value, steps)
            return steps
        if isinstance(node, ast.BoolOp | ast.IfExp | ast.Await | ast.Starred):
            known = [self.value(inner) for inner in ast.iter_child_nodes(node) if isinstance(inner, ast.expr)]
            known = known[1:] if isinstance(node, ast.IfExp) else known  # without its condition
            return next((steps for steps in known if steps is not None), None)
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            return self.comprehension(node)
        if isinstance(node, ast.Compare | ast.BinOp):
            self.compared(node) if isinstance(node, ast.Compare) else self.arithmetic(node)
            return None
        if isinstance(node, ast.Dict):
            spread = [self.value(each) for name, each in zip(node.keys, node.values, strict=True) if name is None]
            others = [(name, each) for name, each in zip(node.keys, node.values, strict=True) if name is not None]
            for name, named_value in others:
                self.event.typed(str(constant(name)), self.value(named_value))
            return next((steps for steps in spread if steps is not None), None)
        for inner in ast.iter_child_nodes(node):
            self.value(inner)
        return None

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Steps | None:
        for clause in node.generators:
            self.loop(clause.target, clause.iter)
            for condition in clause.ifs:
                self.value(condition)
                lacking(self, condition)
        if isinstance(node, ast.DictComp):
            self.value(node.key)
            self.value(node.value)
            return None
        steps = self.value(node.elt)
        return (*steps, LISTED) if steps is not None else None

    def attribute(self, node: ast.Attribute) -> Steps | None:
        owner = self.value(node.value)
        if owner is None:
            return ("body", JSON) if node.attr == "json_body" else None
        named = self.event.renamed.get((*owner, node.attr), (*owner, node.attr))
        if named in self.event.reads.paths:
            return named
        return self.event.read((*owner, *ATTRIBUTES[node.attr])) if node.attr in ATTRIBUTES else owner

    def key(self, steps: Steps | None, name: str) -> Steps | None:
        if steps is None or (steps and (steps[-1] in (LISTED, CHECKED, REQUEST) or steps[-1].startswith(SPLIT))):
            return None
        return self.event.read((*steps, name))

    def subscript(self, node: ast.Subscript) -> Steps | None:
        owner, index = self.value(node.value), constant(node.slice)
        if owner is None and isinstance(index, str) and (looked_up := self.event.looked_up(index)):
            return looked_up
        if owner is None or index is None:
            keys = self.words.get(node.slice.id, []) if isinstance(node.slice, ast.Name) else []
            for name in keys:
                self.key(owner, name)
            self.value(node.slice)
            return owner if isinstance(node.slice, ast.Slice) else None
        if isinstance(index, str):
            return self.key(owner, index)
        if not isinstance(index, int) or self.event.part(owner, index + 1 if index >= 0 else -index):
            return owner[:-1] if index in (0, -1) else None  # the rest of a text is split in another way
        return owner if owner[-2:-1] == (FORM,) else self.event.member(owner)  # each field of a form is a list

    def literal(self, node: ast.expr) -> Any:
        """A value that is written here, or as a constant of a module."""
        name = last_name(node)
        return self.code.constant(name, self.module) if name else constant(node)

    def arithmetic(self, node: ast.BinOp) -> None:
        sides = [self.value(node.left), self.value(node.right)]
        if isinstance(node.op, ast.Sub | ast.Mult | ast.Div) or is_number(node.left) or is_number(node.right):
            for steps in sides:
                self.event.number(steps)

    def compared(self, node: ast.Compare) -> None:
        left = self.value(node.left)
        for operator, other in zip(node.ops, node.comparators, strict=True):
            right, known = self.value(other), self.literal(other)
            if isinstance(operator, ast.In | ast.NotIn):
                self.contained(node.left, left, right, known)
            elif isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
                self.event.compare(left, right)
                for steps, value in ((left, known), (right, self.literal(node.left))):
                    if steps and isinstance(value, str | int | float) and value != "":
                        self.event.holds(steps, value)
            elif is_number(other) or is_number(node.left):
                self.event.number(left or right)

    def contained(self, member: ast.expr, left: Steps | None, right: Steps | None, known: Any) -> None:
        """`x["kind"] in ("a", "b")`, `"kind" in x`, and `key in x` for keys that are known."""
        if left and isinstance(known, list | tuple | set) and known:
            first = sorted(known, key=str)[0] if isinstance(known, set) else next(iter(known))
            if isinstance(first, str | int | float):
                self.event.reads.values.setdefault(left, first)
        holder = self.holders.get(getattr(member, "id", ""))
        if holder is not None and isinstance(known, list | tuple | set | dict):
            for key in sorted(each for each in known if isinstance(each, str)):
                self.key(holder, key)
        name = constant(member)
        names = [name] if isinstance(name, str) else self.words.get(getattr(member, "id", ""), [])
        for key in names if right is not None else []:
            self.key(right, key)

    # ---- calls

    def called(self, node: ast.Call) -> Steps | None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = self.value(node.func.value) if isinstance(node.func, ast.Attribute) else None
        first = constant(node.args[0]) if node.args else None
        if owner is not None and name in ("get", "pop", "setdefault") and isinstance(first, str):
            steps = self.key(owner, first)
            if steps is not None and name != "setdefault":
                self.event.reads.optional.add(steps)
            return steps
        if owner is not None and name == "get" and node.args and isinstance(node.args[0], ast.Name):
            for listed in self.words.get(node.args[0].id, []):
                self.key(owner, listed)
        if owner is not None and name in ("split", "rsplit"):
            return (*owner, f"{SPLIT}{first if isinstance(first, str) else ' '}")
        if owner is not None and name == "startswith" and isinstance(first, str):
            self.event.begins(owner, first)
        if owner is not None and name in SAME:
            return owner
        if owner is None and name == "get" and (looked_up := self.event.looked_up(str(first))):
            return looked_up
        arguments = [self.value(each) for each in node.args]
        given = [(each.arg, self.value(each.value)) for each in node.keywords if each.arg]
        keywords = {argument: steps for argument, steps in given if steps is not None}
        spread = next((self.value(each.value) for each in node.keywords if each.arg is None), None)
        subject = next((steps for steps in arguments if steps is not None), spread)
        if subject is None and not keywords:
            gives = self.code.gives_items(name)
            asked = self.code.function(name, self.module, False, self.under_way) if gives else None
            return self.call(asked, []) if asked else None
        collects = owner is None and isinstance(node.func, ast.Attribute) and name in ("append", "add", "extend")
        if subject and collects and isinstance(node.func, ast.Attribute) and not self.code.function(name, self.module):
            collected(self, node.func.value, subject if name == "extend" else (*subject, LISTED))
            return None
        if name in ("parse", "validate"):
            checked = subject if subject is not None else keywords.get("event", ())
            self.checked({each.arg: each.value for each in node.keywords}, None, checked)
        if subject is not None and (result := self.taken(node, name, subject)) is not None:
            return result
        whole = () in (*arguments, *keywords.values())
        if function := self.code.function(name, self.module, whole, self.under_way):
            return self.call(function, arguments, keywords)
        return subject if name in PASSES else None

    def taken(self, node: ast.Call, name: str, subject: Steps) -> Steps | None:
        """What a known function makes of a part of the event; None for any other function."""
        if name in NUMBERS:
            return self.event.number(subject)
        if name in FORMED:
            self.event.reads.values.setdefault(subject, FORMED[name])
            return subject
        if name in ("strptime", "fromisoformat"):
            self.event.reads.values.setdefault(subject, moment(node, name, subject[-1] if subject else ""))
            return None
        if name == "isinstance" and len(node.args) == 2:
            self.event.instance(subject, ast.unparse(node.args[1]))
            return subject
        if name == "cast" and len(node.args) == 2:
            self.event.fields(self.models.of(node.args[0]), subject)
            return subject
        if model := self.model(node.func):
            at = self.event.read((*subject, JSON)) if name in PARSES else subject
            self.event.fields(self.models.of(model), at)
            return at
        if name in PARSES:
            return self.event.read((*subject, JSON))
        if name in FORMS:
            return self.event.read((*subject, FORM))
        if name == "unmarshall" and len(node.args) == 2 and isinstance(node.args[1], ast.Name):
            self.models.bound(node.args[1].id, subject, self.event, self.module)
            return subject
        return None

    def model(self, function: ast.expr) -> ast.expr | None:
        """The class that is called, or whose validating method is; of `TypeAdapter(…)` the type that it is given."""
        if isinstance(function, ast.Name) and self.code.class_(function.id, self.module):
            return function
        if not isinstance(function, ast.Attribute) or function.attr not in VALIDATES:
            return None
        owner = function.value
        if isinstance(owner, ast.Call) and ast.unparse(owner.func).endswith("TypeAdapter") and owner.args:
            return owner.args[0]
        return owner if isinstance(owner, ast.Name) and self.code.class_(owner.id, self.module) else None
