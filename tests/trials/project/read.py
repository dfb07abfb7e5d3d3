"""Read a project: find its template, make it deployable, list its sources and samples."""

import atexit
import shutil
import tempfile
import zipfile
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from trials.local_aws import LocalAwsError
from trials.local_aws.compiled import compiled_from
from trials.project.appconfig import configurations
from trials.project.conditions import met
from trials.project.configured import set_by_others
from trials.project.deployable import POWERTOOLS, SDK, deployable, holders, in_powertools, included, too_old
from trials.project.elsewhere import buses, final, put_in, told
from trials.project.extensions import is_served, ports
from trials.project.foreign import with_queues
from trials.project.layers import contents
from trials.project.parameters import SSM, made_up, overrides, stored
from trials.project.sources import Kind, Source, sources_of
from trials.project.supplied import NAME as SUPPLIED
from trials.project.supplied import Supply, supplied
from trials.project.synthesised import inline, put_plainly
from trials.project.tenancy import with_tenant
from trials.samples.sample_files import SampleFile, sample_files
from trials.template import ASSET, Model, TemplateError, as_dict, listed, merged_properties, read_template, text
from trials.template.joined import NESTED, joined, linked
from trials.template.nested import inlined

SERVERLESS = "cloudformation-template-update-stack.json"  # what the Serverless Framework packages
NAMES = (
    *("template.yaml", "template.yml", "template.json", "cdk.out/*.template.json", "*.template.json"),
    *(f".serverless/{SERVERLESS}", SERVERLESS),
)
SYNTHESISED = ".template.json"
WRITTEN = (".py", ".js", ".mjs", ".cjs", ".ts", ".mts", ".tsx")
BUILT = ("cdk.out", ".serverless")  # folders that a tool writes into a project
ELSEWHERE = ("*/template.yaml", ".aws-sam/build/template.yaml")  # where one may stand that is asked for by its path
OSLS = "run `npx osls@3 package` (osls@4 where frameworkVersion says 4; `npx serverless` asks for a login)"
MADE_BY = {  # files of a project whose template a tool makes, and that tool
    "cdk.json": "run `npx cdk synth` (without Docker, NodejsFunction needs the npm package esbuild)",
    "serverless.yml": OSLS,
    "serverless.ts": OSLS,
}
NEWER = [*(f"{name}>={major}.{minor}" for name, (major, minor) in SDK.items()), "s3transfer"]


