"""The picture as SVG that stands within a page; its colours are the page's."""

from html import escape
from itertools import pairwise

from trials.report.layout import Layout, Spot, laid_out
from trials.report.picture import DEAD, Edge, Picture, State

WIDE, HIGH = 160, 46  # of a box
BETWEEN, BELOW = 104, 24  # boxes, from left to right and from top to bottom
EDGE = 14  # around the picture
LEAST = 0.6  # of its size to which it shrinks before it is scrolled
LONGEST, SHORTEST = 18, 16  # characters of a box's name and of an edge's label


def drawing(picture: Picture) -> str:
    """The whole `<svg>`, with its title and its edges in words; empty if there is nothing to draw."""
    if not picture.nodes:
        return ""
    layout = laid_out(picture)
    width = layout.layers * (WIDE + BETWEEN) - BETWEEN + 2 * EDGE
    height = layout.rows * (HIGH + BELOW) - BELOW + 2 * EDGE
    edges = sorted(picture.edges.values(), key=lambda edge: list(State).index(edge.state))  # what broke lies on top
    parts = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'style="width:100%;min-width:{width * LEAST:.0f}px;max-width:{width}px" '
        'role="img" aria-labelledby="drawn told">',
        '<title id="drawn">The system</title>',
        f'<desc id="told">{escape("; ".join(picture.in_words()))}</desc>',
        *(marker(state) for state in State),
        *(line(edge, layout) for edge in edges),
        *(box(name, picture, layout) for name in picture.nodes),
        *(label(edge, layout) for edge in edges),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part)


def marker(state: State) -> str:
    arrow = f'<path class="head {state}" d="M0 0L8 4L0 8z"/>'
    return f'<marker id="to-{state}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" ' + (
        f'markerUnits="userSpaceOnUse" orient="auto">{arrow}</marker>'
    )


def left(spot: Spot) -> float:
    return EDGE + spot.layer * (WIDE + BETWEEN)


def middle(spot: Spot) -> float:
    return EDGE + spot.row * (HIGH + BELOW) + HIGH / 2


def points(edge: Edge, layout: Layout) -> list[tuple[float, float]]:
    """What an edge passes, its ends at the sides of their boxes."""
    start, end = layout.spots[edge.start], layout.spots[edge.end]
    onward = end.layer > start.layer
    begins = (left(start) + (WIDE if onward else 0), middle(start))
    ends = (left(end) + (0 if onward else WIDE), middle(end))
    if start.layer == end.layer:
        begins, ends = (left(start) + WIDE, middle(start)), (left(end) + WIDE, middle(end))
    between = [
        (left(spot) + step, middle(spot))
        for spot in layout.bends[edge.start, edge.end]
        for step in ((0, WIDE) if onward else (WIDE, 0))
    ]
    return [begins, *between, ends]


def line(edge: Edge, layout: Layout) -> str:
    passed = points(edge, layout)
    path = f"M{passed[0][0]:.0f} {passed[0][1]:.0f}"
    for (x, y), (to_x, to_y) in pairwise(passed):
        bend = (to_x - x) / 2 if to_x != x else BETWEEN / 2
        path += f"C{x + bend:.0f} {y:.0f} {to_x - (bend if to_x != x else -bend):.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}"
    kept = " kept" if edge.failed_only else " named" if edge.named_only else ""
    return f'<path class="way {edge.state}{kept}" d="{path}" marker-end="url(#to-{edge.state})"/>'


def label(edge: Edge, layout: Layout) -> str:
    """What an edge says, in the gap before its end, where the ways to one box have not met yet."""
    if not edge.label:
        return ""
    (x, y), (to_x, to_y) = points(edge, layout)[-2:]
    at_x, at_y = (x + to_x) / 2 if to_x != x else x + BETWEEN / 2, (y + to_y) / 2
    words = edge.label if len(edge.label) <= SHORTEST else f"{edge.label.split(', ')[0]} and more"
    return (
        f'<text class="said {edge.state}" x="{at_x:.0f}" y="{at_y - 4:.0f}" text-anchor="middle">{escape(words)}</text>'
    )


def box(name: str, picture: Picture, layout: Layout) -> str:
    node, spot = picture.nodes[name], layout.spots[name]
    shown = node.label if len(node.label) <= LONGEST else f"{node.label[: LONGEST - 1]}…"
    kind = "dead" if node.kind == DEAD else node.kind.split()[-1]
    x, y = left(spot), middle(spot) - HIGH / 2
    rounded = HIGH / 2 if kind in ("queue", "dead", "topic", "bus", "stream") else 4
    return (
        f'<g class="box {escape(kind)}"><title>{escape(f"{node.kind} {node.label}")}</title>'
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDE}" height="{HIGH}" rx="{rounded:.0f}"/>'
        f'<text class="kind" x="{x + WIDE / 2:.0f}" y="{y + 17:.0f}" text-anchor="middle">{escape(node.kind)}</text>'
        f'<text x="{x + WIDE / 2:.0f}" y="{y + 35:.0f}" text-anchor="middle">{escape(shown)}</text></g>'
    )
