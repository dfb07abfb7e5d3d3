"""Shapes that Python declares: Pydantic models, TypedDicts, dataclasses and named tuples, and JSON schemas."""

import ast
import re
from typing import Any

from trials.moment import DAY, TEXT
from trials.samples.paths import EventPaths
from trials.samples.python.code import Code, Module, constant
from trials.samples.reads import Steps
from trials.samples.shape import Shape
from trials.template.fitting import fitting

NUMBERS = {"int", "float", "Decimal", "PositiveInt", "NonNegativeInt", "PositiveFloat", "conint", "confloat"}
LISTS = {"list", "List", "Sequence", "Iterable", "set", "Set", "tuple", "Tuple", "conlist", "frozenset"}
THROUGH = {"Optional", "Annotated", "Required", "NotRequired", "Final", "Json", "SecretStr", "Union", "ClassVar"}
VALUES: dict[str, Any] = {
    "bool": True,
    "EmailStr": "trial@example.com",
    "UUID": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "UUID4": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "datetime": TEXT,
    "AwareDatetime": TEXT,
    "date": DAY,
    "time": "08:00:00",
    "HttpUrl": "https://example.test/trial",
    "AnyUrl": "https://example.test/trial",
    "AnyHttpUrl": "https://example.test/trial",
}
FORMATS = {
    "date-time": "datetime",
    "date": "date",
    "time": "time",
    "email": "EmailStr",
    "uuid": "UUID",
    "uri": "HttpUrl",
}
DEEPEST = 8


class Models:
    """The shapes of what the code declares."""

    def __init__(self, code: Code) -> None:
        self.code = code

    def named(self, name: str, depth: int = 0) -> Shape | None:
        declared = self.code.class_(name)
        return self.of_class(declared, depth) if declared is not None else None

    def of_class(self, declared: ast.ClassDef, depth: int = 0) -> Shape:
        shape = Shape()
        bases = [base.id for base in declared.bases if isinstance(base, ast.Name)]
        if any(base.endswith("Enum") for base in bases):
            members = [each for each in declared.body if isinstance(each, ast.Assign)]
            return Shape(value=constant(members[0].value) if members else None)
        for base in bases:
            inherited = self.named(base, depth + 1) if depth < DEEPEST and base != declared.name else None
            shape.inner |= inherited.inner if inherited else {}
        camel = "to_camel" in ast.unparse(declared)
        for statement in declared.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                name = statement.target.id
                if name == "model_config" or ast.unparse(statement.annotation).startswith("ClassVar"):
                    continue
                inner = self.of(statement.annotation, depth + 1)
                inner.optional = inner.optional or defaulted(statement.value)
                if inner == Shape(optional=inner.optional):  # a text, as far as is known
                    inner.value = patterned(statement.value)
                alias = aliased(statement.value) or (in_camel(name) if camel else "")
                inner.called = name if alias else ""
                shape.inner[alias or name] = inner
        return shape

    def of(self, kind: ast.AST | None, depth: int = 0) -> Shape:
        """What an annotation says; an empty shape where it says nothing that is known here."""
        if kind is None or depth > DEEPEST:
            return Shape()
        if isinstance(kind, ast.Constant) and isinstance(kind.value, str):
            try:
                return self.of(ast.parse(kind.value, mode="eval").body, depth + 1)
            except SyntaxError:
                return Shape()
        if isinstance(kind, ast.BinOp):  # X | None
            shape = self.of(kind.left, depth + 1)
            return shape if shape != Shape() else self.of(kind.right, depth + 1)
        if isinstance(kind, ast.Call):
            return self.of(kind.func, depth)
        if isinstance(kind, ast.Subscript):
            return self._subscripted(kind, depth)
        name = kind.attr if isinstance(kind, ast.Attribute) else getattr(kind, "id", "")
        if name in LISTS:
            return Shape(members=Shape())
        return self.named(name, depth + 1) or Shape(number=name in NUMBERS, value=VALUES.get(name))

    def _subscripted(self, kind: ast.Subscript, depth: int) -> Shape:
        name = ast.unparse(kind.value).rsplit(".", 1)[-1]
        first = kind.slice.elts[0] if isinstance(kind.slice, ast.Tuple) and kind.slice.elts else kind.slice
        if name == "Literal":
            return Shape(value=constant(first))
        if name in LISTS:
            return Shape(members=self.of(first, depth + 1))
        if name in THROUGH:
            shape = self.of(first, depth + 1)
            shape.optional = shape.optional or name in ("Optional", "NotRequired")
            return shape
        return Shape()

    def constructed(self, name: str) -> Shape | None:
        """What a class is made of: its fields, or the parameters by which it is constructed."""
        declared = self.code.class_(name)
        made = [each for each in declared.body if getattr(each, "name", "") == "__init__"] if declared else []
        if declared is None or not made or not isinstance(made[0], ast.FunctionDef):
            return self.of_class(declared) if declared is not None else None
        listed = made[0].args
        given = [*listed.posonlyargs, *listed.args][1:]
        defaults: list[ast.expr | None] = [None] * (len(given) - len(listed.defaults))
        pairs = [*zip(given, [*defaults, *listed.defaults], strict=True)]
        shape = Shape()
        for parameter, default in [*pairs, *zip(listed.kwonlyargs, listed.kw_defaults, strict=True)]:
            inner = shape.inner[parameter.arg] = self.of(parameter.annotation)
            inner.optional = inner.optional or default is not None
        return shape

    def bound(self, model: str, at: Steps, event: EventPaths, near: Module) -> None:
        """What a class says that EventBridge's schema registry has generated: each attribute's type and key."""
        declared = self.code.class_(model, near)
        written: dict[str, dict[str, str]] = {"_types": {}, "_attribute_map": {}}
        for statement in declared.body if declared is not None else []:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            if isinstance(statement, ast.Assign) and isinstance(target, ast.Name) and target.id in written:
                written[target.id] = constant(statement.value) or {}
        for attribute, kind in written["_types"].items():
            steps = (*at, written["_attribute_map"].get(attribute, attribute))
            if kind != model and self.code.class_(kind, near):
                self.bound(kind, steps, event, near)
            else:
                event.reads.paths.add(steps)
            if kind in ("int", "float"):
                event.number(steps)


