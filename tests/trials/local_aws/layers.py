"""What a layer holds, by the path below /opt at which a function finds it."""

from pathlib import Path

from trials.local_aws import javascript
from trials.local_aws.archive import NOT_CODE, files
from trials.local_aws.packaging import packages

NO_RUN_TIME = (".d.ts", ".map")  # endings of files in packages that no function loads


def layer_files(source: Path, method: str, work: Path) -> dict[Path, Path]:
    """`method` is the BuildMethod that `sam build` is told; without one a layer is taken as it lies.

    What a manifest in it names and nobody has installed is installed, as its author must before each deployment. `work`
    is a folder for what is made on the way.
    """
    above = Path(next((name for name in ("python", "nodejs") if method.startswith(name)), ""))
    held = {above / name: path for name, path in files(source, NOT_CODE).items()}
    if (requirements := source / "requirements.txt").exists():
        installed = packages(requirements, (), work)
        held |= {Path("python") / name: path for name, path in files(installed).items()}
    elif not above.name and (asked := source / "python" / "requirements.txt").exists():
        installed = packages(asked, (), work)
        held = {Path("python") / name: path for name, path in files(installed).items()} | held
    if method.startswith("nodejs") and (modules := javascript.packages(source)):
        held |= packages_in(modules, above / "node_modules")
    lying = Path("nodejs") / "node_modules"
    if not above.name and (source / lying).is_dir():
        held |= packages_in(source / lying, lying)
    elif not above.name and (source / "nodejs" / "package.json").is_file():
        modules = javascript.packages(source / "nodejs")
        held |= packages_in(modules, lying) if modules else {}
    return held


def packages_in(modules: Path, place: Path) -> dict[Path, Path]:
    return {place / name: path for name, path in files(modules).items() if not name.name.endswith(NO_RUN_TIME)}
