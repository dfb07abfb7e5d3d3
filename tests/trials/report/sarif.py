"""SARIF 2.1.0, as GitHub's code scanning and editors read it."""

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from trials.home import page
from trials.report.places import Place
from trials.report.remarks import Remark, remarks, root
from trials.report.result import FAILED, Result

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(result: Result) -> str:
    """The whole log of one run, as JSON."""
    said = remarks(result)
    rules = {each.rule: each for each in reversed(said)}  # the first of a rule lends it its link
    names = sorted(rules)
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "aws-serverless-eda",
                "informationUri": page("README.md"),
                "rules": [rule(rules[name]) for name in names],
            }
        },
        "invocations": [invocation(result)],
        "columnKind": "utf16CodeUnits",
        "results": [one(each, names.index(each.rule), root(result)) for each in said],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def invocation(result: Result) -> dict[str, Any]:
    told: dict[str, Any] = {"executionSuccessful": not result.error, "exitCode": result.exit_code}
    if result.exit_code == FAILED:
        told["toolExecutionNotifications"] = [{"level": "error", "message": {"text": result.error}}]
    return told


def rule(remark: Remark) -> dict[str, Any]:
    described: dict[str, Any] = {"id": remark.rule, "defaultConfiguration": {"level": str(remark.level)}}
    if remark.link:
        described["helpUri"] = remark.link
    if remark.remedy:
        text = f"{remark.remedy} {remark.link}"
        described["help"] = {"text": text, "markdown": f"{remark.remedy} [Read why]({remark.link})."}
    return described


def one(remark: Remark, index: int, root: Path) -> dict[str, Any]:
    identity = "\n".join((remark.rule, remark.subject, remark.trial))
    told: dict[str, Any] = {
        "ruleId": remark.rule,
        "ruleIndex": index,
        "level": str(remark.level),
        "message": {"text": linked(remark)},
        "locations": [location(remark.place, root)],
        "partialFingerprints": {"objection/v1": hashlib.sha256(identity.encode()).hexdigest()},
    }
    if remark.accepted:
        told["suppressions"] = [{"kind": "external", "status": "accepted", "justification": remark.accepted}]
    if remark.function and remark.function != remark.place:
        told["relatedLocations"] = [{**location(remark.function, root), "message": {"text": "its function"}}]
    return told


def linked(remark: Remark) -> str:
    """What is wrong, and where to read of it."""
    return f"{remark.sentence.rstrip('.')}. See {remark.link}" if remark.link else remark.sentence


def location(place: Place, root: Path) -> dict[str, Any]:
    name = place.within(root)
    artifact = {"uri": Path(name).as_uri()} if name.startswith("/") else {"uri": quote(name), "uriBaseId": "%SRCROOT%"}
    described: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": artifact, "region": {"startLine": place.line}},
    }
    if place.construct:
        described["logicalLocations"] = [{"fullyQualifiedName": place.construct, "kind": "object"}]
    return described
