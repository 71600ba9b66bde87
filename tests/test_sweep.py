"""Search spaces, samplings, policies, metrics and limits: read as the SDK writes them, refused as the SDK refuses them."""

from __future__ import annotations

import json
import math

import azureml.core
import numpy as np
import pytest
from azureml.train import hyperdrive
from azureml.train.hyperdrive import (
    BanditPolicy,
    BayesianParameterSampling,
    GridParameterSampling,
    MedianStoppingPolicy,
    NoTerminationPolicy,
    PrimaryMetricGoal,
    RandomParameterSampling,
    TruncationSelectionPolicy,
)
from azureml.train.hyperdrive.exceptions import HyperDriveConfigException
from hypothesis import given
from hypothesis import strategies as st

from hyperdrive_retrofit import request
from hyperdrive_retrofit.sweep import (
    BAYESIAN,
    GRID,
    RANDOM,
    Bandit,
    Expression,
    Hyperparameter,
    MedianStopping,
    NoTermination,
    Sweep,
    TruncationSelection,
    space_size,
)

assert azureml.core  # first: azureml.train.hyperdrive imported alone complains about circular imports

NUMBERS = st.one_of(st.integers(-1000, 1000), st.floats(-700, 700, allow_nan=False))
OPTIONS = st.one_of(
    st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(), st.booleans(), st.none()
)
SDK = {name: getattr(hyperdrive, name) for name in
       ("choice", "randint", "uniform", "quniform", "loguniform", "qloguniform", "normal", "qnormal", "lognormal", "qlognormal")}  # fmt: skip


@st.composite
def calls(draw):
    """Draw a call of one of the SDK's functions, most of them valid and some not."""
    name = draw(st.sampled_from([name for name in SDK if name != "choice"]))
    count = 1 if name == "randint" else 3 if name.startswith("q") else 2
    odd = st.one_of(NUMBERS, st.booleans(), st.none(), st.text(max_size=2), st.floats())
    usual = st.integers(1, 50) if name == "randint" or draw(st.booleans()) else NUMBERS
    return name, draw(st.lists(st.one_of(usual, usual, usual, odd), min_size=count, max_size=count))


def sdk_refuses(name, args):
    """Return whether the SDK's own function refuses the arguments."""
    try:
        SDK[name](*args)
    except HyperDriveConfigException:
        return True
    return False


