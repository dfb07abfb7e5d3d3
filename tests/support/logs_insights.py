"""What is wrong with a CloudWatch Logs Insights query: its syntax, functions, patterns, and fields that `stats` drops.

Covers the language of AWS's `CWL_QuerySyntax` pages, read in 2026-11, but for `join`, `lookup` and subqueries.
"""

import functools
import re
from collections.abc import Iterator
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

AGGREGATES = {
    "avg": (1, 1),
    "count": (0, 1),
    "count_distinct": (1, 1),
    "earliest": (1, 1),
    "latest": (1, 1),
    "max": (1, 1),
    "min": (1, 1),
    "pct": (2, 2),
    "sortsFirst": (1, 1),
    "sortsLast": (1, 1),
    "stddev": (1, 1),
    "sum": (1, 1),
}
FUNCTIONS = {
    "abs": (1, 1),
    "bin": (1, 1),
    "ceil": (1, 1),
    "coalesce": (1, 99),
    "concat": (1, 99),
    "dateceil": (2, 2),
    "datefloor": (2, 2),
    "floor": (1, 1),
    "fromMillis": (1, 1),
    "greatest": (1, 99),
    "isIpInSubnet": (2, 2),
    "isIpv4InSubnet": (2, 2),
    "isIpv6InSubnet": (2, 2),
    "isValidIp": (1, 1),
    "isValidIpv4": (1, 1),
    "isValidIpv6": (1, 1),
    "isblank": (1, 1),
    "isempty": (1, 1),
    "ispresent": (1, 1),
    "jsonParse": (1, 1),
    "jsonStringify": (1, 1),
    "least": (1, 99),
    "log": (1, 1),
    "ltrim": (1, 2),
    "now": (0, 0),
    "replace": (3, 3),
    "rtrim": (1, 2),
    "sqrt": (1, 1),
    "strcontains": (2, 2),
    "strlen": (1, 1),
    "substr": (2, 3),
    "toMillis": (1, 1),
    "tolower": (1, 1),
    "toupper": (1, 1),
    "trim": (1, 2),
}
GRAMMAR = r"""
query: (source "|")? command ("|" command)*
source: "SOURCE" "logGroups" "(" (choice ("," choice)*)? ")"
choice: FIELD ":" "[" STRING ("," STRING)* "]"

?command: "fields" column ("," column)*                              -> fields
        | "display" column ("," column)*                             -> display
        | "filter" expr                                              -> filter
        | "filterIndex" expr                                         -> filter
        | "stats" column ("," column)* ("by" group ("," group)*)?    -> stats
        | "sort" key ("," key)*                                      -> sort
        | "limit" NUMBER                                             -> limit
        | "dedup" FIELD ("," FIELD)*                                 -> dedup
        | "parse" FIELD (STRING | REGEX) ("as" FIELD ("," FIELD)*)?  -> parse
        | "pattern" FIELD                                            -> pattern
        | "diff" ("previousDay" | "previousWeek" | "previousMonth")? -> diff
        | "anomaly"                                                  -> anomaly
        | "unmask" FIELD ("," FIELD)*                                -> unmask
        | "unnest" FIELD "into" FIELD                                -> unnest
        | "addtotals" option* (FIELD ("," FIELD)*)?                  -> addtotals

column: expr ("as" FIELD)?
group: expr ("as" FIELD)?
key: expr ("asc" | "desc")?
option: ("row" | "col" | "fieldname") "=" FIELD

?expr: both ("or" both)*
?both: negation ("and" negation)*
?negation: "not" negation | comparison
?comparison: sum
           | sum ("=" | "!=" | "<" | ">" | "<=" | ">=") sum
           | sum "not"? "like" (STRING | REGEX)
           | sum "=~" (STRING | REGEX)
           | sum "not"? "in" "[" expr ("," expr)* "]"
?sum: product (("+" | "-") product)*
?product: power (("*" | "/" | "%") power)*
?power: atom ("^" atom)?
?atom: FIELD -> field | STRING | NUMBER | DURATION | call | "(" expr ")" | "-" atom
call: FUNCTION "(" ("*" | expr ("," expr)*)? ")"

FUNCTION.3: /(?!(?:and|or|not|in|by|as|like)\b)[A-Za-z_]\w*(?=\s*\()/
DURATION.2: /\d+(?:milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w|months?|mons?|mos?|quarters?|qtrs?|q|years?|yrs?|y)\b/
FIELD: /(?:`[^`]+`|[@A-Za-z_][\w@]*)(?:\.(?:`[^`]+`|[\w@]+)|\[\d+\])*/
NUMBER: /\d+(?:\.\d+)?/
STRING: /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/
REGEX: /\/(?:\\.|[^\/\\\n])+\/i?/
COMMENT: /#[^\n]*/
%import common.WS
%ignore WS
%ignore COMMENT
"""  # noqa: E501 - the units of one terminal
Node = Tree[Token]