def defaulted(value: ast.expr | None) -> bool:
    """Whether a field may be left out."""
    if value is None:
        return False
    if not (isinstance(value, ast.Call) and ast.unparse(value.func).rsplit(".", 1)[-1] in ("Field", "field")):
        return True
    first = value.args[0] if value.args else None
    names = {each.arg for each in value.keywords}
    return bool(names & {"default", "default_factory"}) or (first is not None and constant(first) is not Ellipsis)


def aliased(value: ast.expr | None) -> str:
    """The key by which a field comes, if its code calls it otherwise."""
    given = value.keywords if isinstance(value, ast.Call) else []
    names = {each.arg: constant(each.value) for each in given}
    return str(names.get("validation_alias") or names.get("alias") or "")


def patterned(value: ast.expr | None) -> str | None:
    """A text that the pattern of a field takes, if it names one."""
    given = value.keywords if isinstance(value, ast.Call) else []
    pattern = next((constant(each.value) for each in given if each.arg in ("pattern", "regex")), None)
    return fitting(pattern) if isinstance(pattern, str) else None


def header(annotation: ast.expr | None) -> bool:
    """Whether a parameter of a route comes as a header: `Annotated[str, Header()]`."""
    return annotation is not None and bool(re.search(r"\bHeader\(", ast.unparse(annotation)))


def in_camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda underscored: underscored[1].upper(), name)


def of_schema(schema: Any, depth: int = 0) -> Shape:
    """What a JSON schema says."""
    if not isinstance(schema, dict) or depth > DEEPEST:
        return Shape()
    kind, allowed = schema.get("type"), schema.get("enum") or schema.get("examples")
    shape = Shape(number=kind in ("integer", "number"))
    if "const" in schema or (isinstance(allowed, list) and allowed and not isinstance(allowed[0], dict | list)):
        shape.value = schema.get("const", (allowed or [None])[0])
    elif kind == "boolean":
        shape.value = True
    elif isinstance(schema.get("pattern"), str) and (fit := fitting(schema["pattern"])):
        shape.value = fit
    elif schema.get("format") in FORMATS:
        shape.value = VALUES[FORMATS[str(schema["format"])]]
    elif shape.number and isinstance(schema.get("minimum"), int):
        shape.value = schema["minimum"]
    needed = schema.get("required") or []
    for name, inner in (schema.get("properties") or {}).items():
        shape.inner[str(name)] = of_schema(inner, depth + 1)
        shape.inner[str(name)].optional = name not in needed
    if kind == "array" or "items" in schema:
        shape.members = of_schema(schema.get("items"), depth + 1)
    return shape
