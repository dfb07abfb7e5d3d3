"""A webhook that the Custom Event Bus receives itself: it hosts the URL, verifies each request and publishes its body.

Not run anywhere: the local AWS has no such source, and CloudFormation knows none. A test asks AWS's model about it.
"""

import os
from typing import Any

import boto3

bus = boto3.client("eventbridgev2")


def create(name: str) -> str:
    """The URL to give to the provider. Standard Webhooks sign id, time and body, and the bus refuses old requests."""
    signed: Any = {
        "Algorithm": "SHA256",
        "Encoding": "BASE64",
        "SignatureHttpHeader": "webhook-signature",
        "SignaturePrefix": "v1,",
        "Delimiter": " ",
        "MessageIdHttpHeader": "webhook-id",
        "TimestampHttpHeader": "webhook-timestamp",
        "SignedMessageComposition": "MESSAGE_ID_DOT_TIMESTAMP_DOT_BODY",
        "SecretEncoding": "BASE64",
    }
    webhook: Any = {
        "AuthConfiguration": {"HmacAuthConfiguration": signed},
        "RoleArn": os.environ["ROLE_ARN"],  # events:PutRawEvents: a body is no event with a source and a detail
        "MetadataHttpHeaders": ["webhook-id"],  # the key by which a consumer knows a repeat: the bus compares bodies
        "DeduplicationConfiguration": {"DeduplicationType": "CONTENT_BASED"},
        "LogConfiguration": {"Level": "ERROR"},
    }
    made = bus.create_event_source(
        Name=name,
        EventBusArn=os.environ["BUS_ARN"],
        ClientToken=name,  # asked twice it is one source
        Configuration={"WebhookEventsConfiguration": webhook},
    )
    return str(made["EventSourceDetails"]["WebhookDetails"]["WebhookUrl"])
