"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

import base64
from typing import Any

from support.faults import Stage, Subject
from support.subjects import SHOP, TEXTS, sample


def kinesis(stage: Stage) -> list[Any]:
    (record,) = sample(stage)["Records"]
    coded = [
        {"sequenceNumber": str(n), "data": base64.b64encode(text.encode()).decode()} for n, text in enumerate(TEXTS)
    ]
    return [{"Records": [{**record, "kinesis": {**record["kinesis"], **each}}]} for each in coded]


SUBJECTS = [
    Subject("stream_processor", "KeepPrices", "app.handler", sample, kinesis, sets_aside="bucket Discarded", **SHOP),
]
