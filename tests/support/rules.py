"""The table of our cfn-lint rules, made from the rules themselves.

Repair after a change of a rule:  uv run --directory tests python -m support.rules
"""

import json
from functools import cache
from importlib import metadata

from cfnlint.rules._rule import CloudFormationLintRule
from cfnlint.rules._rules import Rules

from support.documents import ROOT

FOLDER = ROOT / "tests" / "rules"
PAGE = FOLDER / "README.md"
REPAIR = "uv run --directory tests python -m support.rules"
KEPT = ROOT / "tests" / "benchmarks" / "linters.json"  # what `python -m benchmarks.linters --publish` measured
HEAD = f"""# Rules

What off-the-shelf linters pass in SAM and CloudFormation templates. On any template, from any folder, with the path of
this one:

```bash
uvx cfn-lint@{metadata.version("cfn-lint")} -a tests/rules -t template.yaml
```

E loses, doubles or exposes something; W is likely wrong; I is advice, shown with `-c I`. What cannot be resolved is no
finding. What is so on purpose says it: `Metadata: {{ cfn-lint: {{ config: {{ ignore_checks: [W9803] }} }} }}`. Each
rule has templates that fail and pass in [fixtures](fixtures/); its law is explained where the link leads. For code
scanning, `--format sarif` needs `uvx --from 'cfn-lint[sarif]' cfn-lint`. cfn-lint does not translate SAM, so it passes
values that SAM or CloudFormation refuses; AWS's `cloudformation-validate` does in part, and calls ids missing that SAM
makes of events (F1020, F6101): let it read the translated template.

| Id | Law | Because |
| --- | --- | --- |
"""


@cache
def ours() -> Rules:
    return Rules.create_from_directory(str(FOLDER))


def section(rule: CloudFormationLintRule) -> str:
    """The section that explains a rule, as a path from the root."""
    return rule.source_url.removeprefix(f"{ROOT.as_uri()}/")


def page() -> str:
    """The text of the page: one row for each rule."""
    rows = [
        f"| [{name}](../../{section(rule)}) | {rule.shortdesc} | {rule.description} |"
        for name, rule in sorted(ours().items(), key=lambda item: item[0][1:])
    ]
    return HEAD + "\n".join(rows) + "\n" + by_hand() + beside()


def by_hand() -> str:
    """How many findings on templates of others were read, and how many of them were true."""
    read = json.loads(KEPT.read_text())["read"]
    lines = [
        "\n## Read by hand\n",
        "Findings on templates of others, read beside template and code by who wrote the rules. Of no use is what is",
        "so on purpose, in a sample or a test.",
        "\n| Templates | Owners | Which | Findings | Read | at most of a rule | True | of no use | False |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {row['templates']:,} | {row['owners']} | {row['of']} | {row['findings']:,} of {row['rules']} rules"
            f" | {row['read']} | {row['most']} | {row['true']} | {row['useless']} | {row['read'] - row['true']} |"
            for row in read["rounds"]
        ),
        "\nThe first round was drawn at random. The second shares templates with it: every finding was read that",
        "was not read in the first. The false ones are mended:",
        "\n| Rule | False | What it was | Now |\n| --- | --- | --- | --- |",
        *(f"| {row['rule']} | {row['findings']} | {row['was']} | {row['now']} |" for row in read["false"]),
    ]
    return "\n".join(lines) + "\n"


def beside() -> str:
    """What other linters say of our fixtures and of templates of others, as far as that was measured."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    lines = []
    if fixtures := kept.get("fixtures"):
        pairs = fixtures["pairs"]
        lines += [
            "\n## Beside other linters\n",
            "`uv run --directory tests python -m benchmarks.linters --all` repeats it. It is biased: a fixture is what",
            "one of these rules is for, and they were written for what others pass. A defect counts as found when a",
            "tool says something of it that it does not say of the right template beside it, which may be about",
            "something else. Advice (I) is not asked for, so fixtures of advice count as not found by these rules.",
            f"\n| Linter | Defects it found, of {pairs} | Its findings on the right templates |\n| --- | --- | --- |",
            *(f"| {row['tool']} | {row['found']} | {row['others']} |" for row in fixtures["rows"]),
        ]
    if others := kept.get("others"):
        of = " and ".join(each.replace("+", "/") for each in others["of"])
        lines += [
            f"\nThe same on {others['templates']} templates drawn at random from {of}; nobody knows what is wrong with",
            "them, so this counts and judges nothing:",
            "\n| Linter | Templates with a finding | with an error | Findings |\n| --- | --- | --- | --- |",
        ]
        for row in others["rows"]:
            errors = "-" if row["errors"] is None else row["errors"]
            lines.append(f"| {row['tool']} | {row['with']} | {errors} | {row['findings']} |")
    return "\n".join(lines) + "\n" if lines else ""


if __name__ == "__main__":
    PAGE.write_text(page())