class TestExpressions:
    @given(call=calls())
    def test_what_the_sdk_refuses_is_refused_and_what_it_writes_is_read(self, call):
        """Whatever is read comes back as the SDK's own wire form; whatever the SDK refuses is refused with a sentence."""
        name, args = call
        read = request.read_expression([name, args])
        if isinstance(read, str):
            assert read.endswith(".")
            assert name in read
            return
        assert not sdk_refuses(name, args)
        assert read == Expression(name, tuple(args))
        assert read.to_wire() == SDK[name](*args)
        assert request.read_expression(read.to_wire()) == read

    @given(call=calls())
    def test_more_than_the_sdk_is_refused_only_for_known_reasons(self, call):
        """Beyond the SDK only these are refused: q = 0, booleans, what is not finite, exponents beyond a float."""
        name, args = call
        if isinstance(request.read_expression([name, args]), str) and not sdk_refuses(name, args):
            booleans = any(isinstance(arg, bool) for arg in args)
            infinite = any(isinstance(arg, float) and not math.isfinite(arg) for arg in args)
            q_not_positive = name.startswith("q") and args[2] <= 0
            too_large = name in ("loguniform", "qloguniform") and args[1] > 709
            assert booleans or infinite or q_not_positive or too_large

    @given(options=st.lists(OPTIONS, min_size=1, max_size=5))
    def test_choices_come_back(self, options):
        """A choice is read alike from the SDK's function, from a list, and from its own wire form."""
        read = request.read_expression(SDK["choice"](*options))
        assert read == Expression("choice", tuple(options))
        assert read.to_wire() == SDK["choice"](*options)
        assert request.read_expression(read.to_wire()) == read
        assert read.size == len(options)

    @pytest.mark.parametrize(
        ("given", "options"),
        [
            ([0.1, 0.2], (0.1, 0.2)),
            (range(2, 8, 2), (2, 4, 6)),
            (np.array([1, 2]), (1, 2)),
            (np.linspace(0, 1, 3), (0.0, 0.5, 1.0)),
            ([np.int64(3), np.float32(0.5)], (3, 0.5)),
            (["choice", [["a", "b"]]], ("a", "b")),
            (["choice", "uniform"], ("choice", "uniform")),
            (["uniform", "normal"], ("uniform", "normal")),
            (SDK["choice"]([1, 2]), (1, 2)),
            (SDK["choice"](range(3)), (0, 1, 2)),
            (SDK["choice"]((1, 2), (3, 4)), ((1, 2), (3, 4))),
            (SDK["choice"]({"a": 1}), ({"a": 1},)),
            ([[1, 2], [3]], ([1, 2], [3])),
        ],
    )
    def test_plain_options_are_a_choice(self, given, options):
        """Lists, ranges and arrays are choices, with NumPy's numbers made Python's own."""
        read = request.read_expression(given)
        assert read == Expression("choice", options)
        assert [type(option) for option in read.args] == [type(option) for option in options]
        json.dumps(read.to_wire())

    def test_numpy_scalars_among_arguments(self):
        """NumPy's numbers are taken wherever the SDK's functions take a number."""
        assert request.read_expression(SDK["uniform"](np.float64(0.1), np.float64(0.2))) == Expression(
            "uniform", (0.1, 0.2)
        )
        assert request.read_expression(["uniform", [np.float32(0.5), np.int64(2)]]) == Expression("uniform", (0.5, 2))

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            (0.1, "0.1 is a bare value"),
            ("adam", "'adam' is a bare value"),
            ((0.1, 0.2), "(0.1, 0.2) is a tuple, which is one value"),
            (None, "None is a bare value"),
            (np.float64(0.5), "0.5 is a bare value"),
            ([], "choice of nothing"),
            (np.array([]), "choice of nothing"),
            (["choice", [[]]], "choice of nothing"),
            (["choice", [1, 2]], "choice() takes one list"),
            ([float("nan")], "nan of type float cannot be sent"),
            ([[1, float("inf")]], "cannot be sent"),
            ([object], "of type type cannot be sent"),
            ([{1, 2}], "{1, 2} of type set cannot be sent"),
            (["uniform", [1]], "uniform() takes min_value, max_value, and not 1 argument."),
            (["uniform", [1, 2, 3]], "and not 3 arguments."),
            (["uniform", [2, 1]], "uniform(min_value=2, max_value=1) has no value."),
            (["uniform", [1, 1]], "has no value"),
            (["uniform", [True, 2]], "uniform(min_value=True) is not a number."),
            (["uniform", ["0", 1]], "uniform(min_value='0') is not a number."),
            (["uniform", [0, float("inf")]], "uniform(max_value=inf) is not a number."),
            (["quniform", [0, 10, 0]], "quniform(q=0) needs a whole number above 0"),
            (["quniform", [0, 10, 0.5]], "quniform(q=0.5) needs a whole number above 0"),
            (["qnormal", [0, 10, -1]], "qnormal(q=-1) needs a whole number above 0"),
            (["normal", [0, -1]], "normal(sigma=-1) is negative."),
            (["randint", [0]], "randint(upper=0) needs a whole number above 0."),
            (["randint", [2.5]], "randint(upper=2.5) needs a whole number above 0."),
            (["loguniform", [1, 1000]], "its bounds are exponents, and exp(1000) is too large"),
        ],
    )
    def test_what_is_wrong_is_said(self, given, says):
        """Each mistake has its own sentence, with the value in it."""
        assert says in request.read_expression(given)

    @pytest.mark.parametrize(
        "given", [["loguniform", [1, 1]], ["quniform", [0, 10, 2.0]], ["normal", [0, 0]], ["randint", [1]]]
    )
    def test_limits_that_the_sdk_takes(self, given):
        """The edges of what the SDK takes are taken."""
        assert request.read_expression(given) == Expression(given[0], tuple(given[1]))

    def test_wire_form_is_new_each_time(self):
        """Whoever changes a wire form changes neither the expression nor the next wire form."""
        given = [[1, 2], {"a": 3}]
        read = request.read_expression(given)
        read.to_wire()[1][0][0].append("changed")
        given[1]["a"] = "changed"
        assert read.to_wire() == ["choice", [[[1, 2], {"a": 3}]]]


