"""Reads sampling, policy, metric, goal and limits of a sweep (semantics 2, 3 and 5)."""

from __future__ import annotations

import math
from typing import Any

import attrs

from hyperdrive_retrofit.request.metric_names import expected_goal, loss_word
from hyperdrive_retrofit.request.problem import Problem, close_match, plain_number, shown, wire_form
from hyperdrive_retrofit.request.space import read_space
from hyperdrive_retrofit.script import ScriptFacts
from hyperdrive_retrofit.sweep import (
    BAYESIAN,
    GRID,
    MAXIMIZE,
    MINIMIZE,
    MOST_AT_ONCE,
    MOST_MINUTES,
    MOST_RUNS,
    RANDOM,
    Bandit,
    Expression,
    Hyperparameter,
    MedianStopping,
    NoTermination,
    Policy,
    Sweep,
    TruncationSelection,
    space_size,
)

_USUAL_RUNS = 20
_USUAL_AT_ONCE = 4
_BAYESIAN_FUNCTIONS = ("choice", "uniform", "quniform")
_BAYESIAN_POINTS = 100_000
_POLICIES: dict[str, Any] = {
    "default": NoTermination,
    "bandit": Bandit,
    "medianstopping": MedianStopping,
    "truncationselection": TruncationSelection,
}


def read_sweep(
    search_space: Any,
    sampling: Any,
    policy: Any,
    max_total_runs: Any,
    max_concurrent_runs: Any,
    max_duration_minutes: Any,
) -> tuple[Sweep, list[Problem]]:
    """Read all of a sweep but its metric and goal, which depend on the training script.

    Returns:
        The sweep, of which the metric's name and goal are still to be set, and problems.
    """
    space, from_object, properties, problems = read_space(search_space)
    method, found = choose_sampling(sampling, from_object, space)
    problems += found
    stopping, found = read_policy(policy, method)
    problems += found
    limits, found = choose_limits(space, method, max_total_runs, max_concurrent_runs, max_duration_minutes)
    problems += found
    return Sweep(space, method, stopping, "", MAXIMIZE, *limits, sampling_properties=properties), problems


def choose_sampling(
    given: Any, from_object: str | None, space: tuple[Hyperparameter, ...]
) -> tuple[str, list[Problem]]:
    """Decide the sampling and check that the space suits it."""
    where = "sampling"
    if given is not None and from_object is not None:
        fix = "Leave out sampling=, or give the space as a dict."
        message = f"The sampling is given twice: sampling={given!r} beside a sampling object ({from_object})."
        return from_object, [Problem("HR007", where, message, fix)]
    names = (RANDOM, GRID, BAYESIAN)
    sampling = from_object or (RANDOM if given is None else given)
    if not isinstance(sampling, str) or sampling.lower() not in names:
        fix = f"Give one of {', '.join(map(repr, names))}, or a sampling object as search_space."
        return RANDOM, [
            Problem("HR007", where, f"{shown(sampling)} is no sampling{close_match(sampling, names)}.", fix)
        ]
    sampling = sampling.lower()
    check = {RANDOM: lambda _: None, GRID: _unfit_for_grid, BAYESIAN: _unfit_for_bayesian}[sampling]
    unfit = [(parameter.name, check(parameter.expression)) for parameter in space]
    fix = "Change it, or take sampling='random', which takes every expression."
    return sampling, [Problem("HR007", f"search_space[{name!r}]", why, fix) for name, why in unfit if why]


def _unfit_for_grid(expression: Expression) -> str | None:
    if expression.function == "choice":
        return None
    return f"Grid sampling takes choice() only, not {expression.function}()."


def _unfit_for_bayesian(expression: Expression) -> str | None:
    """Return why the SDK's BayesianParameterSampling refuses an expression (sampling.py)."""
    if expression.function not in _BAYESIAN_FUNCTIONS:
        return f"Bayesian sampling takes {', '.join(_BAYESIAN_FUNCTIONS)} only, not {expression.function}()."
    if expression.function == "choice":
        kinds = {type(option) for option in expression.args}
        if not kinds <= {int, float, str} or (str in kinds and len(kinds) > 1):
            return "Bayesian sampling takes a choice of numbers or a choice of texts only."
    if expression.function == "quniform":
        if not all(type(arg) is int for arg in expression.args):
            return "Bayesian sampling takes quniform() with whole numbers only."
        low, high, q = expression.args
        if (high - low) / q > _BAYESIAN_POINTS:
            return f"Bayesian sampling takes at most {_BAYESIAN_POINTS} points: use a larger q, or uniform()."
    return None


