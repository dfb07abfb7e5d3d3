"""The table of our cfn-lint rules, made from the rules themselves.

Repair after a change of a rule:  uv run --directory tests python -m support.rules
"""

from functools import cache

from cfnlint.rules._rule import CloudFormationLintRule
from cfnlint.rules._rules import Rules

from support.documents import ROOT

FOLDER = ROOT / "tests" / "rules"
PAGE = FOLDER / "README.md"
REPAIR = "uv run --directory tests python -m support.rules"
HEAD = """# Rules

What off-the-shelf linters pass in SAM and CloudFormation templates. On any template, from any folder, with the path of
this one:

```bash
uvx cfn-lint -a tests/rules -t template.yaml
```

E loses, doubles or exposes something; W is likely wrong; I is advice, shown with `-c I`. What cannot be resolved is
no finding. What is so on purpose says it: `Metadata: { cfn-lint: { config: { ignore_checks: [W9803] } } }`. Each rule
has templates that fail and pass in [fixtures](fixtures/); its law is explained where the link leads. For code scanning,
`--format sarif` needs `uvx --from 'cfn-lint[sarif]' cfn-lint`. cfn-lint does not translate SAM, so it passes values
that SAM or CloudFormation refuses; AWS's `cloudformation-validate` does in part, and calls ids missing that SAM makes
of events (F1020, F6101): let it read the translated template.

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
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
