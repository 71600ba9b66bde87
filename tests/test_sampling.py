"""HyperDrive's sampling."""

from __future__ import annotations

import itertools
import math
import random
import sys
from collections import Counter
from statistics import NormalDist

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.rehearsal.sampling import draw, sampler
from hyperdrive_retrofit.sweep import Expression, Hyperparameter, NoTermination, Sweep, option_value

DRAWS = 4000


def make_sweep(space, sampling="random"):
    """Return a sweep over a dict of expressions."""
    parameters = tuple(Hyperparameter(name, expression) for name, expression in space.items())
    return Sweep(parameters, sampling, NoTermination(), "m", "maximize", 20, 4)


def choice(*options):
    """Return the picture of ``choice``."""
    return Expression("choice", options)


def values_of(expression, seed=1, draws=DRAWS):
    """Return many draws."""
    rng = random.Random(seed)  # noqa: S311 - samples, not secrets
    return [draw(expression, rng) for _ in range(draws)]


def chi_square(counts, expected):
    """Return the statistic for counted and expected cells."""
    return sum((counts[cell] - want) ** 2 / want for cell, want in expected.items())


def bound(cells):
    """Return what a chi-square with so many cells exceeds once in about a hundred thousand times (Wilson-Hilferty)."""
    freedom = cells - 1
    return freedom * (1 - 2 / (9 * freedom) + 4.26 * math.sqrt(2 / (9 * freedom))) ** 3


def distance(values, cdf):
    """Return the Kolmogorov-Smirnov statistic, scaled: above 2.3 once in about fifty thousand times."""
    ordered = sorted(values)
    n = len(ordered)
    gap = max(max((i + 1) / n - cdf(x), cdf(x) - i / n) for i, x in enumerate(ordered))
    return gap * math.sqrt(n)


class TestGrid:
    def test_order(self):
        """A grid is row-major: the last name runs fastest."""
        samples = list(sampler(make_sweep({"a": choice(1, 2), "b": choice("x", "y")}, "grid"), seed=5))

        assert samples == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]

    def test_seed(self):
        """A grid does not depend on the seed."""
        sweep = make_sweep({"a": choice(1, 2, 3)}, "grid")

        assert list(sampler(sweep, seed=1)) == list(sampler(sweep, seed=2))


class TestRandomDiscrete:
    @given(
        st.lists(
            st.one_of(st.integers(1, 4), st.lists(st.text(max_size=3), min_size=1, max_size=4)), min_size=1, max_size=3
        ),
        st.integers(0, 1000),
    )
    def test_every_point_once(self, sizes, seed):
        """A discrete space is sampled without replacement, to its last point."""
        expressions = [Expression("randint", (each,)) if isinstance(each, int) else choice(*each) for each in sizes]
        space = {f"p{number}": expression for number, expression in enumerate(expressions)}
        options = [range(each.args[0]) if each.function == "randint" else each.args for each in expressions]

        samples = [tuple(sample.values()) for sample in sampler(make_sweep(space), seed)]

        assert Counter(samples) == Counter(itertools.product(*options))

    def test_names_in_order(self):
        """A sample has the names in the order of the space."""
        space = {"z": choice(1, 2), "a": choice(3), "--m": Expression("randint", (2,))}

        assert list(next(sampler(make_sweep(space), seed=0))) == ["z", "a", "--m"]

    def test_first_is_uniform(self):
        """Every point is as likely to be the first one."""
        sweep = make_sweep({"a": choice(1, 2, 3), "b": choice("x", "y")})

        counts = Counter(tuple(next(sampler(sweep, seed)).values()) for seed in range(3000))

        assert chi_square(counts, dict.fromkeys(itertools.product((1, 2, 3), "xy"), 500)) < bound(6)

    def test_huge_space(self):
        """A space too large to be listed is sampled all the same."""
        space = {name: Expression("randint", (10**9,)) for name in "abcd"}

        samples = [tuple(each.values()) for each in itertools.islice(sampler(make_sweep(space), seed=3), 100)]

        assert len(set(samples)) == 100


CONTINUOUS = {"lr": Expression("loguniform", (-6, -1)), "n": Expression("randint", (3,))}


class TestRandomContinuous:
    def test_never_ends(self):
        """A space with a continuous part gives as many samples as are asked for."""
        assert len(list(itertools.islice(sampler(make_sweep(CONTINUOUS), seed=0), 500))) == 500

    def test_same_seed(self):
        """The same seed gives the same samples."""
        first, second = (list(itertools.islice(sampler(make_sweep(CONTINUOUS), seed=7), 20)) for _ in range(2))

        assert first == second

    def test_other_seed(self):
        """Another seed gives other samples."""
        first, second = (next(sampler(make_sweep(CONTINUOUS), seed)) for seed in (1, 2))

        assert first != second


@pytest.mark.parametrize(
    ("expression", "cdf"),
    [
        (Expression("uniform", (-1, 3)), lambda x: (x + 1) / 4),
        (Expression("loguniform", (-6, -1)), lambda x: (math.log(x) + 6) / 5),
        (Expression("normal", (2, 3)), NormalDist(2, 3).cdf),
        (Expression("lognormal", (0, 0.5)), lambda x: NormalDist(0, 0.5).cdf(math.log(x))),
    ],
    ids=str,
)
def test_continuous_distribution(expression, cdf):
    """Draws follow the distribution (Kolmogorov-Smirnov)."""
    assert distance(values_of(expression), cdf) < 2.3


