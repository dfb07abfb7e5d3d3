"""Functions in JavaScript and TypeScript: packages from their lock, esbuild where SAM would use it, Lambda's SDK."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from trials.local_aws.archive import files
from trials.local_aws.compiled import Compiled, compiled_from, not_built
from trials.local_aws.environment import ENVIRONMENT, LocalAwsError
from trials.local_aws.namespace import errand
from trials.local_aws.packaging import PackagingError

NODE = Path(__file__).parent / "node"  # its lock holds what Lambda's runtimes bring along, and esbuild
PRELOADS = tuple(NODE / f"{name}.cjs" for name in ("left_running", "plain_http", "clock", "streaming", "signatures"))
OLDER = (  # bring version 2 of the SDK, the newer ones version 3
    *("nodejs", "nodejs4.3", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x", "nodejs16.x"),
)
OLDER_SDK = {"aws-sdk": "2.1693.0"}  # the last release
NPM = ("--omit=dev", "--no-audit", "--no-fund", "--loglevel=error")
UPWARDS = 5  # folders above that of the code in which a manifest is looked for
ASKED_AGAIN = 600  # seconds after which packages that could not be had are asked for again
SCRIPTS, TYPED = (".js", ".mjs", ".cjs"), (".ts", ".mts", ".cts", ".tsx")
NOT_CODE = shutil.ignore_patterns(".git", ".aws-sam", "cdk.out", "*.test.*", "__tests__", "template.yaml")


def runtime_modules() -> Path:
    """The `node_modules` that stand for those of the runtime; installed the first time."""
    wanted = (NODE / "package-lock.json").read_text()
    return installed(NODE / "package.json", NODE / "package-lock.json", hashed(wanted))


def older_modules() -> Path:
    """The `node_modules` of the runtimes that bring version 2 of the SDK along."""
    wanted = json.dumps({"private": True, "dependencies": OLDER_SDK})
    return of_text(wanted)


DURABLE_SDK = "@aws/durable-execution-sdk-js"
CLIENTS = re.compile(rf"""['"](@aws-sdk/(?:client|lib|util|s3)-[\w-]+|{DURABLE_SDK})['"]""")


@cache
def clients_asked(source: Path) -> frozenset[str]:
    """The packages of version 3 of the SDK that code imports: Lambda brings them all, here are those that are used."""
    own = (source / path for path in files(source, frozenset({"node_modules"})) if path.suffix in (*SCRIPTS, *TYPED))
    return frozenset(name for path in own for name in CLIENTS.findall(path.read_text(errors="replace")))


def more_of_the_sdk(names: frozenset[str]) -> dict[str, Path]:
    """Where packages of the SDK lie that are not among those that are always brought, of the same release."""
    modules = runtime_modules()
    lacking = sorted(name for name in names if not (modules / name).exists())
    if not lacking:
        return {}
    release = json.loads((modules / "@aws-sdk" / "client-s3" / "package.json").read_text())["version"]
    newest = int(str(release).split(".")[1])  # a package has no release of a version in which it did not change
    releases = {name: "*" if name == DURABLE_SDK else f">=3.0.0 <3.{newest + 1}.0" for name in lacking}
    wanted = json.dumps({"private": True, "dependencies": releases})
    return {name: of_text(wanted) / name for name in lacking}


