"""A plan as text, HTML, Mermaid, Graphviz and JSON."""
