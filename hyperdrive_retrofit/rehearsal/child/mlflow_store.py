"""mlflow in a rehearsed script: what it logs is the run's, as with the service's own tracking store.

mlflow finds this store by the scheme of ``MLFLOW_TRACKING_URI`` (entry point ``mlflow.tracking_store``),
and the run by ``MLFLOW_RUN_ID``; the engine sets both, as the service does.
"""

# ruff: noqa: D102, D403, ARG002 - the methods are mlflow's, named and with arguments as in its AbstractStore

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from mlflow.entities import (
    Experiment,
    LifecycleStage,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunStatus,
    RunTag,
)
from mlflow.exceptions import MlflowException
from mlflow.store.entities import PagedList
from mlflow.utils.async_logging.run_operations import RunOperations

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.rehearsal import artifacts
from hyperdrive_retrofit.rehearsal.child.calls import EXPERIMENT, NotImitatedError
from hyperdrive_retrofit.rehearsal.child.history import log_metric
from hyperdrive_retrofit.rehearsal.history import ENGINE, History, RunState

_PARENT = "mlflow.parentRunId"  # MLFLOW_PARENT_RUN_ID in mlflow/utils/mlflow_tags.py
_STATUSES = {
    "NotStarted": RunStatus.SCHEDULED, "Running": RunStatus.RUNNING, "Completed": RunStatus.FINISHED,
    "Failed": RunStatus.FAILED, "Canceled": RunStatus.KILLED,
}  # fmt: skip


def open_store(store_uri: str, artifact_uri: str | None = None, **_: Any) -> Store:  # noqa: ARG001
    """Return the store of a rehearsal; mlflow calls this."""
    return Store(History(Path(unquote(urlparse(store_uri).path)), writer=os.environ["AZUREML_RUN_ID"]))


def refuse_registry(store_uri: str, **_: Any) -> Any:  # noqa: ARG001
    """Refuse mlflow's model registry; mlflow calls this."""
    raise NotImitatedError("mlflow's model registry")


