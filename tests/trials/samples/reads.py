"""What a Python handler reads of its event: the keys on the way to each value, and how each value is used."""

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from trials.project.effects import imported, own_files

JSON, EACH, FORM = "{json}", "[]", "{form}"  # steps besides keys: text that is parsed, a member of a list, a form
Steps = tuple[str, ...]
SAME = {
    "b64decode",
    "decode",
    "encode",
    "str",
    "unquote_plus",
    "unquote",
    "strip",
    "lower",
    "upper",
    "deepcopy",
    "copy",
}
PARSES = {"loads", "json_loads", "model_validate_json", "parse_raw"}
VALIDATES = {"model_validate", "parse_obj", "validate_python", "model_validate_json", "parse_raw", "parse"}
ROUTES = (".post(", ".put(", ".get(", ".patch(", ".delete(", ".route(")
NUMBERS = {"int", "float", "Decimal", "round"}
ATTRIBUTES = {  # of Powertools' event classes
    "json_body": ("body", JSON),
    "body": ("body",),
    "message_attributes": ("messageAttributes",),
    "query_string_parameters": ("queryStringParameters",),
    "path_parameters": ("pathParameters",),
    "headers": ("headers",),
    "detail": ("detail",),
    "records": ("Records",),
    "request_context": ("requestContext",),
}
RECORDS = {"SQSRecord", "KinesisStreamRecord", "DynamoDBRecord", "SNSEventRecord"}


@dataclass
class Reads:
    """Paths that are read; `numbers` are those used as numbers, `optional` those that may be missing.

    `values` are what a path is compared with, or may hold.
    """

    paths: set[Steps] = field(default_factory=set)
    numbers: set[Steps] = field(default_factory=set)
    optional: set[Steps] = field(default_factory=set)
    values: dict[Steps, Any] = field(default_factory=dict)


