"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

from support.faults import Subject
from support.subjects import ALARMS, TRUST, requests, sample

SUBJECTS = [
    Subject(
        "rest_api",
        "Orders",
        "app.handler",
        sample,
        requests,
        parameters=lambda _: {**ALARMS, **TRUST, "Origin": "https://shop.test"},
    ),
]
