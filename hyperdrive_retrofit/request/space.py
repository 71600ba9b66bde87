"""Reads a search space: a dict of the SDK's expressions or of plain options, or a sampling object."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping
from typing import Any

from hyperdrive_retrofit.request.problem import Problem, plain_number, shown, wire_form
from hyperdrive_retrofit.sweep import BAYESIAN, GRID, RANDOM, Expression, Hyperparameter

_SAMPLINGS = {"random": RANDOM, "grid": GRID, "bayesianoptimization": BAYESIAN}
ARGUMENTS = {
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
_LARGEST_EXPONENT = 709  # exp(710) is beyond a float
_EXAMPLE = 'For example {"lr": loguniform(-6, -1), "epoch": [20, 40, 60]}.'


def read_space(given: Any) -> tuple[tuple[Hyperparameter, ...], str | None, Any, list[Problem]]:
    """Read a dict of expressions, or one of the SDK's sampling objects.

    Returns:
        The space, the sampling (None when only a dict was given), the sampling's properties, and problems.
    """
    wire = wire_form(given)
    if wire is None:
        space, problems = _read_entries(given)
        return space, None, None, problems
    sampling = _SAMPLINGS.get(str(wire.get("name")).lower())
    if sampling is None:
        return (), None, None, [_problem("search_space", f"A {type(given).__name__} is no search space.", _EXAMPLE)]
    space, problems = _read_entries(wire.get("parameter_space"))
    return space, sampling, wire.get("properties"), problems


def _read_entries(given: Any) -> tuple[tuple[Hyperparameter, ...], list[Problem]]:
    if not isinstance(given, Mapping):
        return (), [_problem("search_space", f"The search space is {shown(given)}, not a dict.", _EXAMPLE)]
    if not given:
        return (), [_problem("search_space", "The search space is empty.", _EXAMPLE)]
    space, problems = [], []
    for name, value in given.items():
        where = f"search_space[{name!r}]"
        if not isinstance(name, str) or not name.strip("-") or any(map(str.isspace, name)):
            problems.append(_problem(where, f"{name!r} cannot be an option of a script.", _EXAMPLE))
            continue
        expression = read_expression(value)
        if isinstance(expression, str):
            problems.append(_problem(where, expression, f"For example {{{name!r}: choice(0.01, 0.1)}}."))
        else:
            space.append(Hyperparameter(name, expression))
    return tuple(space), problems + _given_twice(space)


def _given_twice(space: list[Hyperparameter]) -> list[Problem]:
    """Return the options that several names stand for: ``lr`` and ``--lr`` both become ``--lr`` (semantics 6)."""
    names: dict[str, list[str]] = {}
    for parameter in space:
        names.setdefault(parameter.option, []).append(parameter.name)
    return [
        _problem(
            f"search_space[{same[-1]!r}]", f"{' and '.join(map(repr, same))} are both {option}.", "Keep one of them."
        )
        for option, same in names.items()
        if len(same) > 1
    ]


def read_expression(value: Any) -> Expression | str:
    """Read one entry of a search space: the SDK's ``[name, args]``, or plain options.

    Returns:
        The expression, or a sentence that says what is wrong with it.
    """
    if isinstance(value, range):
        value = list(value)
    elif callable(getattr(value, "tolist", None)):  # a NumPy array or scalar
        value = value.tolist()
    if not isinstance(value, list):
        what = "a tuple, which is one value" if isinstance(value, tuple) else "a bare value"
        return f"{value!r} is {what}, not a choice of values (the SDK takes it and complains about nothing)."
    if not (len(value) == 2 and isinstance(value[0], str) and value[0] in ARGUMENTS and isinstance(value[1], list)):
        return _choice(value)
    function, args = value
    if function == "choice":
        return (
            _choice(args[0]) if len(args) == 1 and isinstance(args[0], list) else "choice() takes one list of options."
        )
    args = [plain_number(arg) for arg in args]
    names = ARGUMENTS[function]
    if len(args) != len(names):
        return f"{function}() takes {', '.join(names)}, and not {len(args)} argument{'s' * (len(args) != 1)}."
    wrong = _wrong_numbers(function, dict(zip(names, args, strict=True)))
    return wrong or Expression(function, tuple(args))


def _choice(options: list[Any]) -> Expression | str:
    if not options:
        return "This is a choice of nothing."
    options = [plain_number(option) for option in options]
    for option in options:
        if not _can_be_sent(option):
            return f"{option!r} of type {type(option).__name__} cannot be sent to the service as one option."
    return Expression("choice", tuple(copy.deepcopy(options)))


def _can_be_sent(option: Any) -> bool:
    """Tell whether an option survives the JSON of the submission (``_search.py``)."""
    try:
        json.dumps(option, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _wrong_numbers(function: str, args: dict[str, Any]) -> str | None:
    """Return what is wrong with an expression's numbers (rules: parameter_expressions.py, semantics 1)."""
    for name, value in args.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not _finite(value):
            return f"{function}({name}={value!r}) is not a number."
    if function == "randint" and (not isinstance(args["upper"], int) or args["upper"] <= 0):
        return f"randint(upper={args['upper']!r}) needs a whole number above 0."
    if "q" in args and (args["q"] <= 0 or args["q"] != int(args["q"])):
        return (
            f"{function}(q={args['q']!r}) needs a whole number above 0 (the SDK takes q=0 and complains about nothing)."
        )
    if "sigma" in args and args["sigma"] < 0:
        return f"{function}(sigma={args['sigma']!r}) is negative."
    return _wrong_bounds(function, args["min_value"], args["max_value"]) if "min_value" in args else None


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def _wrong_bounds(function: str, low: float, high: float) -> str | None:
    exponents = "log" in function
    if low > high or (low == high and not exponents):
        return f"{function}(min_value={low!r}, max_value={high!r}) has no value."
    if exponents and high > _LARGEST_EXPONENT:
        return f"{function}(max_value={high!r}): its bounds are exponents, and exp({high!r}) is too large for a number."
    return None


def _problem(where: str, message: str, fix: str) -> Problem:
    return Problem("HR006", where, message, fix)
