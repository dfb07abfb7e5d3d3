"""What an API needs to be deployed whole, to answer browsers and to know which connections are open."""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
import _model as model

API = "references/serverless-patterns.md#rest-api"
SOCKETS = "references/serverless-patterns.md#events-as-they-arrive"
TAGS = ["apigateway", "speedy, simple, singular"]
REST = "AWS::Serverless::Api"


class Preflight(model.Rule):
    id = "E9708"
    shortdesc = "A preflight asks for no login"
    description = "A browser sends no credentials with OPTIONS: it is refused, and so is every request of a site."
    section = API
    tags = ["cors", *TAGS]

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        apis: list[tuple[str, model.Node]] = [(each.name, each) for each in template.of(REST)]
        if any(event.kind == "Api" and event.absent("RestApiId") for event in template.events):
            shared = model.shared_section(template.body, REST)
            apis += [("the Api of SAM", model.Node(template, shared, ["Globals", "Api"]))] if shared else []
        for name, api in apis:
            caught = all(isinstance(each, str) and each != "NONE" for each in api.values("Auth", "DefaultAuthorizer"))
            added = api.values("Auth", "AddDefaultAuthorizerToCorsPreflight", default=True)
            if caught and None not in api.values("Cors") and all(model.flag(each) for each in added):
                message = f"the default authorizer of {name} refuses every preflight"
                yield api.at("Auth"), f"{message}: set Auth.AddDefaultAuthorizerToCorsPreflight: false"
        for method in template.of("AWS::ApiGateway::Method"):
            asked = all(
                each in ("AWS_IAM", "COGNITO_USER_POOLS", "CUSTOM") for each in method.values("AuthorizationType")
            )
            if method.only("HttpMethod") == "OPTIONS" and asked:
                message = f"{method.name} asks a preflight for a login that a browser does not send"
                yield method.at("AuthorizationType"), f"{message}: set AuthorizationType: NONE"


class DeployedBefore(model.Rule):
    id = "E9709"
    shortdesc = "The deployment of a REST API waits for its methods"
    description = "CloudFormation makes both at once: a method that comes later is not deployed, and none at all fails."
    section = API
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for deployment in template.of("AWS::ApiGateway::Deployment"):
            api = deployment.refers("RestApiId")
            methods = [
                each for each in template.of("AWS::ApiGateway::Method") if api and each.refers("RestApiId") is api
            ]
            late = [each.name for each in methods if each.name not in _before(template, deployment.name)]
            if late:
                more = f" and {len(late) - 3} more" if len(late) > 3 else ""
                message = f"{deployment.name} may come before {', '.join(late[:3])}{more}"
                yield deployment.resource_path, f"{message}: name them in DependsOn"


def _before(template: model.Model, name: str) -> set[str]:
    """All that a resource waits for, by what it refers to and depends on."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for each in model.references(template.raw(["Resources", waiting.pop()])):
            if each in template.resources and each not in found:
                found.add(each)
                waiting.append(each)
    return found


class Disconnected(model.Rule):
    id = "W9710"
    shortdesc = "A WebSocket API that is told of a connection is told of its end"
    description = "Without $disconnect the ids of closed connections pile up, and each broadcast tries them all."
    section = SOCKETS
    tags = TAGS

    def check(self, template: model.Model) -> Iterator[tuple[model.Where, str]]:
        for api in template.of("AWS::ApiGatewayV2::Api"):
            routes = [each for each in template.of("AWS::ApiGatewayV2::Route") if each.refers("ApiId") in (api, None)]
            keys = [each.only("RouteKey") for each in routes]
            if "$connect" in keys and "$disconnect" not in keys and all(isinstance(each, str) for each in keys):
                (first, *_) = (each for each in routes if each.only("RouteKey") == "$connect")
                message = f"{api.name} is told who connects and not who is gone"
                yield first.resource_path, f"{message}: add a route $disconnect that forgets the connection"
