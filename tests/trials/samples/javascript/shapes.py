"""Shapes that JavaScript and TypeScript declare: Zod objects, interfaces and types, as fields with what they hold."""

from typing import Any

from tree_sitter import Node

from trials.moment import DAY, TEXT
from trials.samples.shape import Shape

FORMATS: dict[str, Any] = {
    "email": "trial@example.com",
    "url": "https://example.test/trial",
    "uuid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "guid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "datetime": TEXT,
    "date": DAY,
}
NUMBERS = ("number", "bigint", "int")


def text(node: Node | None) -> str:
    return node.text.decode(errors="replace") if node is not None and node.text is not None else ""


def literal(node: Node | None) -> Any:
    """The value of a string, number or boolean as it is written; None for anything else."""
    if node is None:
        return None
    if node.type == "literal_type":
        return literal(node.named_children[0] if node.named_children else None)
    if node.type == "string":
        return text(node)[1:-1]
    if node.type == "number":
        written = text(node)
        return int(written) if written.isdigit() else None
    return {"true": True, "false": False}.get(node.type)


def key(node: Node | None) -> str:
    return str(literal(node)) if node is not None and node.type == "string" else text(node)


def chain(node: Node) -> list[tuple[str, list[Node]]]:
    """The calls of `z.object({...}).strict()`, from the first: each name with its arguments. Empty if it is no `z`."""
    calls: list[tuple[str, list[Node]]] = []
    at: Node | None = node
    while at is not None and at.type in ("call_expression", "member_expression"):
        called = at.child_by_field_name("function") if at.type == "call_expression" else at
        if called is None or called.type != "member_expression":
            return []
        listed = at.child_by_field_name("arguments") if at.type == "call_expression" else None
        name = text(called.child_by_field_name("property"))
        calls.append((name, listed.named_children if listed is not None else []))
        at = called.child_by_field_name("object")
    return calls[::-1] if at is not None and text(at) in ("z", "zod") else []


