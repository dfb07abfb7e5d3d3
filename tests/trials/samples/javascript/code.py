"""The functions, values, shapes and routes that the modules of a JavaScript or TypeScript project define."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from trials.samples.javascript.imports import WHOLE, brought, module_of, required
from trials.samples.javascript.shapes import Shapes, key, literal, text

SCRIPTS, TYPED = (".js", ".mjs", ".cjs"), (".ts", ".mts", ".cts", ".tsx")
TYPESCRIPT = Parser(Language(tree_sitter_typescript.language_typescript()))
JAVASCRIPT = Parser(Language(tree_sitter_typescript.language_tsx()))
LARGEST = 400_000  # bytes of code that are read
BUNDLED = 20_000_000  # bytes of a bundle, which is read for what the project's own modules put into it
SECTION = re.compile(rb"^[ \t]*// (\S+\.[cm]?[jt]sx?)[ \t]*$", re.MULTILINE)  # by which esbuild names a module
NOT_CODE = ("node_modules", "cdk.out", ".aws-sam", "dist", "test", "tests", "__tests__", "coverage")
FUNCTIONS = (
    "arrow_function",
    "function_expression",
    "function_declaration",
    "method_definition",
    "generator_function_declaration",
)
WRAPPED = (
    "await_expression",
    "parenthesized_expression",
    "as_expression",
    "satisfies_expression",
    "non_null_expression",
    "type_assertion",
)
OF_ITEMS = re.compile(r"(?:\.|\{[^{}]*?\b)Items?\b")
RETURNED = re.compile(r"(?:\breturn|=>)\s+(?:await\s+)?(?:[\w$]+\.)*(\w+)\(")
ROUTES = {"get", "post", "put", "patch", "delete", "all"}


def parsed(folder: Path) -> "Code":
    """All modules of a folder."""
    code = Code()
    for path in sorted(files(folder)):
        parser = TYPESCRIPT if path.suffix in TYPED and path.suffix != ".tsx" else JAVASCRIPT
        written = own(path.read_bytes())
        if len(written) <= LARGEST:
            code.add(path.relative_to(folder).with_suffix("").as_posix(), parser.parse(written).root_node)
    return code


def own(bundle: bytes) -> bytes:
    """Of a bundle the modules of the project itself, without those of packages; other code as it is."""
    starts = list(SECTION.finditer(bundle))
    theirs = [b"node_modules/" in start[1] for start in starts]
    if not any(theirs):
        return bundle
    places = [start.start() for start in starts] + [len(bundle)]
    kept = [place for place, brought in zip(pairwise(places), theirs, strict=True) if not brought]
    return b"".join(bundle[begin:end] for begin, end in kept)


def files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        inside = path.relative_to(folder).parts
        if path.suffix not in (*SCRIPTS, *TYPED) or path.name.endswith(".d.ts"):
            continue
        if any(part in NOT_CODE for part in inside[:-1]) or any(word in path.name for word in (".test.", ".spec.")):
            continue
        if path.is_file() and path.stat().st_size <= BUNDLED:
            yield path


class Code:
    """The functions, values and shapes of all modules; of each module its own, and those of all together."""

    def __init__(self) -> None:
        self.modules: dict[str, dict[str, Node]] = {}
        self.roots: dict[int, str] = {}  # of the modules, by what tells their trees apart
        self.everything: dict[str, Node] = {}
        self.brought: dict[str, dict[str, tuple[str, str]]] = {}  # by module and name: from where, and its name there
        self.shapes = Shapes()
        self.trees: list[Node] = []
        self._givers: set[str] | None = None
        self.routes: list[Node] = []  # calls such as `app.post('/orders', handler)`
        self.mounts: list[str] = []  # paths of calls such as `app.use('/orders', router)`
        self.values: list[tuple[str, Node]] = []  # of variables, and of pairs of objects
        self.listed: list[Node] = []  # what a table such as `{ "GET /orders": show }` names

    def add(self, name: str, tree: Node) -> None:
        own = self.modules[name] = {}
        imports = self.brought[name] = {}
        self.roots[tree.id] = name
        self.trees.append(tree)
        methods = list[tuple[str, Node]]()  # a function or a value of the same name comes first
        for node in everywhere(tree):
            self.shapes.note(node)
            if node.type == "method_definition":
                methods.append((text(node.child_by_field_name("name")), node))
            for known, value in definitions(node):
                own.setdefault(known, value)
            imports |= {local: (path, there) for local, path, there in brought(node)}
            if is_route(node):
                self.routes.append(node)
            self.mounts += mounted(node)
            held = node.child_by_field_name("value") if node.type in ("pair", "variable_declarator") else None
            if held is not None:
                self.values.append((key(node.child_by_field_name("key") or node.child_by_field_name("name")), held))
            held = held if node.type == "pair" else None
            if held is not None and held.type in ("identifier", "member_expression") and in_table(node):
                self.listed.append(held)
        for known, value in [*methods, *own.items()]:
            own.setdefault(known, value)
            self.everything.setdefault(known, value)

    def find(self, name: str, module: str) -> Node | None:
        """The value of a handler; a module is named as its template does, from the folder of the code or below it."""
        tail = module.rsplit("/", 1)[-1]
        fitting = [known for known in self.modules if known == module or known.endswith(f"/{module}")]
        fitting += [known for known in self.modules if known.rsplit("/", 1)[-1] == tail]
        own = next((self.modules[known] for known in fitting if name in self.modules[known]), self.everything)
        return own.get(name) or own.get("default")

    def known(self, name: str, near: Node) -> Node | None:
        """What a name stands for: in the module of a node, in the one that it is brought from, else in any."""
        module = self.module(near)
        own = self.modules.get(module, {})
        path, there = self.brought.get(module, {}).get(name, ("", ""))
        elsewhere = module_of(path, module, self.modules).get(there) if path else None
        inside = own.get(name)
        taken = inside if inside is None or not required(inside) else None
        return taken or elsewhere or inside or self.everything.get(name)

    def module(self, node: Node) -> str:
        """The name of a node's module."""
        root = node
        while root.parent is not None:
            root = root.parent
        return self.roots.get(root.id, "")

    def of_module(self, owner: Node, name: str) -> Node | None:
        """The function of a module that is brought in as a whole: `orders.place` after `require('./orders')`."""
        module = self.module(owner)
        path, there = self.brought.get(module, {}).get(text(owner), ("", ""))
        return self.function(module_of(path, module, self.modules).get(name)) if there == WHOLE else None

    def gives_items(self, function: Node) -> bool:
        """Whether a function returns what DynamoDB calls an item, or what another such function does."""
        if self._givers is None:
            texts = {name: text(value) for name, value in self.everything.items()}
            self._givers = {name for name, written in texts.items() if OF_ITEMS.search(written)}
            for _ in range(3):
                self._givers |= {
                    name for name, written in texts.items() if self._givers & set(RETURNED.findall(written))
                }
        written = text(function)
        return bool(OF_ITEMS.search(written) or self._givers & set(RETURNED.findall(written)))

    def method(self, owner: Node, name: str) -> Node | None:
        """The method that is called on `this` or on an object that a class of the project makes."""
        body: Node | None = owner
        if owner.type == "this":
            while body is not None and body.type != "class_body":
                body = body.parent
        else:
            value = self.known(text(owner), owner) if owner.type == "identifier" else owner
            made = value if value is not None and value.type == "new_expression" else None
            body = self.known(text(made.child_by_field_name("constructor")), owner) if made is not None else None
        for member in body.named_children if body is not None else []:
            if text(member.child_by_field_name("name")) == name:
                return self.function(member if member.type in FUNCTIONS else member.child_by_field_name("value"))
        return None

    def function(self, node: Node | None, depth: int = 0) -> Node | None:
        """The function that a value is, names, or wraps: `middy(handler).use(...)`, `traced(async (event) => ...)`."""
        if node is None or depth > 6:
            return None
        if node.type in FUNCTIONS:
            return node
        if node.type in ("identifier", "shorthand_property_identifier"):
            known = self.known(text(node), node)
            return self.function(known, depth + 1) if known is not None and known != node else None
        if node.type in WRAPPED:
            return self.function(node.named_children[0], depth + 1)
        if node.type == "member_expression":
            return self.function(self.everything.get(text(node.child_by_field_name("property"))), depth + 1)
        if node.type != "call_expression":
            return None
        called = node.child_by_field_name("function")
        listed = node.child_by_field_name("arguments")
        for argument in listed.named_children if listed is not None else []:
            if (wrapped := self.function(argument, depth + 1)) is not None:
                return wrapped
        owner = called.child_by_field_name("object") if called is not None else None
        return self.function(owner, depth + 1)