def of_handler(folder: Path, handler: str) -> Reads:
    """What the code of a handler reads; nothing where the code cannot be parsed."""
    modules = {path.stem: parsed(path) for path in sorted(folder.rglob("*.py")) if "node_modules" not in path.parts}
    reads = Reads()
    functions = {node.name: node for tree in modules.values() for node in ast.walk(tree) if is_function(node)}
    models = {node.name: node for tree in modules.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    name = handler.rsplit(".", 1)[-1]
    own = modules.get(handler.rsplit(".", 1)[0].replace("/", ".").rsplit(".", 1)[-1])
    models |= imported_models(own, folder) if own else {}
    walker = Walker(reads, functions, models)
    entry = next((node for node in ast.walk(own) if is_function(node) and node.name == name), None) if own else None
    if entry is not None:
        walker.call(entry, [()])
    for function in functions.values():
        walker.hooked(function)
    return reads


def imported_models(module: ast.Module, folder: Path) -> dict[str, ast.ClassDef]:
    """The classes of the modules that a handler's own imports: another module's class may have the same name."""
    places = [path for name, _ in imported(module) for path in own_files(name, folder, folder / "module.py")]
    trees = [parsed(path) for path in dict.fromkeys(places)]
    return {node.name: node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(errors="replace"))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_function(node: ast.AST) -> TypeGuard[Function]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


class Walker:
    """Follows the event through assignments, subscripts, loops and calls of functions in the same folder."""

    def __init__(self, reads: Reads, functions: dict[str, Function], models: dict[str, ast.ClassDef]) -> None:
        self.reads, self.functions, self.models = reads, functions, models
        self.names: dict[str, Steps] = {}
        self.depth = 0

    def call(self, function: Function, arguments: list[Steps | None], keywords: dict[str, Steps] | None = None) -> None:
        if self.depth > 4:
            return
        outer, self.names = self.names, {}
        self.depth += 1
        parameters = [each.arg for each in function.args.args if each.arg not in ("self", "cls")]
        for name, steps in [*zip(parameters, arguments, strict=False), *(keywords or {}).items()]:
            if steps is not None:
                self.names[name] = steps
        self.block(function.body)
        self.depth -= 1
        self.names = outer

    def hooked(self, function: Function) -> None:
        """A function that a library calls: a record handler of a batch, or a route of a resolver."""
        for parameter in function.args.args:
            kind = ast.unparse(parameter.annotation) if parameter.annotation else ""
            if kind.rsplit(".", 1)[-1] in RECORDS or (parameter.arg == "record" and len(function.args.args) == 1):
                self.call(function, [("Records", EACH)])
        decorators = [ast.unparse(each) for each in function.decorator_list]
        if any(
            word in each
            for each in decorators
            for word in (".post(", ".put(", ".get(", ".patch(", ".delete(", ".route(")
        ):
            self.call(function, [])
            for parameter in function.args.args:
                kind = ast.unparse(parameter.annotation) if parameter.annotation else ""
                if kind in self.models:
                    self.fields(kind, ("body", JSON))

    def block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            steps = self.value(node.value)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    self.names.pop(target.id, None)
                    if steps is not None:
                        self.names[target.id] = steps
        elif isinstance(node, ast.For | ast.AsyncFor):
            self.loop(node.target, node.iter)
            self.block(node.body)
        elif is_function(node):
            return
        else:
            for inner in ast.iter_child_nodes(node):
                if isinstance(inner, ast.stmt):
                    self.statement(inner)
                elif isinstance(inner, ast.expr):
                    self.value(inner)
                else:
                    for part in ast.iter_child_nodes(inner):
                        self.statement(part) if isinstance(part, ast.stmt) else self.value(part)

    def loop(self, target: ast.expr, over: ast.expr) -> None:
        steps = self.value(over)
        if steps is not None and isinstance(target, ast.Name):
            self.names[target.id] = (*steps, EACH)
            self.reads.paths.add((*steps, EACH))

    def value(self, node: ast.AST) -> Steps | None:
        """The path that an expression stands for, if it is a part of the event; notes what is read on the way."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Subscript):
            return self.subscript(node)
        if isinstance(node, ast.Attribute):
            owner = self.value(node.value)
            if owner is None:
                return ("body", JSON) if node.attr == "json_body" else None
            return self.read((*owner, *ATTRIBUTES.get(node.attr, ()))) if node.attr in ATTRIBUTES else owner
        if isinstance(node, ast.Call):
            return self.called(node)
        if isinstance(node, ast.BoolOp | ast.IfExp | ast.NamedExpr | ast.Await):
            known = [self.value(inner) for inner in ast.iter_child_nodes(node) if isinstance(inner, ast.expr)]
            return next((steps for steps in known if steps is not None), None)
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            for each in node.generators:
                self.loop(each.target, each.iter)
        if isinstance(node, ast.BinOp):
            self.arithmetic(node)
            return None
        for inner in ast.iter_child_nodes(node):
            self.value(inner)
        return None

    def arithmetic(self, node: ast.BinOp) -> None:
        sides = [self.value(node.left), self.value(node.right)]
        if isinstance(node.op, ast.Sub | ast.Mult | ast.Div) or is_number(node.left) or is_number(node.right):
            self.reads.numbers |= {steps for steps in sides if steps}

    def subscript(self, node: ast.Subscript) -> Steps | None:
        owner = self.value(node.value)
        if owner is None or not isinstance(node.slice, ast.Constant):
            self.value(node.slice)
            return None
        key = node.slice.value
        return self.read((*owner, key if isinstance(key, str) else EACH))

    def read(self, steps: Steps) -> Steps:
        self.reads.paths.add(steps)
        return steps

    def called(self, node: ast.Call) -> Steps | None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = self.value(node.func.value) if isinstance(node.func, ast.Attribute) else None
        first = node.args[0] if node.args else None
        if owner is not None and name == "get" and isinstance(first, ast.Constant) and isinstance(first.value, str):
            steps = self.read((*owner, first.value))
            self.reads.optional.add(steps)
            return steps
        if owner is not None and name in SAME:
            return owner
        arguments = [self.value(each) for each in node.args]
        given = [(each.arg, self.value(each.value)) for each in node.keywords if each.arg]
        keywords = {argument: steps for argument, steps in given if steps is not None}
        spread = next((self.value(each.value) for each in node.keywords if each.arg is None), None)
        subject = next((steps for steps in arguments if steps is not None), spread)
        if subject is None and not keywords:
            return None
        if subject is not None and name in NUMBERS:
            self.reads.numbers.add(subject)
            return subject
        model = self.model(node.func)
        if model and subject is not None:
            self.fields(model, (*subject, JSON) if name in PARSES else subject)
            return subject
        if subject is not None and name in PARSES:
            return self.read((*subject, JSON))
        if name == "unmarshall" and len(node.args) == 2 and arguments[0] is not None:
            if isinstance(node.args[1], ast.Name) and node.args[1].id in self.models:
                self.bound(node.args[1].id, arguments[0])
            return arguments[0]
        if name in self.functions:
            self.call(self.functions[name], arguments, keywords)
        return subject if name in SAME else None

    def model(self, function: ast.AST) -> str:
        """The class that is called, or whose validating method is."""
        if isinstance(function, ast.Name) and function.id in self.models:
            return function.id
        if isinstance(function, ast.Attribute) and function.attr in VALIDATES and isinstance(function.value, ast.Name):
            return function.value.id if function.value.id in self.models else ""
        return ""

    def bound(self, model: str, at: Steps) -> None:
        """What a class says that EventBridge's schema registry has generated: each attribute's type and key."""
        written: dict[str, dict[str, str]] = {"_types": {}, "_attribute_map": {}}
        for statement in self.models[model].body:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            if isinstance(statement, ast.Assign) and isinstance(target, ast.Name) and target.id in written:
                written[target.id] = ast.literal_eval(statement.value)
        for attribute, kind in written["_types"].items():
            steps = (*at, written["_attribute_map"].get(attribute, attribute))
            if kind in self.models and kind != model:
                self.bound(kind, steps)
            else:
                self.reads.paths.add(steps)
            if kind in ("int", "float"):
                self.reads.numbers.add(steps)

    def fields(self, model: str, at: Steps) -> None:
        for statement in self.models[model].body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                steps, kind = (*at, statement.target.id), ast.unparse(statement.annotation)
                self.reads.paths.add(steps)
                if statement.value is not None and not ast.unparse(statement.value).startswith("Field("):
                    self.reads.optional.add(steps)
                if kind.split("[")[0] in ("int", "float", "Decimal", "PositiveInt", "conint"):
                    self.reads.numbers.add(steps)
                inner = next((name for name in self.models if name in kind and name != model), "")
                if inner:
                    self.fields(inner, (*steps, EACH) if kind.lower().startswith("list") else steps)
