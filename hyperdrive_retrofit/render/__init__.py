"""Lays out graphs, plans and rehearsals as text, Mermaid and HTML. Decides nothing."""

from __future__ import annotations

from hyperdrive_retrofit.render.graph import graph_html, graph_mermaid, graph_text
from hyperdrive_retrofit.render.plan import plan_html, plan_mermaid, plan_text

__all__ = ["graph_html", "graph_mermaid", "graph_text", "plan_html", "plan_mermaid", "plan_text"]
