"""The bundle as a skill: a valid front page, budgets, no dead link, and the same patterns everywhere."""

import importlib.metadata
import re
import shutil
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from skills_ref import validate

from support.documents import ROOT, Link, anchors, documents, links, rows, section, sections, slug, tokens
from support.mistakes import mutants
from support.new_pattern import EXAMPLE, PROOF, open_places
from trials.examples import patterns
from trials.template import read_template

SKILL = ROOT / "SKILL.md"
REFERENCES = sorted((ROOT / "references").glob("*.md"))
LINKS = [link for path in documents() for link in links(path)]
PATTERNS = sorted(patterns())
PARTS = ["**Use when**", "**Not when**", "**How it fails**", "```", "**Limits.**", "Whole: ", "Proved by"]


def frontmatter() -> dict[str, object]:
    found = yaml.safe_load(SKILL.read_text().split("---\n")[1])
    assert isinstance(found, dict)
    return found


def test_the_specification_accepts_the_skill(tmp_path: Path) -> None:
    folder = tmp_path / "aws-serverless-eda"
    folder.mkdir()
    shutil.copy(SKILL, folder)

    assert validate(folder) == []


def test_the_front_matter_has_only_what_every_client_reads() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = frontmatter()

    assert set(found) == {"name", "description", "license", "compatibility", "metadata"}
    assert found["name"] == project["name"]
    assert found["license"] == project["license"]
    assert isinstance(found["metadata"], dict)
    assert found["metadata"].keys() == {"version", "short-description"}
    assert found["metadata"]["version"] == project["version"]
    assert len(found["metadata"]["short-description"]) <= 200


def test_the_description_says_what_when_and_when_not() -> None:
    description = str(frontmatter()["description"])

    assert len(description) <= 1024
    assert "Use when" in description
    assert "Not for" in description
    assert not set("<>") & set(description)


def test_the_front_page_stays_small() -> None:
    assert tokens(SKILL.read_text()) <= 2200
    assert len(SKILL.read_text().splitlines()) <= 150


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: path.stem)
def test_a_reference_stays_small(path: Path) -> None:
    assert tokens(path.read_text()) <= 9000


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: path.stem)
def test_each_section_can_be_loaded_alone(path: Path) -> None:
    large = {title: size for title in sections(path) if (size := tokens(section(path, title))) > 1100}

    assert large == {}, f"split these sections of {path.name}, or cut what a model knows"


def where() -> dict[str, tuple[Path, str]]:
    """The reference file and the title of each pattern's section, as the catalogue links them."""
    found = {}
    for cells in rows(section(SKILL, "Patterns")):
        target = re.match(r"\[(\w+)\]\((references/[\w-]+\.md)#([\w-]+)\)", cells[1])
        assert target, cells
        titles = {slug(title): title for title in sections(ROOT / target[2])}
        found[target[1]] = (ROOT / target[2], titles[target[3]])
    return found


def test_every_pattern_stands_everywhere_under_one_name() -> None:
    index = [
        re.search(r"\[(\w+)\]", cells[0])
        for cells in rows((ROOT / "examples" / "README.md").read_text())[: len(PATTERNS)]
    ]

    assert PATTERNS
    proofs = sorted(path.parent.name for path in (ROOT / "tests" / "patterns").glob("*/test_promises.py"))

    assert missing(where(), PATTERNS) == "", "edit SKILL.md, section Patterns"
    assert missing([found[1] for found in index if found], PATTERNS) == "", "edit the first table of examples/README.md"
    assert missing(proofs, PATTERNS) == "", "edit tests/patterns: a folder for each example, with test_promises.py"


def missing(named: Iterable[str], there: Iterable[str]) -> str:
    """Which patterns are not named, or are named and not there, or are named twice."""
    names, folders = Counter(list(named)), Counter(list(there))
    lacking, stray = sorted((folders - names).elements()), sorted((names - folders).elements())
    return "; ".join(
        f"{what}: {', '.join(those)}" for what, those in (("not named", lacking), ("without example", stray)) if those
    )


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_has_every_file_a_reader_expects(name: str) -> None:
    folder = ROOT / "examples" / name

    for wanted in EXAMPLE.keys() - {"app.py"}:  # handlers are called as they like
        assert (folder / wanted).is_file(), f"add examples/{name}/{wanted}"
    for wanted in PROOF:
        assert (ROOT / "tests" / "patterns" / name / wanted).is_file(), f"add tests/patterns/{name}/{wanted}"


def test_no_pattern_has_an_open_place() -> None:
    places = open_places(ROOT)

    assert not places, "\n".join(["fill these in", *places])


@pytest.mark.parametrize("name", PATTERNS)
def test_a_section_has_its_parts_in_order(name: str) -> None:
    path, title = where()[name]
    text = section(path, title)
    places = [text.find(part) for part in PARTS]

    assert -1 not in places, dict(zip(PARTS, places, strict=True))
    assert places == sorted(places)
    assert re.search(rf"^```\w+ examples/{name}/", text, re.M), "quote its handler or template"
    assert "```mermaid" in text
    assert f"(../examples/{name}/)" in text
    assert f"(../tests/patterns/{name}/test_promises.py)" in text


