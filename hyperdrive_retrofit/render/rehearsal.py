"""The text of a rehearsal's result, and its live display."""

from __future__ import annotations

import html
import math
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from hyperdrive_retrofit.rehearsal.results import (
    CANCELED,
    COMPLETED,
    FAILED,
    Child,
    ChildEnded,
    ChildStarted,
    Ended,
    Event,
    Rehearsal,
    Started,
    StepEnded,
    StepResult,
    StepStarted,
)

_BEST_SHOWN = 10
_OTHERS_SHOWN = 5
_BAR = 20
_WIDTH = 110


def rehearsal_text(rehearsal: Rehearsal) -> str:
    """Return a readable report: steps, best children, models, and what went wrong with the way to its log."""
    blocks = [f"Rehearsal {rehearsal.status} ({rehearsal.workdir})"]
    if rehearsal.error:
        blocks.append(rehearsal.error)
    blocks.append(_table(("step", "status", "what it left"), _wrapped(_step_rows(rehearsal))))
    if rehearsal.children:
        blocks.append(_children_title(rehearsal) + "\n" + _table(*_children(rehearsal)))
    if rehearsal.models:
        blocks.append(_table(("model", "run", "path"), _model_rows(rehearsal)))
    blocks.extend(_failure(step) for step in rehearsal.steps.values() if step.error)
    blocks.extend(f"Note: {note}" for note in rehearsal.notes)
    return "\n\n".join(blocks)


def rehearsal_html(rehearsal: Rehearsal) -> str:
    """Return the report as HTML for a notebook."""
    parts = [f"<h3>Rehearsal {_escape(rehearsal.status)}</h3><p><code>{_escape(rehearsal.workdir)}</code></p>"]
    if rehearsal.error:
        parts.append(f"<p>{_escape(rehearsal.error)}</p>")
    parts.append(_html_table(("step", "status", "what it left"), _step_rows(rehearsal)))
    if rehearsal.children:
        parts.append(f"<p>{_escape(_children_title(rehearsal))}</p>" + _html_table(*_children(rehearsal)))
    if rehearsal.models:
        parts.append(_html_table(("model", "run", "path"), _model_rows(rehearsal)))
    parts.extend(f"<pre>{_escape(_failure(step))}</pre>" for step in rehearsal.steps.values() if step.error)
    parts.extend(f"<p>Note: {_escape(note)}</p>" for note in rehearsal.notes)
    return "\n".join(parts)


def _step_rows(rehearsal: Rehearsal) -> list[tuple[str, ...]]:
    return [(step.key, step.status, _left(step, rehearsal.children)) for step in rehearsal.steps.values()]


def _left(step: StepResult, children: Sequence[Child]) -> str:
    """Say in a few words what a step left: its children, or its metrics."""
    counts = Counter(child.status for child in children if child.step == step.key)
    if counts:
        return "children: " + ", ".join(f"{count} {status}" for status, count in counts.items())
    scalars = {name: value for name, value in step.metrics.items() if not isinstance(value, (list, dict))}
    return _pairs(scalars)


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
    return f"Best child: {best.id}, {_number(best.value)} with {_pairs(best.hyperparameters)}"


