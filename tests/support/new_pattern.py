"""A new pattern with all files that the checks demand, in which what only its author knows is an open place.

Make it:  uv run --directory tests python -m support.new_pattern NAME
Of examples that are there, joined by their outputs as the shop is:  ... -m support.new_pattern NAME PART...
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support.documents import ROOT
from trials.template import read_template

OPEN = "OPEN" + " PLACE"  # in two parts, so that this module has none
EXAMPLE = {
    "app.py": '''"""{open}: what it does for each event, and what stays true however often it is delivered."""

import os
from typing import Any

import boto3

TABLE = os.environ["TABLE"]
dynamodb = boto3.client("dynamodb")


def handler(event: dict[str, Any], context: object) -> None:
    raise NotImplementedError("{open}: the effect, keyed so that a repeat finds it done")
''',
    "template.yaml": """AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Description: "{open}: one sentence, the same as in app.py"

Resources:
  Handle: # {open}: what it does; its event, and where failed events are kept
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.14
      Architectures: [arm64]
      Handler: app.handler
      CodeUri: .
      Environment: {{ Variables: {{ TABLE: !Ref Table }} }}
  Table:
    Type: AWS::Serverless::SimpleTable
""",
    "stack.py": '''"""{open}: the same sentence."""

from aws_cdk import Stack
from constructs import Construct


class {title}(Stack):
    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description=__doc__)
        # {open}: the resources of template.yaml
''',
    "stack.ts": """// {open}: the same sentence.
import {{ Stack }} from "aws-cdk-lib";
import type {{ Construct }} from "constructs";

export class {title} extends Stack {{
  constructor(scope: Construct, name: string) {{
    super(scope, name);
    // {open}: the resources of template.yaml
  }}
}}
""",
    "event.json": '{{ "{open}": "one event as AWS delivers it" }}\n',
    "requirements.txt": "",
    "scenario.py": '''"""{open}: what is sent, and what must hold."""

from collections.abc import Callable, Iterator
from pathlib import Path

from trials.local_aws import LocalAws, Outcome


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    say("deploying")
    local.deploy(template)
    yield Outcome("{open}: what was sent", "what happened", "what must hold", False)
''',
}
PROOF = {
    "test_promises.py": '''"""{open}: the promise, as a sentence about behaviour."""


def test_a_repeat_changes_nothing() -> None:
    raise AssertionError("{open}: invoke the handler twice, compare what is there afterwards")
''',
    "faults.py": '''"""The functions of this example under the five faults of `test_every_pattern.py`: events, and what is around them."""

from support.faults import Subject

SUBJECTS: list[Subject] = []  # {open}: one Subject for each function of template.yaml, see queue_worker/faults.py
''',
    "mutants.py": '''"""Realistic mistakes in this example, each caught by a test of its promises, its faults or its template."""

from support.mistakes import Mutant

MUTANTS: tuple[Mutant, ...] = ()  # {open}: at least two in app.py and two in template.yaml
''',
    "breaks.py": '''"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import Break

BREAKS: tuple[Break, ...] = ()  # {open}: one at least for each promise of scenario.py, see queue_worker/breaks.py
''',
    "seeds.py": '''"""This example broken in ways that the trials of a reader's own project must report, with the word they must use."""

from support.mistakes import Seed

SEEDS: tuple[Seed, ...] = ()  # {open}: what trials must say of it, see queue_worker/seeds.py
''',
}
JOINED = '''"""{open}: what is sent, and what must hold across the whole flow."""

from collections.abc import Callable, Iterator
from pathlib import Path

from trials.local_aws import LocalAws, Outcome


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    say("deploying")
    local.deploy(template.with_name("whole.yaml"))  # {open}: parameters; CDK's stacks one by one, see shop/scenario.py
    yield Outcome("{open}: what was sent", "what happened", "what must hold", False)
