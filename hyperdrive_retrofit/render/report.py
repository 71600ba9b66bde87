"""A rehearsal as one HTML page that needs no network: pipeline, sweeps, curves, models and logs."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from hyperdrive_retrofit.graph import Step
from hyperdrive_retrofit.rehearsal.exports import logged_numbers
from hyperdrive_retrofit.rehearsal.results import COMPLETED, Child, Rehearsal, StepResult
from hyperdrive_retrofit.render.charts import curves_svg, finite, history_svg, parallel_svg
from hyperdrive_retrofit.render.drawing import pipeline_svg
from hyperdrive_retrofit.render.pieces import (
    child_number,
    escape,
    failure_lines,
    failures,
    first,
    html_table,
    number,
    pairs,
    plain,
    ranked,
)

_HERE = Path(__file__).parent
_IN_HISTORY, _IN_PARALLEL, _IN_CURVES, _IN_TABLE = 3000, 500, 100, 300  # children shown at most
_LOGS = 20  # of children that failed
_TAIL_LINES, _TAIL_BYTES = 40, 1 << 16


def report_html(rehearsal: Rehearsal) -> str:
    """Return the page. Its own script is the only one that a browser will run in it, and nothing is fetched."""
    script = (_HERE / "report.js").read_text(encoding="utf-8")
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    fingerprint = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{fingerprint}'"
    body = "\n".join(_sections(rehearsal))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Rehearsal {escape(rehearsal.workdir.name)}</title><style>{style}</style></head>\n"
        f"<body>\n{body}\n<script>{script}</script></body></html>\n"
    )


def _sections(rehearsal: Rehearsal) -> Iterator[str]:
    yield _head(rehearsal)
    statuses = {step.key: step.status for step in rehearsal.steps.values()}
    yield f'<h2>Pipeline</h2><div class="scroll">{pipeline_svg(rehearsal.graph, statuses)}</div>'
    yield _steps(rehearsal)
    for step in rehearsal.graph:
        children = [child for child in rehearsal.children if child.step == step.key]
        if step.sweep is not None and children:
            yield _sweep(step, children, _best(rehearsal, children))
    yield from _step_curves(rehearsal)
    if rehearsal.models:
        rows = [
            (
                f"{model.name}:{model.version}",
                model.run_id or "",
                pairs(model.tags),
                pairs(model.properties),
                str(model.path),
            )
            for model in rehearsal.models
        ]
        yield f"<h2>Models</h2>{html_table(('model', 'run', 'tags', 'properties', 'path'), rows)}"
    yield _logs(rehearsal)
    if rehearsal.notes:
        yield "<h2>Notes</h2>" + "".join(f"<p>{escape(note)}</p>" for note in rehearsal.notes)
    yield "<footer>Made by hyperdrive_retrofit. Nothing on this page comes from elsewhere.</footer>"


def _head(rehearsal: Rehearsal) -> str:
    times = [time for step in rehearsal.steps.values() for time in (step.started, step.ended) if time is not None]
    facts = {"steps": str(len(rehearsal.steps))}
    if times:
        facts = {"started": f"{min(times).astimezone():%Y-%m-%d %H:%M}", "took": _span(min(times), max(times)), **facts}
    if rehearsal.children:
        facts["children"] = str(len(rehearsal.children))
    if rehearsal.best is not None:
        facts["best value"] = number(rehearsal.best.value)
        facts["of child"] = child_number(rehearsal.best)
    tiles = "".join(f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in facts.items())
    error = f'<pre class="error">{escape(rehearsal.error)}</pre>' if rehearsal.error else ""
    return (
        f"<h1>Rehearsal{_status(rehearsal.status)}</h1><p class='soft'><code>{escape(rehearsal.workdir)}</code></p>"
        f'<div class="facts">{tiles}</div>{error}'
    )


def _status(status: str) -> str:
    return f' <span class="status {escape(status)}">{escape(status)}</span>'


def _span(start: datetime | None, end: datetime | None) -> str:
    """Return a duration in the units that a reader wants; nothing when it is not known."""
    if start is None or end is None:
        return ""
    seconds = (end - start).total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} h" if hours else f"{minutes}:{rest:02d} min"


def _steps(rehearsal: Rehearsal) -> str:
    rows = "".join(
        f"<tr><td>{escape(step.key)}</td><td>{_status(step.status)}</td><td>{_span(step.started, step.ended)}</td>"
        f"<td>{escape(_left(step, rehearsal.children))}</td></tr>"
        for step in rehearsal.steps.values()
    )
    heading = "<tr><th>step</th><th>status</th><th>took</th><th>what it left</th></tr>"
    return f"<h2>Steps</h2><table><thead>{heading}</thead><tbody>{rows}</tbody></table>"


def _left(step: StepResult, children: Sequence[Child]) -> str:
    counts = Counter(child.status for child in children if child.step == step.key)
    if counts:
        return "children: " + ", ".join(f"{count} {status}" for status, count in counts.items())
    return pairs({name: values[-1] for name, values in logged_numbers(step.metrics).items()})


def _best(rehearsal: Rehearsal, children: Sequence[Child]) -> Child | None:
    return rehearsal.best if rehearsal.best in children else None


def _sweep(step: Step, children: Sequence[Child], best: Child | None) -> str:
    sweep = step.sweep
    facts = f"{sweep.primary_metric_goal} {sweep.primary_metric_name}, {sweep.sampling} sampling, policy {sweep.policy}"
    winner = ""
    if best is not None:
        winner = f"<p>Best: child {escape(child_number(best))} with {escape(pairs(best.hyperparameters))}</p>"
    charts = list(_child_curves(children, best))
    if finite(child.value for child in children):
        history = history_svg(sweep, _thinned(children, _IN_HISTORY, best))
        charts = [history, parallel_svg(sweep, _thinned(children, _IN_PARALLEL, best), best), *charts]
    drawn = f'<div class="charts">{"".join(charts)}</div>' if charts else ""
    failed = "".join(f'<p class="error">{escape(line)}</p>' for line in failure_lines(children))
    shown = len(children) > _IN_PARALLEL
    note = (
        "<p class='soft'>Of so many children the charts show some, evenly chosen, the best among them.</p>"
        if shown
        else ""
    )
    table = _children(children, best, {step.key: sweep.primary_metric_goal})
    return (
        f'<section class="sweep"><h2>Sweep of {escape(step.key)}</h2><p class="soft">{escape(facts)}</p>'
        f"{winner}{failed}{note if charts else ''}{drawn}{table}</section>"
    )


def _thinned(children: Sequence[Child], most: int, best: Child | None) -> list[Child]:
    """Return at most so many children, evenly chosen, the best one among them, in their order."""
    if len(children) <= most:
        return list(children)
    chosen = {round(index * (len(children) - 1) / (most - 2)) for index in range(most - 1)}
    return [child for index, child in enumerate(children) if index in chosen or child is best]


def _children(children: Sequence[Child], best: Child | None, goals: Mapping[str, str]) -> str:
    shown = first(ranked(children, best, goals), _IN_TABLE)
    names = list(dict.fromkeys(name for child in children for name in child.hyperparameters))
    head = "".join(f"<th>{escape(name)}</th>" for name in ("child", "status", "value", *names, "took"))
    rows = "".join(
        f'<tr data-child="{escape(child_number(child))}"{" class=best" if child is best else ""}>'
        f"<td>{escape(child_number(child))}</td><td>{_status(child.status)}</td><td>{number(child.value)}</td>"
        + "".join(f"<td>{escape(plain(child.hyperparameters.get(name, '')))}</td>" for name in names)
        + f"<td>{_span(child.started, child.ended)}</td></tr>"
        for child in shown
    )
    more = f"<p class='soft'>and {len(children) - len(shown)} more</p>" if len(shown) < len(children) else ""
    table = f'<table class="sortable"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return f'<h3>Children, the best first</h3><div class="scroll">{table}</div>{more}'


def _child_curves(children: Sequence[Child], best: Child | None) -> Iterator[str]:
    """Yield a chart for each metric that some child logged several times."""
    shown = _thinned(children, _IN_CURVES, best)
    curves: dict[str, dict[str, list[float]]] = {}
    for child in shown:
        for name, values in logged_numbers(child.metrics).items():
            curves.setdefault(name, {})[child_number(child)] = values
    for name, found in curves.items():
        if any(len(values) > 1 and finite(values) for values in found.values()):
            yield curves_svg(name, found, child_number(best) if best else None)


def _step_curves(rehearsal: Rehearsal) -> Iterator[str]:
    """Yield the charts of what steps, and scripts on the pipeline run, logged several times."""
    runs: dict[str, Mapping[str, object]] = {step.key: step.metrics for step in rehearsal.steps.values()}
    runs["pipeline run"] = rehearsal.metrics
    charts = [
        curves_svg(f"{key}: {name}", {key: values}, key)
        for key, metrics in runs.items()
        for name, values in logged_numbers(metrics).items()
        if len(values) > 1 and finite(values)
    ]
    if charts:
        yield f'<h2>Curves of steps</h2><div class="charts">{"".join(charts)}</div>'


def _logs(rehearsal: Rehearsal) -> str:
    """Return the ends of the logs: of the steps, the best child, and one child for each reason to fail."""
    failed = [group[0] for group in failures(rehearsal.children)[:_LOGS]]
    chosen = [*([rehearsal.best] if rehearsal.best else []), *failed]
    parts = [
        _log(step.key, step.status, step.error, step.log) for step in rehearsal.steps.values() if step.log or step.error
    ]
    parts += [_log(f"child {child_number(child)}", child.status, child.error, child.log) for child in chosen]
    return f"<h2>Logs</h2>{''.join(parts)}" if parts else ""


def _log(name: str, status: str, error: str | None, log: Path | None) -> str:
    tail = _without(_tail(log) if log else "", error or "")
    wrong = f'<pre class="error">{escape(error)}</pre>' if error else ""
    empty = "" if error else '<p class="soft">The log is empty.</p>'
    text = f"<pre>{escape(tail)}</pre>" if tail else empty
    where = f'<p class="soft"><code>{escape(log)}</code></p>' if log else ""
    opened = "" if status == COMPLETED else " open"
    return f"<details{opened}><summary>{escape(name)}{_status(status)}</summary>{wrong}{text}{where}</details>"


def _without(tail: str, error: str) -> str:
    """Return a log's end without the error that stands above it, whole or as far as the end reaches back."""
    lines = (tail.replace(error, "") if error else tail).rstrip().splitlines()
    said = error.splitlines()
    while lines and said and lines[-1] == said[-1]:
        del lines[-1], said[-1]
    return "\n".join(lines)


def _tail(log: Path) -> str:
    """Return the last lines of a log, however long it is and whatever is in it."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_TAIL_LINES:])
