"""Pictures of what the SDK calls expressions, sampling, policies, metric and limits.

Not exported: users keep the SDK's own objects. These are read from the SDK's wire form
(``to_json()`` of samplings and policies, ``[name, args]`` of expressions), so nothing of the SDK
is imported here. Rules: ``azureml/train/hyperdrive`` and semantics 1, 2, 3 and 5.
"""

from __future__ import annotations

import copy
import difflib
import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs


MAXIMIZE, MINIMIZE = "maximize", "minimize"
RANDOM, GRID, BAYESIAN = "random", "grid", "bayesian"

MOST_RUNS = 1000  # semantics 5
MOST_AT_ONCE = 100
MOST_MINUTES = 10080  # MAX_DURATION_MINUTES in train/hyperdrive/runconfig.py
USUAL_RUNS = 20
USUAL_AT_ONCE = 4

_SAMPLINGS = {"random": RANDOM, "grid": GRID, "bayesianoptimization": BAYESIAN}
_BAYESIAN_FUNCTIONS = ("choice", "uniform", "quniform")
_BAYESIAN_POINTS = 100_000
_ARGUMENTS = {
    "choice": ("options",),
    "randint": ("upper",),
    "uniform": ("min_value", "max_value"),
    "quniform": ("min_value", "max_value", "q"),
    "loguniform": ("min_value", "max_value"),
    "qloguniform": ("min_value", "max_value", "q"),
    "normal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "lognormal": ("mu", "sigma"),
    "qlognormal": ("mu", "sigma", "q"),
}


@attrs.frozen
class Problem:
    """Something wrong with what was given: where, what, and what to do about it."""

    code: str
    where: str
    message: str
    fix: str


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
        slack = f"slack_factor={self.slack_factor}" if self.slack_factor else f"slack_amount={self.slack_amount}"
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
_POLICIES: dict[str, Any] = {
    "default": NoTermination,
    "bandit": Bandit,
    "medianstopping": MedianStopping,
    "truncationselection": TruncationSelection,
}


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


def space_size(space: tuple[Hyperparameter, ...]) -> float:
    """Return the number of points in a space; infinity unless all of it is discrete."""
    return math.prod(parameter.expression.size for parameter in space)


def read_space(given: Any) -> tuple[tuple[Hyperparameter, ...], str | None, Any, list[Problem]]:
    """Read a dict of expressions, or one of the SDK's sampling objects.

    Returns:
        The space, the sampling (None when only a dict was given), the sampling's properties, and problems.
    """
    sampling, properties = None, None
    if callable(getattr(given, "to_json", None)):
        wire = given.to_json()
        sampling = _SAMPLINGS.get(str(wire.get("name")).lower())
        given, properties = wire.get("parameter_space"), wire.get("properties")
    if not isinstance(given, Mapping):
        message = f"The search space is of type {type(given).__name__}."
        return (), sampling, properties, [_space_problem("search_space", message, _EXAMPLE_SPACE)]
    if not given:
        return (), sampling, properties, [_space_problem("search_space", "The search space is empty.", _EXAMPLE_SPACE)]
    space, problems = [], []
    for name, value in given.items():
        where = f"search_space[{name!r}]"
        if not isinstance(name, str) or not name.lstrip("-"):
            problems.append(_space_problem(where, "A hyperparameter's name is an option of the script.", _EXAMPLE_SPACE))
            continue
        expression = read_expression(value)
        if isinstance(expression, str):
            problems.append(_space_problem(where, expression, f"For example {{{name!r}: choice(0.01, 0.1)}}."))
        else:
            space.append(Hyperparameter(name, expression))
    options = [parameter.option for parameter in space]
    for parameter in space:
        if options.count(parameter.option) > 1:
            where = f"search_space[{parameter.name!r}]"
            problems.append(_space_problem(where, f"{parameter.option} occurs twice.", "Keep one spelling."))
    return tuple(space), sampling, properties, problems


def read_expression(value: Any) -> Expression | str:
    """Read one entry of a search space: the SDK's ``[name, args]``, or plain options.

    Returns:
        The expression, or a sentence that says what is wrong with it.
    """
    if isinstance(value, range) or callable(getattr(value, "tolist", None)):
        value = list(value) if isinstance(value, range) else value.tolist()
    if not isinstance(value, list):
        return f"{value!r} is a bare value, so every child would get the same (the SDK accepts it silently)."
    wire = len(value) == 2 and isinstance(value[0], str) and value[0] in _ARGUMENTS and isinstance(value[1], list)
    if not wire:
        return _choice(value)
    function, args = value
    if function == "choice":
        return _choice(args[0]) if len(args) == 1 and isinstance(args[0], list) else "choice() takes one list of options."
    args = [_plain(arg) for arg in args]
    names = _ARGUMENTS[function]
    if len(args) != len(names):
        return f"{function}() takes {', '.join(names)}; it has {len(args)} arguments."
    wrong = _check_numbers(function, dict(zip(names, args)))
    return wrong or Expression(function, tuple(args))


