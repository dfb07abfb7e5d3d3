"""Whether a function reads nothing of its event: then each invocation asks for the same, and none is a repeat."""

import re
from pathlib import Path

from trials.project.effects import script_text

HANDLER = (  # how its module declares it, with its first parameter
    r"def\s+{name}\s*\(\s*(\w*)",
    r"(?:async\s+)?function\s+{name}\s*\(\s*(\w*)",
    r"\b{name}\s*(?::[^=]+)?=\s*(?:async\s+)?(?:function\s*)?\(\s*(\w*)",
)
COMMENT = re.compile(r"/\*.*?\*/|(?m:^\s*(?:#|//).*$)", re.DOTALL)


def reads_nothing(folder: Path, handler: str, runtime: str) -> bool:
    """False wherever that cannot be told."""
    module, _, name = handler.rpartition(".")
    source = folder / f"{module.replace('.', '/')}.py"
    if runtime.startswith("python"):
        code = source.read_text(encoding="utf-8", errors="replace") if source.is_file() else ""
    else:
        code = script_text(folder, handler, runtime)
    code = COMMENT.sub("", code)
    for form in HANDLER:
        if declared := re.search(form.format(name=re.escape(name)), code):
            return not declared[1] or len(re.findall(rf"\b{declared[1]}\b", code)) == 1
    return False
