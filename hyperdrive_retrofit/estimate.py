"""What a sweep takes and costs, in plain arithmetic that its reader can follow.

All runs take the same time, and waves follow each other at once. How many runs an early termination policy
saves is not guessed.
"""

from __future__ import annotations

import math
from typing import Any

import attrs

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.graph import Step
from hyperdrive_retrofit.sweep import Sweep

_COMPLETED = "Completed"


@attrs.frozen
class Estimate:
    """What a sweep takes and costs. Print it to read it.

    Attributes:
        step: Name of the step that is tuned.
        runs: How many children there are.
        at_once: How many run at a time.
        nodes_per_run: Nodes of one child.
        minutes_per_run: How long one child runs.
        most_minutes: When the sweep is stopped (``max_duration_minutes``).
        price_per_node_hour: What a node costs; None when it was not given.
        measured: How many rehearsed children the minutes are the mean of; None when they were given.
    """

    step: str
    runs: int
    at_once: int
    nodes_per_run: int
    minutes_per_run: float
    most_minutes: int
    price_per_node_hour: float | None = None
    measured: int | None = None

    @property
    def waves(self) -> int:
        """How often a full set of concurrent runs starts."""
        return math.ceil(self.runs / self.at_once)

    @property
    def capped(self) -> bool:
        """Whether ``max_duration_minutes`` stops the sweep before all runs have ended."""
        return self.waves * self.minutes_per_run > self.most_minutes

    @property
    def minutes(self) -> float:
        """Minutes by the clock: waves x minutes of a run, or ``max_duration_minutes`` if that is less."""
        return min(self.waves * self.minutes_per_run, float(self.most_minutes))

    @property
    def ended_runs(self) -> int:
        """How many runs end before ``max_duration_minutes`` stops the sweep."""
        return min(self.runs, self._full_waves * self.at_once)

    @property
    def node_hours(self) -> float:
        """Hours of all nodes together: of the runs that end, and of those that are stopped until then."""
        stopped = min(self.at_once, self.runs - self.ended_runs)
        minutes = self.ended_runs * self.minutes_per_run
        minutes += stopped * (self.minutes - self._full_waves * self.minutes_per_run)
        return minutes * self.nodes_per_run / 60

    @property
    def cost(self) -> float | None:
        """Node hours x price; None without a price."""
        return None if self.price_per_node_hour is None else self.node_hours * self.price_per_node_hour

    @property
    def _full_waves(self) -> int:
        # by division, rounded a little up: 6 minutes hold 60 runs of 0.1
        return min(self.waves, int(self.most_minutes / self.minutes_per_run + 1e-9)) if self.capped else self.waves

    def __str__(self) -> str:
        from hyperdrive_retrofit.render import estimate  # the listed exception: see docs/architecture.md

        return estimate.estimate_text(self)

    def _repr_html_(self) -> str:
        from hyperdrive_retrofit.render import estimate

        return estimate.estimate_html(self)


def make_estimate(
    step: Step, sweep: Sweep, minutes_per_run: float | None, price_per_node_hour: float | None, rehearsal: Any
) -> Estimate:
    """Return the estimate for a sweep over a step; for the arguments see ``Plan.estimate``."""
    measured = None
    if (minutes_per_run is None) == (rehearsal is None):
        both = "Both minutes_per_run= and rehearsal= are" if rehearsal is not None else "No minutes_per_run= is"
        message = f"{both} given. Give the minutes that one run takes, or a rehearsal to take them from."
        raise errors.EstimateError(message)
    if rehearsal is not None:
        minutes_per_run, measured = _measured(rehearsal, step)
    return Estimate(
        step=step.name,
        runs=sweep.runs,
        at_once=sweep.max_concurrent_runs,
        nodes_per_run=step.compute.node_count,
        minutes_per_run=_number("minutes_per_run", minutes_per_run, above_zero=True),
        most_minutes=sweep.max_duration_minutes,
        price_per_node_hour=None
        if price_per_node_hour is None
        else _number("price_per_node_hour", price_per_node_hour),
        measured=measured,
    )


def _measured(rehearsal: Any, step: Step) -> tuple[float, int]:
    """Return the mean minutes of the completed children of a rehearsed sweep, and how many they are."""
    children = getattr(rehearsal, "children", None)
    if children is None:
        message = f"rehearsal= takes what rehearse() returns, not an object of type {type(rehearsal).__name__}."
        raise errors.EstimateError(message)
    own = [child for child in children if child.step == step.key]
    spans = [
        (child.ended - child.started).total_seconds()
        for child in own
        if child.status == _COMPLETED and child.started is not None and child.ended is not None
    ]
    if not spans:
        seen = f"{len(own)} of it, none completed" if own else "none of it"
        message = (
            f"The rehearsal has no completed child of step '{step.name}' ({seen}). Rehearse the tuned pipeline, "
            f"or give minutes_per_run=."
        )
        raise errors.EstimateError(message)
    return sum(spans) / len(spans) / 60, len(spans)


def _number(name: str, given: Any, *, above_zero: bool = False) -> float:
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given)
    if is_number and (given > 0 or (given == 0 and not above_zero)):
        return float(given)
    wanted = "a number above 0" if above_zero else "a number, 0 or above"
    message = f"{name}={given!r} is not {wanted}. For example {name}=12.5."
    raise errors.EstimateError(message)