class Store:
    """The part of mlflow's tracking store that is imitated: runs with their metrics, parameters and tags."""

    def __init__(self, history: History) -> None:
        self._history = history

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotImitatedError(f"mlflow's '{name}'")

    def get_experiment(self, experiment_id: str = EXPERIMENT) -> Experiment:
        return Experiment(EXPERIMENT, EXPERIMENT, "", LifecycleStage.ACTIVE)

    def get_experiment_by_name(self, experiment_name: str) -> Experiment:
        return self.get_experiment()

    def search_experiments(self, *_args: Any, **_: Any) -> Any:
        return PagedList([self.get_experiment()], None)

    def get_run(self, run_id: str) -> Run:
        return _run(self._state(run_id), self._history)

    def create_run(
        self, experiment_id: str, user_id: str, start_time: int, tags: Iterable[RunTag], run_name: str | None = None
    ) -> Run:
        own = {tag.key: tag.value for tag in tags}
        run_id = str(uuid.uuid4())
        self._history.create(run_id, parent=own.get(_PARENT), name=run_name, kind="mlflow", tags=own)
        self._history.append(run_id, "status", status="Running")
        return self.get_run(run_id)

    def update_run_info(self, run_id: str, run_status: Any, end_time: int | None, run_name: str | None) -> RunInfo:
        state = self._state(run_id)
        status = next((name for name, known in _STATUSES.items() if known == run_status), None)
        if state.maker != ENGINE and status is not None:  # that of a run of the engine is decided by its exit code
            self._history.append(run_id, "status", status=status)
        if run_name:
            self._history.append(run_id, "described", display_name=run_name)
        return self.get_run(run_id).info

    def log_metric(self, run_id: str, metric: Metric) -> None:
        self._state(run_id)
        log_metric(self._history, run_id, metric.key, metric.value)

    def log_param(self, run_id: str, param: Param) -> None:
        known = self._state(run_id).parameters.get(param.key)
        if known is not None and known != str(param.value):
            raise MlflowException.invalid_parameter_value(
                f"Parameter '{param.key}' is '{known}' already; it cannot become '{param.value}'."
            )
        self._history.append(run_id, "parameters", parameters={param.key: str(param.value)})

    def set_tag(self, run_id: str, tag: RunTag) -> None:
        self._state(run_id)
        self._history.append(run_id, "tags", tags={tag.key: tag.value})

    def delete_tag(self, run_id: str, key: str) -> None:
        self._history.append(run_id, "untagged", names=[key])

    def set_experiment_tag(self, experiment_id: str, tag: Any) -> None:
        """Nothing reads an experiment's tags."""

    def log_batch(
        self, run_id: str, metrics: Iterable[Metric] = (), params: Iterable[Param] = (), tags: Iterable[RunTag] = ()
    ) -> None:
        for metric in metrics:
            self.log_metric(run_id, metric)
        for param in params:
            self.log_param(run_id, param)
        for tag in tags:
            self.set_tag(run_id, tag)

    def log_batch_async(
        self, run_id: str, metrics: Iterable[Metric], params: Iterable[Param], tags: Iterable[RunTag]
    ) -> RunOperations:
        self.log_batch(run_id, metrics, params, tags)
        return RunOperations([])

    def log_metric_async(self, run_id: str, metric: Metric) -> RunOperations:
        return self.log_batch_async(run_id, [metric], [], [])

    def log_param_async(self, run_id: str, param: Param) -> RunOperations:
        return self.log_batch_async(run_id, [], [param], [])

    def set_tag_async(self, run_id: str, tag: RunTag) -> RunOperations:
        return self.log_batch_async(run_id, [], [], [tag])

    def flush_async_logging(self) -> None:
        """Everything is written at once."""

    end_async_logging = shut_down_async_logging = flush_async_logging

    def log_inputs(self, *_args: Any, **_: Any) -> None:
        """mlflow's own notes about datasets; nothing here reads them."""

    def get_metric_history(
        self, run_id: str, metric_key: str, max_results: int | None = None, page_token: str | None = None
    ) -> Any:
        numbers = self._state(run_id).numbers(metric_key)
        return PagedList([Metric(metric_key, number, 0, step) for step, number in enumerate(numbers)], None)

    def search_runs(self, experiment_ids: Any, filter_string: str = "", *_args: Any, **_: Any) -> Any:
        if filter_string:
            raise NotImitatedError("mlflow's filter of runs")
        folders = sorted((self._history.workdir / "runs").iterdir())
        states = (self._history.run(folder.name) for folder in folders if folder.name in self._history)
        return PagedList([_run(state, self._history) for state in states], None)

    def _state(self, run_id: str) -> RunState:
        try:
            return self._history.run(run_id)
        except errors.NotFoundError as error:
            raise MlflowException(str(error), error_code=1001) from None  # RESOURCE_DOES_NOT_EXIST


def _run(state: RunState, history: History) -> Run:
    place = (history.folder(state.id) / artifacts.ARTIFACTS).as_uri()
    info = RunInfo(
        run_id=state.id, experiment_id=EXPERIMENT, user_id="rehearsal",
        status=RunStatus.to_string(_STATUSES.get(state.status, RunStatus.RUNNING)),
        start_time=_milliseconds(state.started or state.created), end_time=_milliseconds(state.ended),
        lifecycle_stage=LifecycleStage.ACTIVE, artifact_uri=place, run_name=state.display_name or state.name,
    )  # fmt: skip
    numbers: Mapping[str, list[float]] = {name: state.numbers(name) for name in state.metrics}
    return Run(
        info,
        RunData(
            [Metric(name, values[-1], 0, len(values) - 1) for name, values in numbers.items() if values],
            [Param(name, value) for name, value in state.parameters.items()],
            [RunTag(name, str(value)) for name, value in state.tags.items()],
        ),
    )


def _milliseconds(moment: str | None) -> int | None:
    return None if moment is None else int(datetime.fromisoformat(moment).timestamp() * 1000)
