"""What a bucket tells a function: which event, of which keys, and by whose notification."""

from collections.abc import Iterator
from typing import Any

from trials.project.source import Kind, Source
from trials.template import Node, Resource, as_dict


def of_existing_bucket(custom: Resource) -> Iterator[Source]:
    """What the Serverless Framework tells a bucket of another stack, by a custom resource of its own."""
    template, called = custom.template, custom.only("FunctionName")
    function = next((each.name for each in template.functions if each.only("FunctionName") == called), "")
    bucket = next((each.name for each in template.of("AWS::S3::Bucket") if named_alike(each, custom)), "")
    for config in custom.items("BucketConfigs") if function else ():
        rules = [as_dict(rule.body) for rule in config.items("Rules")]
        pattern = {key.lower(): value for rule in rules for key, value in rule.items()}
        event = f"{custom.name}.{config.only('Event') or ''}"
        yield Source(Kind.BUCKET, function, event, bucket, pattern=pattern, given=told_of([config.only("Event")]))


def named_alike(bucket: Resource, custom: Resource) -> bool:
    return custom.only("BucketName") is not None and bucket.only("BucketName") == custom.only("BucketName")


def told_of(events: list[Any]) -> str:
    """The event that a bucket tells of, where it is not that an object was created."""
    removed = all(isinstance(event, str) and event.startswith("s3:ObjectRemoved") for event in events)
    return "ObjectRemoved:Delete" if removed and events else ""


def key_rules(notification: Node) -> dict[str, Any]:
    """The prefix and the suffix that a bucket's notification asks of an object's key."""
    rules = notification.items("Filter", "S3Key", "Rules")
    return {str(rule.only("Name")).lower(): rule.only("Value") for rule in rules}
