"""HyperDrive's early termination: which children a policy ends (semantics 3).

Pure functions of what the children reported. A report is the list of values of the primary metric
that one child logged; its t-th value is its interval t. A policy looks at a child once at each
interval t with ``t % evaluation_interval == 0 and t >= delay_evaluation``, and sees every child
that has reached t by then, ended ones too [A]. NaN counts as worse than every number [A].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, median

from hyperdrive_retrofit.sweep import MAXIMIZE, Bandit, MedianStopping, NoTermination, Policy, TruncationSelection

Reports = Mapping[str, Sequence[float]]


def decide(policy: Policy, goal: str, reports: Reports, looked_at: Mapping[str, int] | None = None) -> set[str]:
    """Return the ids of the children that the policy ends.

    Args:
        policy: The policy.
        goal: ``maximize`` or ``minimize``.
        reports: Child id to the values that it logged so far, in the order in which the children were made.
        looked_at: Child id to the last interval that was decided before; none by default.
    """
    before = looked_at or {}
    return {
        child
        for child, values in reports.items()
        if any(stops(policy, goal, reports, child, t) for t in range(before.get(child, 0) + 1, len(values) + 1))
    }


def stops(policy: Policy, goal: str, reports: Reports, child: str, t: int) -> bool:
    """Tell whether the policy ends a child at its interval t."""
    if isinstance(policy, NoTermination) or t % policy.evaluation_interval or t < policy.delay_evaluation:
        return False
    sign = 1.0 if goal == MAXIMIZE else -1.0  # from here on more is better
    reached = {
        name: [_worst_if_nan(sign * value) for value in values[:t]]
        for name, values in reports.items()
        if len(values) >= t
    }
    own = max(reached[child])
    bests = {name: max(values) for name, values in reached.items()}
    match policy:
        case Bandit():
            return own < _allowed(policy, sign, max(bests.values()))
        case MedianStopping():
            return own < median(fmean(values) for values in reached.values())
        case TruncationSelection():
            return child in _worst(bests, policy.truncation_percentage)


def _worst_if_nan(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _allowed(policy: Bandit, sign: float, best: float) -> float:
    """Return the worst value that Bandit still allows; a factor divides when maximising, multiplies when minimising."""
    if policy.slack_factor is None:
        return best - (policy.slack_amount or 0.0)
    return best / (1 + policy.slack_factor) if sign > 0 else best * (1 + policy.slack_factor)


def _worst(bests: Mapping[str, float], percentage: int) -> list[str]:
    """Return the worst so many percent, rounded down; of equals the later child is the worse [A]."""
    latest_first = list(bests)[::-1]  # the sort is stable
    return sorted(latest_first, key=lambda name: bests[name])[: len(bests) * percentage // 100]
