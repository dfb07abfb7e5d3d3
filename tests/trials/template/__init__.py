"""The one reader of templates: SAM, CloudFormation and what CDK makes, for rules, trials and checks.

It needs nothing that cfn-lint does not bring, since rules run in an environment of cfn-lint alone.
"""

from trials.template.load import TemplateError, read_template
from trials.template.model import Model
from trials.template.nodes import ASSET, FUNCTIONS, MACHINES, Event, Node, Resource
from trials.template.rewritten import own_names, secrets_by_arn, without, without_bootstrap
from trials.template.sam import merged_properties
from trials.template.values import as_dict, as_text, listed, logical_id, references, text

__all__ = [
    "ASSET",
    "FUNCTIONS",
    "MACHINES",
    "Event",
    "Model",
    "Node",
    "Resource",
    "TemplateError",
    "as_dict",
    "as_text",
    "listed",
    "logical_id",
    "merged_properties",
    "own_names",
    "read_template",
    "references",
    "secrets_by_arn",
    "text",
    "without",
    "without_bootstrap",
]