def cost(name: str) -> int:
    """Tokens that Claude reads to build a pattern: front page, section, handlers and template."""
    path, title = where()[name]
    folder = ROOT / "examples" / name
    read = [SKILL, folder / "template.yaml", *sorted(folder.glob("*.py"))]
    skipped = ("scenario.py", "stack.py")
    return tokens(section(path, title)) + sum(tokens(each.read_text()) for each in read if each.name not in skipped)


@pytest.mark.xfail(
    strict=True, reason="the budget is not met yet: alarms and policies, spelled out, fill the templates"
)
def test_most_build_tasks_cost_little() -> None:
    costs = {name: cost(name) for name in PATTERNS}

    assert sum(each > 3500 for each in costs.values()) <= 2, costs


def test_there_are_links() -> None:
    assert len(LINKS) >= 10


@pytest.mark.parametrize("link", [link for link in LINKS if "://" not in link.target], ids=str)
def test_a_link_leads_somewhere(link: Link) -> None:
    name, _, fragment = link.target.partition("#")
    target = (link.path.parent / name).resolve() if name else link.path

    assert target.exists()
    assert target.is_relative_to(ROOT)
    if fragment:
        assert fragment in anchors(target)


def test_a_link_out_is_to_a_page_over_tls() -> None:
    assert [link for link in LINKS if "://" in link.target and not link.target.startswith("https://")] == []


def test_the_reader_needs_no_second_hop() -> None:
    """SKILL.md names every reference itself, so nothing is found only by way of another file."""
    named = {(ROOT / link.target.split("#")[0]).resolve() for link in links(SKILL) if "://" not in link.target}

    assert set(REFERENCES) <= named


def test_the_readme_has_exactly_two_commands_that_set_up_everything() -> None:
    commands = re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(), re.M)

    assert len(commands) == 2
    assert commands[0].endswith("examples/run.py")
    assert commands[1].endswith("pytest")


def homes() -> dict[str, str]:
    """The block of each example in the index: how to take it home."""
    parts = re.split(r"(?m)^### ", section(ROOT / "examples" / "README.md", "Take one home"))[1:]
    return {part.split("\n", 1)[0]: part for part in parts}


def test_every_example_has_a_block_that_takes_it_home_and_every_table_leads_to_it() -> None:
    readme = re.findall(r"\[(\w+)\]\(examples/README\.md#(\w+)\)", (ROOT / "README.md").read_text())
    index = re.findall(r"(?m)^\| \[(\w+)\]\(#(\w+)\)", (ROOT / "examples" / "README.md").read_text())

    assert sorted(homes()) == PATTERNS
    assert sorted(readme) == sorted(index) == [(name, name) for name in PATTERNS]


@pytest.mark.parametrize("name", PATTERNS)
def test_the_block_names_the_parameters_and_uses_the_outputs_that_the_stack_has(name: str) -> None:
    template = read_template(ROOT / "examples" / name / "template.yaml")
    asked = {each for each, given in template["Parameters"].items() if "Default" not in given} - {"AlarmTopicArn"}
    text = homes()[name]
    set_here = set(re.findall(r"export (\w+)=", text)) | set(re.findall(r"`([A-Z]+)`", text))

    assert {word for word in asked if f"`{word}`" not in text} == set()
    assert set(re.findall(r"\$(\w+)", text)) - set_here <= set(template["Outputs"])
    assert f"({name}/)" in text
    assert len(re.findall(r"(?m)^```bash$", text)) == 1


def test_the_page_of_proofs_counts_the_mutants() -> None:
    assert f" {len(mutants())} realistic mistakes" in (ROOT / "tests" / "README.md").read_text()


def test_every_command_pins_the_linter_that_the_rules_are_tried_with() -> None:
    for name in ("README.md", "SKILL.md", "tests/rules/README.md", "references/deployment-best-practices.md"):
        asked = re.findall(r"uvx (cfn-lint\S*) ", (ROOT / name).read_text())
        assert set(asked) == {f"cfn-lint@{importlib.metadata.version('cfn-lint')}"}, name


def test_the_loop_is_short_and_has_every_step() -> None:
    text = SKILL.read_text()
    loop = text[text.index("## Prove it") : text.index("## MCP servers")]

    assert tokens(loop) <= 180
    steps = re.split(r"(?m)^\d\. ", loop)[1:]
    words = ("tests/rules", "examples/run.py PATH --json", "`supply`")
    assert [word in step for word, step in zip(words, steps, strict=True)] == [True] * 3
    assert "a real event beside the template" in steps[2]
    assert "Mend, repeat" in steps[2]


def test_the_snippet_for_agents_without_skills_has_the_loops_commands() -> None:
    (snippet,) = re.findall(r"(?s)```text\n(## Serverless.*?)```", (ROOT / "README.md").read_text())

    for command in re.findall(r"`(uvx? [^`]*)`", SKILL.read_text()[SKILL.read_text().index("## Prove it") :]):
        assert command.replace("HERE", "aws-serverless-eda") in snippet


def test_ci_runs_the_readmes_test_command(tmp_path: Path) -> None:
    """What `.ci/run` executes is the second command of README.md, letter for letter."""
    printed = subprocess.run(
        ["bash", str(ROOT / ".ci" / "run"), "--print"], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout.strip()

    assert printed == re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(), re.M)[1]


def test_nothing_invisible_is_in_a_document() -> None:
    hidden = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]|<!--")

    assert [path.name for path in documents() if hidden.search(path.read_text())] == []
