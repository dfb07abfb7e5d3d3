"""What a layer holds, by the path below /opt at which a function finds it."""

from pathlib import Path

from trials.local_aws import javascript
from trials.local_aws.packaging import packages


def layer_files(source: Path, code: Path, method: str, work: Path) -> dict[Path, Path]:
    """`method` is the BuildMethod that `sam build` is told; without one a layer is taken as it lies.

    `code` is a copy of the layer's folder, `work` a folder for what is made on the way.
    """
    above = Path(next((name for name in ("python", "nodejs") if method.startswith(name)), ""))
    files = {above / path.relative_to(code): path for path in code.rglob("*")}
    if (requirements := source / "requirements.txt").exists():
        installed = packages(requirements, (), work)
        files |= {Path("python") / path.relative_to(installed): path for path in installed.rglob("*")}
    if method.startswith("nodejs") and (modules := javascript.packages(source)):
        files |= {above / "node_modules" / path.relative_to(modules): path for path in modules.rglob("*")}
    return files