class TestSizes:
    @pytest.mark.parametrize(
        ("space", "size"),
        [
            ({"a": [1, 2, 3]}, 3),
            ({"a": [1, 2, 3], "b": SDK["randint"](4)}, 12),
            ({"a": [1, 2], "b": SDK["uniform"](0, 1)}, math.inf),
            ({"a": SDK["quniform"](0, 10, 1)}, math.inf),
        ],
    )
    def test_size_of_a_space(self, space, size):
        """A space has as many points as its discrete expressions give, infinitely many with a continuous one."""
        assert space_size(request.read_space(space)[0]) == size

    @given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4), limit=st.integers(1, 1000))
    def test_runs_never_exceed_space_or_limit(self, sizes, limit):
        """There are as many children as the limit or the discrete space allows."""
        space = tuple(Hyperparameter(f"p{index}", Expression("randint", (size,))) for index, size in enumerate(sizes))
        sweep = Sweep(space, RANDOM, NoTermination(), "m", "maximize", limit, 1)
        assert sweep.runs == min(limit, math.prod(sizes))

    def test_discrete(self):
        """A choice and a randint can be listed, the others not."""
        discrete = {name for name in SDK if Expression(name, (1, 2, 3)).discrete}
        assert discrete == {"choice", "randint"}

    def test_option_of_a_hyperparameter(self):
        """'lr' and '--lr' are both given as --lr."""
        expression = Expression("choice", (1,))
        assert Hyperparameter("lr", expression).option == Hyperparameter("--lr", expression).option == "--lr"


class TestSamplings:
    @pytest.mark.parametrize(
        ("given", "sampling"),
        [
            (RandomParameterSampling({"lr": [1, 2]}), RANDOM),
            (GridParameterSampling({"lr": SDK["choice"](1, 2)}), GRID),
            (BayesianParameterSampling({"lr": SDK["choice"](1, 2)}), BAYESIAN),
        ],
    )
    def test_sdk_objects_are_read(self, given, sampling):
        """All three sampling objects give their kind and their space."""
        space, found, properties, problems = request.read_space(given)
        assert (space, found, properties, problems) == (
            (Hyperparameter("lr", Expression("choice", (1, 2))),),
            sampling,
            None,
            [],
        )

    def test_properties_are_handed_on(self):
        """A sampling object's properties are kept as they are."""
        given = RandomParameterSampling({"lr": SDK["uniform"](0, 1)}, properties={"seed": 3})
        assert request.read_space(given)[2] == {"seed": 3}

    @given(call=calls(), sampling=st.sampled_from([GRID, BAYESIAN]))
    def test_spaces_are_refused_as_the_sdk_refuses_them(self, call, sampling):
        """A space suits a sampling exactly when the SDK's own sampling object takes it."""
        name, args = call
        expression = request.read_expression([name, args])
        if isinstance(expression, str):
            return
        make = {GRID: GridParameterSampling, BAYESIAN: BayesianParameterSampling}[sampling]
        _, problems = request.choose_sampling(sampling, None, (Hyperparameter("x", expression),))
        assert bool(problems) == self._sdk_refuses(make, expression)

    @pytest.mark.parametrize("args", [(1, 9, 2), (1, 9, 2.0), (1.0, 9, 2), (0, 100_000, 1), (0, 100_001, 1)])
    def test_whole_numbers_suit_bayesian_as_in_the_sdk(self, args):
        """Bayesian sampling takes quniform() of whole numbers with at most 100000 points, as the SDK does."""
        expression = Expression("quniform", args)
        _, problems = request.choose_sampling(BAYESIAN, None, (Hyperparameter("x", expression),))
        assert bool(problems) == self._sdk_refuses(BayesianParameterSampling, expression)

    @given(
        options=st.lists(
            st.one_of(st.integers(), st.floats(-1, 1), st.text(), st.booleans(), st.none()), min_size=1, max_size=4
        )
    )
    def test_choices_suit_bayesian_as_in_the_sdk(self, options):
        """Bayesian sampling takes a choice exactly when the SDK does."""
        expression = Expression("choice", tuple(options))
        _, problems = request.choose_sampling(BAYESIAN, None, (Hyperparameter("x", expression),))
        assert bool(problems) == self._sdk_refuses(BayesianParameterSampling, expression)

    @staticmethod
    def _sdk_refuses(make, expression):
        try:
            make({"x": expression.to_wire()})
        except HyperDriveConfigException:
            return True
        return False

    def test_names_in_any_case(self):
        """The sampling's name is taken in any case; none means random."""
        assert request.choose_sampling("Grid", None, ()) == (GRID, [])
        assert request.choose_sampling(None, None, ()) == (RANDOM, [])
        assert request.choose_sampling(None, BAYESIAN, ()) == (BAYESIAN, [])


