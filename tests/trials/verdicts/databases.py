"""Databases that code connects to over their own protocols: most are not here, of some a stand-in is."""

import re

from trials.verdicts.words import Judgement, Promise, unproved

HOST = r"['\"(]*([\w-]+(?:\.[\w-]+)+|localhost)"
PORTS = {"1433": "SQL Server", "3306": "MySQL", "5432": "PostgreSQL", "6379": "Redis", "11211": "Memcached"}
PORTS |= {"27017": "MongoDB"}
UNREACHED = (  # what drivers say, and where the host stands in it
    ("MySQL", re.compile(rf"Can't connect to MySQL server on {HOST}")),
    ("PostgreSQL", re.compile(rf"connection to server at {HOST}|could not connect to server: .*?host {HOST}")),
    ("MongoDB", re.compile(rf"query(?:Srv|Txt) E\w+ (?:_mongodb\._tcp\.)?{HOST}")),
    ("MongoDB", re.compile(rf"ServerSelection(?:Timeout)?Error: (?:\[Errno -?\d+\] )?.*?{HOST}")),
    ("MongoDB", re.compile(r"(_mongodb\._tcp\.[\w.-]+)")),
    ("Redis", re.compile(rf"Error -?\d+ connecting to {HOST}:6379")),
)
REFUSED = re.compile(
    rf"connect E(?:CONNREFUSED|TIMEDOUT) \S*?:({'|'.join(PORTS)})\b"
    rf"|ECONNREFUSED\b.{{0,80}}?\bport\\?['\"]?:\s*({'|'.join(PORTS)})\b"
)


UNKNOWN_KEYS = ", whose keys are not known here"  # how a place ends of whose table no CREATE TABLE was found


def database(text: str) -> str:
    """The database that could not be reached, by the words of its driver; empty for none."""
    for kind, pattern in UNREACHED:
        if reached_for := pattern.search(text):
            return f"{kind} at {next(filter(None, reached_for.groups()))}"
    refused = REFUSED.search(text)
    port = (refused[1] or refused[2]) if refused else ""
    return f"{PORTS[port]} at port {port}" if port else ""


def needs_a_database(origin: str, name: str, error: str) -> Judgement:
    text = f"{origin}: it connects to {name}, and no such database is here: {error}"
    return unproved(text, supply=f"a trial in an account of yours, or code that is given another store than {name}")


LACKING = re.compile(r'(?:relation "?([\w.]+)"?|column "?([\w.]+)"?(?: of relation "[\w.]+")?) does not exist')


def lacks_a_table(origin: str, error: str) -> Judgement | None:
    """What to say of an error that names a table or a column which PostgreSQL does not have; None for another."""
    lacking = LACKING.search(error)
    if not lacking:
        return None
    name = f"column {lacking[2]}" if lacking[2] else f"table {lacking[1]}"
    text = f"{origin}: the PostgreSQL of the trials does not have the {name}: {error}"
    return unproved(text, supply=f"what creates the {name}, in a .sql file of the project")


def with_known_keys(judgement: Judgement) -> Judgement:
    """The judgement; that rows are doubled is unproved where a key may have kept them from it."""
    table = re.search(rf"(?:MySQL|PostgreSQL) ([\w.]+){UNKNOWN_KEYS}", judgement.happened)
    if judgement.promise is not Promise.DOUBLED or not table:
        return judgement
    supply = f"the CREATE TABLE of {table[1]} in a .sql file of the project, which tells its keys"
    return unproved(judgement.happened, *judgement.details, supply=supply)
