"""Each rule finds what it is for where it stands, and nothing in what is right.

A rule has a folder `tests/rules/fixtures/<id>` with templates `fail*.yaml`, in which a comment `# <id>` ends each line
that the rule names, and `pass*.yaml`, in which it finds nothing. No other rule of ours speaks in a `fail*.yaml`, unless
its first line says so: `# also: W9602, W9701`, or it is advice (I), which cfn-lint leaves out unless it is asked for.
This module stands outside `tests/rules`, which cfn-lint loads whole.
"""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
import yaml
from cfnlint.config import ConfigMixIn
from cfnlint.decode import decode
from cfnlint.rules._rules import Rules
from cfnlint.runner import Runner
from cfnlint.template.template import Template

from support.documents import ROOT, anchors
from support.rules import PAGE, REPAIR, page, section
from support.templates import RULES, findings, is_sam, translated
from trials.template import read_template

FIXTURES = RULES / "fixtures"
TODAY = "2025-10-01"  # for the rule that reads the calendar: 75 days before Python 3.9 was deprecated
FAIL, PASS = sorted(FIXTURES.glob("*/fail*.yaml")), sorted(FIXTURES.glob("*/pass*.yaml"))


@cache
def rules() -> Rules:
    found = Rules.create_from_directory(str(RULES))
    found["W9621"].configure({"today": TODAY})  # type: ignore[no-untyped-call]
    return found


def found(path: Path) -> dict[tuple[str, int], str]:
    """What our rules alone say about a template: id and line, and the message."""
    template, errors = decode(str(path))
    assert not errors, errors
    assert template
    cfn = Template(str(path), template, ["us-east-1"])
    matches = [match for rule in rules().values() for match in rule.matchall(str(path), cfn)]
    return {(match.rule.id, match.linenumber): match.message for match in matches}


def label(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


@pytest.mark.parametrize("path", FAIL, ids=label)
def test_a_rule_finds_what_is_wrong_where_it_stands(path: Path) -> None:
    lines = path.read_text().splitlines()
    marked = {(each, index) for index, line in enumerate(lines, 1) for each in re.findall(r"# ([EWI]9\d{3})\b", line)}
    also = set(re.findall(r"[EWI]9\d{3}", lines[0])) if lines[0].startswith("# also:") else set()
    spoken = found(path)

    assert path.parent.name in {each for each, _ in marked}
    mine = {key for key in spoken if key[0] not in also and (key[0][0] != "I" or key[0] == path.parent.name)}
    assert mine == marked
    assert also <= {each for each, _ in spoken}


@pytest.mark.parametrize("path", PASS, ids=label)
def test_a_rule_is_silent_where_nothing_is_wrong(path: Path) -> None:
    assert {key: text for key, text in found(path).items() if key[0] == path.parent.name} == {}


def test_every_rule_has_templates_that_fail_and_pass() -> None:
    ids = set(rules())

    assert ids
    assert {path.parent.name for path in FAIL} == ids
    assert {path.parent.name for path in PASS} == ids


def test_every_rule_says_its_law_its_reason_its_section_and_its_principle() -> None:
    skill = (ROOT / "SKILL.md").read_text().lower()
    for name, rule in rules().items():
        path, _, anchor = section(rule).partition("#")
        assert re.fullmatch(r"[EWI]9[1-9]\d\d", name)
        assert rule.shortdesc, name
        assert rule.description.endswith("."), name
        assert anchor in anchors(ROOT / path), f"{name}: {rule.source_url}"
        assert url2pathname(urlsplit(rule.source_url).path) == str(ROOT / path), "a link that opens anywhere"
        assert any(tag in skill for tag in rule.tags if " " in tag), f"{name}: no principle of SKILL.md in {rule.tags}"


@pytest.mark.e2e
@pytest.mark.parametrize("paths", [FAIL, PASS], ids=["fail", "pass"])
def test_what_the_rules_are_tried_on_is_otherwise_a_valid_template(paths: list[Path]) -> None:
    config = ConfigMixIn(["--template", *map(str, paths), "--ignore-checks", "W", "I"])
    matches = Runner(config).run()

    assert [f"{match.filename}: {match}" for match in matches] == []


# What cfn-lint finds by itself once SAM has translated the template; a reader lints what he wrote, so our rule stays.
TRANSLATED = {"E9101": {"E3505"}, "E9102": {"E3030"}, "E9106": {"E3705"}, "E9620": {"E2530"}}


@pytest.mark.e2e
def test_what_the_rules_are_tried_on_is_valid_once_sam_has_translated_it(tmp_path: Path) -> None:
    made = []
    for path in (each for each in FAIL + PASS if is_sam(each)):
        made.append(tmp_path / f"{label(path)}.json")
        made[-1].write_text(json.dumps(translated(path)))
    matches = Runner(ConfigMixIn(["--template", *map(str, made), "--ignore-checks", "W", "I"])).run()
    odd = [each for each in matches if each.rule.id not in TRANSLATED.get(Path(str(each.filename)).name[:5], set())]

    assert len(made) > 100
    assert [f"{match.filename}: {match}" for match in odd] == []


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("name", "rule"), [("E9103/fail_fifo", "E9103"), ("W9701/fail_sam", "W9701"), ("W9701/fail_implicit", "W9701")]
)
def test_what_is_so_on_purpose_is_silent_once_it_says_so_as_the_message_tells(
    tmp_path: Path, name: str, rule: str
) -> None:
    path = FIXTURES / f"{name}.yaml"
    template = read_template(path)
    advice = [
        re.search(r"say so in (\w+): (Metadata: .*)", text) for (id_, _), text in found(path).items() if id_ == rule
    ]
    for each in advice:
        assert each
        template["Resources"][each[1]].update(yaml.safe_load(each[2]))
    (silent := tmp_path / "template.json").write_text(json.dumps(template))

    assert f"{rule} " in " ".join(findings(path))
    assert f"{rule} " not in " ".join(findings(silent))