@functools.cache
def _parser() -> Lark:
    return Lark(GRAMMAR, start="query", parser="lalr")  # not at import: most processes read no query


def complaints(query: str) -> list[str]:
    try:
        tree = _parser().parse(query)
    except UnexpectedInput as error:
        return [f"line {error.line}, column {error.column}: {error.get_context(query, 20).splitlines()[0].strip()!r}"]
    return [*_calls(tree), *_patterns(tree), *_dropped(tree)]


def fields(query: str) -> set[str]:
    """The fields that a query reads from log events, without those it makes itself."""
    made: set[str] = set()
    read: set[str] = set()
    for command in _parser().parse(query).children:
        assert isinstance(command, Tree)
        read |= set(_used(command)) - made
        made |= set(_made(command))
    return read


def _calls(tree: Node) -> Iterator[str]:
    summed = {id(call) for stats in tree.find_data("stats") for call in stats.find_data("call")}
    for call in tree.find_data("call"):
        name, *arguments = call.children
        known = AGGREGATES | FUNCTIONS
        if str(name) not in known:
            yield f"no function {name}"
            continue
        least, most = known[str(name)]
        if not least <= len(arguments) <= most:
            yield f"{name} takes {least} to {most} arguments"
        if str(name) in AGGREGATES and id(call) not in summed:
            yield f"{name} works in stats only"


def _patterns(tree: Node) -> Iterator[str]:
    for parse in tree.find_data("parse"):
        _, pattern, *names = parse.children
        assert isinstance(pattern, Token)
        if pattern.type == "STRING" and pattern.count("*") != len(names):
            yield f"{pattern} has {pattern.count('*')} wildcards for {len(names)} names"
        if pattern.type == "REGEX" and not names and "(?<" not in pattern:
            yield f"{pattern} names no group"
    for token in tree.scan_values(lambda each: isinstance(each, Token) and each.type == "REGEX"):
        try:
            re.compile(_python(str(token)))
        except re.error as error:
            yield f"{token}: {error}"


def _python(regex: str) -> str:
    return regex[1 : regex.rindex("/")].replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!")


def _dropped(tree: Node) -> Iterator[str]:
    """Fields used after `stats`, which keeps only what it computes and groups by."""
    kept: set[str] | None = None
    for command in tree.children:
        assert isinstance(command, Tree)
        if kept is not None:
            yield from (f"stats dropped {name}" for name in _used(command) if name not in kept)
        if command.data == "stats":
            kept = set(_made(command))
        elif kept is not None:
            kept |= set(_made(command))


def _used(command: Node) -> Iterator[str]:
    for field in command.find_data("field"):
        yield str(field.children[0])
    if command.data in ("dedup", "pattern", "unmask"):
        yield from (str(child) for child in command.children)
    if command.data in ("parse", "unnest"):
        yield str(command.children[0])


def _made(command: Node) -> Iterator[str]:
    if command.data in ("parse", "unnest"):
        yield from (str(each) for each in command.children[1:] if isinstance(each, Token) and each.type == "FIELD")
        yield from re.findall(r"\(\?<(\w+)>", str(command.children[1]))
    for column in command.children:
        if isinstance(column, Tree) and column.data in ("column", "group"):
            value: Any = column.children[0]
            if len(column.children) > 1:
                yield str(column.children[1])
            elif isinstance(value, Tree) and value.data == "field":
                yield str(value.children[0])