def of_text(wanted: str) -> Path:
    """`node_modules` of a manifest with this text, which others may be about to install as well."""
    folder = ENVIRONMENT / "node"
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / f"{hashed(wanted)}.json"
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
        file.write(wanted)
    os.replace(file.name, manifest)
    return installed(manifest, None, hashed(wanted))


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def installed(manifest: Path, lock: Path | None, name: str) -> Path:
    """`node_modules` of a manifest, kept under `name` beside the local AWS and used again."""
    npm = shutil.which("npm")
    if not npm:
        raise LocalAwsError("npm is not on PATH: install Node.js 20 or newer")
    folder = ENVIRONMENT / "node" / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        refused = folder / ".refused"
        if refused.exists() and time.time() - refused.stat().st_mtime < ASKED_AGAIN:
            raise PackagingError(refused.read_text())
        if not (folder / ".installed").exists():
            shutil.copy(manifest, folder / "package.json")
            if lock:
                shutil.copy(lock, folder / lock.name)
            command = [npm, "ci" if lock else "install", *NPM]
            done = errand(command, cwd=folder)
            if done.returncode and lock:  # a release that the lock names may be gone from where packages come from
                (folder / lock.name).unlink()
                command = [npm, "install", *NPM]
                done = errand(command, cwd=folder)
            if done.returncode:
                said = " ".join((done.stderr or done.stdout).split())[-300:]
                refused.write_text(f"`npm {command[1]}` failed for {manifest}: {said}")
                raise PackagingError(refused.read_text())
            (folder / "node_modules").mkdir(exist_ok=True)
            (folder / ".installed").touch()
    return folder / "node_modules"


def is_plain(source: Path, handler: str, metadata: dict[str, Any]) -> bool:
    """Whether nothing is bundled or compiled for this handler."""
    return metadata.get("BuildMethod") != "esbuild" and source.is_dir() and script(source, handler) is not None


def build(source: Path, handler: str, metadata: dict[str, Any], work: Path) -> Path:
    """A folder with what `sam build` would zip: the function's code and its packages, bundled if it asks for it."""
    by_esbuild = metadata.get("BuildMethod") == "esbuild"
    if not by_esbuild and script(source, handler) is None and typed(source, handler) is None:
        if compiled := compiled_from(source, module(handler)):
            return compile_as_tsc(compiled, handler, work / "bundled")
        if not source.is_dir() or not_built(source, module(handler)):
            raise PackagingError(f"its handler, {handler}, is not built here")
    if not source.is_dir():
        raise PackagingError(f"its code, {source}, is no folder here")
    code = Path(shutil.copytree(source, work / "code", ignore=ignored(source)))
    typescript = script(code, handler) is None and bool(typed(code, handler))
    own = packages(source) or (packages_above(source) if by_esbuild or typescript else None)
    brought = source / "node_modules"
    if brought.is_dir() or own:  # thousands of files, which nothing changes: to copy and remove them takes minutes
        (code / "node_modules").symlink_to((own or brought).resolve())
    if by_esbuild:
        return bundle(code, metadata.get("BuildProperties") or {}, handler, work / "bundled", source)
    if typescript:
        return bundle(code, {}, handler, work / "bundled", source)
    return code


def ignored(source: Path) -> Callable[[str, list[str]], set[str]]:
    """What is not copied of code: its packages; of a project whose own folder it is, the infrastructure beside it."""

    def names(folder: str, listed: list[str]) -> set[str]:
        packages_of_it = {"node_modules"} if Path(folder) == source else set()
        return packages_of_it | (NOT_CODE(folder, listed) if (source / "template.yaml").exists() else set())

    return names


def packages(source: Path) -> Path | None:
    """The packages that a function's manifest asks for; None if it asks for none, or brings them along."""
    manifest = source / "package.json"
    if (source / "node_modules").is_dir() or not manifest.is_file():
        return None
    asked = json.loads(manifest.read_text())
    if not asked.get("dependencies"):
        return None
    locks = [source / name for name in ("package-lock.json", "npm-shrinkwrap.json") if (source / name).is_file()]
    lock = locks[0] if locks else None
    return installed(manifest, lock, hashed(manifest.read_text() + (lock.read_text() if lock else "")))


def packages_above(source: Path) -> Path | None:
    """Those of a folder above code that brings no manifest: what is bundled may come from there."""
    if (source / "package.json").is_file():
        return None
    for folder in source.resolve().parents[:UPWARDS]:
        if (folder / "package.json").is_file():
            return folder / "node_modules" if (folder / "node_modules").is_dir() else packages(folder)
        if (folder / ".git").exists():
            return None
    return None


def module(handler: str) -> str:
    return handler.rsplit(".", 1)[0]


def script(code: Path, handler: str) -> Path | None:
    return next((path for end in SCRIPTS if (path := code / f"{module(handler)}{end}").is_file()), None)