@pytest.mark.parametrize(
    ("expression", "cdf"),
    [
        (Expression("quniform", (0, 10, 3)), lambda x: min(max(x / 10, 0), 1)),
        (Expression("qloguniform", (0, 3, 2)), lambda x: min(max(math.log(x) / 3, 0), 1) if x > 0 else 0),
        (Expression("qnormal", (0, 4, 2)), NormalDist(0, 4).cdf),
        (Expression("qlognormal", (1, 0.4, 1)), lambda x: NormalDist(1, 0.4).cdf(math.log(x)) if x > 0 else 0),
    ],
    ids=str,
)
def test_quantised_distribution(expression, cdf):
    """Draws lie on multiples of q, each as likely as its cell (chi-square over cells that are not rare)."""
    q = expression.args[-1]
    counts = Counter(values_of(expression))
    cells = {k * q: DRAWS * (cdf(k * q + q / 2) - cdf(k * q - q / 2)) for k in range(-20, 20)}
    expected = {cell: want for cell, want in cells.items() if want >= 20}

    assert all(isinstance(value, float) and value % q == 0 for value in counts)
    assert chi_square(counts, expected) < bound(len(expected))


@pytest.mark.parametrize(
    ("expression", "values"), [(choice("a", 2, True), ("a", 2, True)), (Expression("randint", (5,)), range(5))], ids=str
)
def test_discrete_distribution(expression, values):
    """Every option is as likely."""
    expected = dict.fromkeys(values, DRAWS / len(values))

    assert chi_square(Counter(values_of(expression)), expected) < bound(len(expected))


def test_quniform_may_leave_its_bounds():
    """Rounding is not clipped: quniform(0, 10, 3) never gives 10, quniform(0, 11, 3) gives 12 now and then."""
    assert max(values_of(Expression("quniform", (0, 10, 3)))) == 9
    assert max(values_of(Expression("quniform", (0, 11, 3)))) == 12


def test_types_stay():
    """Whole numbers and booleans stay what they are."""
    sample = next(sampler(make_sweep({"a": choice(True), "b": choice(3), "c": Expression("randint", (1,))}), seed=0))

    assert [type(value) for value in sample.values()] == [bool, int, int]


def test_unknown_sampling():
    """A sampling that does not exist is refused."""
    with pytest.raises(ValueError, match="'sobol'"):
        sampler(make_sweep({"a": choice(1)}, "sobol"), seed=0)


class TestBayesian:
    SPACE = {  # noqa: RUF012 - never changed
        "a": choice("x", "y"),
        "b": choice(1, 2, 3),
        "c": Expression("uniform", (-1, 1)),
        "d": Expression("quniform", (0, 10, 4)),
    }

    def test_without_optuna(self, monkeypatch):
        """Without Optuna the error says what to install."""
        monkeypatch.setitem(sys.modules, "optuna", None)
        with pytest.raises(errors.MissingExtraError, match=r'pip install "hyperdrive-retrofit\[optuna\]"'):
            sampler(make_sweep(self.SPACE, "bayesian"), seed=0)

    def test_values(self):
        """Every value is one of its expression, and a choice keeps its type."""
        pytest.importorskip("optuna")
        samples = list(itertools.islice(sampler(make_sweep(self.SPACE, "bayesian"), seed=0), 40))

        assert {sample["a"] for sample in samples} == {"x", "y"}
        assert {(type(sample["b"]), sample["b"]) for sample in samples} == {(int, 1), (int, 2), (int, 3)}
        assert all(-1 <= sample["c"] <= 1 for sample in samples)
        assert {sample["d"] for sample in samples} == {0.0, 4.0, 8.0}

    @pytest.mark.parametrize("goal", ["maximize", "minimize"])
    def test_learns(self, goal):
        """Told what the others reached, later children come nearer to the best place than earlier ones."""
        pytest.importorskip("optuna")
        sweep = attrs.evolve(make_sweep({"x": Expression("uniform", (0, 10))}, "bayesian"), primary_metric_goal=goal)
        sign = 1 if goal == "minimize" else -1
        samples = sampler(sweep, seed=1)
        distances = []
        for sample in itertools.islice(samples, 40):
            distances.append(abs(sample["x"] - 3))
            samples.learn(sample, sign * distances[-1])

        assert sum(distances[-10:]) < sum(distances[:10]) / 2

    def test_learns_from_others(self):
        """It takes in children that it did not suggest itself, and those that reached nothing."""
        pytest.importorskip("optuna")
        samples = sampler(make_sweep({"x": Expression("uniform", (0, 10))}, "bayesian"), seed=1)
        samples.learn({"x": 4.0}, 1.0)
        samples.learn({"x": 5.0}, None)
        samples.learn(next(samples), None)

        assert 0 <= next(samples)["x"] <= 10

    def test_seed(self):
        """Asked and told alike, the same seed gives the same children."""
        pytest.importorskip("optuna")
        sweep = make_sweep(self.SPACE, "bayesian")

        assert list(itertools.islice(sampler(sweep, "s"), 5)) == list(itertools.islice(sampler(sweep, "s"), 5))

    def test_other_expressions(self):
        """What the SDK refuses for it is refused here too."""
        pytest.importorskip("optuna")
        with pytest.raises(ValueError, match="Bayesian sampling takes no normal"):
            sampler(make_sweep({"x": Expression("normal", (0, 1))}, "bayesian"), seed=0)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (True, "True"), (3, "3"), ("a b", "a b"), ({"k": 1}, '{"k": 1}'), ([1, 2], "[1, 2]")],
)
def test_option_value(value, text):
    """A child gets texts; structured options as JSON."""
    assert option_value(value) == text
