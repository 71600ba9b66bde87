"""A plan as text that reads like a diff: the signs stand in the first column, so that a pull request colours them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from hyperdrive_retrofit.plan import Plan
from hyperdrive_retrofit.render.lanes import WIDTH, lanes_text
from hyperdrive_retrofit.render.pieces import counted, cut, one_line
from hyperdrive_retrofit.render.plan.after import ADDED, COPIED, TUNED, after
from hyperdrive_retrofit.render.plan.diff import Line, diff
from hyperdrive_retrofit.render.plan.facts import (
    command_words,
    count_line,
    number_rows,
    samples,
    sentence,
    sweep_rows,
)

_SIGNS = {TUNED: "~", ADDED: "+", COPIED: "="}
_LONGEST = 40  # of what stands in the first column


def plan_text(plan: Plan) -> str:
    """Return what will be done: drawings, changes, what children run, numbers, and the findings last."""
    new = after(plan)
    children = counted(plan.sweep.runs, "child", "children")
    notes = {key: {TUNED: children, ADDED: "added"}.get(kind, "") for key, kind in new.kinds.items()}
    heading, sampled = samples(plan)
    sections = [
        _wrapped(sentence(plan), ""),
        ["Before", *lanes_text(plan.graph, {plan.training: "*"}, {plan.training: "to be tuned"})],
        ["After", *lanes_text(new.graph, {key: _SIGNS[kind] for key, kind in new.kinds.items()}, notes)],
        ["Changes", *_changes(diff(plan))],
        ["Sweep", *_table(sweep_rows(plan))],
        [heading, *(line for sample in sampled for line in _command(command_words(plan, sample)))],
        ["Numbers", *_table(number_rows(plan))],
        [f"Findings: {count_line(plan)}", *_findings(plan)],
    ]
    return "\n\n".join("\n".join(section) for section in sections)


def _changes(lines: Iterable[Line]) -> Iterator[str]:
    rows = [(line, f"{line.sign} {'    ' if line.inner else ''}{one_line(line.what)}") for line in lines]
    width = min(max(len(what) for line, what in rows if line.text), _LONGEST)
    for line, what in rows:
        if line.text and len(what) <= _LONGEST:
            yield from _wrapped(line.text, f"{what:<{width}}  ")
        elif line.text:
            yield cut(f"{what}  {line.text}", WIDTH)
        else:
            before = f"{line.sign} {'    ' if line.inner else ''}"
            yield from _wrapped(line.what, before, before, max_lines=5)


def _table(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    shown = [(cut(name, _LONGEST), text) for name, text in rows]
    width = max(len(name) for name, _ in shown)
    for name, text in shown:
        yield from _wrapped(text, f"  {name:<{width}}  ")


def _wrapped(text: str, before: str, below: str | None = None, max_lines: int | None = None) -> list[str]:
    """Return a text in lines with something before the first one and below it, blanks by default."""
    lines = textwrap.wrap(
        one_line(text),
        WIDTH,
        initial_indent=before,
        subsequent_indent=" " * len(before) if below is None else below,
        break_on_hyphens=False,
        max_lines=max_lines,
        placeholder=" ...",
    )
    return lines or [before.rstrip()]


def _command(words: list[str]) -> Iterator[str]:
    """Yield a command line, continued as in a shell where it is long, and never between an option and its value."""
    line = " "
    for index, word in enumerate(words):
        pair = word.startswith("-") and index + 1 < len(words) and not words[index + 1].startswith("-")
        needed = len(word) + (len(words[index + 1]) + 1 if pair else 0)
        if (
            line.strip()
            and len(line) + needed + 3 > WIDTH
            and (word.startswith("-") or len(line) + len(word) + 3 > WIDTH)
        ):
            yield f"{line} \\"
            line = "     "
        line += f" {word}"
    yield line


def _findings(plan: Plan) -> Iterator[str]:
    if plan.findings:
        yield "  python -m hyperdrive_retrofit explain CODE says more."
    for finding in plan.findings:
        yield from _wrapped(f"{finding.code} {finding.severity}, {finding.where}: {finding.message}", "  ")
        yield from _wrapped(finding.fix, "      -> ")
