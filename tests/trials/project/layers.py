"""What stands in for a layer that is left out: packages that code imports, and that a file of the project names."""

import re
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from trials.local_aws.deployment import PACKAGES
from trials.local_aws.packaging import named_in
from trials.project.effects import imported, modules, own_files
from trials.template import ASSET, FUNCTIONS, Model, as_dict, logical_id, merged_properties

NOT_PROJECT = {"node_modules", ".venv", "venv", "cdk.out", ".aws-sam", ".serverless", ".git"}
BROUGHT = {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six", "awslambdaric"}  # by Lambda
CALLED = {  # distributions whose import has another name
    "PIL": "pillow",
    "Crypto": "pycryptodome",
    "OpenSSL": "pyopenssl",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dotenv": "python-dotenv",
    "google": "protobuf",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "nacl": "pynacl",
    "psycopg2": "psycopg2-binary",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "yaml": "pyyaml",
}
OF_ARN = (  # public layers whose name tells what they hold
    (re.compile(r":layer:Klayers-p\d+-([A-Za-z0-9_-]+):"), None),
    (re.compile(r":layer:AWSSDKPandas-Python"), "awswrangler"),
)
UPWARDS = 3  # folders above the template's in which the repository may begin
NAME = re.compile(r"\s*([A-Za-z0-9][\w.-]*)(\[[^\]]*\])?")


def stand_in(body: dict[str, Any], folder: Path, notes: list[str]) -> None:
    """Give each function in Python that has layers the packages that none of them brings here, as its metadata."""
    named: dict[str, str] | None = None
    for name, resource in body["Resources"].items():
        properties = merged_properties(body, resource) if resource["Type"] in FUNCTIONS else {}
        layers = properties.get("Layers")
        if not isinstance(layers, list) or not layers or not str(properties.get("Runtime")).startswith("python"):
            continue
        named = requirements(top(folder)) if named is None else named
        if wanted := lacking(body, resource, properties, folder, named):
            resource.setdefault("Metadata", {})[PACKAGES] = wanted
            notes.append(f"{', '.join(wanted)} beside the code of {name}: they stand in for what its layers hold")


def lacking(
    body: dict[str, Any], function: dict[str, Any], properties: dict[str, Any], folder: Path, named: dict[str, str]
) -> list[str]:
    """The requirements of one function that neither its own file nor a layer that is here brings."""
    place = as_dict(function.get("Metadata")).get(ASSET) or properties.get("CodeUri", ".")
    code = folder / str(place)
    start = code / f"{str(properties.get('Handler', '')).rsplit('.', 1)[0].replace('.', '/')}.py"
    own = {plain(match[1]) for line in lines(code / "requirements.txt") if (match := NAME.match(line))}
    here = [folder / layer for layer in contents(body, properties["Layers"])]
    asked_for = foreign(start, code).union(*map(foreign_to_layer, here))
    missing = sorted(name for name in asked_for if not any(holds(layer, name) for layer in here))
    distributions = {name: plain(CALLED.get(name, name)) for name in missing}
    of_arns = [package for layer in properties["Layers"] if isinstance(layer, str) and (package := held(layer))]
    among = {plain(package): package for package in of_arns} | named
    asked = [among.get(each) or among.get(each.removesuffix("-binary")) for each in distributions.values()]
    return [each for each in asked if each and plain(str(NAME.match(each)[1])) not in own]  # type: ignore[index]


def contents(body: dict[str, Any], layers: list[Any]) -> Iterator[str]:
    """Where beside the template the layers of a function lie that are in it."""
    template = Model(body)
    for layer in layers:
        if resource := template.resources.get(logical_id(layer)):
            place = as_dict(body["Resources"][resource.name].get("Metadata")).get(ASSET) or resource.only("ContentUri")
            if isinstance(place, str):
                yield place


def holds(layer: Path, name: str) -> bool:
    """Whether a layer's folder brings a package, or will once its own requirements are installed."""
    listed = {plain(match[1]) for line in lines(layer / "requirements.txt") if (match := NAME.match(line))}
    places = (layer, layer / "python", *layer.glob("python/lib/*/site-packages"))
    lies = any((place / name).is_dir() or (place / f"{name}.py").is_file() for place in places)
    return lies or plain(CALLED.get(name, name)) in listed


def imports_of(requirements_file: Path) -> Iterator[str]:
    """The names under which the packages that a file names are imported, as far as they are known by its words."""
    names = {plain(distribution): name for name, distribution in CALLED.items()}
    for line in lines(requirements_file):
        if match := NAME.match(line):
            yield names.get(plain(match[1]), plain(match[1]).replace("-", "_"))


def top(folder: Path) -> Path:
    """The folder of the repository, if it is one of the next above; else the template's own."""
    return next((each for each in (folder, *folder.resolve().parents[:UPWARDS]) if (each / ".git").exists()), folder)


def held(layer: str) -> str:
    """What a public layer brings, by its ARN; empty if that does not tell."""
    return next((name or match[1] for pattern, name in OF_ARN if (match := pattern.search(layer))), "")


def foreign(start: Path, folder: Path) -> set[str]:
    """The packages that a module and the function's own ones import, and that neither Python nor Lambda brings."""
    names: set[str] = set()
    with suppress(OSError, SyntaxError, ValueError):
        for path, tree in modules(start, folder):
            names |= {
                name.split(".")[0]
                for name, _ in imported(tree)
                if not name.startswith(".") and not own_files(name.split(".")[0], folder, path)
            }
    return names - sys.stdlib_module_names - BROUGHT


def foreign_to_layer(layer: Path) -> set[str]:
    """What the modules import that a layer's author wrote; a layer into which packages were installed has none."""
    python = layer / "python"
    written = [] if any(python.glob("*.dist-info")) else sorted(python.rglob("*.py"))
    return {name for path in written for name in foreign(path, python)}


def requirements(folder: Path) -> dict[str, str]:
    """By plain name: the first requirement of a distribution that a file of the project has."""
    named: dict[str, str] = {}
    for path in files_of(folder):
        for line in lines(path):
            if match := NAME.match(line):
                named.setdefault(plain(match[1]), line.split("#")[0].split(";")[0].strip())
    return named


def files_of(folder: Path) -> Iterator[Path]:
    """The files of a project that name packages of Python, those above the others first."""
    below = [path for path in folder.rglob("*") if path.is_file() and not NOT_PROJECT & {*path.parts}]
    named = [path for path in below if re.fullmatch(r"requirements.*\.txt|Pipfile|pyproject\.toml", path.name)]
    yield from sorted(named, key=lambda path: (len(path.parts), str(path)))


def lines(path: Path) -> list[str]:
    """What a file names: requirements, of a `pyproject.toml` and a Pipfile as well."""
    with suppress(OSError, tomllib.TOMLDecodeError):
        if path.suffix == ".txt":
            return [line for line in named_in(path).splitlines() if line.strip() and line.strip()[0].isalnum()]
        told = tomllib.loads(path.read_text(encoding="utf-8", errors="replace"))
        listed = as_dict(told.get("project")).get("dependencies") or []
        poetry = as_dict(as_dict(as_dict(told.get("tool")).get("poetry")).get("dependencies"))
        return [*map(str, listed), *poetry, *as_dict(told.get("packages"))]
    return []


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
