"""Pictures of what the SDK calls expressions, sampling, policies, metric and limits.

Not exported: users keep the SDK's own objects. :mod:`hyperdrive_retrofit.request` reads these from the
SDK's wire form (``to_json()`` of samplings and policies, ``[name, args]`` of expressions).
"""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import attrs

MAXIMIZE, MINIMIZE = "maximize", "minimize"
RANDOM, GRID, BAYESIAN = "random", "grid", "bayesian"

MOST_RUNS = 1000  # semantics 5
MOST_AT_ONCE = 100
MOST_MINUTES = 10080  # MAX_DURATION_MINUTES in train/hyperdrive/runconfig.py


@attrs.frozen
class Expression:
    """What the values of one hyperparameter are drawn from.

    Attributes:
        function: The SDK's name: ``choice``, ``randint``, ``uniform``, ``loguniform``, ...
        args: Its arguments; for ``choice`` the options themselves.
    """

    function: str
    args: tuple[Any, ...]

    @property
    def discrete(self) -> bool:
        """True when it has finitely many values that can be listed."""
        return self.function in ("choice", "randint")

    @property
    def size(self) -> float:
        """How many values it has; infinity unless it is discrete."""
        if self.function == "choice":
            return len(self.args)
        return self.args[0] if self.function == "randint" else math.inf

    def to_wire(self) -> list[Any]:
        """Return the SDK's ``[name, args]``, a new list each time."""
        args = copy.deepcopy(list(self.args))
        return [self.function, [args] if self.function == "choice" else args]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(repr, self.args))})"


@attrs.frozen
class Hyperparameter:
    """One name of the search space, as the user spelt it, and what it is drawn from."""

    name: str
    expression: Expression

    @property
    def option(self) -> str:
        """The option that each child gets: ``lr`` and ``--lr`` both become ``--lr`` (semantics 6)."""
        return "--" + self.name.lstrip("-")


@attrs.frozen
class NoTermination:
    """No early termination."""

    def __str__(self) -> str:
        return "none"


@attrs.frozen
class Bandit:
    """Stops children that fall behind the best by a factor or an amount."""

    evaluation_interval: int = 1
    delay_evaluation: int = 0
    slack_factor: float | None = None
    slack_amount: float | None = None

    def __str__(self) -> str:
        by_factor = self.slack_factor is not None
        slack = f"slack_factor={self.slack_factor}" if by_factor else f"slack_amount={self.slack_amount}"
        return f"BanditPolicy(evaluation_interval={self.evaluation_interval}, {slack}{_delay(self)})"


@attrs.frozen
class MedianStopping:
    """Stops children that are worse than the median of all running averages."""

    evaluation_interval: int = 1
    delay_evaluation: int = 0

    def __str__(self) -> str:
        return f"MedianStoppingPolicy(evaluation_interval={self.evaluation_interval}{_delay(self)})"


@attrs.frozen
class TruncationSelection:
    """Stops the worst so many percent at each interval."""

    truncation_percentage: int
    evaluation_interval: int = 1
    delay_evaluation: int = 0

    def __str__(self) -> str:
        return (
            f"TruncationSelectionPolicy(truncation_percentage={self.truncation_percentage}, "
            f"evaluation_interval={self.evaluation_interval}{_delay(self)})"
        )


Policy = NoTermination | Bandit | MedianStopping | TruncationSelection


@attrs.frozen
class Sweep:
    """A hyperparameter sweep as a value.

    Attributes:
        space: The hyperparameters, in the order given.
        sampling: ``random``, ``grid`` or ``bayesian``.
        policy: The early termination policy.
        primary_metric_name: The metric that decides.
        primary_metric_goal: ``maximize`` or ``minimize``.
        max_total_runs: At most so many children.
        max_concurrent_runs: At most so many at a time.
        max_duration_minutes: When the sweep is stopped, in minutes.
        sampling_properties: ``properties=`` of the SDK's sampling object, handed on as they are.
    """

    space: tuple[Hyperparameter, ...]
    sampling: str
    policy: Policy
    primary_metric_name: str
    primary_metric_goal: str
    max_total_runs: int
    max_concurrent_runs: int
    max_duration_minutes: int = MOST_MINUTES
    sampling_properties: Any = None

    @property
    def size(self) -> float:
        """How many different children the space has; infinity unless all of it is discrete."""
        return space_size(self.space)

    @property
    def runs(self) -> int:
        """How many children there will be (semantics 2: discrete spaces are sampled without replacement)."""
        return int(min(self.max_total_runs, self.size))

    @property
    def waves(self) -> int:
        """How often a full set of concurrent runs starts, if all runs take the same time."""
        return math.ceil(self.runs / self.max_concurrent_runs)


def space_size(space: tuple[Hyperparameter, ...]) -> float:
    """Return the number of points in a space; infinity unless all of it is discrete."""
    sizes = [parameter.expression.size for parameter in space]
    return math.inf if math.inf in sizes else math.prod(sizes)  # a large whole number times infinity is an error


def option_value(value: Any) -> str:
    """Return a hyperparameter as the child's command line has it: ``str``, structured values as JSON [A]."""
    return json.dumps(value) if isinstance(value, (dict, list, tuple)) else str(value)


def _delay(policy: Any) -> str:
    return f", delay_evaluation={policy.delay_evaluation}" if policy.delay_evaluation else ""
