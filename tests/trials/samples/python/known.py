"""Names of Python and of Powertools by which the way of an event is known."""

import ast
import re

from trials.moment import LATER, NOW
from trials.samples.derive import ENDS, words
from trials.samples.python.code import constant
from trials.samples.reads import EACH, JSON, Steps

SAME = {
    "b64decode",
    "decode",
    "encode",
    "unquote_plus",
    "unquote",
    "strip",
    "lower",
    "upper",
    "deepcopy",
    "copy",
    "replace",
}
PASSES = SAME | {"str", "dict", "list", "sorted", "reversed", "tuple", "iter", "next", "unmarshall", "deserialize"}
PARSES = {"loads", "json_loads", "model_validate_json", "validate_json", "parse_raw"}
VALIDATES = {"model_validate", "parse_obj", "validate_python", "from_dict", "parse", *PARSES}
FORMS = {"parse_qs", "parse_qsl"}
NUMBERS = {"int", "float", "Decimal", "round"}
ATTRIBUTES = {  # of Powertools' event classes
    "json_body": ("body", JSON),
    "body": ("body",),
    "message_attributes": ("messageAttributes",),
    "query_string_parameters": ("queryStringParameters",),
    "path_parameters": ("pathParameters",),
    "headers": ("headers",),
    "detail": ("detail",),
    "records": ("Records",),
    "request_context": ("requestContext",),
}
RECORDS = {"SQSRecord", "KinesisStreamRecord", "DynamoDBRecord", "SNSEventRecord"}
ENVELOPES: dict[str, Steps] = {  # of Powertools' parser and of its validation
    "SqsEnvelope": ("Records", EACH, "body", JSON),
    "SnsEnvelope": ("Records", EACH, "Sns", "Message", JSON),
    "SnsSqsEnvelope": ("Records", EACH, "body", JSON, "Message", JSON),
    "KinesisDataStreamEnvelope": ("Records", EACH, "kinesis", "data", JSON),
    "EventBridgeEnvelope": ("detail",),
    "ApiGatewayEnvelope": ("body", JSON),
    "ApiGatewayV2Envelope": ("body", JSON),
    "LambdaFunctionUrlEnvelope": ("body", JSON),
    "SQS": ("Records", EACH, "body", JSON),
    "SNS": ("Records", EACH, "Sns", "Message", JSON),
    "EVENTBRIDGE": ("detail",),
    "KINESIS_DATA_STREAM": ("Records", EACH, "kinesis", "data", JSON),
    "API_GATEWAY_REST": ("body", JSON),
    "API_GATEWAY_HTTP": ("body", JSON),
}


def moment(call: ast.Call, name: str, key: str = "") -> str:
    """A time as `datetime.strptime(text, "%d.%m.%Y")`, `datetime.fromisoformat` or `date.fromisoformat` takes it.

    What stands under a `key` that tells an end is later than the rest.
    """
    at = LATER if re.search(ENDS, words(key)) else NOW
    form = constant(call.args[1]) if name == "strptime" and len(call.args) > 1 else None
    if isinstance(form, str):
        return at.strftime(form)
    whole = at.isoformat()
    return whole[:10] if ast.unparse(call.func).rsplit(".", 2)[-2:][0] == "date" else whole