def _choice(options: list[Any]) -> Expression | str:
    if not options:
        return "A choice of nothing."
    options = [_plain(option) for option in options]
    for option in options:
        if isinstance(option, float) and not math.isfinite(option):
            return f"{option!r} is not a value that a child can be given."
        if not isinstance(option, (str, int, float, bool, dict, list, tuple)) and option is not None:
            return f"{option!r} of type {type(option).__name__} cannot be sent to the service."
    return Expression("choice", tuple(copy.deepcopy(options)))


def _plain(value: Any) -> Any:
    item = getattr(value, "item", None)  # a NumPy scalar
    return item() if callable(item) and getattr(value, "shape", None) == () else value


def _check_numbers(function: str, args: dict[str, Any]) -> str | None:
    """Return what is wrong with an expression's numbers (rules: parameter_expressions.py, semantics 1)."""
    for name, value in args.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return f"{function}({name}={value!r}) is not a number."
    if function == "randint" and (not isinstance(args["upper"], int) or args["upper"] <= 0):
        return f"randint(upper={args['upper']!r}) needs a whole number above 0."
    if "q" in args and (args["q"] <= 0 or args["q"] != int(args["q"])):
        return f"{function}(q={args['q']!r}) needs a whole number above 0 (the SDK accepts q=0 silently)."
    if "sigma" in args and args["sigma"] < 0:
        return f"{function}(sigma={args['sigma']!r}) is negative."
    if "min_value" in args:
        low, high = args["min_value"], args["max_value"]
        if low > high or (low == high and "log" not in function):
            return f"{function}(min_value={low!r}, max_value={high!r}) is empty."
        if "log" in function and high > 709:  # exp(710) is beyond a float
            return f"{function}(max_value={high!r}): bounds are exponents, and exp({high!r}) is no number."
    return None


def choose_sampling(
    given: Any, from_object: str | None, space: tuple[Hyperparameter, ...]
) -> tuple[str, list[Problem]]:
    """Decide the sampling and check that the space suits it (semantics 2)."""
    where = "sampling"
    if given is not None and from_object is not None:
        fix = "Leave out sampling=, or give the space as a dict."
        return from_object, [Problem("HR007", where, "The sampling is given twice: by an object and by name.", fix)]
    names = (RANDOM, GRID, BAYESIAN)
    sampling = from_object or (RANDOM if given is None else given)
    if not isinstance(sampling, str) or sampling.lower() not in names:
        fix = f"One of {', '.join(map(repr, names))}{close_match(sampling, names)}."
        return RANDOM, [Problem("HR007", where, f"{sampling!r} is no sampling.", fix)]
    sampling = sampling.lower()
    check = {RANDOM: lambda _: None, GRID: _unfit_for_grid, BAYESIAN: _unfit_for_bayesian}[sampling]
    unfit = [(parameter.name, check(parameter.expression)) for parameter in space]
    fix = "sampling='random' takes every expression."
    return sampling, [Problem("HR007", f"search_space[{name!r}]", why, fix) for name, why in unfit if why]


def _unfit_for_grid(expression: Expression) -> str | None:
    if expression.function == "choice":
        return None
    return f"Grid sampling takes only choice(), not {expression.function}()."


def _unfit_for_bayesian(expression: Expression) -> str | None:
    if expression.function not in _BAYESIAN_FUNCTIONS:
        return f"Bayesian sampling takes {', '.join(_BAYESIAN_FUNCTIONS)}, not {expression.function}()."
    if expression.function == "choice":
        kinds = {type(option) for option in expression.args}
        if not kinds <= {int, float, str} or (str in kinds and len(kinds) > 1):
            return "Bayesian sampling takes a choice of numbers, or a choice of texts, not both."
    if expression.function == "quniform":
        low, high, q = expression.args
        if not all(isinstance(arg, int) for arg in expression.args):
            return "Bayesian sampling takes quniform() with whole numbers only."
        if (high - low) / q > _BAYESIAN_POINTS:
            return f"Bayesian sampling takes at most {_BAYESIAN_POINTS} points; use a larger q or uniform()."
    return None


