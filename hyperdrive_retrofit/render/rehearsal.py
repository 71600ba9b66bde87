"""The text of a rehearsal's result, and of a list of rehearsals."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hyperdrive_retrofit.rehearsal.kept import Summary
from hyperdrive_retrofit.rehearsal.results import INTERRUPTED, Child, Rehearsal, StepResult
from hyperdrive_retrofit.render.pieces import (
    child_number,
    escape,
    failure_lines,
    first,
    html_table,
    number,
    pairs,
    plain,
    printable,
    ranked,
    text_table,
)

_CHILDREN = 10
_WIDTH = 110


def rehearsal_text(rehearsal: Rehearsal) -> str:
    """Return a readable report: steps, best children, models, and what went wrong with the way to its log."""
    blocks = [f"Rehearsal {rehearsal.status} ({rehearsal.workdir})"]
    if rehearsal.error:
        blocks.append(rehearsal.error)
    if rehearsal.status == INTERRUPTED:
        blocks.append(f'Go on with it: python -m hyperdrive_retrofit resume "{rehearsal.workdir}"')
    blocks.append(text_table(("step", "status", "what it left"), _wrapped(_step_rows(rehearsal))))
    if rehearsal.children:
        blocks.append(_children_title(rehearsal) + "\n" + text_table(*_children(rehearsal)))
    if reasons := list(failure_lines(rehearsal.children)):
        blocks.append("\n".join(reasons))
    if rehearsal.models:
        blocks.append(text_table(("model", "run", "path"), _model_rows(rehearsal)))
    blocks.extend(_failure(step) for step in rehearsal.steps.values() if step.error)
    blocks.extend(f"Note: {note}" for note in rehearsal.notes)
    return printable("\n\n".join(blocks))


def rehearsal_html(rehearsal: Rehearsal) -> str:
    """Return the report as HTML for a notebook."""
    parts = [f"<h3>Rehearsal {escape(rehearsal.status)}</h3><p><code>{escape(rehearsal.workdir)}</code></p>"]
    if rehearsal.error:
        parts.append(f"<p>{escape(rehearsal.error)}</p>")
    parts.append(html_table(("step", "status", "what it left"), _step_rows(rehearsal)))
    if rehearsal.children:
        parts.append(f"<p>{escape(_children_title(rehearsal))}</p>" + html_table(*_children(rehearsal)))
    parts.extend(f"<p>{escape(line)}</p>" for line in failure_lines(rehearsal.children))
    if rehearsal.models:
        parts.append(html_table(("model", "run", "path"), _model_rows(rehearsal)))
    parts.extend(f"<pre>{escape(_failure(step))}</pre>" for step in rehearsal.steps.values() if step.error)
    parts.extend(f"<p>Note: {escape(note)}</p>" for note in rehearsal.notes)
    return "\n".join(parts)


def _step_rows(rehearsal: Rehearsal) -> list[tuple[str, ...]]:
    return [(step.key, step.status, _left(step, rehearsal.children)) for step in rehearsal.steps.values()]


def _left(step: StepResult, children: Sequence[Child]) -> str:
    """Say in a few words what a step left: its children, or its metrics."""
    counts = Counter(child.status for child in children if child.step == step.key)
    if counts:
        return "children: " + ", ".join(f"{count} {status}" for status, count in counts.items())
    scalars = {name: value for name, value in step.metrics.items() if not isinstance(value, (list, dict))}
    return pairs(scalars)


def _wrapped(rows: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Go on below where a row's last cell is too long for a line."""
    for row in rows:
        first, *rest = textwrap.wrap(row[-1], _WIDTH - 30) or [""]
        yield (*row[:-1], first)
        yield from ((*("" for _ in row[:-1]), line) for line in rest)


def _children_title(rehearsal: Rehearsal) -> str:
    if rehearsal.best is None:
        return "No child completed with a value of the primary metric."
    best = rehearsal.best
    return f"Best child: {best.id}, {number(best.value)} with {pairs(best.hyperparameters)}"


def _children(rehearsal: Rehearsal) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return heading and rows: the best children, the best one first."""
    goals = {step.key: step.sweep.primary_metric_goal for step in rehearsal.graph if step.sweep is not None}
    shown = first(ranked(rehearsal.children, rehearsal.best, goals), _CHILDREN)
    names = list(dict.fromkeys(name for child in shown for name in child.hyperparameters))
    rows = [
        (child_number(child), child.status, number(child.value),
         *(plain(child.hyperparameters.get(name, "")) for name in names))
        for child in shown
    ]  # fmt: skip
    if len(shown) < len(rehearsal.children):
        rows.append((f"and {len(rehearsal.children) - len(shown)} more", "", "", *("" for _ in names)))
    return ("child", "status", "value", *names), rows


def _model_rows(rehearsal: Rehearsal) -> list[tuple[str, ...]]:
    return [(f"{model.name}:{model.version}", model.run_id or "", str(model.path)) for model in rehearsal.models]


def _failure(step: StepResult) -> str:
    where = f"\nIts log: {step.log}" if step.log else ""
    return f"Step '{step.key}' {step.status}:\n{step.error}{where}"


def runs_text(folder: Path, summaries: Sequence[Summary]) -> str:
    """Return a list of rehearsals."""
    if not summaries:
        return f"No rehearsals in {folder}."
    rows = [
        (
            each.workdir.name,
            each.at.astimezone().strftime("%Y-%m-%d %H:%M") if each.at else "",
            each.status,
            f"{each.ended}/{each.steps}" if each.steps else "",
            number(each.best),
        )
        for each in summaries
    ]
    return f"Rehearsals in {folder}\n\n" + text_table(("name", "started", "status", "steps", "best"), rows)
