"""Where the pages of this bundle are read that a finding links to."""

import datetime
import os
import re
import subprocess
from functools import cache

from trials.local_aws import ROOT

FACTS = ROOT / "tests" / "facts.toml"
DAYS = 90  # after which the newest check of a fact is long ago

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
    repository = GITHUB.search(told.strip())
    return repository[1] if repository else ""


def page(name: str) -> str:
    """A link that opens: to a page of this bundle on GitHub if the copy knows its home, else in the copy itself."""
    return f"https://github.com/{hosted()}/blob/main/{name}" if hosted() else f"{ROOT.as_uri()}/{name}"


def outdated(today: datetime.date) -> str:
    """One line if no fact of this copy was read again for long; a month counts until its end. Empty if all is well."""
    months = re.findall(r'(?m)^read = "(\d{4})-(\d\d)"$', FACTS.read_text(encoding="utf-8")) if FACTS.is_file() else []
    if not months:
        return ""
    year, month = map(int, max(months))
    ended = datetime.date(year + month // 12, month % 12 + 1, 1)
    if (today - ended).days <= DAYS:
        return ""
    age = (today - ended).days
    return f"the facts of this copy were last checked in {year}-{month:02}, {age} days ago: bring it up to date first"
