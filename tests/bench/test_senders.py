"""Who sends a mail, in every form in which SES takes one."""

import base64
import json
import urllib.parse

import pytest

from trials.local_aws.sought import sender_of

RAW = base64.b64encode(b"From: Shop <shop@shop.test>\r\nTo: ana@shop.test\r\n\r\nOn its way.").decode()
FORMS = {
    "SendEmail": {"Action": "SendEmail", "Source": "shop@shop.test"},
    "SendTemplatedEmail": {"Source": "shop@shop.test", "Action": "SendTemplatedEmail"},
    "SendRawEmail": {"Action": "SendRawEmail", "RawMessage.Data": RAW},
    "SendRawEmail for somebody": {"Action": "SendRawEmail", "Source": "shop@shop.test", "RawMessage.Data": RAW},
}
BODIES = {
    "simple": {"FromEmailAddress": "shop@shop.test", "Content": {"Simple": {}}},
    "raw": {"Content": {"Raw": {"Data": RAW}}},
    "in bulk": {"FromEmailAddress": "shop@shop.test", "BulkEmailEntries": []},
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_of_the_first_version_names_its_sender(name: str) -> None:
    assert sender_of("/", urllib.parse.urlencode(FORMS[name]).encode()) == "shop@shop.test"


@pytest.mark.parametrize("name", BODIES)
def test_a_body_of_the_second_version_names_its_sender(name: str) -> None:
    assert sender_of("/v2/email/outbound-emails", json.dumps(BODIES[name]).encode()) == "shop@shop.test"


@pytest.mark.parametrize("body", [b"", b"{}", b"Action=SendRawEmail", b"no JSON", b'{"Content": {}}'])
def test_a_mail_without_a_sender_has_none(body: bytes) -> None:
    assert sender_of("/v2/email/outbound-emails", body) == ""
