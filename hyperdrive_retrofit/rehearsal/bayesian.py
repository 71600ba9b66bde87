"""Bayesian sampling through Optuna, an optional package: each child is suggested by what the others reached.

The service's own optimiser is not published: Optuna's TPE sampler stands for it [A]. Children that run at the same
time are suggested without each other's values, so two rehearsals with one seed may differ.
"""

from __future__ import annotations

import json
import random
from typing import Any

from hyperdrive_retrofit.rehearsal.exports import need
from hyperdrive_retrofit.sweep import Expression, Sweep


class BayesianSampler:
    """Suggests hyperparameters; an iterator that is told what came of them.

    Raises:
        errors.MissingExtraError: Optuna is not installed.
    """

    def __init__(self, sweep: Sweep, seed: int | str) -> None:
        self._optuna = need("optuna", "optuna")
        self._optuna.logging.set_verbosity(self._optuna.logging.WARNING)
        number = random.Random(seed).getrandbits(32)  # noqa: S311 - samples, not secrets
        tpe = self._optuna.samplers.TPESampler(seed=number, constant_liar=True)
        self._study = self._optuna.create_study(sampler=tpe, direction=sweep.primary_metric_goal)
        self._space = {parameter.name: self._distribution(parameter.expression) for parameter in sweep.space}
        self._asked: dict[str, Any] = {}

    def __iter__(self) -> BayesianSampler:
        return self

    def __next__(self) -> dict[str, Any]:
        trial = self._study.ask(self._space)
        self._asked[json.dumps(trial.params)] = trial
        return dict(trial.params)

    def learn(self, sample: dict[str, Any], value: float | None) -> None:
        """Take in what a child reached, None for nothing; also of one that an interrupted engine was suggested."""
        states = self._optuna.trial.TrialState
        state = states.FAIL if value is None else states.COMPLETE
        trial = self._asked.pop(json.dumps(sample), None)
        if trial is not None:
            self._study.tell(trial, value, state=state)
        else:
            create = self._optuna.trial.create_trial
            self._study.add_trial(create(params=sample, distributions=self._space, value=value, state=state))

    def _distribution(self, expression: Expression) -> Any:
        """Return Optuna's picture of what the SDK allows here (``sampling.py``: choice, uniform and quniform)."""
        distributions = self._optuna.distributions
        match expression.function, expression.args:
            case "choice", options:
                return distributions.CategoricalDistribution(options)
            case "uniform", (low, high):
                return distributions.FloatDistribution(low, high)
            case "quniform", (low, high, q):
                return distributions.FloatDistribution(round(low / q) * q, round(high / q) * q, step=q)
        message = f"Bayesian sampling takes no {expression}."
        raise ValueError(message)