class TestPolicies:
    @pytest.mark.parametrize(
        ("given", "read", "text"),
        [
            (None, NoTermination(), "none"),
            (NoTerminationPolicy(), NoTermination(), "none"),
            (BanditPolicy(slack_factor=0.2), Bandit(1, 0, 0.2), "BanditPolicy(evaluation_interval=1, slack_factor=0.2)"),
            (BanditPolicy(2, slack_amount=3, delay_evaluation=4), Bandit(2, 4, None, 3),
             "BanditPolicy(evaluation_interval=2, slack_amount=3, delay_evaluation=4)"),
            (BanditPolicy(slack_factor=np.float64(0.5)), Bandit(1, 0, 0.5), "BanditPolicy(evaluation_interval=1, slack_factor=0.5)"),
            (MedianStoppingPolicy(3, 4), MedianStopping(3, 4), "MedianStoppingPolicy(evaluation_interval=3, delay_evaluation=4)"),
            (TruncationSelectionPolicy(20, 3), TruncationSelection(20, 3),
             "TruncationSelectionPolicy(truncation_percentage=20, evaluation_interval=3)"),
        ],
    )  # fmt: skip
    def test_sdk_policies_are_read(self, given, read, text):
        """Each of the SDK's policies is read with its settings and prints as its author would write it."""
        assert request.read_policy(given, RANDOM) == (read, [])
        assert str(read) == text

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            (BanditPolicy(slack_factor=-0.1), "slack must be above 0"),
            (BanditPolicy(slack_amount=float("nan")), "slack must be above 0"),
            (BanditPolicy(slack_factor=0), "slack must be above 0"),
            (BanditPolicy(0, slack_factor=0.1), "an interval is at least 1"),
            (MedianStoppingPolicy(1, -1), "a delay at least 0"),
            ("bandit", "policy= is 'bandit', which is no early termination policy."),
            (BanditPolicy, "policy= is the class BanditPolicy, which is no early"),
            (RandomParameterSampling({"lr": [1]}), "policy= is an object of type RandomParameterSampling, which"),
        ],
    )
    def test_what_is_no_policy(self, given, says):
        """What the SDK takes silently, or what is no policy, is refused without a memory address."""
        policy, problems = request.read_policy(given, RANDOM)
        assert policy == NoTermination()
        assert [problem.code for problem in problems] == ["HR008"]
        assert says in problems[0].message

    def test_no_termination_suits_bayesian(self):
        """Only a policy that terminates is refused beside Bayesian sampling."""
        assert request.read_policy(NoTerminationPolicy(), BAYESIAN) == (NoTermination(), [])
        assert request.read_policy(MedianStoppingPolicy(), BAYESIAN)[1][0].code == "HR008"


