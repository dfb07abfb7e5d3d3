"""The functions, classes and constants of a Python handler's module and of those that it imports."""

import ast
from pathlib import Path
from typing import Any, TypeGuard

from trials.project.effects import imported, own_files

Function = ast.FunctionDef | ast.AsyncFunctionDef
NOT_CODE = ("node_modules", "cdk.out", ".aws-sam", "test", "tests", ".venv")


def is_function(node: ast.AST) -> TypeGuard[Function]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def takes_events(function: Function) -> bool:
    """Whether a function has the arguments of a handler, so that a table of functions may hand events to it."""
    names = [parameter.arg for parameter in function.args.args]
    return len(names) > 1 and names[0] in ("event", "evt") and names[1].strip("_") in ("context", "ctx", "")


def is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(errors="replace"))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def constant(node: ast.AST | None) -> Any:
    """The value of a literal; None for anything else."""
    try:
        return ast.literal_eval(node) if node is not None else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


class Module:
    """What one module defines, by name."""

    def __init__(self, tree: ast.Module) -> None:
        self.functions: dict[str, Function] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self.constants: dict[str, Any] = {}
        self.mounts: list[str] = []  # what `include_router(orders, prefix="/orders")` puts before paths
        self.names: list[tuple[str, list[str]]] = []  # lists of texts, with what each is called
        self.listed: set[str] = set()  # functions that a table such as {"GET /orders": orders.show} holds
        for node in ast.walk(tree):
            self.names += texts(node)
            if is_function(node):
                self.functions.setdefault(node.name, node)
            elif isinstance(node, ast.ClassDef):
                self.classes.setdefault(node.name, node)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
                if (value := constant(node.value)) is not None:  # `self.kinds = ["a", "b"]`
                    self.constants.setdefault(node.targets[0].attr, value)
            elif isinstance(node, ast.Call):
                given = [constant(each.value) for each in node.keywords if each.arg in ("prefix", "url_prefix")]
                self.mounts += [each for each in given if isinstance(each, str) and len(each) > 1 and each[0] == "/"]
            elif isinstance(node, ast.Dict):
                self.listed |= {last_name(value) for value in node.values} - {""}
        for statement in tree.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                self.functions[statement.name] = statement  # before a method of the same name
            for name in named(statement):
                if (value := constant(getattr(statement, "value", None))) is not None:
                    self.constants[name] = value


def texts(node: ast.AST) -> list[tuple[str, list[str]]]:
    """The lists of texts to which an assignment or the pairs of a dictionary give a name."""
    pairs: list[tuple[str, ast.expr | None]] = []
    if isinstance(node, ast.Assign | ast.AnnAssign):
        pairs = [(name, node.value) for name in named(node)]
    elif isinstance(node, ast.Dict):
        pairs = [(str(constant(key)), value) for key, value in zip(node.keys, node.values, strict=True)]
    lists = [(name, value.elts) for name, value in pairs if isinstance(value, ast.List | ast.Tuple | ast.Set)]
    known = [(name, [constant(each) for each in members]) for name, members in lists]
    return [(name, values) for name, values in known if values and all(isinstance(each, str) for each in values)]


def last_name(node: ast.expr) -> str:
    """Of a name, or of an attribute of one; empty for any other expression."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def named(statement: ast.stmt) -> list[str]:
    """The names that an assignment sets."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
    return [target.id for target in targets if isinstance(target, ast.Name)]


class Code:
    """The handler's own module first, then those that it imports, to the last; all of the folder if it is not found."""

    def __init__(self, folder: Path, module: str, shared: tuple[Path, ...] = ()) -> None:
        theirs = installed(folder)
        paths = [path for path in sorted(folder.rglob("*.py")) if not outside(path, folder, theirs)]
        own = next((path for path in paths if path == folder / f"{module.replace('.', '/')}.py"), None)
        tail = module.replace(".", "/").rsplit("/", 1)[-1]
        own = own or next((path for path in paths if path.stem == tail), None)
        todo, trees = [own] if own else paths, dict[Path, ast.Module]()
        while todo:
            path = todo.pop(0)
            if path not in trees:
                trees[path] = parsed(path)
                names = [
                    name for name, more in imported(trees[path]) for name in (name, *(f"{name}.{x}" for x in more))
                ]
                todo += [each for name in names for each in reached(name, folder, path, shared, theirs)]
        self.modules = [Module(tree) for tree in trees.values()]
        self._givers: set[str] | None = None
        self._homes = {id(node): each for each in self.modules for node in each.functions.values()}
        self.own = self.modules[0] if self.modules else Module(ast.Module([], []))

    def home(self, function: Function) -> Module:
        return self._homes.get(id(function), self.own)

    def function(
        self, name: str, near: Module, event: bool = True, under_way: tuple[Function, ...] = ()
    ) -> Function | None:
        """What is called by a name, and is not under way: a method may call another object's that is called alike.

        Without the event among its arguments it is none that has those of a handler.
        """
        known = [each.functions[name] for each in (near, *self.modules) if name in each.functions]
        known = [each for each in known if each not in under_way] or known
        return next((each for each in known if event or not takes_events(each)), None)

    def gives_items(self, name: str) -> bool:
        """Whether a function reads what DynamoDB calls an item, or returns what such a function does."""
        if self._givers is None:
            written = [each for module in self.modules for each in module.functions.values()]
            self._givers = {each.name for each in written if {"Item", "Items"} & texts_in(each)}
            for _ in range(3):
                self._givers |= {each.name for each in written if self._givers & returned(each)}
        return name in self._givers

    def class_(self, name: str, near: Module | None = None) -> ast.ClassDef | None:
        places = (near or self.own, *self.modules)
        return next((each.classes[name] for each in places if name in each.classes), None)

    def constant(self, name: str, near: Module) -> Any:
        return next((each.constants[name] for each in (near, *self.modules) if name in each.constants), None)


def texts_in(function: Function) -> set[str]:
    """The texts that are written in a function."""
    constants = [node.value for node in ast.walk(function) if isinstance(node, ast.Constant)]
    return {value for value in constants if isinstance(value, str)}


def returned(function: Function) -> set[str]:
    """The names of the functions whose answers a function returns."""
    answers = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    return {last_name(answer.func) for answer in answers if isinstance(answer, ast.Call)}


def installed(folder: Path) -> frozenset[str]:
    """What packages were put into a folder by an installer, by the first part of their paths."""
    records = [path.read_text(errors="replace").splitlines() for path in folder.glob("*.dist-info/RECORD")]
    return frozenset(line.split(",")[0].split("/")[0] for lines in records for line in lines)


def outside(path: Path, folder: Path, theirs: frozenset[str] = frozenset()) -> bool:
    """Whether a file is no code of the project's own; `theirs` is what was installed."""
    inside = path.relative_to(folder).parts
    return inside[0] in theirs or any(part in NOT_CODE for part in inside[:-1])


def reached(
    name: str,
    folder: Path,
    importer: Path,
    shared: tuple[Path, ...] = (),
    theirs: frozenset[str] = frozenset(),
) -> list[Path]:
    """The files of an import: below the code's folder, beside the importer, or in a folder that is shared."""
    places = [folder, importer.parent, *shared]
    module_files = next((files for place in places if (files := own_files(name, place, importer))), [])
    homes = {path: [home for home in (folder, *shared) if path.is_relative_to(home)] for path in module_files}
    own = [(path, within[0]) for path, within in homes.items() if within]
    return [path for path, home in own if not outside(path, home, theirs if home == folder else frozenset())]
