"""The routes that decorators of a resolver or a framework give to functions."""

import ast

from trials.samples.python.code import constant

METHODS = (".post(", ".put(", ".get(", ".patch(", ".delete(", ".route(")


def is_route(decorator: ast.expr) -> bool:
    return any(word in ast.unparse(decorator) for word in METHODS)


def served_by(decorator: ast.expr) -> tuple[str, str] | None:
    """The method and the path of a decorator such as `@app.post("/orders")`."""
    if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute) or not decorator.args:
        return None
    path, method = constant(decorator.args[0]), decorator.func.attr.upper()
    if method == "ROUTE":
        given = next((constant(each.value) for each in decorator.keywords if each.arg in ("method", "methods")), None)
        method = str(given[0] if isinstance(given, list | tuple) and given else given or "GET").upper()
    return (method, path) if isinstance(path, str) and path.startswith("/") else None