def read_policy(given: Any, sampling: str) -> tuple[Policy, list[Problem]]:
    """Read one of the SDK's early termination policies; None is none."""
    if given is None:
        return NoTermination(), []
    wire = wire_form(given) or {}
    make = _POLICIES.get(str(wire.get("name")).lower())
    if make is None:
        fix = "Give a policy of azureml.train.hyperdrive, such as BanditPolicy(slack_factor=0.2)."
        return _no_policy(f"policy= is {shown(given)}, which is no early termination policy.", fix)
    fields = {field.name for field in attrs.fields(make)}
    properties = wire.get("properties", {})
    policy: Policy = make(**{name: plain_number(value) for name, value in properties.items() if name in fields})
    if isinstance(policy, NoTermination):
        return policy, []
    if sampling == BAYESIAN:
        return _no_policy("Bayesian sampling supports no early termination policy.", "Leave out the policy.")
    if policy.evaluation_interval < 1 or policy.delay_evaluation < 0:
        message = f"{policy}: an interval is at least 1, and a delay at least 0."
        return _no_policy(message, "Both count how often a child has logged the primary metric.")
    if isinstance(policy, Bandit):
        slack = policy.slack_amount if policy.slack_factor is None else policy.slack_factor
        if not isinstance(slack, (int, float)) or not slack > 0:
            return _no_policy(f"{policy}: the slack must be above 0.", "Give slack_factor or slack_amount.")
    return policy, []


def _no_policy(message: str, fix: str) -> tuple[Policy, list[Problem]]:
    return NoTermination(), [Problem("HR008", "policy", message, fix)]


def read_metric_name(given: Any, facts: ScriptFacts) -> tuple[str, list[Problem]]:
    """Read the primary metric's name; None is the one metric that the training script logs."""
    where, fix = "primary_metric_name", "Say which one decides: primary_metric_name='...'."
    if isinstance(given, str) and given:
        return given, []
    logged = sorted({metric.name for metric in facts.metrics if metric.name and metric.on != "parent"})
    seen = f"{facts.script} logs {', '.join(logged)}." if logged else f"No metric that {facts.script} logs can be read."
    if given is not None:
        return "", [Problem("HR009", where, f"{shown(given)} is no metric's name. {seen}", fix)]
    if len(logged) == 1 and not facts.logs_unseen:
        return logged[0], []
    return "", [Problem("HR009", where, f"No primary metric is given. {seen}", fix)]


def read_goal(given: Any, metric: str) -> tuple[str, list[Problem]]:
    """Read ``"maximize"``, ``"minimize"`` or a ``PrimaryMetricGoal``; None asks when the metric sounds like a loss."""
    where = "primary_metric_goal"
    if given is None:
        word = loss_word(metric)
        if word is None or expected_goal(metric) == MAXIMIZE:
            return MAXIMIZE, []
        message = f"The metric '{metric}' looks like something to minimise ('{word}')."
        return MINIMIZE, [Problem("HR009", where, message, "Say primary_metric_goal='minimize' or 'maximize'.")]
    name = getattr(given, "name", given)  # PrimaryMetricGoal is an enum
    if isinstance(name, str) and name.lower() in (MAXIMIZE, MINIMIZE):
        return name.lower(), []
    message = f"{shown(given)} is no goal{close_match(name, (MAXIMIZE, MINIMIZE))}."
    return MAXIMIZE, [Problem("HR009", where, message, "Give 'maximize' or 'minimize'.")]


def choose_limits(
    space: tuple[Hyperparameter, ...],
    sampling: str,
    max_total_runs: Any,
    max_concurrent_runs: Any,
    max_duration_minutes: Any,
) -> tuple[tuple[int, int, int], list[Problem]]:
    """Decide total runs, runs at a time and minutes, and check their ranges."""
    total, problems = _within("max_total_runs", max_total_runs, MOST_RUNS)
    at_once, found = _within("max_concurrent_runs", max_concurrent_runs, MOST_AT_ONCE)
    problems += found
    minutes, found = _within("max_duration_minutes", max_duration_minutes, MOST_MINUTES)
    problems += found
    size = space_size(space)
    if sampling == GRID and size != math.inf and size > (total or MOST_RUNS):
        fix = "Make the grid smaller, allow more runs, or take sampling='random'."
        message = f"The grid has {int(size)} points, more than {total or MOST_RUNS}: the rest would silently not run."
        problems.append(Problem("HR010", "max_total_runs", message, fix))
    total = total or int(min(size, MOST_RUNS if sampling == GRID else _USUAL_RUNS))
    return (total, at_once or min(_USUAL_AT_ONCE, total), minutes or MOST_MINUTES), problems


def _within(name: str, given: Any, most: int) -> tuple[int | None, list[Problem]]:
    value = plain_number(given)
    if value is None or (type(value) is int and 1 <= value <= most):
        return value, []
    message = f"{name}={value!r} is not a whole number from 1 to {most}."
    return None, [Problem("HR010", name, message, f"Give one, or leave out {name}=.")]
