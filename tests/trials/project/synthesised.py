"""What CDK and the Serverless Framework write into their output, put as a template written by hand says it."""

import contextlib
import hashlib
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from trials.local_aws import ASSETS, ENVIRONMENT
from trials.template import ASSET, as_dict, logical_id

NOTIFIED = "Custom::S3BucketNotifications"
ENDS = {  # of a notification, as the API of S3 calls it, which is what CDK's custom resource is given
    "LambdaFunctionConfigurations": ("LambdaConfigurations", "LambdaFunctionArn", "Function"),
    "QueueConfigurations": ("QueueConfigurations", "QueueArn", "Queue"),
    "TopicConfigurations": ("TopicConfigurations", "TopicArn", "Topic"),
}
OF_CDK = (  # custom resources whose functions CDK brings along
    "Custom::AWS",
    "Custom::AWSCDK",
    "Custom::CDKBucketDeployment",
    "Custom::CloudwatchLogResourcePolicy",
    "Custom::CrossRegion",
    "Custom::DynamoDBReplica",
    "Custom::ECRAutoDeleteImages",
    "Custom::LogRetention",
    "Custom::S3AutoDeleteObjects",
    "Custom::UserPoolCloudFrontDomainName",
    "Custom::VpcRestrictDefaultSG",
    NOTIFIED,
)
PROVIDER = "USER_ON_EVENT_FUNCTION_ARN"  # what CDK's provider of custom resources reads of its environment


def put_plainly(body: dict[str, Any], folder: Path, notes: list[str]) -> dict[str, Any]:
    """The template with its archives as folders and its buckets' notifications in place, without CDK's own helpers."""
    with_notifications(body["Resources"])
    helpers = cdk_helpers(body["Resources"])
    ask_the_project(body["Resources"], helpers)
    if any(resource.get("Type") == "AWS::Lambda::Function" for name, resource in helpers.items()):
        notes.append("the custom resources that CDK brings along are not tried: what they would do is not done")
    body = {**body, "Resources": {name: each for name, each in body["Resources"].items() if name not in helpers}}
    without_dependence(body["Resources"], set(helpers))
    for resource in body["Resources"].values():
        if archive := archive_of(resource, folder):
            resource["Metadata"] = {**as_dict(resource.get("Metadata")), ASSET: str(unpacked(archive))}
    return body


def with_notifications(resources: dict[str, Any]) -> None:
    """Give each bucket the notifications that a custom resource of CDK would give it."""
    for resource in resources.values():
        if resource.get("Type") != NOTIFIED:
            continue
        properties = as_dict(resource.get("Properties"))
        bucket = as_dict(resources.get(logical_id(properties.get("BucketName"))))
        if bucket.get("Type") == "AWS::S3::Bucket":
            given = as_dict(properties.get("NotificationConfiguration"))
            held = bucket.setdefault("Properties", {}).setdefault("NotificationConfiguration", {})
            for key, configuration in in_templates_words(given).items():
                held[key] = [*held.get(key, []), *configuration] if isinstance(configuration, list) else configuration


def in_templates_words(given: dict[str, Any]) -> dict[str, Any]:
    """A notification configuration of the API of S3 as CloudFormation words it: one entry for each event."""
    configuration: dict[str, Any] = {}
    for key, (name, at, end) in ENDS.items():
        for notification in given.get(key) or []:
            rules = as_dict(as_dict(as_dict(notification.get("Filter")).get("Key"))).get("FilterRules") or []
            kept = {"Filter": {"S3Key": {"Rules": rules}}} if rules else {}
            configuration.setdefault(name, []).extend(
                {"Event": event, end: notification.get(at), **kept} for event in notification["Events"]
            )
    if "EventBridgeConfiguration" in given:
        configuration["EventBridgeConfiguration"] = {"EventBridgeEnabled": True}
    return configuration


def cdk_helpers(resources: dict[str, Any]) -> dict[str, Any]:
    """CDK's own custom resources, the functions that serve them, and its functions that call those of the project."""
    custom = {name: each for name, each in resources.items() if str(each.get("Type")).startswith(OF_CDK)}
    serving = {logical_id(as_dict(each.get("Properties")).get("ServiceToken")) for each in custom.values()}
    serving |= {name for name, each in resources.items() if PROVIDER in str(each.get("Properties"))}
    return custom | {name: each for name, each in resources.items() if name in serving}


def ask_the_project(resources: dict[str, Any], helpers: dict[str, Any]) -> None:
    """Let custom resources name the project's own function where one of CDK's stands between them."""
    for resource in resources.values():
        properties = as_dict(resource.get("Properties"))
        between = as_dict(helpers.get(logical_id(properties.get("ServiceToken"))))
        variables = as_dict(as_dict(as_dict(between.get("Properties")).get("Environment")).get("Variables"))
        if PROVIDER in variables:
            properties["ServiceToken"] = variables[PROVIDER]


def without_dependence(resources: dict[str, Any], gone: set[str]) -> None:
    """Take what is gone out of every `DependsOn`."""
    for resource in resources.values():
        if before := resource.get("DependsOn"):
            listed = before if isinstance(before, list) else [before]
            resource["DependsOn"] = [name for name in listed if name not in gone]


def archive_of(resource: dict[str, Any], folder: Path) -> Path | None:
    """The archive beside the template that holds a function's code or a layer; None for what is none, or a folder."""
    key = ASSETS.get(str(resource.get("Type")))
    if key is None:
        return None
    place = as_dict(resource.get("Metadata")).get(ASSET)
    if place is None:
        stored = as_dict(as_dict(resource.get("Properties")).get(key)).get("S3Key")
        place = stored.rsplit("/", 1)[-1] if isinstance(stored, str) else None
    path = folder / place if isinstance(place, str) else folder
    return path if path.is_file() and zipfile.is_zipfile(path) else None


def unpacked(archive: Path) -> Path:
    """The folder with what an archive holds, kept beside the local AWS under its content's hash."""
    kept = ENVIRONMENT / "archives" / hashlib.sha256(archive.read_bytes()).hexdigest()[:16]
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = tempfile.mkdtemp(dir=kept.parent)
        try:
            with zipfile.ZipFile(archive) as bundle:
                bundle.extractall(fresh)
            with contextlib.suppress(OSError):  # another process was here first
                os.rename(fresh, kept)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return kept


def inline(function: dict[str, Any]) -> str:
    """The folder with the code that a template holds itself, for those who read code; empty for code from elsewhere."""
    code = function.get("InlineCode") or as_dict(function.get("Code")).get("ZipFile")
    if not isinstance(code, str):
        return ""
    module = str(function.get("Handler", "index")).rsplit(".", 1)[0]
    ending = ".py" if str(function.get("Runtime")).startswith("python") else ".js"
    folder = ENVIRONMENT / "archives" / hashlib.sha256(f"{module}{ending}{code}".encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{Path(module).name}{ending}").write_text(code, encoding="utf-8")
    return str(folder)
