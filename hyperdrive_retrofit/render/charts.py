"""Charts of a sweep as SVG: its history, its parallel coordinates, and curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from hyperdrive_retrofit.rehearsal.results import COMPLETED, Child
from hyperdrive_retrofit.render.pieces import child_number, escape, number, pairs, plain
from hyperdrive_retrofit.sweep import MAXIMIZE, Hyperparameter, Sweep

_WIDTH, _HEIGHT = 760, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 14, 30
_TICKS = 5
_LABELS = 12  # labels on an axis of choices
_POINTS = 200  # of one curve
_LARGEST, _SMALLEST = 1e300, 1e-200  # beyond these, ranges and steps overflow


@attrs.frozen
class _Axis:
    """A range of numbers laid on a range of pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return where a value lies."""
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """Return round numbers within the range."""
        rough = (self.high - self.low) / _TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [index * step for index in range(first, math.floor(self.high / step + 1e-9) + 1)]


def finite(values: Iterable[float | None]) -> list[float]:
    """Return the numbers that can be drawn."""
    return [value for value in values if value is not None and abs(value) < _LARGEST]


def history_svg(sweep: Sweep, children: Sequence[Child]) -> str:
    """Return the primary metric of each child, in the order in which they were made, and the best so far."""
    numbered = [(int(child_number(child)), child) for child in children]
    y = _vertical(finite(child.value for child in children))
    x = _Axis(0, max([place for place, _ in numbered] + [1]), _LEFT + 8, _WIDTH - _RIGHT - 8)
    points = [
        f'<circle class="{escape(child.status)}" data-child="{escape(child_number(child))}" cx="{x(place)}" '
        f'cy="{y(child.value or 0.0)}" r="3.5"><title>{escape(_title(child))}</title></circle>'
        for place, child in numbered
        if finite([child.value])
    ]
    missing = [
        f'<path class="{escape(child.status)} missing" data-child="{escape(child_number(child))}" '
        f'd="M{x(place) - 3},{_HEIGHT - _BOTTOM - 3}l6,-6m0,6l-6,-6"><title>{escape(_title(child))}</title></path>'
        for place, child in numbered
        if not finite([child.value])
    ]
    line = f'<path class="best-so-far" d="{_best_so_far(sweep, numbered, x, y)}"/>'
    return _chart(f"{sweep.primary_metric_name} of each child", _frame(x, y, "child"), line, *points, *missing)


def _best_so_far(sweep: Sweep, numbered: Sequence[tuple[int, Child]], x: _Axis, y: _Axis) -> str:
    better = max if sweep.primary_metric_goal == MAXIMIZE else min
    best: float | None = None
    path = ""
    for place, child in numbered:
        if child.status == COMPLETED and finite([child.value]):
            value = child.value or 0.0
            best = value if best is None else better(best, value)
        if best is not None:
            path += f"H{x(place)}V{y(best)}" if path else f"M{x(place)},{y(best)}"
    return path + (f"H{_WIDTH - _RIGHT}" if path else "")


def parallel_svg(sweep: Sweep, children: Sequence[Child], best: Child | None) -> str:
    """Return a line for each child through its hyperparameters to its value; the better, the stronger its colour."""
    columns = len(sweep.space)
    places = [90 + index * (_WIDTH - 130) / columns for index in range(columns + 1)]
    scales = [
        _scale(parameter, [child.hyperparameters[parameter.name] for child in children]) for parameter in sweep.space
    ]
    y = _vertical(finite(child.value for child in children), top=40)
    goodness = _goodness(sweep, children)
    lines = []
    for child in sorted(children, key=lambda each: goodness.get(each.id, -1.0)):
        spots = [
            scale.place(child.hyperparameters[parameter.name])
            for scale, parameter in zip(scales, sweep.space, strict=True)
        ]
        spots += [y(child.value or 0.0)] if child.id in goodness else []
        path = "L".join(f"{place:.1f},{spot}" for place, spot in zip(places, spots, strict=False))
        kind = "" if child.id in goodness else "missing"
        kind = "best" if best is not None and child.id == best.id else kind
        good = f"--good:{goodness.get(child.id, 0):.3f}"
        lines.append(
            f'<path class="{kind}" data-child="{escape(child_number(child))}" style="{good}" '
            f'd="M{path}"><title>{escape(_title(child))}</title></path>'
        )
    axes = [
        _parallel_axis(place, parameter.name, scale.ticks)
        for place, parameter, scale in zip(places, sweep.space, scales, strict=False)
    ]
    axes.append(_parallel_axis(places[-1], sweep.primary_metric_name, [(y(tick), number(tick)) for tick in y.ticks()]))
    return _chart("Hyperparameters of each child", f'<g class="lines">{"".join(lines)}</g>', *axes)


@attrs.frozen
class _Scale:
    """Where the values of one hyperparameter lie, and what is written beside the axis."""

    place: Callable[[Any], float]
    ticks: list[tuple[float, str]]


def _scale(parameter: Hyperparameter, values: Sequence[Any]) -> _Scale:
    """Return choices at equal distances, the numbers among them in order, and other values as numbers."""
    function = parameter.expression.function
    if function == "choice":
        options = list(dict.fromkeys(map(str, _sorted(parameter.expression.args))))
        y = _Axis(0, max(len(options) - 1, 1), _HEIGHT - _BOTTOM, 40)
        spots = {option: y(index) for index, option in enumerate(options)}
        every = math.ceil(len(options) / _LABELS)
        ticks = [(spot, option) for option, spot in list(spots.items())[::every]]
        return _Scale(lambda value: spots[str(value)], ticks)
    if "log" in function and min(values) > 0:
        y = _vertical([math.log10(value) for value in values], top=40)
        return _Scale(lambda value: y(math.log10(value)), [(y(tick), number(10**tick)) for tick in y.ticks()])
    y = _vertical([float(value) for value in values], top=40)
    return _Scale(lambda value: y(float(value)), [(y(tick), number(tick)) for tick in y.ticks()])


def _sorted(options: Sequence[Any]) -> Sequence[Any]:
    return sorted(options) if all(isinstance(option, (int, float)) for option in options) else options


def _goodness(sweep: Sweep, children: Sequence[Child]) -> dict[str, float]:
    """Return 0 for the worst child and 1 for the best, by rank: one outlier must not fade all others."""
    ranked = [child for child in children if finite([child.value])]
    ranked.sort(key=lambda child: child.value or 0.0, reverse=sweep.primary_metric_goal != MAXIMIZE)
    return {child.id: (index + 1) / len(ranked) for index, child in enumerate(ranked)}


def _parallel_axis(x: float, name: str, ticks: Sequence[tuple[float, str]]) -> str:
    labels = "".join(
        f'<text x="{x - 7:.1f}" y="{y + 4}" text-anchor="end">{escape(label[:12])}</text>' for y, label in ticks
    )
    title = f'<text class="name" x="{x:.1f}" y="22" text-anchor="middle">{escape(name[:18])}</text>'
    return f'<g class="axis"><path d="M{x:.1f},40V{_HEIGHT - _BOTTOM}"/>{title}{labels}</g>'


def curves_svg(name: str, curves: Mapping[str, Sequence[float]], best: str | None = None) -> str:
    """Return what was logged of one metric, interval by interval, a line for each run.

    Args:
        name: The metric.
        curves: What each run logged, by a short name of the run.
        best: The run whose line stands out.
    """
    longest = max(map(len, curves.values()))
    x = _Axis(1, max(longest, 2), _LEFT + 8, _WIDTH - _RIGHT - 8)
    y = _vertical(finite(value for values in curves.values() for value in values))
    order = sorted(curves, key=lambda run: run == best)
    lines = [
        f'<path class="{"best" if run == best else ""}" data-child="{escape(run)}" d="{_curve(curves[run], x, y)}">'
        f"<title>{escape(run)}</title></path>"
        for run in order
    ]
    return _chart(name, _frame(x, y, "interval"), f'<g class="lines curves">{"".join(lines)}</g>')


def _curve(values: Sequence[float], x: _Axis, y: _Axis) -> str:
    """Return a path through at most so many points, the last one among them, broken where there is no number."""
    every = math.ceil(len(values) / _POINTS)
    places = sorted({*range(0, len(values), every), len(values) - 1})
    path, pen = "", "M"
    for place in places:
        if finite([values[place]]):
            path += f"{pen}{x(place + 1)},{y(values[place])}"
            pen = "L"
        else:
            pen = "M"
    return path


def _vertical(values: Sequence[float], top: float = _TOP) -> _Axis:
    """Return a vertical axis on which the values fit, with a little room."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = (high - low) * 0.05
    if room < max(abs(high) * 1e-9, _SMALLEST):  # all equal, or nearly
        room = max(abs(high) * 0.1, _SMALLEST) if high else 1.0
    return _Axis(low - room, high + room, _HEIGHT - _BOTTOM, top)


def _frame(x: _Axis, y: _Axis, below: str) -> str:
    """Return grid lines with their numbers."""
    rows = [
        f'<path d="M{_LEFT},{y(tick)}H{_WIDTH - _RIGHT}"/><text x="{_LEFT - 8}" y="{y(tick) + 4}" '
        f'text-anchor="end">{number(tick)}</text>'
        for tick in y.ticks()
    ]
    foot = _HEIGHT - _BOTTOM + 18
    columns = [
        f'<text x="{x(tick)}" y="{foot}" text-anchor="middle">{number(tick)}</text>'
        for tick in x.ticks()
        if tick == int(tick)
    ]
    name = f'<text x="{_LEFT - 8}" y="{foot}" text-anchor="end">{below}</text>'
    return f'<g class="axis">{"".join(rows)}{"".join(columns)}{name}</g>'


def _chart(title: str, *parts: str) -> str:
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'role="img" aria-label="{escape(title)}">{"".join(parts)}</svg></figure>'
    )


def _title(child: Child) -> str:
    value = plain(child.value) if child.value is not None else "no value"
    return f"child {child_number(child)} {child.status}: {value}\n{pairs(child.hyperparameters)}"
