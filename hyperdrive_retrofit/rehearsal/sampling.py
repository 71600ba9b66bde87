"""HyperDrive's sampling: which hyperparameters the children get (semantics 1 and 2).

The same sweep and seed give the same children on every machine, bayesian sampling apart: all randomness comes from one
``random.Random``, whose sequence Python guarantees.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from typing import Any

from hyperdrive_retrofit.rehearsal.bayesian import BayesianSampler
from hyperdrive_retrofit.sweep import BAYESIAN, GRID, RANDOM, Expression, Hyperparameter, Sweep


def sampler(sweep: Sweep, seed: int | str) -> Iterator[dict[str, Any]]:
    """Yield the hyperparameters of one child after another, keys as in the search space.

    Args:
        sweep: What to sample; a grid and a discrete random space end by themselves, any other one never does.
        seed: The same seed gives the same children.

    Raises:
        ValueError: For a sampling that is not known here.
        errors.MissingExtraError: For bayesian sampling without Optuna.
    """
    if sweep.sampling == GRID:
        return _grid(sweep.space)
    if sweep.sampling == BAYESIAN:
        return BayesianSampler(sweep, seed)
    if sweep.sampling != RANDOM:
        message = f"No sampler for '{sweep.sampling}' sampling."
        raise ValueError(message)
    rng = random.Random(seed)  # noqa: S311 - samples, not secrets
    if math.isfinite(sweep.size):
        return _without_replacement(sweep.space, int(sweep.size), rng)
    return _independent(sweep.space, rng)


def _grid(space: tuple[Hyperparameter, ...]) -> Iterator[dict[str, Any]]:
    """Yield the full product, row-major: the last name runs fastest [A]."""
    names = [parameter.name for parameter in space]
    for values in itertools.product(*(parameter.expression.args for parameter in space)):
        yield dict(zip(names, values, strict=True))


def _without_replacement(space: tuple[Hyperparameter, ...], size: int, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Yield every point of a discrete space once, in random order (semantics 2)."""
    seen: set[int] = set()
    while len(seen) < size:
        index = rng.randrange(size)
        if index not in seen:
            seen.add(index)
            yield point(space, index)


def point(space: tuple[Hyperparameter, ...], index: int) -> dict[str, Any]:
    """Return the point with this number of a discrete space, counted row-major."""
    values: dict[str, Any] = {}
    for parameter in reversed(space):
        expression = parameter.expression
        index, place = divmod(index, int(expression.size))
        values[parameter.name] = expression.args[place] if expression.function == "choice" else place
    return {parameter.name: values[parameter.name] for parameter in space}


def _independent(space: tuple[Hyperparameter, ...], rng: random.Random) -> Iterator[dict[str, Any]]:
    while True:
        yield {parameter.name: draw(parameter.expression, rng) for parameter in space}


def draw(expression: Expression, rng: random.Random) -> Any:  # noqa: C901, PLR0911 - one line a function
    """Draw one value (semantics 1; values of the ``q`` functions are floats, rounded half to even [A])."""
    args = expression.args
    match expression.function:
        case "choice":
            return args[rng.randrange(len(args))]
        case "randint":
            return rng.randrange(args[0])
        case "uniform":
            return rng.uniform(*args)
        case "quniform":
            return _to_grid(rng.uniform(*args[:2]), args[2])
        case "loguniform":
            return math.exp(rng.uniform(*args))
        case "qloguniform":
            return _to_grid(math.exp(rng.uniform(*args[:2])), args[2])
        case "normal":
            return rng.normalvariate(*args)
        case "qnormal":
            return _to_grid(rng.normalvariate(*args[:2]), args[2])
        case "lognormal":
            return math.exp(rng.normalvariate(*args))
        case "qlognormal":
            return _to_grid(math.exp(rng.normalvariate(*args[:2])), args[2])
    message = f"{expression} is no parameter expression."
    raise ValueError(message)


def _to_grid(value: float, q: float) -> float:
    return float(round(value / q) * q)
