"""What an API hands to the function that authorizes its callers, in each of its forms."""

import json
from typing import Any

METHOD = "arn:aws:execute-api:us-east-1:123456789012:trial/prod/GET/trial"
CALLER: dict[str, Any] = {
    "headers": {"authorization": "Bearer trial", "Authorization": "Bearer trial", "host": "trial.example"},
    "queryStringParameters": {},
    "pathParameters": {},
    "stageVariables": {},
}
OLDER = {**CALLER, "type": "REQUEST", "methodArn": METHOD, "path": "/trial", "httpMethod": "GET", "resource": "/trial"}
AUTHORIZES = {  # what an authorizer gets, by the form that its API sends
    "TOKEN": json.dumps({"type": "TOKEN", "authorizationToken": "Bearer trial", "methodArn": METHOD}),
    "REQUEST": json.dumps({**OLDER, "requestContext": {"stage": "prod", "requestId": "trial-1"}}),
    "REQUEST 1.0": json.dumps({**OLDER, "version": "1.0", "requestContext": {"stage": "prod"}}),
    "REQUEST 2.0": json.dumps(
        {
            **CALLER,
            "version": "2.0",
            "type": "REQUEST",
            "routeArn": METHOD,
            "routeKey": "GET /trial",
            "rawPath": "/trial",
            "identitySource": ["Bearer trial"],
            "requestContext": {"http": {"method": "GET", "path": "/trial"}, "stage": "$default"},
        }
    ),
}
