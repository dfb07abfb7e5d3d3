"""No linter objects to what stands beside the examples, and AWS's own validator can object."""

from pathlib import Path

import pytest

from support import templates
from support.documents import ROOT
from trials.template import read_template

OURS = [
    path
    for folder, pattern in (("tests/references", "*.yaml"), ("tests/evals", "*/good/**/template.yaml"))
    for path in sorted((ROOT / folder).glob(pattern))
    if "Resources" in read_template(path)
]
STREAM = ROOT / "examples" / "stream_processor" / "template.yaml"


def test_there_are_templates_beside_the_examples() -> None:
    assert {path.parent.name for path in OURS} == {"references", "good"}


@pytest.mark.e2e
@pytest.mark.parametrize("path", OURS, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_neither_sam_nor_a_linter_nor_aws_s_validator_objects(path: Path) -> None:
    assert templates.findings(path) == []
    assert templates.objections(path) == []


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("old", "new", "objection"),
    [
        ("!Ref KeepPricesStream", "!Ref KeepPricesQueue", "F1020"),  # SAM makes the first of the two only
        ("!GetAtt Discarded.Arn", "!GetAtt Discharged.Arn", "F1020"),
        ("StartingPosition: TRIM_HORIZON", "StartingPosition: THE_BEGINNING", "F3031"),
    ],
)
def test_aws_s_validator_objects_to_what_is_wrong(tmp_path: Path, old: str, new: str, objection: str) -> None:
    text = STREAM.read_text()
    assert old in text
    (broken := tmp_path / "template.yaml").write_text(text.replace(old, new, 1))

    assert objection in " ".join(templates.objections(broken))
