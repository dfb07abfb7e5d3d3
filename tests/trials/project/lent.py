"""Layers that a template only names, because another template of the repository makes them."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from trials.project.layers import NOT_PROJECT, foreign, holds, top
from trials.template import FUNCTIONS, Model, TemplateError, as_dict, logical_id, merged_properties, read_template

LAYERS = ("AWS::Serverless::LayerVersion", "AWS::Lambda::LayerVersion")
MOST = 100  # templates of a repository that are read


def lend(body: dict[str, Any], folder: Path, notes: list[str]) -> None:
    """Give each function whose layers are named only those of other templates that hold what it imports."""
    others: dict[Path, dict[str, Any]] | None = None
    lent: dict[str, str] = {}
    for function in list(body["Resources"].values()):
        properties = merged_properties(body, function) if function["Type"] in FUNCTIONS else {}
        layers = properties.get("Layers")
        if not isinstance(layers, list) or all(logical_id(layer) in body["Resources"] for layer in layers):
            continue
        others = dict(layers_of_others(folder)) if others is None else others
        for place in wanted(properties, folder, list(others)):
            lies = os.path.relpath(place, folder)
            name = lent.setdefault(lies, f"Lent{len(lent) + 1}")
            body["Resources"].setdefault(name, {**others[place], "Properties": {"ContentUri": lies}})
            own = as_dict(function.get("Properties"))
            own["Layers"] = [*own.get("Layers", []), {"Ref": name}]
    notes += [f"layer {lies}, which another template makes, is lent to functions that import it" for lies in lent]


def wanted(properties: dict[str, Any], folder: Path, places: list[Path]) -> Iterator[Path]:
    """The layers that hold what a function imports; of those for Node.js all."""
    if str(properties.get("Runtime")).startswith("nodejs"):
        yield from (place for place in places if (place / "nodejs").is_dir())
        return
    code = folder / str(properties.get("CodeUri", "."))
    module = str(properties.get("Handler", "")).rsplit(".", 1)[0].replace(".", "/")
    names = foreign(code / f"{module}.py", code)
    yield from (place for place in places if any(holds(place, name) for name in names))


def layers_of_others(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """By the folder of its content, each layer that another template makes: its type and how it is built."""
    for path in sorted(templates(top(folder)))[:MOST]:
        with suppress(TemplateError):
            template = read_template(path)
            for layer in Model(template).of(*LAYERS) if isinstance(template.get("Resources"), dict) else ():
                content = layer.only("ContentUri") or layer.only("Content")
                if isinstance(content, str) and (path.parent / content).is_dir():
                    built = {key: each for key, each in template["Resources"][layer.name].items() if key == "Metadata"}
                    yield (path.parent / content).resolve(), {"Type": "AWS::Serverless::LayerVersion", **built}


def templates(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*.y*ml"):
        if path.is_file() and not NOT_PROJECT & {*path.parts} and "LayerVersion" in path.read_text(errors="replace"):
            yield path
