"""Small pieces of text and HTML that several pages share."""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from hyperdrive_retrofit.rehearsal.results import FAILED, Child, reason
from hyperdrive_retrofit.sweep import MAXIMIZE

Item = TypeVar("Item")
_REASONS = 5
_NUMBERS = 10


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


def ranked(children: Iterable[Child], best: Child | None, goals: Mapping[str, str]) -> list[Child]:
    """Return the best child, then all others by value, whatever their status; those without a number come last.

    Args:
        children: In the order in which they were made.
        best: The best one, or None.
        goals: Of each step the goal of its sweep; ``maximize`` by default.
    """

    def place(child: Child) -> tuple[bool, float]:
        missing = child.value is None or math.isnan(child.value)
        sign = -1 if goals.get(child.step, MAXIMIZE) == MAXIMIZE else 1
        return child is not best, math.inf if missing else sign * (child.value or 0.0)

    return sorted(children, key=place)


def first(items: Sequence[Item], most: int) -> Sequence[Item]:
    """Return at most so many, or all where only one would be left out: its place is better than "and 1 more"."""
    return items if len(items) <= most + 1 else items[:most]


def failures(children: Iterable[Child]) -> list[list[Child]]:
    """Return the children that failed, those of one step that failed for one reason together, the most first."""
    groups: dict[tuple[str, str], list[Child]] = {}
    for child in children:
        if child.status == FAILED:
            groups.setdefault((child.step, reason(child.error)), []).append(child)
    return sorted(groups.values(), key=len, reverse=True)


def failure_lines(children: Iterable[Child]) -> Iterator[str]:
    """Yield a line for each reason why children failed: how many, why, which ones, and the log of one."""
    groups = failures(children)
    shown = first(groups, _REASONS)
    several = len({group[0].step for group in groups}) > 1
    for group in shown:
        numbers = first([child_number(child) for child in group], _NUMBERS)
        more = f" and {len(group) - len(numbers)} more" if len(numbers) < len(group) else ""
        which = f"{'child' if len(group) == 1 else 'children'} {', '.join(numbers)}{more}"
        log = f"log of child {numbers[0]}: {group[0].log}"
        step = f"{group[0].step}: " if several else ""
        yield f"{step}{len(group)} failed: {reason(group[0].error) or 'no reason known'} ({which}); {log}"
    if len(shown) < len(groups):
        yield f"and {len(groups) - len(shown)} more reasons"


def one_line(text: str) -> str:
    """Return a text without line ends and control characters, each a question mark: it must not break a drawing."""
    return "".join(each if each.isprintable() else "?" for each in text)


def cut(text: str, most: int) -> str:
    """Return a text in one line of at most so many characters."""
    text = one_line(text)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def listed(items: Sequence[str], most: int = 3) -> str:
    """Return ``a, b, c and 47 more``."""
    shown = first(items, most)
    more = f" and {len(items) - len(shown)} more" if len(shown) < len(items) else ""
    return f"{', '.join(shown)}{more}"


def counted(count: int, one: str, several: str | None = None) -> str:
    """Return ``1 child`` or ``2,000 children``; the plural is with an ``s`` unless it is given."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def hours(minutes: float) -> str:
    """Return a duration of an hour or more in hours or days."""
    unit, size = ("day", 60 * 24) if minutes >= 60 * 24 else ("hour", 60)
    text = f"{minutes / size:.1f}".removesuffix(".0")
    return f"{text} {unit}{'' if text == '1' else 's'}"
