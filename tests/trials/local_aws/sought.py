"""What functions look for: items in DynamoDB, and whatever of other services is not there. And who sends mails."""

import base64
import json
import re
import urllib.parse
from contextlib import suppress
from email import message_from_bytes
from email.utils import parseaddr
from typing import Any

LOOKUPS = ("GetItem", "BatchGetItem", "Query", "Scan", "UpdateItem", "DeleteItem", "TransactWriteItems")
UNTOLD = ("parameters", "activity")  # of which an answer of 200 may hold nothing
MOST = 20  # that are remembered of either kind
SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([\w-]+)/")
NAMED = {  # by the last words of a target: the kind of thing, and the member that names it
    "Logs_20140328.CreateLogStream": ("log group", "logGroupName"),
    "Logs_20140328.PutLogEvents": ("log group", "logGroupName"),
    "AmazonSQS.GetQueueUrl": ("queue", "QueueName"),
    "AmazonSQS.SendMessage": ("queue", "QueueUrl"),
    "AmazonSQS.SendMessageBatch": ("queue", "QueueUrl"),
    "secretsmanager.GetSecretValue": ("secret", "SecretId"),
    "AmazonSSM.GetParameter": ("parameter", "Name"),
    "AmazonSSM.GetParameters": ("parameter", "Names"),
    "AmazonSSM.GetParametersByPath": ("parameters", "Path"),
    "AWSStepFunctions.GetActivityTask": ("activity", "activityArn"),
    "AWSStepFunctions.SendTaskSuccess": ("task token", "taskToken"),
    "AWSStepFunctions.SendTaskFailure": ("task token", "taskToken"),
    "AWSStepFunctions.SendTaskHeartbeat": ("task token", "taskToken"),
}


CALLBACK = re.compile(r"/durable-execution-callbacks/([^/]+)/(?:succeed|fail|heartbeat)$")


def lookups(target: str, body: bytes) -> list[dict[str, Any]]:
    """A request to DynamoDB for items, as its operation and its content; nothing for another."""
    service, _, operation = target.partition(".")
    if not service.startswith("DynamoDB_") or operation not in LOOKUPS:
        return []
    return [{"operation": operation, "request": json.loads(body or b"{}")}]


def missing(method: str, path: str, query: str, headers: Any, body: bytes, status: int) -> list[tuple[str, str]]:
    """The kinds and names of what a request may have asked for in vain.

    An object is named by its bucket and key, a table with its key's attributes behind a `#`. Of several parameters,
    and of an activity without a task, AWS tells under 200, so that each of them is named.
    """
    target = headers.get("X-Amz-Target", "")
    kind, member = NAMED.get(target, ("", ""))
    if kind and (status >= 400 or kind in UNTOLD or member == "Names"):
        named = json.loads(body or b"{}").get(member) or []
        names = [named] if isinstance(named, str) else named
        return [(kind, str(name).rstrip("/").rsplit("/", 1)[-1] if kind == "queue" else str(name)) for name in names]
    if target.startswith("DynamoDB_") and status == 400:
        return of_table(json.loads(body or b"{}"))
    if status == 404 and target == "" and b"Action=Publish" in body:
        arns = urllib.parse.parse_qs(body.decode(errors="replace")).get("TopicArn", [])
        return [("topic", arn.rsplit(":", 1)[-1]) for arn in arns]
    if status >= 400 and (callback := CALLBACK.search(path)):
        return [("callback", urllib.parse.unquote(callback[1]))]
    signed = SCOPE.search(headers.get("Authorization", ""))
    bucket, _, key = path.lstrip("/").partition("/")
    if status != 404 or not signed or signed[1] != "s3" or "uploadId" in query:
        return []
    if method in ("GET", "HEAD") and key:
        return [("object", f"{bucket}/{key}")]
    return [("bucket", bucket)] if bucket else []


CONDITION = re.compile(r"(?:begins_with\s*\(\s*)?(#?[\w.-]+)\s*(?:[=<>,]|(?i:between))+\s*(:\w+)")


def of_table(request: dict[str, Any]) -> list[tuple[str, str]]:
    """The table of a request that DynamoDB refused, with the key that it tells and the index that it reads."""
    name, key, item = request.get("TableName"), request.get("Key"), request.get("Item")
    if not isinstance(name, str):
        return [("table", f"{other}#id:S") for other in request.get("RequestItems") or {} if isinstance(other, str)]
    if not isinstance(key, dict):
        key = queried(request) if "KeyConditionExpression" in request else likely(item)
    typed = [f"{attribute}:{next(iter(value))}" for attribute, value in key.items() if isinstance(value, dict)]
    index = f"@{request['IndexName']}" if isinstance(request.get("IndexName"), str) else ""
    return [("table", f"{name.rsplit('/', 1)[-1]}#{','.join(typed) or 'id:S'}{index}")]


def likely(item: Any) -> dict[str, Any]:
    """The attributes of an item that are called as those of keys are, else its first one that can be a key."""
    named = [each for each in item or {} if re.fullmatch(r"(?i)pk|sk|(?:\w+[_-]?)?id", each)]
    both = [each for each in named if each.lower() in ("pk", "sk")]
    if not isinstance(item, dict):
        return {}
    able = [each for each, value in item.items() if isinstance(value, dict) and {"S", "N", "B"} & value.keys()]
    return {each: item[each] for each in both or named[:1] or able[:1]}


def queried(request: dict[str, Any]) -> dict[str, Any]:
    """What a query compares its key's attributes with; the one that is compared for equality comes first."""
    names, values = request.get("ExpressionAttributeNames") or {}, request.get("ExpressionAttributeValues") or {}
    compared = CONDITION.findall(str(request["KeyConditionExpression"]))
    return {str(names.get(name, name)): values[value] for name, value in compared if value in values}


# ---- mails

MAILS = "/v2/email/outbound-"  # of the second version of SES; the first has forms
FORM = b"Action=Send"


def sender_of(path: str, body: bytes) -> str:
    """The address as which a request sends a mail, in either version of SES; nothing for another request."""
    mailed = path.startswith(MAILS) or (path == "/" and FORM in body)
    with suppress(ValueError):  # SES itself refuses what is no JSON, or no base64
        return parseaddr(named_in(body))[1] if mailed else ""
    return ""


def named_in(body: bytes) -> str:
    """Of a raw mail without a sender of its own, its From."""
    if FORM in body:
        form = dict(urllib.parse.parse_qsl(body.decode()))
        return form.get("Source") or from_of(form.get("RawMessage.Data", ""))
    asked = json.loads(body or b"{}")
    return str(asked.get("FromEmailAddress") or from_of(asked.get("Content", {}).get("Raw", {}).get("Data", "")))


def from_of(raw: str) -> str:
    return str(message_from_bytes(base64.b64decode(raw)).get("From", ""))
