"""The one reader of templates."""

from trials.template.intrinsics import own_names, references, secrets_by_arn, without, without_bootstrap
from trials.template.load import read_template

__all__ = ["own_names", "read_template", "references", "secrets_by_arn", "without", "without_bootstrap"]
