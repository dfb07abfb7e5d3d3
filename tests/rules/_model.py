"""What a rule is made of: cfn-lint's rule, and the model of a template that trials and checks read too.

cfn-lint loads every module of this folder whose name starts with a letter, so this one is no rule module. It loads them
by path, so a rule module finds this one through two lines:

    sys.path.append(str(Path(__file__).parent))
    import _model as model

A class that a rule module imports by name is taken for a rule: say `model.Rule`, never `from _model import Rule`.

The law of every rule: what cannot be resolved is no finding (see `trials.template.model`).
"""

import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from cfnlint.rules._rule import CloudFormationLintRule, RuleMatch
from cfnlint.template.template import Template

ROOT = Path(__file__).resolve().parent.parent.parent
if str(ROOT / "tests") not in sys.path:
    sys.path.append(str(ROOT / "tests"))

from trials.template.events import SOURCES  # noqa: E402
from trials.template.globals import GLOBALS, shared_section  # noqa: E402
from trials.template.machines import State  # noqa: E402
from trials.template.model import Model, certain  # noqa: E402
from trials.template.nodes import BUCKET, KEY, QUEUE, Mapping, Node, Resource, Target, Where  # noqa: E402
from trials.template.policies import POLICIES, admits, conditions, principals  # noqa: E402
from trials.template.values import (  # noqa: E402
    flag,
    is_intrinsic,
    lacks,
    listed,
    logical_id,
    references,
    service,
    text,
)

__all__ = [
    "BUCKET",
    "GLOBALS",
    "KEY",
    "POLICIES",
    "QUEUE",
    "SOURCES",
    "Mapping",
    "Model",
    "Node",
    "Resource",
    "Rule",
    "State",
    "Target",
    "Where",
    "admits",
    "certain",
    "conditions",
    "flag",
    "is_intrinsic",
    "lacks",
    "listed",
    "logical_id",
    "meant",
    "principals",
    "references",
    "service",
    "shared_section",
    "text",
]


class Rule(CloudFormationLintRule):
    """A rule yields the places that break its law, each with a message that ends with the remedy."""

    section = ""  # of our references, which explains the law
    tags: list[str] = []

    def __init__(self) -> None:
        super().__init__()
        self.source_url = f"{ROOT.as_uri()}/{self.section}"  # opens in the reader's own copy, wherever cfn-lint runs

    def check(self, template: Model) -> Iterator[tuple[Where, str]]:
        raise NotImplementedError

    def match(self, cfn: Template) -> list[RuleMatch]:
        return [RuleMatch(path, message) for path, message in self.check(model_of(cfn))]


@lru_cache(maxsize=1)
def model_of(cfn: Template) -> Model:
    return Model(cfn.template, Path(cfn.filename) if cfn.filename else None)


def meant(rule: str, resource: Resource) -> str:
    """How a template says that what a rule objects to is so on purpose."""
    return f"say so in {resource.name}: Metadata: {{ cfn-lint: {{ config: {{ ignore_checks: [{rule}] }} }} }}"