def typed(code: Path, handler: str) -> Path | None:
    return next((path for end in TYPED if (path := code / f"{module(handler)}{end}").is_file()), None)


def bundle(code: Path, properties: dict[str, Any], handler: str, out: Path, source: Path) -> Path:
    """What esbuild makes of the entry points; the SDK stays outside, unless the function brings its own.

    Code that imports what lies above its folder is bundled where it lies, with the packages laid beside `code`.
    """
    modules = runtime_modules()
    entries = [str(entry) for entry in properties.get("EntryPoints") or []]
    if not entries:
        path = typed(code, handler)
        assert path
        entries = [str(path.relative_to(code))]
    form = str(properties.get("Format", "cjs"))
    outside = [str(name) for name in properties.get("External") or []] + provided(code, modules)
    outside += sorted(name for name in clients_asked(code) if not (code / "node_modules" / name).exists())
    endings = [str(end) for end in properties.get("OutExtension") or ([".js=.mjs"] if form == "esm" else [])]
    command = [
        str(modules / ".bin" / "esbuild"),
        *entries,
        "--bundle",
        "--platform=node",
        f"--format={form}",
        f"--target={properties.get('Target', 'es2022')}",
        f"--outdir={out / directory(handler, entries)}",
        *(f"--external:{name}" for name in outside),
        *(f"--out-extension:{end}" for end in endings),
        *asked_of_esbuild(properties),
        *settings_above(code, source),
    ]
    done, places, at = errand(command, cwd=code), [code / "node_modules"], code
    if done.returncode and 'Could not resolve "../' in done.stderr:
        at = source
        done = errand(command, beside(places), cwd=at)
    if done.returncode and (named := named_elsewhere(source.resolve(), lacking(done.stderr))):
        done = errand(command, beside([*places, of_names(named)]), cwd=at)
    if done.returncode:
        said = f"{' '.join(done.stderr.split())[:300]}{not_installed(source, done.stderr)}"
        raise PackagingError(f"esbuild failed for {entries[0]}: {said}")
    return out


UNRESOLVED = re.compile(r'Could not resolve "([^."/][^"]*)"')


def lacking(refusal: str) -> set[str]:
    """The packages that esbuild looked for in vain."""
    return {package_of(name) for name in UNRESOLVED.findall(refusal)}


def beside(places: list[Path]) -> dict[str, str]:
    """The environment in which esbuild looks into these folders too."""
    return {**os.environ, "NODE_PATH": os.pathsep.join(map(str, places))}


def compile_as_tsc(compiled: Compiled, handler: str, out: Path) -> Path:
    """What `tsc` would make of a handler's module, in one file: a package that is not here may come from a layer."""
    root, entry = compiled.root, str(compiled.entry.relative_to(compiled.root))
    called = Path(module(handler)).name  # as the code is, whatever its source is called
    named = entry if compiled.entry.stem == called else f"{called}={entry}"
    modules, brought, config = runtime_modules(), root / "node_modules", root / "tsconfig.json"
    own = brought if brought.is_dir() else packages(root) or packages_above(root) or brought
    names = {f"@aws-sdk/{path.name}" for path in (modules / "@aws-sdk").iterdir()} | clients_asked(root)
    outside = sorted(name for name in names if not (own / name).exists())
    places, sought = [own], set[str]()
    while True:
        command = [
            str(modules / ".bin" / "esbuild"),
            named,
            "--bundle",
            "--platform=node",
            "--format=cjs",
            "--target=es2022",
            *([f"--tsconfig={config}"] if config.is_file() else []),  # for code beside its folder too, as tsc does
            f"--outdir={out / directory(handler, [entry])}",
            *(f"--external:{name}" for name in outside),
        ]
        done = errand(command, beside(places), cwd=root)
        more = [name for name in UNRESOLVED.findall(done.stderr) if name not in outside] if done.returncode else []
        if not more:
            break
        asked = {each for name in more if (each := package_of(name)) not in sought}
        sought |= asked
        if elsewhere := named_elsewhere(root, asked):
            places.append(of_names(elsewhere))
            continue
        if compiled.by_name:  # what the project's own script would do about it, nobody knows
            raise PackagingError(
                f"its source needs {more[0]}, which its packages do not bring: a layer or its build may"
            )
        outside += more
    if done.returncode:
        raise PackagingError(f"esbuild failed for {entry}: {' '.join(done.stderr.split())[:300]}")
    return out