class TestGoals:
    @pytest.mark.parametrize("given", ["maximize", "MAXIMIZE", PrimaryMetricGoal.MAXIMIZE])
    def test_goals_are_read(self, given):
        """A goal is a text in any case or the SDK's enum, and then the metric's name is not asked."""
        assert request.read_goal(given, "loss") == ("maximize", [])

    def test_none_is_maximize_unless_it_sounds_like_a_loss(self):
        """Without a goal a loss asks for one, everything else is maximised."""
        assert request.read_goal(None, "F_1") == ("maximize", [])
        _, problems = request.read_goal(None, "val_loss")
        assert problems[0].message == "The metric 'val_loss' looks like something to minimise ('loss')."
        assert request.read_goal(None, "neg_log_loss") == ("maximize", [])

    @pytest.mark.parametrize(
        ("metric", "word"),
        [
            ("loss", "loss"), ("val_loss", "loss"), ("valLoss", "loss"), ("Loss", "loss"), ("LOSS", "loss"), ("L1loss", "loss"),
            ("test/loss", "loss"), ("validation loss", "loss"), ("loss_2", "loss"), ("MSE", "mse"), ("valMSE", "mse"), ("RMSEScore", "rmse"),
            ("mean_absolute_error", "error"), ("top1err", "err"), ("log_loss", "loss"), ("logloss", "logloss"),
            ("cross-entropy", "crossentropy"), ("crossEntropy", "crossentropy"), ("Perplexity", "perplexity"), ("WER", "wer"), ("mae@10", "mae"),
            ("F_1", None), ("accuracy", None), ("auc", None), ("AUC_weighted", None), ("R2", None), ("precision", None), ("recall", None),
            ("glossary_hits", None), ("floss", None), ("merit", None), ("power", None), ("maestro", None), ("terror_detected", None),
            ("closeness", None), ("", None), ("reward", None), ("mAP", None), ("entropy", None),
        ],
    )  # fmt: skip
    def test_loss_words(self, metric, word):
        """A loss is a whole word of the metric's name, however that is written."""
        assert request.loss_word(metric) == word


class TestLimits:
    SPACE = request.read_space({"a": [1, 2, 3], "b": [1, 2]})[0]
    ENDLESS = request.read_space({"a": SDK["uniform"](0, 1)})[0]

    @pytest.mark.parametrize(
        ("space", "sampling", "given", "limits"),
        [
            (SPACE, GRID, (None, None, None), (6, 4, 10080)),
            (SPACE, RANDOM, (None, None, None), (6, 4, 10080)),
            (ENDLESS, RANDOM, (None, None, None), (20, 4, 10080)),
            (ENDLESS, RANDOM, (3, None, None), (3, 3, 10080)),
            (ENDLESS, RANDOM, (1000, 100, 1), (1000, 100, 1)),
            (SPACE, RANDOM, (5, 2, 60), (5, 2, 60)),
            (SPACE, GRID, (300, 4, None), (300, 4, 10080)),
            (ENDLESS, RANDOM, (np.int64(7), None, None), (7, 4, 10080)),
        ],
    )
    def test_limits_are_chosen(self, space, sampling, given, limits):
        """What is not given is the size of a grid or small space, else 20; four at a time; the SDK's own duration."""
        assert request.choose_limits(space, sampling, *given) == (limits, [])

    @pytest.mark.parametrize("value", [0, -1, 1001, 2.0, "5", True, float("inf")])
    @pytest.mark.parametrize("name", ["max_total_runs", "max_concurrent_runs", "max_duration_minutes"])
    def test_limits_out_of_range(self, name, value):
        """A limit is a whole number in the service's range; True is none."""
        most = {"max_total_runs": 1000, "max_concurrent_runs": 100, "max_duration_minutes": 10080}[name]
        value = most + 1 if value == 1001 else value
        given = {"max_total_runs": None, "max_concurrent_runs": None, "max_duration_minutes": None, name: value}
        _, problems = request.choose_limits(self.ENDLESS, RANDOM, **given)
        assert [(problem.code, problem.where) for problem in problems] == [("HR010", name)]
        assert problems[0].message == f"{name}={value!r} is not a whole number from 1 to {most}."

    def test_grids_beyond_their_limit(self):
        """A grid above 1000 points or above a given limit would silently not run whole."""
        big = request.read_space({"a": list(range(40)), "b": list(range(40))})[0]
        assert (
            "The grid has 1600 points, more than 1000"
            in request.choose_limits(big, GRID, None, None, None)[1][0].message
        )
        assert (
            "The grid has 6 points, more than 5" in request.choose_limits(self.SPACE, GRID, 5, None, None)[1][0].message
        )
        assert request.choose_limits(big, RANDOM, None, None, None) == ((20, 4, 10080), [])


def test_close_match():
    """A close name is offered, nothing otherwise."""
    assert request.close_match("trian", ["train", "evaluate"]) == " (did you mean 'train'?)"
    assert request.close_match("x", ["train"]) == ""