'''
OF_PARTS = (  # beside ROWS
    "template.yaml: a parameter for each output that it takes; whole.yaml: gives it those of the parts",
    "an output that a part lacks: in its template.yaml, stack.py and stack.ts, and in the tests of its template",
    "tests/patterns/NAME/faults.py: what the other stacks bring, made for each function; see Beside in shop/faults.py",
    "tests/patterns/NAME/test_flow.py: whole lives across all parts, each hop late, twice or dead; see shop/test_flow.py",
    "examples/NAME/events: an event of each source, for trials of whole.yaml, which draw none across the parts",
    "examples/README.md: its picture, and which parts it is copied with",
)
ROWS = (  # what names every pattern once
    "SKILL.md, section Patterns: a row with its section and its example",
    "references/eda-patterns.md or serverless-patterns.md: its section, in the parts that tests/test_skill.py lists",
    "examples/README.md: a row of the table at the top, a block with its commands",
    "tests/facts.toml and tests/routing.toml: its numbers, and questions that lead to its section",
    "README.md and CHANGELOG.md: a row, a line; tests/README.md: how many mistakes there are now",
    "tests/patterns/test_correlation.py: a play; if its handlers are in TypeScript too, test_correlation_in_typescript.py and "
    "tests/test_typescript.py",
    "pyproject.toml: the names of modules beside its handlers, in mypy's overrides",
    "tests/support/environments.py and tests/node/package.json: a service of the SDK for JavaScript that no example has yet",
    "examples/README.md: what the local AWS does not show of it; tests/test_cdk.py: in ACCEPTED, what a reviewer would let be",
    "tests/trials/README.md: how many mistakes in Python handlers there are now",
    "then python -m support.snippets and support.contents fill in code and lines",
)


def title(name: str) -> str:
    return name.title().replace("_", "")


def whole(name: str, parts: dict[str, dict[str, Any]]) -> str:
    """A template that deploys the templates of the parts, and that of the new pattern, below one stack."""
    asked = {part: template.get("Parameters", {}) for part, template in parts.items()}
    needed = {key: value for own in asked.values() for key, value in own.items() if "Default" not in value}
    lines = [
        'AWSTemplateFormatVersion: "2010-09-09"',
        "Transform: AWS::Serverless-2016-10-31",
        f'Description: "{OPEN}: the new pattern and its parts, each as it stands in its folder, in one deployment."',
        *(["", "Parameters:"] if needed else []),
        *(f"  {key}: {{ Type: {value['Type']} }}" for key, value in needed.items()),
        "",
        "Resources:",
    ]
    for part, template in parts.items():
        given = ", ".join(f"{key}: !Ref {key}" for key in asked[part] if key in needed)
        lines += [f"  {title(part)}: # has {', '.join(template.get('Outputs', {}))}"]
        lines += [*application(f"../{part}/", given), ""]
    lines += [f"  {title(name)}: # {OPEN}: its parameters, such as !GetAtt {title(next(iter(parts)))}.Outputs.NAME"]
    return "\n".join([*lines, *application(), ""])


def application(folder: str = "", given: str = "") -> list[str]:
    lines = ["    Type: AWS::Serverless::Application", "    Properties:", f"      Location: {folder}template.yaml"]
    return lines + ([f"      Parameters: {{ {given} }}"] if given else [])


def make(name: str, root: Path, parts: Sequence[str] = ()) -> list[Path]:
    """Write the two folders of a pattern; return their files. Raises `ValueError` for a name that cannot be one.

    Of parts that are patterns already, there is a template that deploys all of them too.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise ValueError(f"{name} is no name of a pattern: write it as queue_worker is written")
    templates = {part: root / "examples" / part / "template.yaml" for part in parts}
    if unknown := [part for part, template in templates.items() if not template.exists()]:
        raise ValueError(f"there is no pattern {', '.join(unknown)}")
    made = []
    for folder, files in ((root / "examples" / name, EXAMPLE), (root / "tests" / "patterns" / name, PROOF)):
        if folder.exists():
            raise ValueError(f"{folder.relative_to(root)} is there already")
        folder.mkdir(parents=True)
        for file, text in files.items():
            made.append(folder / file)
            made[-1].write_text(text.format(open=OPEN, title=title(name)))
    if parts:
        made.append(root / "examples" / name / "whole.yaml")
        made[-1].write_text(whole(name, {part: read_template(template) for part, template in templates.items()}))
        (root / "examples" / name / "scenario.py").write_text(JOINED.format(open=OPEN))
    return made


def open_places(root: Path) -> list[str]:
    """Every open place of the patterns, as `path:line: what is missing`."""
    files = [path for place in ("examples", "tests/patterns") for path in sorted((root / place).rglob("*"))]
    return [
        f"{path.relative_to(root)}:{number}: {line.strip()}"
        for path in files
        if path.suffix in (".py", ".ts", ".yaml", ".json")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if OPEN in line
    ]


def main(words: list[str]) -> None:
    if not words:
        sys.exit("say one name, such as: uv run --directory tests python -m support.new_pattern order_books")
    name, *parts = words
    try:
        made = make(name, ROOT, parts)
    except ValueError as refused:
        sys.exit(str(refused))
    print("Made, begin with the scenario, then the template, then the handler:")
    print("\n".join(f"  {each}" for each in open_places(ROOT)))
    print("Add:", *ROWS, *(row.replace("NAME", name) for row in OF_PARTS if parts), sep="\n  ")
    print('Then: uv run pytest -m "not e2e", until no check names a file; uv run examples/run.py', made[0].parent.name)


if __name__ == "__main__":
    main(sys.argv[1:])