def read_policy(given: Any, sampling: str) -> tuple[Policy, list[Problem]]:
    """Read one of the SDK's early termination policies; None is none (semantics 3)."""

    def problem(message: str, fix: str) -> tuple[Policy, list[Problem]]:
        return NoTermination(), [Problem("HR008", "policy", message, fix)]

    if given is None:
        return NoTermination(), []
    wire = given.to_json() if callable(getattr(given, "to_json", None)) else None
    make = _POLICIES.get(str(wire.get("name")).lower()) if isinstance(wire, dict) else None
    if wire is None or make is None:
        fix = "Give a policy of azureml.train.hyperdrive, such as BanditPolicy(slack_factor=0.2)."
        return problem(f"{given!r} is no early termination policy.", fix)
    fields = {field.name for field in attrs.fields(make)}
    policy: Policy = make(**{name: value for name, value in wire.get("properties", {}).items() if name in fields})
    if isinstance(policy, NoTermination):
        return policy, []
    if sampling == BAYESIAN:
        return problem("Bayesian sampling supports no early termination policy.", "Leave out the policy.")
    if policy.evaluation_interval < 1 or policy.delay_evaluation < 0:
        message = f"{policy}: an interval is at least 1 and a delay at least 0."
        return problem(message, "Both count how often the primary metric was logged.")
    if isinstance(policy, Bandit):
        slack = policy.slack_factor if policy.slack_factor is not None else policy.slack_amount
        if not isinstance(slack, (int, float)) or slack <= 0:
            return problem(f"{policy}: the slack must be above 0.", "Give slack_factor or slack_amount.")
    return policy, []


def read_goal(given: Any, metric: str | None) -> tuple[str, list[Problem]]:
    """Read ``"maximize"``, ``"minimize"`` or a ``PrimaryMetricGoal``; None asks when the metric's name sounds like a loss."""
    where = "primary_metric_goal"
    if given is None:
        word = loss_word(metric or "")
        if word is None:
            return MAXIMIZE, []
        message = f"The metric '{metric}' looks like something to minimise ('{word}')."
        fix = "Say primary_metric_goal='minimize' or 'maximize'."
        return MINIMIZE, [Problem("HR009", where, message, fix)]
    name = getattr(given, "name", given)  # PrimaryMetricGoal is an enum
    if isinstance(name, str) and name.lower() in (MAXIMIZE, MINIMIZE):
        return name.lower(), []
    fix = f"One of 'maximize', 'minimize'{close_match(name, (MAXIMIZE, MINIMIZE))}."
    return MAXIMIZE, [Problem("HR009", where, f"{given!r} is no goal.", fix)]


_LOSS_WORDS = frozenset(
    ("loss", "error", "err", "mse", "rmse", "mae", "mape", "smape", "rmsle", "msle", "wer", "cer", "perplexity", "nll",
     "deviance", "brier", "logloss", "crossentropy", "divergence", "wape", "mase", "nrmse", "nmae", "eer", "fid")
)  # fmt: skip


def loss_word(metric: str) -> str | None:
    """Return the word in a metric's name that says it is to be minimised, or None."""
    words = "".join(char if char.isalnum() else " " for char in metric)
    words = "".join(f" {char}" if char.isupper() and not before.isupper() else char for before, char in zip(" " + words, words))
    found = [word for word in words.lower().split() if word in _LOSS_WORDS]
    squeezed = "".join(words.lower().split())
    return found[0] if found else next((word for word in ("logloss", "crossentropy") if word in squeezed), None)


def choose_limits(
    space: tuple[Hyperparameter, ...],
    sampling: str,
    max_total_runs: int | None,
    max_concurrent_runs: int | None,
    max_duration_minutes: int | None,
) -> tuple[tuple[int, int, int], list[Problem]]:
    """Decide total runs, runs at a time and minutes, and check their ranges (semantics 5)."""
    problems = []

    def within(name: str, value: Any, most: int) -> bool:
        if value is None:
            return False
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
            return True
        problems.append(Problem("HR010", name, f"{name}={value!r} is out of range.", f"A whole number from 1 to {most}."))
        return False

    size = space_size(space)
    usual = USUAL_RUNS if sampling != GRID else MOST_RUNS
    total = max_total_runs if within("max_total_runs", max_total_runs, MOST_RUNS) else int(min(size, usual))
    if sampling == GRID and math.isfinite(size):
        limit = max_total_runs if max_total_runs is not None and total == max_total_runs else MOST_RUNS
        if size > limit:
            fix = "Make the grid smaller, or take sampling='random'."
            message = f"The grid has {int(size)} points, more than {limit}: the rest would silently not run."
            problems.append(Problem("HR010", "max_total_runs", message, fix))
    at_once = max_concurrent_runs if within("max_concurrent_runs", max_concurrent_runs, MOST_AT_ONCE) else None
    minutes = max_duration_minutes if within("max_duration_minutes", max_duration_minutes, MOST_MINUTES) else None
    return (total, at_once or min(USUAL_AT_ONCE, total), minutes or MOST_MINUTES), problems


def close_match(name: Any, known: Any) -> str:
    """Return `` (did you mean 'x'?)``, or nothing when no known name is close."""
    found = difflib.get_close_matches(str(name), [str(item) for item in known], n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def _space_problem(where: str, message: str, fix: str) -> Problem:
    return Problem("HR006", where, message, fix)


def _delay(policy: Any) -> str:
    return f", delay_evaluation={policy.delay_evaluation}" if policy.delay_evaluation else ""


_EXAMPLE_SPACE = 'For example {"lr": loguniform(-6, -1), "epoch": [20, 40, 60]}.'

_Check = Callable[[Expression], "str | None"]
