"""Where the boxes of a picture stand: in layers from left to right, ordered so that few edges cross."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean

from trials.report.picture import Picture

SWEEPS = 6  # over all layers, to order them by their neighbours
Pair = tuple[str, str]


@dataclass(frozen=True)
class Spot:
    """Layer and row, both counted from 0; a row may lie between two."""

    layer: int
    row: float


@dataclass(frozen=True)
class Layout:
    """The spot of each node, and for each edge the spots that it passes between its ends."""

    spots: dict[str, Spot]
    bends: dict[Pair, list[Spot]]
    layers: int
    rows: int


def laid_out(picture: Picture) -> Layout:
    forward = without_cycles(picture)
    depth = depths(list(picture.nodes), forward)
    chains = {pair: chain(pair, depth) for pair in picture.edges}
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name, layer in depth.items():
        layers[layer].append(name)
    for pair, between in chains.items():
        low = min(depth[pair[0]], depth[pair[1]])
        for step, name in enumerate(between, 1):
            layers[low + step].append(name)
    steps = [step for pair, between in chains.items() for step in links(pair, between, depth)]
    order(layers, steps)
    rows = max(map(len, layers), default=0)
    spots = {
        name: Spot(number, row + (rows - len(layer)) / 2)
        for number, layer in enumerate(layers)
        for row, name in enumerate(layer)
    }
    bends = {pair: [spots[name] for name in between] for pair, between in chains.items()}
    for (start, end), passed in bends.items():
        if depth[start] > depth[end]:
            passed.reverse()
    return Layout({name: spots[name] for name in picture.nodes}, bends, len(layers), rows)


def without_cycles(picture: Picture) -> list[Pair]:
    """The edges without those that lead back to where a way came from."""
    after: dict[str, list[str]] = {name: [] for name in picture.nodes}
    for start, end in picture.edges:
        after[start].append(end)
    done: set[str] = set()
    kept: list[Pair] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        done.add(name)
        for end in after[name]:
            if end not in (*path, name):
                kept.append((name, end))
                if end not in done:
                    visit(end, (*path, name))

    entered = {end for _, end in picture.edges}
    for name in sorted(picture.nodes, key=lambda node: node in entered):
        if name not in done:
            visit(name, ())
    return kept


def depths(names: list[str], edges: list[Pair]) -> dict[str, int]:
    """The layer of each node: one further than the furthest that leads to it."""
    depth = dict.fromkeys(names, 0)
    for _ in names:
        for start, end in edges:
            depth[end] = min(max(depth[end], depth[start] + 1), len(names))
    used = {layer: number for number, layer in enumerate(sorted(set(depth.values())))}
    return {name: used[layer] for name, layer in depth.items()}


def chain(pair: Pair, depth: dict[str, int]) -> list[str]:
    """Names of the places that an edge passes in the layers between its ends, from left to right."""
    low, high = sorted((depth[pair[0]], depth[pair[1]]))
    return [f"{pair[0]}\n{pair[1]}\n{layer}" for layer in range(low + 1, high)]


def links(pair: Pair, between: list[str], depth: dict[str, int]) -> Iterable[Pair]:
    start, end = pair if depth[pair[0]] <= depth[pair[1]] else pair[::-1]
    passed = [start, *between, end]
    return pairwise(passed)


def order(layers: list[list[str]], steps: list[Pair]) -> None:
    """Sort each layer by the middle of its neighbours in the layer before, then in the layer after, and again."""
    near: dict[str, list[str]] = {name: [] for layer in layers for name in layer}
    for start, end in steps:
        near[start].append(end)
        near[end].append(start)
    for sweep in range(SWEEPS):
        numbers = range(1, len(layers)) if sweep % 2 == 0 else range(len(layers) - 2, -1, -1)
        for number in numbers:
            other = layers[number - 1 if sweep % 2 == 0 else number + 1]
            rows, here = places(other), places(layers[number])
            for name in layers[number]:
                if beside := [rows[each] for each in near[name] if each in rows]:
                    here[name] = mean(beside)
            layers[number].sort(key=here.__getitem__)


def places(layer: list[str]) -> dict[str, float]:
    """Where each name of a layer stands, from 0 at the top to 1."""
    return {name: row / max(1, len(layer) - 1) for row, name in enumerate(layer)}
