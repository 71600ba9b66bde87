"""Early termination, against worked tables and an oracle written from semantics 3."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperdrive_retrofit.rehearsal.policies import Judge, decide
from hyperdrive_retrofit.sweep import Bandit, MedianStopping, NoTermination, TruncationSelection


class TestBandit:
    @pytest.mark.parametrize(
        ("policy", "goal", "values", "stopped"),
        [
            # the documentation's example: best 0.8, slack 0.2 (factor): 0.8 / 1.2 = 0.67
            (Bandit(slack_factor=0.2), "maximize", {"a": [0.8], "b": [0.66], "c": [0.67]}, {"b"}),
            (Bandit(slack_amount=0.2), "maximize", {"a": [0.8], "b": [0.59], "c": [0.61]}, {"b"}),
            (Bandit(slack_factor=0.2), "minimize", {"a": [1.0], "b": [1.21], "c": [1.19]}, {"b"}),
            (Bandit(slack_amount=0.2), "minimize", {"a": [1.0], "b": [1.25], "c": [1.15]}, {"b"}),
            # the best so far counts, not the last
            (Bandit(2, slack_amount=0.1), "maximize", {"a": [0.8, 0.8], "b": [0.8, 0.1]}, set()),
            # at the border it stays
            (Bandit(slack_amount=0.5), "maximize", {"a": [1.0], "b": [0.5]}, set()),
            # the ratio rule on negative values ends the best one itself: ill-defined, as documented
            (Bandit(slack_factor=1.0), "maximize", {"a": [-1.0]}, {"a"}),
        ],
    )
    def test_table(self, policy, goal, values, stopped):
        """Bandit ends what falls behind by more than the slack."""
        assert decide(policy, goal, values) == stopped


class TestMedianStopping:
    @pytest.mark.parametrize(
        ("goal", "values", "stopped"),
        [
            # running averages 1, 2, 3: the median is 2
            ("maximize", {"a": [1.0], "b": [2.0], "c": [3.0]}, {"a"}),
            ("minimize", {"a": [1.0], "b": [2.0], "c": [3.0]}, {"c"}),
            # its best value is compared with averages: 1 < median(0.5, 2, 3) is what ends a
            ("maximize", {"a": [0.0, 1.0], "b": [2.0, 2.0], "c": [3.0, 3.0]}, {"a"}),
            # alone it is never worse than its own average
            ("maximize", {"a": [3.0, 1.0]}, set()),
        ],
    )
    def test_table(self, goal, values, stopped):
        """A child ends when its best value is worse than the median of the running averages."""
        assert decide(MedianStopping(), goal, values) == stopped


class TestTruncationSelection:
    @pytest.mark.parametrize(
        ("percentage", "goal", "count", "stopped"),
        [
            (20, "maximize", 10, {"0", "1"}),
            (20, "minimize", 10, {"8", "9"}),
            (25, "maximize", 7, {"0"}),  # 1.75 rounded down
            (99, "maximize", 1, set()),  # 0.99 rounded down
        ],
    )
    def test_table(self, percentage, goal, count, stopped):
        """The worst so many percent end, rounded down."""
        values = {str(number): [float(number)] for number in range(count)}

        assert decide(TruncationSelection(percentage), goal, values) == stopped

    def test_ties(self):
        """Of equals the later child is the worse."""
        assert decide(TruncationSelection(50), "maximize", {"a": [1.0], "b": [1.0]}) == {"b"}


class TestIntervals:
    @pytest.mark.parametrize(
        ("interval", "delay", "looked"),
        [(1, 0, [1, 2, 3, 4, 5, 6]), (2, 0, [2, 4, 6]), (3, 4, [6]), (1, 4, [4, 5, 6]), (2, 3, [4, 6]), (7, 0, [])],
    )
    def test_when(self, interval, delay, looked):
        """A policy looks at multiples of the interval, from the delay on."""
        policy = Bandit(interval, delay, slack_amount=0.1)
        judge = Judge(policy, "maximize")
        for child, value in (("good", 1.0), ("bad", 0.0)):
            judge.add(child)
            judge.report(child, [value] * 6)

        assert [t for t in range(1, 7) if judge.stops("bad", t)] == looked

    def test_logs_once(self):
        """A script that logs its metric once is never ended by a policy with a larger interval."""
        assert decide(Bandit(5, slack_factor=0.2), "maximize", {"a": [1.0], "b": [0.0]}) == set()

    def test_looked_at(self):
        """What was decided before is not decided again."""
        reports = {"good": [1.0, 1.0], "bad": [0.0, 1.0]}

        assert decide(Bandit(slack_amount=0.1), "maximize", reports, {"bad": 1}) == set()

    def test_who_counts(self):
        """Only children that have reached the interval count."""
        assert decide(Bandit(2, slack_amount=0.1), "maximize", {"short": [9.0], "bad": [0.0, 0.0]}) == set()

    def test_no_termination(self):
        """Without a policy nothing ends."""
        assert decide(NoTermination(), "maximize", {"a": [1.0], "b": [-1.0]}) == set()


class TestNaN:
    def test_worse_than_numbers(self):
        """A child that logs only NaN is behind every number."""
        assert decide(Bandit(slack_amount=0.1), "maximize", {"a": [1.0], "b": [math.nan]}) == {"b"}
        assert decide(TruncationSelection(50), "minimize", {"a": [1.0], "b": [math.nan]}) == {"b"}

    def test_alone(self):
        """NaN alone is behind nothing."""
        assert decide(Bandit(slack_amount=0.1), "maximize", {"a": [math.nan]}) == set()


def oracle(policy, goal, reports):  # noqa: C901 - case by case, as the document
    """Decide as the document says it, case by case, with no code of the package."""
    maximise = goal == "maximize"

    def best(values):
        chosen = values[0]
        for value in values:
            if (value > chosen) if maximise else (value < chosen):
                chosen = value
        return chosen

    def worse(one, other):
        return one < other if maximise else one > other

    ended = set()
    for child, values in reports.items():
        for t in range(1, len(values) + 1):
            if t % policy.evaluation_interval != 0 or t < policy.delay_evaluation:
                continue
            reached = {name: other[:t] for name, other in reports.items() if len(other) >= t}
            own = best(values[:t])
            if isinstance(policy, Bandit):
                top = best([best(other) for other in reached.values()])
                if policy.slack_factor is not None:
                    limit = top / (1 + policy.slack_factor) if maximise else top * (1 + policy.slack_factor)
                else:
                    limit = top - policy.slack_amount if maximise else top + policy.slack_amount
                end = worse(own, limit)
            elif isinstance(policy, MedianStopping):
                averages = sorted(sum(other) / t for other in reached.values())
                middle = len(averages) // 2
                median = averages[middle] if len(averages) % 2 else (averages[middle - 1] + averages[middle]) / 2
                end = worse(own, median)
            else:
                names = list(reached)
                behind = [  # how many are strictly worse, or equal and made later
                    other for other in names
                    if worse(best(reached[other]), own)
                    or (best(reached[other]) == own and names.index(other) > names.index(child))
                ]  # fmt: skip
                end = len(behind) < math.floor(len(names) * policy.truncation_percentage / 100)
            if end:
                ended.add(child)
    return ended


# sixteenths: sums and means of a few are exact, so no two ways of adding differ
NUMBERS = st.integers(-64, 64).map(lambda number: number / 16)
HISTORIES = st.dictionaries(st.sampled_from("abcdefgh"), st.lists(NUMBERS, max_size=8), max_size=8)
INTERVALS = {"evaluation_interval": st.integers(1, 3), "delay_evaluation": st.integers(0, 5)}
POLICIES = st.one_of(
    st.builds(Bandit, slack_factor=st.sampled_from((0.25, 1.0)), **INTERVALS),
    st.builds(Bandit, slack_amount=st.sampled_from((0.5, 2.0)), **INTERVALS),
    st.builds(MedianStopping, **INTERVALS),
    st.builds(TruncationSelection, truncation_percentage=st.integers(1, 99), **INTERVALS),
)


@given(POLICIES, st.sampled_from(("maximize", "minimize")), HISTORIES)
def test_oracle(policy, goal, reports):
    """Over random histories the decision is the document's."""
    assert decide(policy, goal, reports) == oracle(policy, goal, reports)


