"""A pipeline as a drawing in plain text, as narrow as it can be: one step a line, in running order.

Each step that others wait for has a lane, which runs down from it to the last of them::

    o    train
    +-.  model
    | o  evaluate
    +-'  model of train, after evaluate
    o    register

The line above a step shows which lanes it takes from: ``+`` where a lane goes on, ``'`` where it ends. A lane that only
fixes the order is dotted. ASCII alone survives every console and log.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence

from hyperdrive_retrofit.graph import Graph
from hyperdrive_retrofit.render.graph import Edge, edges_into
from hyperdrive_retrofit.render.pieces import cut, listed

WIDTH = 100
_MOST_LANES = 20
_LONGEST = 56  # of a step's name


def lanes_text(graph: Graph, signs: Mapping[str, str], notes: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of the drawing, none longer than ``WIDTH``.

    Args:
        graph: The pipeline, its steps in running order.
        signs: What stands for a step, by its key; ``o`` by default.
        notes: What is written behind a step, by its key.
    """
    rows = list(_Lanes(graph, signs).rows())
    gutter = max((len(lanes) for lanes, _, _ in rows), default=0)
    if gutter >= 2 * _MOST_LANES:
        rows, gutter = list(_listing(graph, signs)), 1
    names = [text for _, key, text in rows if key]
    width = max(map(len, names), default=0)
    for lanes, key, text in rows:
        note = f"{text:<{width}}  {notes[key]}" if notes.get(key) else text
        yield f"  {lanes:<{gutter}}  {cut(note, WIDTH - gutter - 4)}".rstrip()


class _Lanes:
    """Draws rows from above to below, and knows which lanes are open."""

    def __init__(self, graph: Graph, signs: Mapping[str, str]) -> None:
        self._graph, self._signs = graph, signs
        self._lanes: list[str | None] = []  # the step that each lane comes from; None where a new one may begin
        self._open: dict[str, dict[str, Edge]] = {step.key: {} for step in graph}  # edges that are still to be drawn
        for step in graph:
            for edge in edges_into(graph, step):
                self._open[edge.before][step.key] = edge

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield (lanes, step's key, text); the key is empty in a row above a step, which says what goes into it."""
        for step in self._graph:
            edges = list(edges_into(self._graph, step))
            if edges:
                taken = {self._lanes.index(edge.before) for edge in edges}
                ended = {lane for lane in taken if len(self._open[self._lanes[lane] or ""]) == 1}
                place = min(ended) if ended else self._free()
                yield self._joint(place, taken, ended), "", _label(edges)
                for edge in edges:
                    del self._open[edge.before][step.key]
                for lane in ended:
                    self._lanes[lane] = None
            else:
                place = self._free()
            self._lanes[place] = step.key
            sign = self._signs.get(step.key, "o")
            cells = [sign if lane == place else self._vertical(lane) for lane in range(len(self._lanes))]
            yield " ".join(cells).rstrip(), step.key, cut(step.key, _LONGEST)
            if not self._open[step.key]:
                self._lanes[place] = None

    def _free(self) -> int:
        if None not in self._lanes:
            self._lanes.append(None)
        return self._lanes.index(None)

    def _vertical(self, lane: int) -> str:
        source = self._lanes[lane]
        if source is None:
            return " "
        return "|" if any(edge.names for edge in self._open[source].values()) else ":"

    def _joint(self, place: int, taken: Collection[int], ended: Collection[int]) -> str:
        """Return the row that leads from the lanes a step takes from to its place."""
        first, last = min(place, *taken), max(place, *taken)
        cells = []
        for lane in range(len(self._lanes)):
            inside = first < last and first <= lane <= last
            if lane == place:
                sign = ("+" if lane in ended else ".") if inside else self._vertical(lane)
            elif lane in taken:
                sign = "'" if lane in ended else "+"
            else:
                sign = self._vertical(lane)
                sign = "-" if inside and sign == " " else sign
            cells.append(sign + ("-" if first <= lane < last else " "))
        return "".join(cells).rstrip()


def _label(edges: Sequence[Edge], most: int = 3) -> str:
    """Say what goes into a step, and of which steps where there are several."""
    if len(edges) == 1 and edges[0].names:
        return listed(edges[0].names)
    said = [f"{listed(edge.names)} of {edge.before}" if edge.names else f"after {edge.before}" for edge in edges]
    return listed([cut(text, _LONGEST) for text in said], most)


def _listing(graph: Graph, signs: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield rows in place of those with too many lanes: above each step all that goes into it, in words."""
    for step in graph:
        edges = list(edges_into(graph, step))
        said = [f"{listed(edge.names)} of {edge.before}" if edge.names else f"after {edge.before}" for edge in edges]
        text = "; ".join(cut(each, _LONGEST) for each in said)
        for line in textwrap.wrap(text, WIDTH - 5, break_on_hyphens=False):
            yield "<", "", line
        yield signs.get(step.key, "o"), step.key, cut(step.key, _LONGEST)
