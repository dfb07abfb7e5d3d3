"""What an API's definition says of a body and of parameters is what a made-up request holds."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from trials.project import read, sources
from trials.samples import samples
from trials.samples.schema import example

ORDER = {
    "type": "object",
    "required": ["customer", "lines", "kind", "at"],
    "additionalProperties": False,
    "properties": {
        "customer": {"type": "object", "properties": {"email": {"type": "string", "format": "email"}}},
        "lines": {
            "type": "array",
            "minItems": 2,
            "items": {
                "type": "object",
                "required": ["sku", "quantity"],
                "properties": {
                    "sku": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"},
                    "quantity": {"type": "integer", "minimum": 3},
                    "note": {"type": "string"},
                },
            },
        },
        "kind": {"type": "string", "enum": ["express", "slow"]},
        "at": {"type": "string", "format": "date-time"},
        "share": {"type": "number", "maximum": 0.5},
    },
}
FUNCTION = """
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.12
      InlineCode: "def handler(event, context): pass"
"""
SAM = f"""
Transform: AWS::Serverless-2016-10-31
Resources:
  Shop:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      Models: {{ Order: {json.dumps(ORDER)} }}
{FUNCTION}
      Events:
        Post:
          Type: Api
          Properties:
            RestApiId: !Ref Shop
            Path: /orders
            Method: post
            RequestModel: {{ Model: Order, Required: true, ValidateBody: true }}
            RequestParameters:
              - method.request.querystring.region: {{ Required: true }}
              - method.request.header.x-tenant: {{ Required: true }}
              - method.request.querystring.page
"""
PLAIN = f"""
Transform: AWS::Serverless-2016-10-31
Resources:
{FUNCTION}
  Shop: {{ Type: AWS::ApiGateway::RestApi, Properties: {{ Name: shop }} }}
  Orders:
    Type: AWS::ApiGateway::Resource
    Properties: {{ RestApiId: !Ref Shop, ParentId: !GetAtt Shop.RootResourceId, PathPart: orders }}
  OrderModel:
    Type: AWS::ApiGateway::Model
    Properties: {{ RestApiId: !Ref Shop, ContentType: application/json, Schema: {json.dumps(ORDER)} }}
  Post:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Shop
      ResourceId: !Ref Orders
      HttpMethod: POST
      AuthorizationType: NONE
      RequestModels: {{ application/json: !Ref OrderModel }}
      RequestParameters: {{ method.request.querystring.region: true, method.request.header.x-tenant: true }}
      Integration:
        Type: AWS_PROXY
        IntegrationHttpMethod: POST
        Uri: !Sub "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${{Work.Arn}}/invocations"
"""
OPERATION = {
    "parameters": [
        {"in": "query", "name": "region", "required": True, "schema": {"type": "string"}},
        {"in": "header", "name": "x-tenant", "required": True, "schema": {"type": "string"}},
        {"in": "query", "name": "page", "schema": {"type": "integer"}},
    ],
    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}},
}
URI = {"Fn::Sub": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Work.Arn}/invocations"}
INTEGRATION = {"type": "aws_proxy", "httpMethod": "POST", "uri": URI}
DEFINITION = {
    "openapi": "3.0.1",
    "paths": {"/orders": {"post": {**OPERATION, "x-amazon-apigateway-integration": INTEGRATION}}},
    "components": {"schemas": {"Order": {"allOf": [{"$ref": "#/components/schemas/Base"}, ORDER]}, "Base": {}}},
}
OPENAPI = f"""
Transform: AWS::Serverless-2016-10-31
Resources:
{FUNCTION}
  Shop:
    Type: AWS::Serverless::Api
    Properties: {{ StageName: v1, DefinitionBody: {json.dumps(DEFINITION)} }}
"""


@pytest.mark.parametrize("template", [SAM, PLAIN, OPENAPI], ids=["SAM", "CloudFormation", "OpenAPI"])
def test_a_request_holds_what_its_api_asks_for(tmp_path: Path, template: str) -> None:
    (tmp_path / "template.yaml").write_text(template)
    project = read(tmp_path, "http://outside.example.test")
    source = next(source for source in project.sources if source.route)
    request: Any = samples(project.body, [], source, {})[0].payload

    jsonschema.validate(json.loads(request["body"]), ORDER)
    assert set(request["queryStringParameters"]) == {"region"}
    assert request["headers"]["x-tenant"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 12},
        {"type": "string", "maxLength": 3},
        {"type": ["null", "integer"], "exclusiveMinimum": 7},
        {"type": "integer", "minimum": 5, "exclusiveMinimum": True},
        {"type": "number", "maximum": 0},
        {"oneOf": [{"type": "boolean"}, {"type": "string"}]},
        {"type": "array", "items": {"type": "string", "format": "uuid"}, "minItems": 3},
        {"allOf": [{"required": ["a"], "properties": {"a": {"const": 4}}}, {"required": ["b"]}], "type": "object"},
    ],
)
def test_an_example_is_one_that_the_schema_takes(schema: Any) -> None:
    old = schema.get("exclusiveMinimum") is True
    validator = jsonschema.Draft4Validator if old else jsonschema.Draft202012Validator

    validator(schema).validate(example(schema))


@pytest.mark.parametrize(
    ("own", "shared", "validates", "requires"),
    [
        ("All", "", True, ["day"]),
        ("", "Body", True, []),
        ("Parameters", "Body", False, ["day"]),
        ("", "", False, []),
        ("Unknown", "", False, []),
    ],
)
def test_a_way_into_a_service_knows_what_its_validator_refuses(
    own: str, shared: str, validates: bool, requires: list[str]
) -> None:
    whole, body, parameters = (
        {"validateRequestBody": body, "validateRequestParameters": parameters}
        for body, parameters in ((True, True), (True, False), (False, True))
    )
    operation: dict[str, Any] = {
        "parameters": [{"in": "query", "name": "day", "required": True}],
        "requestBody": {"content": {"application/json": {"schema": ORDER}}},
        "x-amazon-apigateway-integration": {
            "type": "aws",
            "uri": {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:dynamodb:action/PutItem"},
            "requestTemplates": {"application/json": {"Fn::Sub": '{ "TableName": "${Orders}" }'}},
        },
    }
    document: dict[str, Any] = {
        "paths": {"/orders": {"post": operation}},
        "x-amazon-apigateway-request-validators": {"All": whole, "Body": body, "Parameters": parameters},
    }
    operation |= {"x-amazon-apigateway-request-validator": own} if own else {}
    document |= {"x-amazon-apigateway-request-validator": shared} if shared else {}
    resources = {
        "Orders": {"Type": "AWS::DynamoDB::Table"},
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": document}},
    }

    (way,) = sources({"Resources": resources}, Path())

    assert way.call
    assert (way.call.body["validates"], way.call.body["requires"]) == (validates, requires)
