"""A pipeline as a drawing: SVG that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping

from hyperdrive_retrofit.graph import Graph, Step
from hyperdrive_retrofit.render.graph import Edge, edges_into
from hyperdrive_retrofit.render.pieces import escape

_WIDTH, _HEIGHT = 190, 46  # of a step's box, in pixels
_GAP_X, _GAP_Y = 90, 22
_MARGIN = 12
_LABEL = 26  # characters that fit into a box


def pipeline_svg(graph: Graph, statuses: Mapping[str, str], name: str = "pipeline") -> str:
    """Return the pipeline from left to right, each step in the colour of its status.

    Args:
        graph: The pipeline.
        statuses: Status by step key.
        name: What it is; of several drawings in one page each needs a name of its own.
    """
    places = _places(graph)
    right = max((x for x, _ in places.values()), default=0) + _WIDTH + _MARGIN
    bottom = max((y for _, y in places.values()), default=0) + _HEIGHT + _GAP_Y
    arrows = [_arrow(edge, places, _tip(name)) for step in graph for edge in edges_into(graph, step)]
    boxes = [_box(step, statuses.get(step.key, ""), places[step.key]) for step in graph]
    return (
        f'<svg class="pipeline" viewBox="0 0 {right} {bottom}" width="{right}" role="img" aria-label="{name}">'
        f'<defs><marker id="{_tip(name)}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto">'
        f'<path d="M0,0L8,4L0,8z"/></marker></defs>{"".join(arrows)}{"".join(boxes)}</svg>'
    )


def _places(graph: Graph) -> dict[str, tuple[int, int]]:
    """Return the upper left corner of each step: one column further right than all that it waits for."""
    columns: dict[str, int] = {}
    heights: dict[int, int] = {}
    places = {}
    for step in graph:
        column = max((columns[before] + 1 for before in graph.before(step.key)), default=0)
        row = heights.get(column, 0)
        columns[step.key], heights[column] = column, row + 1
        places[step.key] = (_MARGIN + column * (_WIDTH + _GAP_X), _MARGIN + row * (_HEIGHT + _GAP_Y))
    return places


def _tip(name: str) -> str:
    return f"tip-{name}"


def _arrow(edge: Edge, places: Mapping[str, tuple[int, int]], tip: str) -> str:
    """Return an arrow: data on a solid line with their names, order alone on a dotted one."""
    names = edge.names
    x1, y1 = places[edge.before][0] + _WIDTH, places[edge.before][1] + _HEIGHT / 2
    x2, y2 = places[edge.after][0], places[edge.after][1] + _HEIGHT / 2
    bend = _GAP_X / 2
    kind = "data" if names else "order"
    way, label_at = f"M{x1},{y1}C{x1 + bend},{y1} {x2 - bend},{y2} {x2},{y2}", (x2 - bend, y2 - 6)
    if x2 - x1 > _GAP_X:  # below the boxes in between
        below = places[edge.before][1] + _HEIGHT + _GAP_Y / 2
        label_at = ((x1 + x2) / 2, below + _GAP_Y / 2 - 1)
        way = (
            f"M{x1},{y1}C{x1 + bend},{y1} {x1 + bend},{below} {x1 + _GAP_X},{below}"
            f"H{x2 - _GAP_X}C{x2 - bend},{below} {x2 - bend},{y2} {x2},{y2}"
        )
    line = f'<path class="{kind}" marker-end="url(#{tip})" d="{way}"/>'
    label = escape(_cut(", ".join(names), 14))
    title = f"<title>{escape(', '.join(names) or 'order only')}</title>"
    text = f'<text class="on-arrow" x="{label_at[0]}" y="{label_at[1]}">{label}</text>' if names else ""
    return f"<g>{title}{line}{text}</g>"


def _box(step: Step, status: str, place: tuple[int, int]) -> str:
    x, y = place
    what = f"{step.kind}{f': {step.script}' if step.script else ''}"
    return (
        f'<g class="step {escape(status)}"><title>{escape(f"{step.key} {status}: {what}")}</title>'
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="7"/>'
        f'<text class="name" x="{x + 12}" y="{y + 20}">{escape(_cut(step.key))}</text>'
        f'<text x="{x + 12}" y="{y + 36}">{escape(_cut(step.script or step.kind))}</text></g>'
    )


def _cut(text: str, most: int = _LABEL) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