@dataclass
class Project:
    folder: Path
    template: Path
    path: Path  # at which it is read again: of stacks that are tried as one, the folder
    model: Model  # of the template as its author wrote it
    body: dict[str, Any]  # as it is deployed
    parameters: dict[str, str]
    stored: dict[str, str]  # what Parameter Store must hold
    notes: list[str]  # what was made up or changed
    left_out: dict[str, str]  # resource: why
    sources: list[Source]  # of the whole template, those of resources that are left out too
    files: list[SampleFile] = field(default_factory=list)
    layers_left_out: bool = False  # of those that nothing stands in for
    extra: list[str] = field(default_factory=list)  # packages that stand in for layers
    supply: Supply = field(default_factory=Supply)
    newer: list[str] = field(default_factory=list)  # packages that are taken whatever version a function pins
    buses: list[str] = field(default_factory=list)  # that the template only names
    configured: list[tuple[str, str, set[str]]] = field(default_factory=list)  # functions, by whom, which variables

    def values(self) -> dict[str, str]:
        """What `Ref` makes of each parameter of the template."""
        return final(self.body.get("Parameters") or {}, self.parameters, self.stored)

    def bus(self, origin: str) -> str:
        """The name of a bus that the template only names, through a parameter or outright; empty for none."""
        name = self.values().get(origin) or put_in(origin, self.values())
        return name if name in self.buses else ""

    def code(self, function: str) -> tuple[Path, str, str]:
        """The folder of a function's code, its handler and its runtime."""
        resource = self.body["Resources"].get(function, {})
        properties = merged_properties(self.body, resource)
        place = as_dict(resource.get("Metadata")).get(ASSET) or inline(properties) or properties.get("CodeUri", ".")
        folder = self.template.parent / place if isinstance(place, str) else self.template.parent
        handler = str(properties.get("Handler", ""))
        folder = unzipped(folder) if folder.is_file() else folder
        if not folder.is_dir() and (compiled := compiled_from(folder, handler.rsplit(".", 1)[0])):
            folder = compiled.root
        return folder, handler, str(properties.get("Runtime", ""))

    def shared(self, function: str) -> tuple[Path, ...]:
        """Where the modules in Python lie that the authors of a function's layers wrote."""
        properties = merged_properties(self.body, self.body["Resources"].get(function, {}))
        places = [self.template.parent / place for place in contents(self.body, properties.get("Layers") or [])]
        folders = [place / "python" if (place / "python").is_dir() else place for place in places]
        return tuple(each for each in folders if each.is_dir() and not any(each.glob("*.dist-info")))

    def foreign(self, function: str) -> list[str]:
        """A function's layers that only AWS has and for which nothing stands in."""
        holder = self.model.resources.get(function)
        named = [text(layer) for layer in listed(holder.written("Layers"))] if holder else []
        return [each for each in named if ":layer:" in each and not in_powertools(each) and not is_served(each)]

    def ports(self) -> list[int]:
        """Where the extension for parameters and secrets listens beside the functions that have it."""
        return ports(list(holders(self.body)), self.values())

    def written(self, function: str) -> tuple[Path, str, str]:
        """As `code`, but where its author wrote it: what the Serverless Framework packages may be minified."""
        folder, handler, runtime = self.code(function)
        module = handler.rsplit(".", 1)[0]
        packaged = self.template.parent.name == ".serverless"
        own = packaged and any((self.folder / f"{module}{ending}").is_file() for ending in WRITTEN)
        return (self.folder if own else folder), handler, runtime


def is_lacking(note: str) -> bool:
    """Whether a note tells of a layer whose packages nobody has here."""
    return note.startswith("layer ") and not in_powertools(note) and not is_served(note)