@given(POLICIES, st.sampled_from(("maximize", "minimize")), HISTORIES)
def test_best_survives(policy, goal, reports):
    """The child with the best value at every interval is never ended (on values above 0)."""
    others = {child: [abs(value) for value in values] for child, values in reports.items()}
    champion = {"champion": [100.0 if goal == "maximize" else 0.0] * 8}

    assert "champion" not in decide(policy, goal, {**champion, **others})


@pytest.mark.parametrize(
    "policy", [Bandit(slack_factor=0.2), MedianStopping(), TruncationSelection(20)], ids=lambda policy: policy.__class__
)
def test_many_children(policy):
    """A judge that is told of children one by one decides as one that sees them all at its look."""
    judge, seen = Judge(policy, "maximize"), {}
    for number in range(60):
        child, values = str(number), [((number * 37 + t * 11) % 64) / 16 for t in range(5)]
        judge.add(child)
        for t, value in enumerate(values, 1):
            judge.report(child, [value])
            seen[child] = values[:t]
            expected = child in decide(
                policy, "maximize", seen, {other: 99 for other in seen if other != child} | {child: t - 1}
            )
            assert judge.stops(child, t) == expected


def test_constant_metric():
    """A child that always logs the same number is not behind its own average, however that is rounded."""
    assert decide(MedianStopping(), "maximize", {"a": [0.1] * 10}) == set()
    assert decide(MedianStopping(), "minimize", {"a": [0.1] * 10, "b": [0.1] * 10}) == set()