class Shapes:
    """All shapes of some modules, by name."""

    def __init__(self) -> None:
        self.declared: dict[str, Node] = {}

    def note(self, node: Node) -> None:
        """Take note of a declaration of a shape; other nodes are passed over."""
        name = text(node.child_by_field_name("name"))
        if node.type == "variable_declarator":
            value = node.child_by_field_name("value")
            if value is not None and self.is_schema(value):
                self.declared[name] = value
        elif node.type == "interface_declaration" and (body := node.child_by_field_name("body")) is not None:
            self.declared[name] = body
        elif node.type in ("class_declaration", "type_alias_declaration"):
            body = node.child_by_field_name("body") or node.child_by_field_name("value")
            if body is not None:
                self.declared.setdefault(name, body)

    def is_schema(self, node: Node) -> bool:
        if chain(node):
            return chain(node)[-1][0] not in ("parse", "safeParse", "parseAsync", "safeParseAsync")
        called = node.child_by_field_name("function") if node.type == "call_expression" else None
        owner = called.child_by_field_name("object") if called is not None else None
        name = text(called.child_by_field_name("property")) if called is not None else ""
        return owner is not None and name in ("extend", "strict", "merge", "partial", "passthrough", "omit", "pick")

    def named(self, name: str) -> Shape | None:
        return self.shape(self.declared[name]) if name in self.declared else None

    def shape(self, node: Node | None, depth: int = 0) -> Shape:
        """What a schema or a type says; an empty shape where it says nothing that is known here."""
        if node is None or depth > 8:
            return Shape()
        if node.type in ("identifier", "type_identifier"):
            name = text(node)
            return self.shape(self.declared[name], depth + 1) if name in self.declared else Shape()
        if node.type == "call_expression":
            return self._schema(node, depth)
        return self._type(node, depth)

    def _schema(self, node: Node, depth: int) -> Shape:
        calls = chain(node)
        if not calls:
            called = node.child_by_field_name("function")
            owner = called.child_by_field_name("object") if called is not None else None
            listed = node.child_by_field_name("arguments")
            name = text(called.child_by_field_name("property")) if called is not None else ""
            shape = self.shape(owner, depth + 1)
            calls = [(name, listed.named_children if listed is not None else [])]
        else:
            shape = Shape()
        for name, arguments in calls:
            self._apply(shape, name, arguments, depth)
        return shape

    def _apply(self, shape: Shape, name: str, arguments: list[Node], depth: int) -> None:
        first = arguments[0] if arguments else None
        if name in NUMBERS:
            shape.number = True
        elif name in ("min", "gte", "gt") and shape.number and isinstance(literal(first), int):
            shape.value = literal(first) + (name == "gt")
        elif name == "boolean":
            shape.value = True
        elif name in FORMATS:
            shape.value = FORMATS[name]
        elif name == "date":
            shape.value = FORMATS["datetime"]
        elif name == "literal":
            shape.value = literal(first)
        elif name in ("enum", "nativeEnum") and first is not None and first.type == "array":
            shape.value = literal(first.named_children[0]) if first.named_children else None
        elif name in ("optional", "nullish", "default", "catch"):
            shape.optional = True
        elif name == "array":
            shape.members = self.shape(first, depth + 1) if first is not None else Shape(**vars(shape))
        elif name in ("object", "strictObject", "looseObject", "extend") and first is not None:
            if first.type == "object":
                for pair in first.named_children:
                    if pair.type == "pair":
                        value = self.shape(pair.child_by_field_name("value"), depth + 1)
                        shape.inner[key(pair.child_by_field_name("key"))] = value
        elif name in ("merge", "union", "discriminatedUnion", "intersection", "preprocess"):
            listed = arguments[-1] if arguments else None
            if listed is not None and listed.type == "array":
                listed = listed.named_children[0] if listed.named_children else None
            other = self.shape(listed, depth + 1)
            shape.inner |= other.inner
            shape.number, shape.value = shape.number or other.number, shape.value or other.value

    def _class(self, body: Node, depth: int) -> Shape:
        """The fields of a class that have a type; EventBridge's schema registry generates them with a map of names."""
        fields = [each for each in body.named_children if each.type == "public_field_definition"]
        inner: dict[str, Shape] = {}
        for field in fields:
            if (annotation := field.child_by_field_name("type")) is None or any(
                c.type == "static" for c in field.children
            ):
                continue
            shape = self.shape(annotation.named_children[0], depth + 1)
            shape.optional = any(child.type == "?" for child in field.children)
            inner[key(field.child_by_field_name("name"))] = shape
        mapped = next((each for each in fields if key(each.child_by_field_name("name")) == "attributeTypeMap"), None)
        listed = mapped.child_by_field_name("value") if mapped is not None else None
        for entry in listed.named_children if listed is not None else []:
            pairs = {
                key(pair.child_by_field_name("key")): pair.child_by_field_name("value") for pair in entry.named_children
            }
            name, base = str(literal(pairs.get("name"))), str(literal(pairs.get("baseName")))
            if name in inner and name != base:
                inner[base] = inner.pop(name)
                inner[base].called = name
        return Shape(inner=inner)

    def _type(self, node: Node, depth: int) -> Shape:
        if node.type == "class_body":
            return self._class(node, depth)
        if node.type in ("object_type", "interface_body"):
            inner: dict[str, Shape] = {}
            for member in node.named_children:
                if member.type == "property_signature":
                    annotation = member.child_by_field_name("type")
                    held = annotation.named_children[0] if annotation is not None else None
                    shape = self.shape(held, depth + 1)
                    shape.optional = any(child.type == "?" for child in member.children)
                    inner[key(member.child_by_field_name("name"))] = shape
            return Shape(inner=inner)
        if node.type == "array_type":
            return Shape(members=self.shape(node.named_children[0], depth + 1))
        if node.type == "generic_type":
            listed = node.child_by_field_name("type_arguments")
            name = text(node.child_by_field_name("name"))
            first = listed.named_children[0] if listed is not None and listed.named_children else None
            if name == "EventBridgeEvent" and listed is not None and len(listed.named_children) > 1:
                return Shape(inner={"detail": self.shape(listed.named_children[1], depth + 1)})
            if name in ("Array", "ReadonlyArray"):
                return Shape(members=self.shape(first, depth + 1))
            if name in ("Readonly", "Partial", "Required", "Promise"):
                return self.shape(first, depth + 1)
            if name == "z.infer" and first is not None and first.type == "type_query":
                return self.shape(first.named_children[0], depth + 1)
            return Shape()
        if node.type == "predefined_type":
            return Shape(number=text(node) in NUMBERS, value=True if text(node) == "boolean" else None)
        if node.type == "union_type":
            shapes = [self.shape(each, depth + 1) for each in node.named_children]
            return next((each for each in shapes if each != Shape()), Shape())
        if node.type == "literal_type":
            return Shape(value=literal(node))
        if node.type in ("parenthesized_type", "readonly_type"):
            return self.shape(node.named_children[0], depth + 1)
        return Shape()
