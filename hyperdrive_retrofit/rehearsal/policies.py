"""HyperDrive's early termination: which children a policy ends (semantics 3).

A report is the list of values of the primary metric that one child logged; its t-th value is its interval t. A policy
looks at a child once at each interval t with ``t % evaluation_interval == 0 and t >= delay_evaluation``, and sees every
child that has reached t by then, ended ones too [A]. NaN counts as worse than every number [A].
"""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from hyperdrive_retrofit.sweep import MAXIMIZE, Bandit, MedianStopping, NoTermination, Policy, TruncationSelection

Reports = Mapping[str, Sequence[float]]


class Judge:
    """A policy with what the children reported so far; a look costs no more for many children than for few."""

    def __init__(self, policy: Policy, goal: str) -> None:
        self._policy = policy
        self._sign = 1.0 if goal == MAXIMIZE else -1.0  # inside, more is better
        self._order: dict[str, int] = {}
        self._values: dict[str, list[float]] = {}
        self._bests: dict[str, list[float]] = {}
        self._reached: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)

    def add(self, child: str) -> None:
        """Take a child in; they come in the order in which they are made."""
        if child not in self._order:
            self._order[child] = len(self._order)
            self._values[child], self._bests[child] = [], []

    def intervals(self, child: str) -> int:
        """Return how many intervals a child has reached."""
        return len(self._values[child])

    def report(self, child: str, values: Iterable[float]) -> None:
        """Take in what a child logged since its last report."""
        own, bests = self._values[child], self._bests[child]
        for value in values:
            own.append(-math.inf if math.isnan(value) else self._sign * value)
            bests.append(max(own[-1], bests[-1]) if bests else own[-1])
            if self._looks(len(own)):
                bisect.insort(self._reached[len(own)], (self._rank(child), -self._order[child]))

    def stops(self, child: str, t: int) -> bool:
        """Tell whether the policy ends a child at its interval t, by what is reported so far."""
        if not self._looks(t):
            return False
        own, reached = self._bests[child][t - 1], self._reached[t]
        match self._policy:
            case Bandit() as bandit:
                return own < _allowed(bandit, self._sign, reached[-1][0])
            case MedianStopping():
                return own < _median(reached)
            case TruncationSelection(percentage):
                # of equals the later child is the worse [A]; the number is rounded down [A]
                return bisect.bisect_left(reached, (own, -self._order[child])) < len(reached) * percentage // 100
        return False

    def _looks(self, t: int) -> bool:
        policy = self._policy
        if isinstance(policy, NoTermination):
            return False
        return t % policy.evaluation_interval == 0 and t >= policy.delay_evaluation

    def _rank(self, child: str) -> float:
        """Return what children are compared by at the interval that this one has just reached."""
        best = self._bests[child][-1]
        return _average(self._values[child], best) if isinstance(self._policy, MedianStopping) else best


def decide(policy: Policy, goal: str, reports: Reports, looked_at: Mapping[str, int] | None = None) -> set[str]:
    """Return the ids of the children that the policy ends.

    Args:
        policy: The policy.
        goal: ``maximize`` or ``minimize``.
        reports: Child id to the values that it logged so far, in the order in which the children were made.
        looked_at: Child id to the last interval that was decided before; none by default.
    """
    judge = Judge(policy, goal)
    for child, values in reports.items():
        judge.add(child)
        judge.report(child, values)
    before = looked_at or {}
    return {
        child
        for child, values in reports.items()
        if any(judge.stops(child, t) for t in range(before.get(child, 0) + 1, len(values) + 1))
    }


def _average(values: Sequence[float], best: float) -> float:
    """Return the mean, at most the best value: rounding must not put a child behind itself."""
    if not all(map(math.isfinite, values)):
        total = sum(values)
        return -math.inf if math.isnan(total) else total
    return min(math.fsum(values) / len(values), best)


def _median(ordered: Sequence[tuple[float, int]]) -> float:
    low, high = ordered[(len(ordered) - 1) // 2][0], ordered[len(ordered) // 2][0]
    return low if low == high else (low + high) / 2


def _allowed(policy: Bandit, sign: float, best: float) -> float:
    """Return the worst value that Bandit still allows; a factor divides when maximising, multiplies when minimising."""
    if policy.slack_factor is None:
        return best - (policy.slack_amount or 0.0)
    return best / (1 + policy.slack_factor) if sign > 0 else best * (1 + policy.slack_factor)