def everywhere(tree: Node) -> Iterator[Node]:
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(reversed(node.named_children))


def definitions(node: Node) -> Iterator[tuple[str, Node]]:
    """What a node gives a name to."""
    if node.type in ("function_declaration", "generator_function_declaration"):
        yield text(node.child_by_field_name("name")), node
    elif node.type == "class_declaration" and (body := node.child_by_field_name("body")) is not None:
        yield text(node.child_by_field_name("name")), body
    elif node.type in ("variable_declarator", "public_field_definition"):
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is not None and value is not None and name.type in ("identifier", "property_identifier"):
            yield text(name), value
    elif node.type == "assignment_expression":
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None or left.type != "member_expression":
            return
        yield text(left.child_by_field_name("property")), right
        if text(left) == "module.exports":
            for pair in right.named_children if right.type == "object" else []:
                if pair.type == "pair" and (value := pair.child_by_field_name("value")) is not None:
                    yield key(pair.child_by_field_name("key")), value
                elif pair.type == "shorthand_property_identifier":
                    yield text(pair), pair
    elif node.type == "export_specifier" and (alias := node.child_by_field_name("alias")) is not None:
        if (name := node.child_by_field_name("name")) is not None:
            yield text(alias), name
    elif node.type == "export_statement" and (value := node.child_by_field_name("value")) is not None:
        yield "default", value


