"""What a rule is made of: cfn-lint's rule, and the model of a template that trials and checks read too.

cfn-lint loads every module of this folder whose name starts with a letter, so this one is no rule module. It loads them
by path, so a rule module finds this one through two lines:

    sys.path.append(str(Path(__file__).parent))
    import _model as model

A class that a rule module imports by name is taken for a rule: say `model.Rule`, never `from _model import Rule`.

The law of every rule: what cannot be resolved is no finding (see `trials.template.model`).
"""

import json
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from cfnlint.rules._rule import CloudFormationLintRule, RuleMatch
from cfnlint.template.template import Template

ROOT = Path(__file__).resolve().parent.parent.parent
if str(ROOT / "tests") not in sys.path:
    sys.path.append(str(ROOT / "tests"))

from trials.template.events import EVERY, RECORD_KEYS, SOURCES  # noqa: E402
from trials.template.machines import State  # noqa: E402
from trials.template.model import Model, certain  # noqa: E402
from trials.template.nodes import BUCKET, KEY, QUEUE, Mapping, Node, Resource, Target, Where  # noqa: E402
from trials.template.policies import POLICIES, admits, allows, conditions, names_action, principals  # noqa: E402
from trials.template.sam import GLOBALS, shared_section  # noqa: E402
from trials.template.values import (  # noqa: E402
    OPAQUE,
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
    "EVERY",
    "GLOBALS",
    "KEY",
    "OPAQUE",
    "POLICIES",
    "QUEUE",
    "RECORD_KEYS",
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
    "allows",
    "certain",
    "conditions",
    "flag",
    "iam",
    "is_intrinsic",
    "lacks",
    "listed",
    "logical_id",
    "meant",
    "names_action",
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


@cache
def iam() -> dict[str, Any]:
    """Actions and the types of resources that they can be narrowed to, as cfn-lint ships them."""
    data = resources.files("cfnlint.data.AdditionalSpecs") / "Policies.json"
    services: dict[str, Any] = json.loads(data.read_text())
    return services
