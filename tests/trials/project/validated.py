"""What an API's own definition asks of a request: models of API Gateway, and bodies and parameters of OpenAPI."""

import re
from dataclasses import replace
from typing import Any

from trials.project.source import Route
from trials.template import Event, Resource, as_dict, logical_id, text
from trials.template.values import flag

PLACES = {"querystring": "query", "query": "query", "header": "header"}
JSON = "application/json"
VALIDATOR = "x-amazon-apigateway-request-validator"
DEEPEST = 8  # references within references


def by_event(route: Route, event: Event, api: str) -> Route:
    """A route of SAM with its RequestModel, which its API defines, and its RequestParameters."""
    holder = event.template.resources.get(api)
    models = as_dict(holder.only("Models")) if holder else {}
    name = event.only("RequestModel", "Model")
    schema = resolved(models[name], models) if isinstance(name, str) and name in models else None
    asked = event.written("RequestParameters")
    listed = [each if isinstance(each, dict) else {each: {}} for each in asked] if isinstance(asked, list) else []
    demanded = {key: as_dict(how).get("Required") for each in listed for key, how in each.items()}
    return replace(route, schema=schema, parameters=of_keys(demanded))


def by_method(route: Route, method: Resource) -> Route:
    """A route of an `AWS::ApiGateway::Method` with its model and its parameters."""
    template = method.template
    models = {each.name: each.only("Schema") for each in template.of("AWS::ApiGateway::Model")}
    models |= {str(each.only("Name")): each.only("Schema") for each in template.of("AWS::ApiGateway::Model")}
    asked = as_dict(method.written("RequestModels"))
    wanted = asked.get(JSON) or next(iter(asked.values()), None)
    name = logical_id(wanted) or (wanted if isinstance(wanted, str) else "")
    schema = resolved(models[name], models) if isinstance(models.get(name), dict) else None
    return replace(route, schema=schema, parameters=of_keys(as_dict(method.written("RequestParameters"))))


def by_operation(route: Route, operation: dict[str, Any], document: dict[str, Any]) -> Route:
    """A route of OpenAPI, or of Swagger, with the schema of its body and the parameters that it requires."""
    named = {**as_dict(document.get("definitions")), **as_dict(as_dict(document.get("components")).get("schemas"))}
    shared = {**as_dict(document.get("parameters")), **as_dict(as_dict(document.get("components")).get("parameters"))}
    listed = operation.get("parameters")
    parameters = [as_dict(resolved(each, shared)) for each in listed] if isinstance(listed, list) else []
    content = as_dict(as_dict(operation.get("requestBody")).get("content"))
    schema = as_dict(content.get(JSON) or next(iter(content.values()), None)).get("schema")
    schema = schema or next((each.get("schema") for each in parameters if each.get("in") == "body"), None)
    needed = [each for each in parameters if each.get("in") in PLACES and flag(each.get("required")) is True]
    demanded = tuple((PLACES[str(each["in"])], str(each.get("name"))) for each in needed)
    return replace(route, schema=resolved(schema, named) if schema else None, parameters=demanded)


def refuses(route: Route, operation: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """What the validator of an operation refuses: `validates` a body by a schema, `requires` parameters by name.

    An operation's own validator goes before that of the whole document.
    """
    known = as_dict(document.get(f"{VALIDATOR}s"))
    validator = as_dict(known.get(text(operation.get(VALIDATOR) or document.get(VALIDATOR))))
    return {
        "validates": bool(route.schema) and flag(validator.get("validateRequestBody")) is True,
        "requires": [name for _, name in route.parameters] if flag(validator.get("validateRequestParameters")) else [],
    }


def of_keys(asked: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Places and names of what keys such as `method.request.querystring.id` demand."""
    demanded = [text(key).split(".", 3) for key, wanted in asked.items() if flag(wanted) is True]
    return tuple((PLACES[parts[2]], parts[3]) for parts in demanded if len(parts) == 4 and parts[2] in PLACES)


def resolved(schema: Any, named: dict[str, Any], depth: int = 0) -> Any:
    """A schema with what it refers to by name in the places of the references."""
    if isinstance(schema, list):
        return [resolved(each, named, depth) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = re.findall(r"[\w-]+", str(schema["$ref"]))[-1:]
        return resolved(named[name[0]], named, depth + 1) if name and name[0] in named and depth < DEEPEST else {}
    return {key: resolved(inner, named, depth) for key, inner in schema.items()}
