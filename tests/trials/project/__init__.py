"""A folder with a template: what is deployed of it, what sets its functions off, and the samples that it brings."""

from trials.project.read import Project, read
from trials.project.sources import Kind, Source, sources

__all__ = ["Kind", "Project", "Source", "read", "sources"]
