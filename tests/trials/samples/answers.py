"""What others answer, so that code can go on: every name that it reads, and lists where it goes through one."""

import json
import re
from pathlib import Path
from typing import Any

from trials.samples.refused import Refusal
from trials.samples.sought import CODE, members

NO_JSON = re.compile(r"Expecting (?:value|property name)|JSONDecodeError|not valid JSON|Unexpected token|JSON input")
LISTED = re.compile(
    r"""(?:\.|\[['"])(\w+)(?:['"]\])?\??\.(?:map|forEach|filter|flatMap|reduce|some|every|find|slice|join)\("""
    r"""|\b(?:in|of)\s+\w+(?:\.get\(|\.|\[)['"]?(\w+)['"]?(?:\]|,\s*\[\]\))?\s*(?:[:)\]]|if\b)"""
    r"""|(?:\.|\[['"])(\w+)(?:['"]\])?\??\.?\[0\]"""
)
TAGS = re.compile(r"""['"]<(\w+)>['"]""")
FENCE = "```"


def is_no_json(refusal: Refusal) -> bool:
    return any(NO_JSON.search(text) for text in refusal.texts)


def codes(folder: Path) -> str:
    """All code below a folder that is the project's."""
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix in CODE and "node_modules" not in path.parts]
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in paths if path.is_file())


def answer_of(folder: Path) -> dict[str, Any]:
    """An object of all that the code reads by name; what it goes through is a list of one such object."""
    plain = members(folder)
    listed = {next(filter(None, names)) for names in LISTED.findall(codes(folder))}
    return {**plain, **{name: [plain] for name in listed}}


def spoken(folder: Path) -> list[str]:
    """The texts that a model may say: JSON as it is, then as code takes it out of a fence or a tag, then as a list."""
    said, code = answer_of(folder), codes(folder)
    text = json.dumps(said)
    tagged = [f"<{tag}>{text}</{tag}>" for tag in dict.fromkeys(TAGS.findall(code)) if f"</{tag}>" in code]
    fenced = [f"{FENCE}json\n{text}\n{FENCE}"] if FENCE in code else []
    return [text, *tagged, *fenced, json.dumps([said])]