def test_no_message_advises_an_authorizer_that_sam_refuses() -> None:
    """SAM has no authorizer NONE where there is no DefaultAuthorizer, and that is where the rule speaks."""
    sam = [path for path in FAIL if path.parent.name == "W9701" and is_sam(path)]
    advice = [text for path in sam for (rule, _), text in found(path).items() if rule == "W9701"]

    assert len(advice) > 2
    assert [text for text in advice if "NONE" in text] == []


@pytest.mark.parametrize(("orders", "refused"), [(None, None), (None, 1209600), (1209600, None), (1209600, 1209600)])
@pytest.mark.parametrize("hopeless", [0, 345600, 1209600])
def test_dead_letters_that_a_function_reads_are_mended_in_one_pass(
    orders: int | None, refused: int | None, hopeless: int, tmp_path: Path
) -> None:
    template = read_template(FIXTURES / "E9104" / "fail_chain.yaml")
    queues = template["Resources"]
    kept = {"Orders": orders, "Refused": refused, "Hopeless": hopeless}
    if hopeless:
        queues["Hopeless"] = {"Type": "AWS::SQS::Queue", "Properties": {}}
        queues["Refused"].setdefault("Properties", {})["RedrivePolicy"] = dead_letters_to("Hopeless")
    for name, seconds in kept.items():
        if seconds:
            queues[name].setdefault("Properties", {})["MessageRetentionPeriod"] = seconds
    (path := tmp_path / "template.json").write_text(json.dumps(template, indent=1))
    mend(queues, list(found(path).values()))
    path.write_text(json.dumps(template, indent=1))

    assert found(path) == {}


def dead_letters_to(queue: str) -> dict[str, object]:
    return {"deadLetterTargetArn": {"Fn::GetAtt": [queue, "Arn"]}, "maxReceiveCount": 5}


def mend(queues: dict[str, dict[str, dict[str, object]]], messages: list[str]) -> None:
    """Do what the messages of E9103 and E9104 tell, and nothing else."""
    for message in messages:
        kept = dict(re.findall(r"lower that of (\w+) to (\d+)", message))
        if bare := re.match(r"give (\w+) a RedrivePolicy with a dead-letter queue(?: that has .*?(\d+))?", message):
            made = {"MessageRetentionPeriod": int(bare[2])} if bare[2] else {}
            queues["Made"] = {"Type": "AWS::SQS::Queue", "Properties": made}  # type: ignore[dict-item]
            queues[bare[1]].setdefault("Properties", {})["RedrivePolicy"] = dead_letters_to("Made")
            if own := re.search(r"lower its own to (\d+)", message):
                kept[bare[1]] = own[1]
        kept |= {message.partition(":")[0]: seconds for seconds in re.findall(r": set (\d+)", message)}
        for name, seconds in kept.items():
            queues[name].setdefault("Properties", {})["MessageRetentionPeriod"] = int(seconds)


@pytest.mark.e2e
def test_a_reader_lints_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text((FIXTURES / "E9101" / "fail_sam.yaml").read_text())
    command = [str(Path(sys.executable).parent / "cfn-lint"), "-a", str(RULES), "-t", "template.yaml"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert result.returncode == 2, result.stdout + result.stderr
    assert re.findall(r"^[EWI]\d{4}", result.stdout, re.MULTILINE) == ["E9101"]
    assert result.stderr == ""


def test_the_page_of_the_rules_says_what_they_are() -> None:
    assert PAGE.read_text() == page(), f"repair with: {REPAIR}"
    assert len(re.findall(r"^\| \[[EWI]9", page(), re.MULTILINE)) == len(rules())
