"""Pipelines in the languages of Mermaid and Graphviz."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from hyperdrive_retrofit.graph import Graph
from hyperdrive_retrofit.render.graph import Edge, edges_into
from hyperdrive_retrofit.render.pieces import listed, one_line

_PLAIN = frozenset(" _-.,()/")
_LIST, _LISTING = re.compile(r"\s*(\d+\.|-)\s"), frozenset("-.")  # Markdown's lists, which Mermaid refuses to draw
_USUAL = "PythonScriptStep"


def graph_mermaid(graph: Graph) -> str:
    """Return a Mermaid flowchart: data on solid arrows, order alone on dotted ones."""
    return "\n".join(["flowchart LR", *mermaid_lines(graph, "s", {})])


def graph_dot(graph: Graph) -> str:
    """Return a graph for Graphviz: data on solid arrows, order alone on dotted ones."""
    return "\n".join(["digraph pipeline {", *DOT_HEAD, *dot_lines(graph, "s", {}), "}"])


DOT_HEAD = ("  rankdir=LR", '  node [shape=box, style="rounded"]')


def mermaid_lines(graph: Graph, prefix: str, classes: Mapping[str, str]) -> Iterator[str]:
    """Yield a graph's nodes and arrows.

    Args:
        graph: The pipeline.
        prefix: How the nodes' ids begin.
        classes: Style class by step key.
    """
    ids = {step.key: f"{prefix}{index}" for index, step in enumerate(graph)}
    for step in graph:
        kind = "" if step.kind == _USUAL else f"<br/><i>{_mermaid(step.kind)}</i>"
        style = f":::{classes[step.key]}" if step.key in classes else ""
        yield f'  {ids[step.key]}["{_mermaid(step.key)}{kind}"]{style}'
    yield from _arrows(
        graph,
        lambda edge: (
            f'  {ids[edge.before]} -- "{_mermaid(listed(edge.names))}" --> {ids[edge.after]}'
            if edge.names
            else f"  {ids[edge.before]} -.-> {ids[edge.after]}"
        ),
    )


def dot_lines(graph: Graph, prefix: str, styles: Mapping[str, str]) -> Iterator[str]:
    """Yield a graph's nodes and arrows.

    Args:
        graph: The pipeline.
        prefix: How the nodes' ids begin.
        styles: Further attributes by step key.
    """
    ids = {step.key: f"{prefix}{index}" for index, step in enumerate(graph)}
    for step in graph:
        kind = "" if step.kind == _USUAL else rf"\n{_dot(step.kind)}"
        style = f", {styles[step.key]}" if step.key in styles else ""
        yield f'  {ids[step.key]} [label="{_dot(step.key)}{kind}"{style}]'
    yield from _arrows(
        graph,
        lambda edge: (
            f"  {ids[edge.before]} -> {ids[edge.after]} "
            + (f'[label="{_dot(listed(edge.names))}"]' if edge.names else "[style=dotted]")
        ),
    )


def _arrows(graph: Graph, line: Callable[[Edge], str]) -> Iterator[str]:
    return (line(edge) for step in graph for edge in edges_into(graph, step))


def _mermaid(text: str) -> str:
    """Return a text for a quoted label: Mermaid reads HTML and Markdown in it, and ``#35;`` for a character."""
    plain = _PLAIN - _LISTING if _LIST.match(text) else _PLAIN
    return "".join(each if each.isalnum() or each in plain else f"#{ord(each)};" for each in one_line(text))


def _dot(text: str) -> str:
    """Return a text for a quoted label, in which a backslash begins an escape."""
    return one_line(text).replace("\\", "\\\\").replace('"', '\\"')
