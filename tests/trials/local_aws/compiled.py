"""Code that a project's own build compiles with `tsc`: from which module in TypeScript it comes."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TYPED = (".ts", ".mts", ".cts", ".tsx")
UPWARDS = 3  # folders above that of the code in which the settings of TypeScript are looked for
BUILT = ("dist", "build", "out", "lib", "built", ".build", "bin")
COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
LAST_COMMA = re.compile(r",(\s*[}\]])")


@dataclass(frozen=True)
class Compiled:
    """The folder of the settings, and the module in it that is compiled."""

    root: Path
    entry: Path


def settings(path: Path) -> dict[str, Any]:
    """The compiler's options in a `tsconfig.json`, which may hold comments, and in the file that it extends."""
    try:
        text = COMMENT.sub(lambda comment: comment[1] or "", path.read_text(encoding="utf-8-sig"))
        told = json.loads(LAST_COMMA.sub(r"\1", text))
    except (OSError, ValueError):
        return {}
    above = told.get("extends")
    inherited = settings(path.parent / above) if isinstance(above, str) and above.startswith(".") else {}
    return {**inherited, **(told.get("compilerOptions") or {})}


def compiled_from(folder: Path, module: str) -> Compiled | None:
    """The source of a module of a code folder, whether or not that folder is there; None if nothing says so.

    `module` is the handler's, as its template names it.
    """
    wanted = (folder / module).absolute()
    for root in (folder.absolute(), *list(folder.absolute().parents)[:UPWARDS]):
        if not (root / "tsconfig.json").is_file():
            continue
        options = settings(root / "tsconfig.json")
        out = (root / str(options.get("outDir", "."))).resolve()
        if not wanted.resolve().is_relative_to(out):
            continue
        inside = wanted.resolve().relative_to(out)
        for source in dict.fromkeys([str(options.get("rootDir", "src")), "src", "."]):
            for ending in TYPED:
                entry = root / source / inside.with_name(inside.name + ending)
                if entry.is_file():
                    return Compiled(root, entry)
    return None


def not_built(folder: Path, module: str) -> bool:
    """Whether a module that is not there is what some build of the project would put there."""
    return folder.name in BUILT or Path(module).parts[:1] in [(name,) for name in BUILT]
