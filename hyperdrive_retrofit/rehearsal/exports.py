"""Hand a rehearsal's children on to pandas, Optuna and MLflow, each where it is installed."""

from __future__ import annotations

import contextlib
import importlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import ModuleType
from typing import Any

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.graph import Step
from hyperdrive_retrofit.rehearsal.results import CANCELED, COMPLETED, Child, Rehearsal, did_you_mean
from hyperdrive_retrofit.sweep import Expression, Sweep

_SPREAD = 4  # standard deviations that the range of a normal distribution covers, Optuna's ranges being finite
_CATEGORIES = (type(None), bool, int, float, str)


def need(module: str, extra: str) -> ModuleType:
    """Import an optional package; raises MissingExtraError with the command that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = f'{module} is not installed. Install it with: pip install "hyperdrive-retrofit[{extra}]"'
        raise errors.MissingExtraError(message) from error


def to_frame(rehearsal: Rehearsal) -> Any:
    """Return a pandas DataFrame of all children; see :meth:`Rehearsal.to_frame`."""
    pandas = need("pandas", "pandas")
    rows = [_row(child) for child in rehearsal.children]
    fixed = ["step", "status", "value", "started", "ended", "error"]
    names = dict.fromkeys([*fixed, *(name for row in rows for name in row)])
    index = pandas.Index([child.id for child in rehearsal.children], name="child")
    return pandas.DataFrame(rows, columns=list(names), index=index)


def _row(child: Child) -> dict[str, Any]:
    return {
        "step": child.step, "status": child.status, "value": child.value,
        "started": child.started, "ended": child.ended, "error": child.error,
        **{f"params.{name}": value for name, value in child.hyperparameters.items()},
        **{f"metrics.{name}": values[-1] for name, values in logged_numbers(child.metrics).items()},
    }  # fmt: skip


def logged_numbers(metrics: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return the metrics that are numbers, each with all that was logged of it, in order."""
    found = {}
    for name, value in metrics.items():
        values = value if isinstance(value, list) else [value]
        if values and all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in values):
            found[name] = values
    return found


def sweep_step(rehearsal: Rehearsal, key: str | None) -> Step:
    """Return the step whose sweep is meant: the one with this key, or the last one; raises NotFoundError."""
    sweeps = {step.key: step for step in rehearsal.graph if step.sweep is not None}
    if key is None and sweeps:
        return list(sweeps.values())[-1]
    if key not in sweeps:
        what = f"no sweep '{key}'{did_you_mean(key, sweeps)}" if key is not None else "no sweep"
        raise errors.NotFoundError(f"There is {what} in this rehearsal. It has: {', '.join(sweeps) or 'none'}.")
    return sweeps[key]


def to_optuna(rehearsal: Rehearsal, step: str | None, storage: Any, study_name: str | None) -> Any:
    """Return an Optuna Study of one sweep; see :meth:`Rehearsal.to_optuna`."""
    optuna = need("optuna", "optuna")
    tuned = sweep_step(rehearsal, step)
    children = [child for child in rehearsal.children if child.step == tuned.key]
    distributions = {
        parameter.name: _distribution(
            optuna.distributions, parameter.expression, [child.hyperparameters[parameter.name] for child in children]
        )
        for parameter in tuned.sweep.space
    }
    with _silent(optuna):
        study = optuna.create_study(
            storage=storage,
            study_name=study_name or f"{rehearsal.workdir.name} {tuned.key}",
            direction=tuned.sweep.primary_metric_goal,
        )
    study.add_trials([_trial(optuna, tuned.sweep, child, distributions) for child in children])
    study.set_user_attr("primary_metric_name", tuned.sweep.primary_metric_name)
    return study


@contextlib.contextmanager
def _silent(optuna: ModuleType) -> Iterator[None]:
    """Let Optuna say nothing below a warning meanwhile."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, optuna.logging.WARNING))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _distribution(distributions: Any, expression: Expression, values: Sequence[Any]) -> Any:
    """Return Optuna's distribution for an expression; its range covers every value that was drawn."""
    function, args = expression.function, expression.args
    if function == "choice":
        return distributions.CategoricalDistribution(list(dict.fromkeys(map(_category, args))))
    if function == "randint":
        return distributions.IntDistribution(0, args[0] - 1)
    low, high = _range(function, args)
    if function.startswith("q"):
        q = args[2]
        low, high = min([round(low / q) * q, *values]), max([round(high / q) * q, *values])
        return distributions.FloatDistribution(low, high, step=q)
    low, high = min([low, *values]), max([high, *values])
    return distributions.FloatDistribution(low, high, log="log" in function and low > 0)


def _range(function: str, args: tuple[Any, ...]) -> tuple[float, float]:
    """Return where an expression's values lie; for normal distributions nearly all of them."""
    low, high = args[:2]
    if function.endswith("normal"):
        mean, deviation = args[:2]
        low, high = mean - _SPREAD * deviation, mean + _SPREAD * deviation
    return (math.exp(low), math.exp(high)) if "log" in function else (float(low), float(high))


def _category(value: Any) -> Any:
    """Return a choice as Optuna can store it: what is structured as its JSON text."""
    return value if isinstance(value, _CATEGORIES) else json.dumps(value)


def _trial(optuna: ModuleType, sweep: Sweep, child: Child, distributions: Mapping[str, Any]) -> Any:
    states = optuna.trial.TrialState
    usable = child.value is not None and not math.isnan(child.value)
    state = states.FAIL
    if child.status == CANCELED:
        state = states.PRUNED
    elif child.status == COMPLETED and usable:
        state = states.COMPLETE
    numbers = logged_numbers(child.metrics)
    values = numbers.pop(sweep.primary_metric_name, [])
    choices = {parameter.name for parameter in sweep.space if parameter.expression.function == "choice"}
    params = {name: _category(value) if name in choices else value for name, value in child.hyperparameters.items()}
    facts = {"child": child.id, "status": child.status, **{name: series[-1] for name, series in numbers.items()}}
    return optuna.trial.FrozenTrial(
        number=0,  # the study numbers them
        trial_id=0,
        state=state,
        value=child.value if state == states.COMPLETE else None,
        params=params,
        distributions=dict(distributions),
        user_attrs=facts if child.error is None else {**facts, "error": child.error},
        system_attrs={},
        intermediate_values=dict(enumerate(values, 1)),
        datetime_start=_local(child.started),
        datetime_complete=_local(child.ended),
    )


def _local(time: datetime | None) -> datetime | None:
    """Return a time as Optuna has them: local, without its zone."""
    return None if time is None else time.astimezone().replace(tzinfo=None)
