"""Code that a project's own build compiles or bundles: from which module of its source it comes."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TYPED = (".ts", ".mts", ".cts", ".tsx")
UPWARDS = 3  # folders above that of the code in which the settings of TypeScript are looked for
BUILT = ("dist", "build", "out", "lib", "built", ".build", "bin")
NO_SOURCE = ("node_modules", "cdk.out", "dist", "build", "test", "tests", "__tests__", "coverage")
BUILDS = re.compile(r"build|bundle|compile|package")  # what a script is called that writes code
COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
LAST_COMMA = re.compile(r",(\s*[}\]])")


@dataclass(frozen=True)
class Compiled:
    """The folder of the settings, and the module in it that is compiled."""

    root: Path
    entry: Path
    by_name: bool = False  # nothing but its name says that it is the source


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
    return bundled_from(folder, module)


def bundled_from(folder: Path, module: str) -> Compiled | None:
    """The only source that a project's own script may bundle into a code folder that is not there; else None.

    It is called as the code is, below the first folder of its path that builds write into, or as the folder of an
    `index`.
    """
    wanted = (folder / module).absolute().resolve()
    for root in wanted.parents[1:]:
        inside = wanted.relative_to(root)
        if inside.parts[0] in BUILT and is_built(root):
            name = Path(*(part for part in inside.parts[1:] if not part.endswith(".zip")))
            names = [name, name.parent] if name.name == "index" and len(name.parts) > 1 else [name]
            known = [path.relative_to(root) for path in source_files(root, inside.parts[0])]
            sources = next(filter(None, ([path for path in known if is_called(path, each)] for each in names)), [])
            return Compiled(root, root / sources[0], by_name=True) if len(sources) == 1 else None
    return None


def is_built(root: Path) -> bool:
    """Whether a manifest has a script that builds."""
    try:
        scripts = json.loads((root / "package.json").read_text(encoding="utf-8-sig")).get("scripts")
    except (OSError, ValueError):
        return False
    return isinstance(scripts, dict) and any(BUILDS.match(name) for name in scripts)


def source_files(root: Path, built: str) -> Iterator[Path]:
    """What may be a source: neither built, nor brought, nor a test."""
    for path in sorted(root.iterdir()):
        if path.is_dir() and path.name not in (*NO_SOURCE, built) and not path.name.startswith("."):
            yield from source_files(path, built)
        elif path.suffix in (*TYPED, ".js", ".mjs", ".cjs") and not path.is_symlink():
            yield path


def is_called(source: Path, name: Path) -> bool:
    """Whether a source is called as the code that is made of it, or is the `index` of a folder so called."""
    whole = source.parent if source.stem == "index" and name.name != "index" else source.with_suffix("")
    return whole.parts[-len(name.parts) :] == name.parts


def not_built(folder: Path, module: str) -> bool:
    """Whether a module that is not there is what some build of the project would put there."""
    return folder.name in BUILT or Path(module).parts[:1] in [(name,) for name in BUILT]
