"""The files that go into a package of code or a layer."""

import os
from pathlib import Path

NOT_CODE = frozenset(
    {"__pycache__", "template.yaml", ".git", ".aws-sam", ".venv", "node_modules", "cdk.out", ".mypy_cache"}
)


def files(folder: Path, left_out: frozenset[str] = frozenset()) -> dict[Path, Path]:
    """Every file below a folder by its path there, without names that are left out.

    Links are followed, as `sam deploy` and `aws cloudformation package` do; one that leads above itself is not.
    """
    listed: dict[Path, Path] = {}
    for place, folders, names in os.walk(folder, followlinks=True):
        at = Path(place)
        folders[:] = [name for name in folders if name not in left_out and not goes_round(at / name)]
        paths = (at / name for name in names if name not in left_out)
        listed |= {path.relative_to(folder): path for path in paths if path.is_file()}
    return listed


def goes_round(path: Path) -> bool:
    return path.is_symlink() and path.parent.resolve().is_relative_to(path.resolve())