def is_route(node: Node) -> bool:
    called = node.child_by_field_name("function") if node.type == "call_expression" else None
    listed = node.child_by_field_name("arguments")
    if called is None or called.type != "member_expression" or listed is None or len(listed.named_children) < 2:
        return False
    first = literal(listed.named_children[0])
    return text(called.child_by_field_name("property")) in ROUTES and isinstance(first, str) and first.startswith("/")


def mounted(node: Node) -> list[str]:
    """The path at which a call such as `app.use('/orders', router)` mounts a router."""
    called = node.child_by_field_name("function") if node.type == "call_expression" else None
    listed = node.child_by_field_name("arguments")
    if called is None or listed is None or text(called.child_by_field_name("property")) != "use":
        return []
    first = literal(listed.named_children[0]) if len(listed.named_children) > 1 else None
    return [first] if isinstance(first, str) and len(first) > 1 and first.startswith("/") else []


def in_table(pair: Node) -> bool:
    """Whether a pair of an object is no export of a module."""
    holder = pair.parent.parent if pair.parent is not None else None
    left = holder.child_by_field_name("left") if holder is not None and holder.type == "assignment_expression" else None
    return text(left) != "module.exports"


def takes_events(function: Node) -> bool:
    """Whether the first parameter is called as a handler's is, so that a table of functions may hand events to it."""
    return any(text(each).split(":")[0].strip() in ("event", "evt") for each in parameters(function)[:1])


def parameters(function: Node) -> list[Node]:
    single = function.child_by_field_name("parameter")
    if single is not None:
        return [single]
    listed = function.child_by_field_name("parameters")
    return [each for each in listed.named_children if each.type != "comment"] if listed is not None else []
