"""Where the pages of this bundle are read that a finding links to."""

import os
import re
import subprocess
from functools import cache

from trials.local_aws import ROOT

GITHUB = re.compile(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$")


@cache
def hosted() -> str:
    """The `owner/name` on GitHub that this copy comes from; empty if it does not say."""
    if os.environ.get("GITHUB_ACTION_REPOSITORY", "").endswith("/aws-serverless-eda"):  # its own action runs
        return os.environ["GITHUB_ACTION_REPOSITORY"]
    if not (ROOT / ".git").exists():
        return ""
    try:
        command = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
    found = GITHUB.search(told.strip())
    return found[1] if found else ""


def page(name: str) -> str:
    """A link that opens: to a page of this bundle on GitHub if the copy knows its home, else in the copy itself."""
    return f"https://github.com/{hosted()}/blob/main/{name}" if hosted() else f"{ROOT.as_uri()}/{name}"
