"""The fence contract: a code block quotes a file that is proved, or is checked for what it claims."""

import json
from collections import Counter

import pytest

from support import logs_insights, node
from support.commands import complaints
from support.documents import Fence, documents, fences
from support.planted import PLANTED, Plant, broken, sown
from support.policies import unknown_actions
from support.snippets import LONGEST, REPAIR, excerpt, quotes

FENCES = [fence for path in documents() for fence in fences(path)]
QUOTED = [fence for fence in FENCES if quotes(fence)]
INLINE = ("bash", "json", "logs-insights", "mermaid", "text")


def test_there_are_fences_of_each_kind() -> None:
    languages = {fence.language for fence in FENCES}

    assert {"bash", "python", "yaml", "text"} <= languages
    assert len(QUOTED) >= 2


@pytest.mark.parametrize("fence", FENCES, ids=str)
def test_a_fence_is_of_a_kind_that_something_proves(fence: Fence) -> None:
    if fence.language in INLINE:
        assert quotes(fence) or not fence.address, f"no rule for {fence.address!r} behind {fence.language}"
    else:
        assert fence.language in ("python", "yaml", "json", "typescript"), f"no rule for ```{fence.language}"
        assert quotes(fence), "name the file it quotes: ```python examples/…#symbol"


@pytest.mark.parametrize("fence", QUOTED, ids=str)
def test_a_quote_equals_its_source(fence: Fence) -> None:
    assert fence.text == excerpt(fence.address), f"repair with: {REPAIR}"


@pytest.mark.parametrize("fence", QUOTED, ids=str)
def test_a_quote_is_short(fence: Fence) -> None:
    assert len(fence.text.splitlines()) <= LONGEST


@pytest.mark.parametrize("fence", [fence for fence in FENCES if fence.language == "bash"], ids=str)
def test_a_command_exists(fence: Fence) -> None:
    assert complaints(fence.text) == []


@pytest.mark.parametrize("fence", [f for f in FENCES if f.language == "json" and not quotes(f)] or [None], ids=str)
def test_inline_json_parses_and_names_real_actions(fence: Fence | None) -> None:
    if fence:
        assert unknown_actions(json.loads(fence.text)) == []


@pytest.mark.parametrize("fence", [f for f in FENCES if f.language == "logs-insights"], ids=str)
def test_a_query_is_one_that_logs_insights_runs(fence: Fence) -> None:
    assert logs_insights.complaints(fence.text) == []


@pytest.mark.e2e
def test_every_diagram_is_one_that_mermaid_draws() -> None:
    drawn = [fence for fence in FENCES if fence.language == "mermaid"]
    said = node.diagrams([fence.text for fence in drawn])

    assert {str(fence): complaint for fence, complaint in zip(drawn, said, strict=True) if complaint} == {}


@pytest.mark.parametrize("plant", [each for each in PLANTED if each.language != "mermaid"], ids=str)
def test_a_planted_defect_is_noticed(plant: Plant) -> None:
    assert broken(sown(plant)) == plant.law


@pytest.mark.e2e
@pytest.mark.parametrize("plant", [each for each in PLANTED if each.language == "mermaid"], ids=str)
def test_a_defect_planted_in_a_diagram_is_noticed(plant: Plant) -> None:
    assert broken(sown(plant)) == plant.law


def test_ten_defects_are_planted_in_each_language() -> None:
    languages = Counter(plant.language for plant in PLANTED)

    assert set(languages) == {"typescript", *(fence.language for fence in FENCES)} - {"text"}
    assert min(languages.values()) >= 10
    assert len(set(PLANTED)) == len(PLANTED)
