"""Small pieces of text and HTML that several pages share."""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hyperdrive_retrofit.rehearsal.results import Child


def escape(value: Any) -> str:
    """Return a value as text that is safe in HTML, in attributes too; characters that HTML cannot hold are replaced."""
    return html.escape(printable(str(value)))


def printable(text: str) -> str:
    """Return a text without control characters but tabs and line ends: a script's output must not steer a terminal."""
    kept = (each if each in "\t\n" or unicodedata.category(each)[0] != "C" else "\ufffd" for each in text)
    return "".join(kept)


def html_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of texts."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heading)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def text_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of texts with aligned columns."""
    lines = [heading, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heading))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def pairs(values: Mapping[str, Any]) -> str:
    """Return ``name=value, ...``."""
    return ", ".join(f"{name}={plain(value)}" for name, value in values.items())


def plain(value: Any) -> str:
    """Return a value as text, floats with six digits."""
    return number(value) if isinstance(value, float) else str(value)


def number(value: float | None) -> str:
    """Return a number with six digits, nothing for None."""
    return "" if value is None else f"{value:.6g}"


def child_number(child: Child) -> str:
    """Return the last part of a child's id."""
    return child.id.rpartition("_")[2]


def behind(child: Child, best: Child | None) -> float:
    """Return how far a child is behind the best one, whichever way the goal points."""
    if best is None or best.value is None or child.value is None or math.isnan(child.value):
        return math.inf
    return abs(child.value - best.value)