def _children(rehearsal: Rehearsal) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return heading and rows: the best children, the best one first, and some that did not complete."""
    completed = [child for child in rehearsal.children if child.status == COMPLETED]
    others = [child for child in rehearsal.children if child.status != COMPLETED]
    shown = sorted(completed, key=lambda child: _behind(child, rehearsal.best))[:_BEST_SHOWN] + others[:_OTHERS_SHOWN]
    names = list(dict.fromkeys(name for child in shown for name in child.hyperparameters))
    rows = [
        (child.id.rpartition("_")[2], child.status, _number(child.value),
         *(_plain(child.hyperparameters.get(name, "")) for name in names))
        for child in shown
    ]  # fmt: skip
    if len(shown) < len(rehearsal.children):
        rows.append((f"and {len(rehearsal.children) - len(shown)} more", "", "", *("" for _ in names)))
    return ("child", "status", "value", *names), rows


def _behind(child: Child, best: Child | None) -> float:
    """Return how far a child is behind the best one, whichever way the goal points."""
    if best is None or best.value is None or child.value is None:
        return math.inf
    return abs(child.value - best.value)


def _model_rows(rehearsal: Rehearsal) -> list[tuple[str, ...]]:
    return [(f"{model.name}:{model.version}", model.run_id or "", str(model.path)) for model in rehearsal.models]


def _failure(step: StepResult) -> str:
    where = f"\nIts log: {step.log}" if step.log else ""
    return f"Step '{step.key}' {step.status}:\n{step.error}{where}"


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heading))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _html_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{_escape(cell)}</th>" for cell in heading)
    body = "".join("<tr>" + "".join(f"<td>{_escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _escape(value: Any) -> str:
    return html.escape(str(value))


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_plain(value)}" for name, value in values.items())


def _plain(value: Any) -> str:
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."


def display(
    show: str | bool = "auto", stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
) -> Callable[[Event], None]:
    """Return a listener that shows a rehearsal while it runs.

    Args:
        show: ``"auto"`` rewrites one line on a terminal and prints plain lines elsewhere; True rewrites one line
            everywhere; False or ``"silent"`` shows nothing.
        stream: Where to; standard output by default.
        clock: Seconds that only grow.

    Raises:
        ValueError: When ``show`` is something else.
    """
    if show not in (True, False, "auto", "silent"):
        raise ValueError(f"show={show!r}: it takes 'auto', 'silent', True or False.")
    if show in (False, "silent"):
        return lambda _event: None
    out = stream or sys.stdout
    live = show is True or out.isatty()
    return _Display(out, clock, live=live)


class _Display:
    """Follows the events of one rehearsal."""

    def __init__(self, out: TextIO, clock: Callable[[], float], *, live: bool) -> None:
        self._out = out
        self._clock = clock
        self._live = live
        self._on_line = 0
        self._begin_step("", 0)

    def _begin_step(self, key: str, total: int) -> None:
        self._key = key
        self._total = total
        self._since = self._clock()
        self._running = 0
        self._ended: Counter[str] = Counter()
        self._best: float | None = None

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Started():
                self._say(f"Rehearsal of {len(event.steps)} step(s) in {event.workdir}")
                for note in event.notes:
                    self._say(f"Note: {note}")
            case StepStarted():
                self._begin_step(event.key, event.children)
                children = f" with {event.children} children" if event.children else ""
                self._say(f"{event.key}: started{children}")
            case ChildStarted():
                self._running += 1
                self._rewrite()
            case ChildEnded():
                self._child_ended(event)
            case StepEnded():
                counts = f" ({self._counts()})" if self._key == event.key and self._total else ""
                error = f": {event.error.splitlines()[-1]}" if event.error else ""
                self._say(f"{event.key}: {event.status}{counts}{error}")
            case Ended():
                self._say(f"Rehearsal {event.status}")

    def _child_ended(self, event: ChildEnded) -> None:
        better = event.best is not None and event.best != self._best
        self._running -= 1
        self._ended[event.status] += 1
        self._best = event.best
        number = event.id.rpartition("_")[2]
        if self._live:
            self._rewrite()
        elif event.status != COMPLETED:
            self._say(f"{event.step}: child {number} {event.status}")
        elif better:
            self._say(f"{event.step}: child {number} is the best so far with {_number(event.value)}")

    def _counts(self) -> str:
        words = ((COMPLETED, "completed"), (CANCELED, "cancelled"), (FAILED, "failed"))
        parts = [f"{self._ended[status]} {word}" for status, word in words if self._ended[status]]
        best = f", best {_number(self._best)}" if self._best is not None else ""
        return ", ".join(parts) + best

    def _rewrite(self) -> None:
        if not self._live:
            return
        done = self._ended.total()
        bar = ("#" * (_BAR * done // self._total)).ljust(_BAR, ".") if self._total else ""
        counts = f", {self._counts()}" if done else ""
        line = _short(
            f"{self._key} [{bar}] {done}/{self._total}, {self._running} running{counts}{self._time_left(done)}"
        )
        self._out.write("\r" + line.ljust(self._on_line))
        self._out.flush()
        self._on_line = len(line)

    def _time_left(self, done: int) -> str:
        if not done or done >= self._total:
            return ""
        seconds = int((self._clock() - self._since) / done * (self._total - done))
        return f", {seconds // 60}:{seconds % 60:02d} left"

    def _say(self, text: str) -> None:
        if self._on_line:
            self._out.write("\r" + " " * self._on_line + "\r")
            self._on_line = 0
        self._out.write(text + "\n")
        self._out.flush()
