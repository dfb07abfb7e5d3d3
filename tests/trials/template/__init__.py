"""The one reader of templates."""

from trials.template.intrinsics import logical_id, own_names, references, secrets_by_arn, without, without_bootstrap
from trials.template.load import TemplateError, read_template

__all__ = [
    "TemplateError",
    "logical_id",
    "own_names",
    "read_template",
    "references",
    "secrets_by_arn",
    "without",
    "without_bootstrap",
]
