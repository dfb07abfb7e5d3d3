"""What a service hands to a function that it asks directly: an authorizer, a trigger of Cognito, a destination."""

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


def ended(condition: str) -> str:
    """What a destination gets of another function's end."""
    context = {"requestId": "trial-1", "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:trial:$LATEST"}
    failed = condition == "RetriesExhausted"
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": "2026-11-23T08:00:00.000Z",
        "requestContext": {**context, "condition": condition, "approximateInvokeCount": 3 if failed else 1},
        "requestPayload": {"id": "trial-1"},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"errorMessage": "trial", "errorType": "Trial"} if failed else {"id": "trial-1"},
    }
    if failed:
        record["responseContext"]["functionError"] = "Unhandled"
    return json.dumps(record)


TRIGGERS = {  # of a user pool, and how one of its events says where it comes from
    "PreSignUp": "PreSignUp_SignUp",
    "PostConfirmation": "PostConfirmation_ConfirmSignUp",
    "PreAuthentication": "PreAuthentication_Authentication",
    "PostAuthentication": "PostAuthentication_Authentication",
    "CustomMessage": "CustomMessage_SignUp",
    "PreTokenGeneration": "TokenGeneration_Authentication",
}


def triggered(trigger: str) -> str:
    """What a trigger of a user pool gets; nothing for one whose event is not known here."""
    if trigger not in TRIGGERS:
        return ""
    attributes = {"sub": "9f1b6c3e-trial", "email": "trial@example.test", "email_verified": "true"}
    event = {
        "version": "1",
        "region": "us-east-1",
        "userPoolId": "us-east-1_trial",
        "userName": "trial",
        "callerContext": {"awsSdkVersion": "trial", "clientId": "trial"},
        "triggerSource": TRIGGERS[trigger],
        "request": {"userAttributes": attributes, "clientMetadata": {}, "validationData": {}},
        "response": {},
    }
    return json.dumps(event)
