"""JUnit's XML, as CI servers read it: a suite for each source and one for lint, a case for each trial."""

import re
from collections import Counter
from xml.etree import ElementTree

from trials.report.clean import clean
from trials.report.remarks import Remark, position, remarks
from trials.report.result import Result
from trials.verdicts import Finding, Status, Verdict


def junit(result: Result) -> str:
    """The whole document."""
    said = remarks(result)
    by_finding = {each.finding: each for each in said if each.finding}
    document = ElementTree.Element("testsuites", name="aws-serverless-eda", time=f"{result.seconds:.1f}")
    for ended in result.sources:
        suite = add_suite(document, str(ended.source), ended.seconds)
        findings = [finding for finding in result.findings if finding.source == str(ended.source)]
        for finding in findings:
            add_trial(suite, finding, by_finding.get(finding), result)
        if ended.status is Status.UNTRIED or not findings:
            case = add_case(suite, "once")
            if ended.status is not Status.DELIVERED:
                told = f"{ended.why}. {ended.to_supply}".rstrip(". ")
                ElementTree.SubElement(case, "skipped").text = clean(f"{told}.")
    for name in dict.fromkeys(finding.source for finding in result.of_no_source):
        suite = add_suite(document, name)
        for finding in result.of_no_source:
            if finding.source == name:
                add_trial(suite, finding, by_finding.get(finding), result)
    add_lint(document, result, [each for each in said if each.is_lint])
    if result.outcomes:
        suite = add_suite(document, "scenario.py")
        for outcome in result.outcomes:
            case = add_case(suite, f"{outcome.sent}: {outcome.promise}")
            remark = next((each for each in said if each.subject == f"scenario.py: {outcome.sent}"), None)
            if remark and remark.accepted:
                ElementTree.SubElement(case, "skipped").text = accepted(remark)
            elif not outcome.held:
                ElementTree.SubElement(case, "failure", type="scenario", message=clean(outcome.happened))
    if result.compared and result.compared.mended:
        suite = add_suite(document, "baseline")
        for mended in result.compared.mended:
            message = f"it is mended: take it out of {result.compared.file}"
            ElementTree.SubElement(add_case(suite, str(mended)), "failure", type="baseline", message=clean(message))
    if result.error:
        case = add_case(add_suite(document, "run.py"), "the work could be done")
        ElementTree.SubElement(case, "error", type="error", message=clean(result.error))
    count(document)
    ElementTree.indent(document)
    return ElementTree.tostring(document, encoding="unicode", xml_declaration=True) + "\n"


def add_suite(document: ElementTree.Element, name: str, seconds: float = 0) -> ElementTree.Element:
    return ElementTree.SubElement(document, "testsuite", name=clean(name), tests="0", time=f"{seconds:.1f}")


def add_case(suite: ElementTree.Element, name: str) -> ElementTree.Element:
    """A case with a name of its own in its suite."""
    before = Counter(re.sub(r" \(\d+\)$", "", case.get("name", "")) for case in suite)[clean(name)]
    name = f"{clean(name)} ({before + 1})" if before else clean(name)
    return ElementTree.SubElement(suite, "testcase", name=name, classname=suite.get("name", ""))


def add_trial(suite: ElementTree.Element, finding: Finding, remark: Remark | None, result: Result) -> None:
    """`remark` is what the finding says if it is broken."""
    judgement = finding.judgement
    case = add_case(suite, finding.trial)
    if judgement.verdict is Verdict.UNPROVED:
        supply = f" To supply: {judgement.supply}." if judgement.supply else ""
        ElementTree.SubElement(case, "skipped").text = clean(f"{judgement.happened.rstrip('.')}.{supply}")
    elif remark and remark.accepted:
        ElementTree.SubElement(case, "skipped").text = accepted(remark)
    elif remark:
        failure = ElementTree.SubElement(case, "failure", type=remark.rule, message=clean(remark.text))
        failure.text = clean("\n".join([position(remark, result), *judgement.details, remark.remedy, remark.link]))
    if judgement.verdict is Verdict.HELD:
        ElementTree.SubElement(case, "system-out").text = clean(judgement.happened)


def add_lint(document: ElementTree.Element, result: Result, said: list[Remark]) -> None:
    """What lint says is a failure where it makes the run fail: with a baseline that does not accept it."""
    suite = add_suite(document, "lint")
    if result.not_linted:
        ElementTree.SubElement(add_case(suite, "cfn-lint"), "skipped").text = clean(result.not_linted)
    elif not result.lint:
        add_case(suite, "cfn-lint")
    for remark in said:
        case = add_case(suite, f"{remark.rule} {remark.subject}")
        told = clean("\n".join(filter(None, [position(remark, result), remark.link])))
        if remark.accepted:
            ElementTree.SubElement(case, "skipped").text = accepted(remark)
        elif result.compared:
            kind = str(remark.level)
            ElementTree.SubElement(case, "failure", type=kind, message=clean(remark.text)).text = told
        else:
            ElementTree.SubElement(case, "skipped").text = f"{clean(remark.text)}\n{told}"


def accepted(remark: Remark) -> str:
    return clean(f"accepted by the baseline: {remark.accepted}. {remark.text}")


def count(document: ElementTree.Element) -> None:
    total: Counter[str] = Counter()
    for suite in document:
        cases = suite.findall("testcase")
        outcomes = Counter(child.tag for case in cases for child in case)
        here = {"tests": len(cases), "failures": outcomes["failure"], "errors": outcomes["error"]}
        suite.attrib |= {key: str(number) for key, number in {**here, "skipped": outcomes["skipped"]}.items()}
        total.update(here)
    document.attrib |= {key: str(total[key]) for key in ("tests", "failures", "errors")}
