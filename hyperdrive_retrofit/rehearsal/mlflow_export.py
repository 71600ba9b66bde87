"""Write a rehearsal into an MLflow tracking server or store, where MLflow is installed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from hyperdrive_retrofit.rehearsal.exports import logged_numbers, need
from hyperdrive_retrofit.rehearsal.results import CANCELED, COMPLETED, NOT_STARTED, Child, Rehearsal, StepResult

_BATCH = 1000  # metrics in one call, MAX_METRICS_PER_BATCH in mlflow/utils/validation.py
_FEW = 100  # parameters or tags in one call
_LONGEST = 6000  # characters of a parameter, MAX_PARAM_VAL_LENGTH there
_STATUSES = {COMPLETED: "FINISHED", CANCELED: "KILLED"}
_REFUSED = re.compile(r"[^\w./ :-]")


def to_mlflow(rehearsal: Rehearsal, uri: str, experiment: str, *, artifacts: bool) -> str:
    """Write a rehearsal as nested runs and return the outermost one's id; see :meth:`Rehearsal.to_mlflow`."""
    need("mlflow", "mlflow")
    return _Writer(uri, experiment, artifacts=artifacts).rehearsal(rehearsal)


class _Writer:
    """Writes runs into one experiment, without touching MLflow's global state."""

    def __init__(self, uri: str, experiment: str, *, artifacts: bool) -> None:
        tracking = need("mlflow.tracking", "mlflow")
        self._entities = need("mlflow.entities", "mlflow")
        self._client = tracking.MlflowClient(tracking_uri=uri)
        known = self._client.get_experiment_by_name(experiment)
        self._experiment = self._client.create_experiment(experiment) if known is None else known.experiment_id
        self._artifacts = artifacts

    def rehearsal(self, rehearsal: Rehearsal) -> str:
        """Write the pipeline run, its steps, and their children."""
        started = [step for step in rehearsal.steps.values() if step.status != NOT_STARTED]
        begin = min((step.started for step in started if step.started), default=None)
        end = max((step.ended for step in started if step.ended), default=None)
        top = self._run(rehearsal.workdir.name, None, begin, {**rehearsal.tags, "run_id": rehearsal.run_id})
        self._log(top, {}, rehearsal.metrics, begin)
        for step in started:
            run = self._step(top, step)
            for child in rehearsal.children:
                if child.step == step.key:
                    self._child(run, child)
        if self._artifacts:
            for model in rehearsal.models:
                self._upload(top, model.path, f"models/{model.name}/{model.version}")
        self._end(top, rehearsal.status, end)
        return top

    def _step(self, above: str, step: StepResult) -> str:
        run = self._run(step.key, above, step.started, {**step.tags, "run_id": str(step.run_id)})
        self._log(run, {}, step.metrics, step.started)
        if self._artifacts and step.outputs is not None:
            self._upload(run, step.outputs, "outputs")
        self._end(run, step.status, step.ended)
        return run

    def _child(self, above: str, child: Child) -> None:
        run = self._run(child.id, above, child.started, {**child.tags, "run_id": child.id})
        self._log(run, child.hyperparameters, child.metrics, child.started)
        if self._artifacts:
            self._upload(run, child.artifacts, None)
        self._end(run, child.status, child.ended)

    def _run(self, name: str, above: str | None, started: datetime | None, tags: Mapping[str, str]) -> str:
        nested = {} if above is None else {"mlflow.parentRunId": above}
        return str(
            self._client.create_run(
                self._experiment,
                start_time=_milliseconds(started),
                tags={_allowed(name): str(value) for name, value in tags.items()} | nested,
                run_name=name,
            ).info.run_id
        )

    def _log(self, run: str, params: Mapping[str, Any], metrics: Mapping[str, Any], at: datetime | None) -> None:
        entities, when = self._entities, _milliseconds(at) or 0
        logged = (
            entities.Metric(_allowed(name), float(value), when, step)
            for name, values in logged_numbers(metrics).items()
            for step, value in enumerate(values)
        )
        for batch in _batches(logged, _BATCH):
            self._client.log_batch(run, metrics=batch)
        given = (entities.Param(_allowed(name), str(value)[:_LONGEST]) for name, value in params.items())
        for batch in _batches(given, _FEW):
            self._client.log_batch(run, params=batch)

    def _upload(self, run: str, path: Path, name: str | None) -> None:
        if path.is_dir():
            self._client.log_artifacts(run, str(path), name)
        elif path.is_file():
            self._client.log_artifact(run, str(path), name)

    def _end(self, run: str, status: str, ended: datetime | None) -> None:
        self._client.set_terminated(run, _STATUSES.get(status, "FAILED"), _milliseconds(ended))


def _batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while batch := list(itertools.islice(rest, size)):
        yield batch


def _milliseconds(time: datetime | None) -> int | None:
    return None if time is None else int(time.timestamp() * 1000)


def _allowed(name: str) -> str:
    """Return a name without the characters that MLflow refuses."""
    return _REFUSED.sub("_", name)
