"""A plan in the languages of Mermaid and Graphviz: the pipeline before and after."""

from __future__ import annotations

from hyperdrive_retrofit.plan import Plan
from hyperdrive_retrofit.render.flowcharts import DOT_HEAD, dot_lines, mermaid_lines
from hyperdrive_retrofit.render.plan.after import ADDED, TUNED, after

# by the border alone, so that they are seen in dark and light, and in print
_MERMAID_STYLES = (
    "  classDef tuned stroke-width:4px",
    "  classDef added stroke-width:3px,stroke-dasharray:6 3",
)
_DOT_STYLES = {TUNED: "penwidth=3", ADDED: 'penwidth=2, style="rounded,dashed"'}


def plan_mermaid(plan: Plan) -> str:
    """Return one Mermaid flowchart of both pipelines: the tuned step has a thick border, the added one a dashed one."""
    new = after(plan)
    return "\n".join(
        [
            "flowchart LR",
            "subgraph before",
            "  direction LR",
            *mermaid_lines(plan.graph, "b", {plan.training: TUNED}),
            "end",
            "subgraph after",
            "  direction LR",
            *mermaid_lines(new.graph, "a", {key: kind for key, kind in new.kinds.items() if kind in (TUNED, ADDED)}),
            "end",
            *_MERMAID_STYLES,
        ]
    )


def plan_dot(plan: Plan) -> str:
    """Return one graph for Graphviz of both pipelines, with the borders of :func:`plan_mermaid`."""
    new = after(plan)
    styles = {key: _DOT_STYLES[kind] for key, kind in new.kinds.items() if kind in _DOT_STYLES}
    return "\n".join(
        [
            "digraph plan {",
            *DOT_HEAD,
            "  subgraph cluster_before {",
            '  label="before"',
            *dot_lines(plan.graph, "b", {plan.training: _DOT_STYLES[TUNED]}),
            "  }",
            "  subgraph cluster_after {",
            '  label="after"',
            *dot_lines(new.graph, "a", styles),
            "  }",
            "}",
        ]
    )
