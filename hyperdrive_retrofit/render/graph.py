"""A pipeline as text and HTML, and its edges for those who draw it."""

from __future__ import annotations

import html
from collections.abc import Iterator

import attrs

from hyperdrive_retrofit.graph import Graph, Step
from hyperdrive_retrofit.masking import mask_words


@attrs.frozen
class Edge:
    """One step waits for another; ``names`` are the data it reads, none when only the order is fixed."""

    before: str
    after: str
    names: tuple[str, ...]


def edges_into(graph: Graph, step: Step) -> Iterator[Edge]:
    """Yield an edge for each step that this one waits for directly."""
    read: dict[str | None, list[str]] = {}
    for port in step.inputs:
        data = graph.datum(port.data)
        read.setdefault(data.producer, []).append(data.name)
    for before in graph.before(step.key):
        yield Edge(before, step.key, tuple(dict.fromkeys(read.get(before, ()))))


def graph_text(graph: Graph) -> str:
    """Return one line a step, in running order, with what it runs and what it waits for."""
    width = max((len(step.key) for step in graph), default=0)
    lines = [f"{len(graph)} step{'' if len(graph) == 1 else 's'}, in running order:"]
    for step in graph:
        parts = [step.kind, step.script or " ".join(mask_words((step.command or "").split()))]
        parts += [f"on {step.compute.target}"] if step.compute.target else []
        parts += [f"reads {', '.join(port.name for port in step.inputs)}"] if step.inputs else []
        parts += [f"writes {', '.join(port.name for port in step.outputs)}"] if step.outputs else []
        after = [graph.step(key).name for key in (*step.run_after, *step.sequence_after)]
        parts += [f"after {', '.join(dict.fromkeys(after))}"] if after else []
        parts += [] if step.listed else ["(not listed, reached through the others)"]
        lines.append(f"  {step.key:<{width}}  {'  '.join(part for part in parts if part)}")
    if graph.external:
        lines.append(f"from outside: {', '.join(data.key for data in graph.external)}")
    return "\n".join(lines)


def graph_html(graph: Graph) -> str:
    """Return the text, for a notebook."""
    return f'<pre style="white-space: pre; line-height: 1.35">{html.escape(graph_text(graph))}</pre>'
