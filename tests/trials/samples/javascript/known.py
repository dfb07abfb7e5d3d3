"""Names of JavaScript, of middy and of Powertools by which the way of an event is known."""

from trials.samples.reads import EACH, JSON, Steps

SAME = {"toString", "trim", "toLowerCase", "toUpperCase", "replace", "replaceAll", "normalize", "slice", "concat"}
SAME_LIST = {"filter", "sort", "slice", "reverse", "values", "toSorted", "concat"}
ITERATES = {"map", "forEach", "filter", "some", "every", "find", "findLast", "flatMap", "sort", "findIndex"}
PASSES = {  # functions that give back what they are given
    "unmarshall",
    "String",
    "decodeURIComponent",
    "decodeURI",
    "structuredClone",
    "cloneDeep",
    "from",
    "fromEntries",
    "atob",
    "all",
    "allSettled",
    "unescape",
}
FORMS = ("querystring", "qs", "queryString")  # modules that parse one
NUMBERS = {"Number", "parseInt", "parseFloat", "BigInt"}
PARSES = {"parse", "parseAsync", "parseJson", "jsonParse"}
PARSED_BY: dict[str, set[Steps]] = {  # middy's middlewares, and what of the event is an object once they ran
    "httpJsonBodyParser": {("body",)},
    "jsonBodyParser": {("body",)},
    "wsJsonBodyParser": {("body",)},
    "sqsJsonBodyParser": {("Records", EACH, "body")},
    "eventNormalizer": {
        ("Records", EACH, "body"),
        ("Records", EACH, "Sns", "Message"),
        ("Records", EACH, "kinesis", "data"),
    },
}
ENVELOPES: dict[str, Steps] = {  # of Powertools' parser
    "SqsEnvelope": ("Records", EACH, "body", JSON),
    "SnsEnvelope": ("Records", EACH, "Sns", "Message", JSON),
    "KinesisEnvelope": ("Records", EACH, "kinesis", "data", JSON),
    "EventBridgeEnvelope": ("detail",),
    "ApiGatewayEnvelope": ("body", JSON),
    "ApiGatewayV2Envelope": ("body", JSON),
    "LambdaFunctionUrlEnvelope": ("body", JSON),
}
COUNTERS = ("i", "j", "k", "n", "index", "idx")