def package_of(name: str) -> str:
    """The package of which a module is imported."""
    return "/".join(name.split("/")[: 2 if name.startswith("@") else 1])


def named_elsewhere(root: Path, names: set[str]) -> dict[str, str]:
    """The released versions of packages that another manifest of the repository names, as that of a layer does."""
    top = next((each for each in (root, *root.parents[:UPWARDS]) if (each / ".git").exists()), root)
    manifests = (path for path in top.rglob("package.json") if "node_modules" not in path.relative_to(top).parts)
    versions: dict[str, str] = {}
    for manifest in sorted(manifests, key=lambda path: (len(path.parts), str(path))):
        with suppress(OSError, ValueError):
            fields = json.loads(manifest.read_text(encoding="utf-8-sig"))
            asked = {**(fields.get("devDependencies") or {}), **(fields.get("dependencies") or {})}
            released = {name: str(asked[name]) for name in names & asked.keys() if ":" not in str(asked[name])}
            versions = released | versions
    return versions


def of_names(versions: dict[str, str]) -> Path:
    """`node_modules` with packages of these versions."""
    wanted = json.dumps({"private": True, "dependencies": dict(sorted(versions.items()))})
    return of_text(wanted)


def not_installed(source: Path, refusal: str) -> str:
    """What to run if esbuild looked for a package that a manifest at or above the code names but nobody installed."""
    missing = set(re.findall(r'Could not resolve "((?:@[^/"]+/)?[^./"][^/"]*)', refusal))
    for folder in (source.resolve(), *source.resolve().parents[:UPWARDS]):
        manifest = folder / "package.json"
        if manifest.is_file() and not (folder / "node_modules").is_dir():
            fields = json.loads(manifest.read_text(encoding="utf-8"))
            named = {name for key in ("dependencies", "devDependencies") for name in fields.get(key) or {}}
            if lacking := sorted(missing & named):
                return f" … run npm install in {folder} first, which names {', '.join(lacking)}"
    return ""


def settings_above(code: Path, source: Path) -> list[str]:
    """The option that names the settings of TypeScript above code that brings none: the copy lies elsewhere."""
    above = (folder / "tsconfig.json" for folder in source.resolve().parents[:UPWARDS])
    settings = None if (code / "tsconfig.json").is_file() else next((path for path in above if path.is_file()), None)
    return [f"--tsconfig={settings}"] if settings else []


def asked_of_esbuild(properties: dict[str, Any]) -> list[str]:
    """The options of esbuild that SAM passes on and that change what the code does."""
    fields = [f"--main-fields={properties['MainFields']}"] if "MainFields" in properties else []
    names = {"Loader": "loader", "Banner": "banner", "Footer": "footer", "Define": "define", "Alias": "alias"}
    for key, name in names.items():
        given = properties.get(key) or []
        pairs = given.items() if isinstance(given, dict) else (str(each).split("=", 1) for each in given)
        fields += [f"--{name}:{one}={other}" for one, other in pairs]
    return fields + [f"--inject:{path}" for path in properties.get("Inject") or []]


def provided(code: Path, modules: Path) -> list[str]:
    """The packages of the runtime's SDK that a function does not bring itself."""
    names = [f"@aws-sdk/{path.name}" for path in (modules / "@aws-sdk").iterdir()]
    return sorted(name for name in names if not (code / "node_modules" / name).exists())


def directory(handler: str, entries: list[str]) -> str:
    """Where below the package a handler is looked for that its path names, while esbuild writes a lone entry flat."""
    folder = Path(module(handler)).parent
    return str(folder) if len(entries) == 1 and str(folder) != "." else "."
