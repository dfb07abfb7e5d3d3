"""What a refusal says about a sample: one parser per framework, each with what it observes.

A parser reads the text of an error, of a response or of a log line; the source line that raised tells where a key
belongs whose name alone is known.
"""

import re

from trials.samples.refused.dates import NAIVE, PAST, dates
from trials.samples.refused.javascript import ajv, joi, undefined, zod
from trials.samples.refused.observation import EXTRA, MISSING, VALUE, Observation, Parser, Refusal, missing
from trials.samples.refused.python import (
    BOTO,
    IN_BASE64,
    fastjsonschema,
    in_base64,
    json_schema,
    key_error,
    marshmallow,
    nothing_there,
    of_another_type,
    pydantic,
    pydantic_v1,
    signature,
    unreadable,
)
from trials.samples.refused.words import (
    FIELD,
    KEY_TYPE,
    NO_KEY,
    NO_VALUE,
    dynamodb,
    empty,
    fields,
    located,
    postgresql,
    words,
)

__all__ = ["EXTRA", "MISSING", "PARSERS", "VALUE", "Observation", "Parser", "Refusal", "classes", "observations"]

PARSERS = (
    Parser("Zod", re.compile(r"\\?\"code\\?\":"), zod),
    Parser(
        "Ajv",
        re.compile(
            r"\"keyword\"|(?:must|should) have required property|(?:data|body|instance)[/.]\S+ (?:must|should) be"
        ),
        ajv,
    ),
    Parser("Pydantic, as a list", re.compile(r"\\?\"loc\\?\":"), located),
    Parser("Pydantic v2", re.compile(r"\[type=\w+"), pydantic),
    Parser("Pydantic v1", re.compile(r"\(type=\w+_error"), pydantic_v1),
    Parser("Powertools validation", re.compile(r"\bdata[\w.\[\]]* must (?:contain|be)"), fastjsonschema),
    Parser(
        "JSON Schema",
        re.compile(r"is a required property|is not of type|is not one of|Failed validating|unexpected\)"),
        json_schema,
    ),
    Parser("Marshmallow", re.compile(r"Missing data for required field|Not a valid \w+"), marshmallow),
    Parser(
        "a signature",
        re.compile(r"required (?:positional|keyword-only) argument|unexpected keyword argument"),
        signature,
    ),
    Parser("Joi", re.compile(r"\\?\"[\w.\[\]]+\\?\" (?:is required|must be|is not allowed)"), joi),
    Parser("a date", re.compile(f"{PAST.pattern}|{NAIVE.pattern}"), dates),
    Parser("base64", IN_BASE64, in_base64),
    Parser("boto3", BOTO, of_another_type),
    Parser("DynamoDB", re.compile(f"{KEY_TYPE.pattern}|{NO_KEY.pattern}"), dynamodb),
    Parser("PostgreSQL", NO_VALUE, postgresql),
    Parser("a key", re.compile(r"KeyError"), key_error),
    Parser("Node.js", re.compile(r"undefined|null|is not iterable|is not a function|JSON"), undefined),
    Parser(
        "a number or a date",
        re.compile(r"invalid literal for int|string to float|isoformat|time data|hexadecimal UUID|ConversionSyntax"),
        unreadable,
    ),
    Parser(
        "None",
        re.compile(
            r"has no attribute|not subscriptable|string indices|not iterable|JSON object must be str|Expecting value"
        ),
        nothing_there,
    ),
    Parser("a list of fields", FIELD, fields),
    Parser(
        "words",
        re.compile(r"(?i)missing|required|mandatory|must|should|has to|provide|lacks|invalid|unknown|unsupported"),
        words,
    ),
)


CLASS = re.compile(
    r"\b(\w+)\.__init__\(\) (?:got an unexpected keyword|missing \d+ required)|\bvalidation errors? for (\w+)"
)


def classes(text: str) -> list[str]:
    """The classes of which no object could be made."""
    return list(dict.fromkeys(constructed or validated for constructed, validated in CLASS.findall(text)))


def observations(refusal: Refusal) -> list[Observation]:
    """What the first parser observes that understands the most telling text."""
    for text in refusal.texts:
        for parser in PARSERS:
            if observed := parser.parse(text, refusal.line):
                return observed
        if refusal.fields and empty(text):
            return [missing((refusal.fields[0],))]
    return []
