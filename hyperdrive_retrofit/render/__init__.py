"""Lays out graphs, plans and rehearsals as text, Mermaid, Graphviz and HTML. Decides nothing."""

from __future__ import annotations

from hyperdrive_retrofit.render.flowcharts import graph_dot, graph_mermaid
from hyperdrive_retrofit.render.graph import graph_html, graph_text
from hyperdrive_retrofit.render.plan.charts import plan_dot, plan_mermaid
from hyperdrive_retrofit.render.plan.data import plan_dict
from hyperdrive_retrofit.render.plan.page import plan_html
from hyperdrive_retrofit.render.plan.text import plan_text

__all__ = [
    "graph_dot",
    "graph_html",
    "graph_mermaid",
    "graph_text",
    "plan_dict",
    "plan_dot",
    "plan_html",
    "plan_mermaid",
    "plan_text",
]
