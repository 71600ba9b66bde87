"""A pipeline as text, Mermaid and HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping

from hyperdrive_retrofit.graph import Graph, Step


def graph_text(graph: Graph) -> str:
    """Return one line a step, in running order, with what it runs and what it waits for."""
    width = max((len(step.key) for step in graph), default=0)
    lines = [f"{len(graph)} step{'' if len(graph) == 1 else 's'}, in running order:"]
    for step in graph:
        parts = [step.kind, step.script or step.command or ""]
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


def graph_mermaid(graph: Graph, classes: Mapping[str, str] | None = None) -> str:
    """Return a Mermaid flowchart: data on solid arrows, order alone on dotted ones.

    Args:
        graph: The pipeline.
        classes: Style class by step key, or None.
    """
    numbers = {step.key: f"s{index}" for index, step in enumerate(graph)}
    lines = ["flowchart LR"]
    for step in graph:
        style = f":::{classes[step.key]}" if classes and step.key in classes else ""
        lines.append(f'  {numbers[step.key]}["{_label(step)}"]{style}')
    for step in graph:
        fed = set()
        for port in step.inputs:
            producer = graph.datum(port.data).producer
            if producer is not None:
                fed.add(producer)
                lines.append(f'  {numbers[producer]} -- "{graph.datum(port.data).name}" --> {numbers[step.key]}')
        lines += [f"  {numbers[key]} -.-> {numbers[step.key]}" for key in graph.before(step.key) if key not in fed]
    return "\n".join(lines)


def graph_html(graph: Graph) -> str:
    """Return the text, for a notebook."""
    return preformatted(graph_text(graph))


def preformatted(text: str) -> str:
    """Return a text as a block of HTML that keeps its lines."""
    return f'<pre style="white-space: pre; line-height: 1.35">{html.escape(text)}</pre>'


def _label(step: Step) -> str:
    kind = "" if step.kind == "PythonScriptStep" else f"<br/><i>{step.kind}</i>"
    return html.escape(step.name, quote=True).replace("#", "&#35;") + kind
