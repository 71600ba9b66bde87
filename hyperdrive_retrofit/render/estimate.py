"""An estimate as text and HTML, with the arithmetic spelt out."""

from __future__ import annotations

from collections.abc import Iterator

from hyperdrive_retrofit.estimate import Estimate
from hyperdrive_retrofit.render.pieces import counted, escape, hours

NOT_COUNTED = "waiting for nodes, the other steps, and what early termination saves"


def estimate_text(estimate: Estimate) -> str:
    """Return a line for each figure, each with how it comes about."""
    rows = [("runs", _runs(estimate)), *estimate_rows(estimate)]
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}  {text}" for name, text in rows]
    return "\n".join([f"What the sweep of step '{estimate.step}' takes", *lines])


def estimate_html(estimate: Estimate) -> str:
    """Return the same as a table, for a notebook."""
    rows = [("runs", _runs(estimate)), *estimate_rows(estimate)]
    body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows)
    return (
        f"<table><caption>What the sweep of step {escape(estimate.step)} takes</caption><tbody>{body}</tbody></table>"
    )


def estimate_rows(estimate: Estimate) -> Iterator[tuple[str, str]]:
    """Yield names and texts of all figures but the number of runs."""
    each = _figure(estimate.minutes_per_run)
    measured = ""
    if estimate.measured is not None:
        measured = (
            f" on this machine: the mean of {counted(estimate.measured, 'rehearsed child', 'rehearsed children')}"
        )
    yield "one run", f"{_minutes(estimate.minutes_per_run)}{measured}"
    if estimate.capped:
        ended = f"{estimate.ended_runs} of {counted(estimate.runs, 'run')} end by then"
        yield (
            "time",
            f"{span(estimate.minutes)}: max_duration_minutes comes before {estimate.waves} x {each}, and {ended}",
        )
        yield "node hours", f"{_figure(estimate.node_hours)} until then"
    else:
        yield "time", f"{estimate.waves} x {each} = {span(estimate.minutes)}"
        nodes = f" x {counted(estimate.nodes_per_run, 'node')}" if estimate.nodes_per_run > 1 else ""
        work = f"{counted(estimate.runs, 'run')} x {_minutes(estimate.minutes_per_run)}{nodes}"
        yield "node hours", f"{work} = {_figure(estimate.node_hours)}"
    if estimate.cost is not None:
        price = _figure(estimate.price_per_node_hour or 0)
        yield "cost", f"{_figure(estimate.node_hours)} x {price} = {estimate.cost:.2f}"
    yield "not counted", NOT_COUNTED


def _runs(estimate: Estimate) -> str:
    at_once = min(estimate.runs, estimate.at_once)
    nodes = f", {estimate.nodes_per_run} nodes each" if estimate.nodes_per_run > 1 else ""
    return f"{estimate.runs}, {at_once} at a time: {counted(estimate.waves, 'wave')}{nodes}"


def _minutes(minutes: float) -> str:
    return f"{_figure(minutes)} minute{'' if minutes == 1 else 's'}"


def span(minutes: float) -> str:
    """Return minutes, and long ones in hours or days too."""
    return f"{_minutes(minutes)} ({hours(minutes)})" if minutes >= 60 else _minutes(minutes)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
