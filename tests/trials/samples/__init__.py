"""Sample events: found in the project, passed on by another function, or made from what the template says."""

from trials.samples.choose import samples
from trials.samples.sample import Sample

__all__ = ["Sample", "samples"]