@cache
def unzipped(archive: Path) -> Path:
    """The folder that holds what the project zipped itself, for whoever reads code; what is no archive as it is."""
    if not zipfile.is_zipfile(archive):
        return archive
    folder = tempfile.mkdtemp(prefix="trials-code-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with zipfile.ZipFile(archive) as bundle:
        bundle.extractall(folder)
    return Path(folder)


def in_store(parameters: dict[str, Any], given: dict[str, str]) -> dict[str, str]:
    """What the stack is given of the reader's values: of an SSM type, the name under which the value is kept."""
    return {name: f"/trial/{name}" if is_stored(parameters[name]) else value for name, value in given.items()}


def kept(parameters: dict[str, Any], supply: Supply) -> dict[str, str]:
    """What Parameter Store must hold of the reader's values, by name."""
    return {f"/trial/{name}": value for name, value in supply.parameters.items() if is_stored(parameters[name])}


def is_stored(parameter: dict[str, Any]) -> bool:
    return bool(SSM.fullmatch(str(parameter.get("Type", ""))))


def handed_over(source: Source, files: list[SampleFile]) -> Source:
    """A source that no trial knows, as one whose event the reader's own file is; else the source as it is."""
    own = any(file.meant_for == source.name and file.events for file in files)
    unknown = source.kind is Kind.OTHER and source.function
    return replace(source, kind=Kind.DIRECT, why="") if own and unknown else source


def without_outputs(body: dict[str, Any]) -> dict[str, Any]:
    """The template without what it tells others: nobody asks here, and an export that exists fails the stack."""
    return {section: each for section, each in body.items() if section != "Outputs"}


def find_template(folder: Path) -> tuple[Path, list[Path]]:
    """The template of a folder, and the others that are not tried with it."""
    if not folder.exists():
        raise LocalAwsError(f"there is no file or folder {folder}")
    candidates = [path for name in NAMES for path in sorted(folder.glob(name))]
    if not candidates:
        nearby = [str(path.relative_to(folder)) for name in ELSEWHERE for path in sorted(folder.glob(name))]
        unmade = [f"; for {name}, {first} first" for name, first in MADE_BY.items() if (folder / name).exists()]
        hint = f"; there is {', '.join(nearby[:5])}: name one of them" if nearby else "".join(unmade[:1])
        raise LocalAwsError(
            f"{folder} holds no template.yaml, no synthesised *.template.json and no .serverless/{SERVERLESS}{hint}"
        )
    return candidates[0], candidates[1:]


def read(path: Path, url: str) -> Project:
    """The project in a folder or of a template; `url` is where the stand-in for outside services listens."""
    template, others = (path, []) if path.is_file() else find_template(path)
    folder = template.parent.parent if template.parent.name in BUILT else template.parent
    try:
        stacks = linked([template, *others]) if others and template.name.endswith(SYNTHESISED) else [template]
        template, others = stacks[0], [each for each in (template, *others) if each != stacks[0]]
        written = joined(stacks) if len(stacks) > 1 else read_template(template)
        if not isinstance(written.get("Resources"), dict):
            raise LocalAwsError(f"{template} has no Resources")
        left = [other for other in others if other not in stacks and not other.name.endswith(NESTED)]
        notes = [f"{other.name} is not tried: to try it, give {other} as the path" for other in left]
        if len(stacks) > 1:
            notes.append(f"{', '.join(each.name for each in stacks)} are tried as one: they import from each other")
        written = {section: each for section, each in written.items() if each is not None}
        written = put_plainly(
            inlined(included(written, template.parent), template.parent, notes), template.parent, notes
        )
        own = folder if (folder / SUPPLIED).is_file() else template.parent  # a tool makes the other one anew
        supply = supplied(own, written.get("Parameters") or {})
        body = with_queues(without_outputs(written), notes)
        body = told(body, supply.secrets, url, notes)
        model, listed = Model(written, template), sources_of(Model(body, template))
        body, left_out = deployable(body, template.parent, notes)
    except TemplateError as error:
        raise LocalAwsError(str(error)) from error
    supply = replace(supply, outside=(*supply.outside, *configurations(model)))
    configured = overrides(template.parent, body.get("Parameters") or {})
    supply = replace(supply, parameters=configured | supply.parameters)
    parameters = made_up(body.get("Parameters") or {}, url)
    parameters = {name: value for name, value in parameters.items() if name not in supply.parameters}
    given = parameters | in_store(body.get("Parameters") or {}, supply.parameters)
    supplied_to = supply.parameters.keys()
    values = final(body.get("Parameters") or {}, given, {})
    chosen = met(body, listed, values, (body.get("Parameters") or {}).keys() - supplied_to, url)
    given, parameters = given | chosen, {name: each for name, each in parameters.items() if name not in chosen}
    notes += [f"parameter {name} is {value!r}, made up" for name, value in parameters.items()]
    notes += [
        f"parameter {name} is {value!r}, not {values[name]!r}: a condition would leave event sources out"
        for name, value in chosen.items()
    ]
    outdated = list(too_old(body, template.parent))
    notes += [f"{each} can only call AWS itself: a newer one is packaged" for each in outdated]
    files = sample_files(folder)
    names = {source.function: source.function for source in listed}
    names |= {source.file: source.name for source in listed}
    for file in files:
        file.meant_for = names.get(Path(file.path).stem, "")
    listed = [with_tenant(model, handed_over(source, files)) for source in listed]
    stored_values = stored(body.get("Parameters") or {}, given, url) | kept(body.get("Parameters") or {}, supply)
    project = Project(
        folder=folder,
        template=template,
        path=path if path.is_dir() else template,
        model=model,
        body=body,
        parameters=given,
        stored=stored_values,
        supply=supply,
        notes=notes,
        left_out=left_out,
        sources=listed,
        files=files,
        layers_left_out=any(is_lacking(note) for note in notes),
        extra=[POWERTOOLS] if any(in_powertools(note) for note in notes) else [],
        newer=NEWER if outdated else [],
        buses=buses(body, final(body.get("Parameters") or {}, given, stored_values)),
    )
    project.configured = list(set_by_others(model, lambda function: project.code(function)[0]))
    project.notes += [
        f"{', '.join(sorted(names))} of {function}: as {setter} would set it, for a custom resource"
        for function, setter, names in project.configured
    ]
    return project
