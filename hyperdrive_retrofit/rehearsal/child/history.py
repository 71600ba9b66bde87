"""Answers to the SDK's calls about runs, metrics and experiments."""

# ruff: noqa: D102 - the methods are the SDK's operations, named as there

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Any

from azureml._restclient.contracts import events as sdk_events
from azureml._restclient.models import CreatedByDto, ErrorResponse, ExperimentDto, RootError, RunDetailsDto, RunDto
from azureml._restclient.models.metric_definition_dto import MetricDefinitionDto
from azureml._restclient.models.metric_properties import MetricProperties
from azureml._restclient.models.metric_v2_dto import MetricV2Dto
from azureml._restclient.models.metric_v2_value import MetricV2Value

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.rehearsal.child.calls import CONTAINER, EXPERIMENT, Operations, Page, moment, not_found
from hyperdrive_retrofit.rehearsal.history import ENGINE, SCALAR, TABLE, History, Metric, RunState, append_line


class Run(Operations):
    """Runs (azureml/_restclient/operations/run_operations.py)."""

    def get(self, _sub: str, _group: str, _ws: str, _experiment: str, run_id: str, **_: Any) -> RunDto:
        return self._dto(run_id)

    get_by_exp_id = get

    def get_workspace_run(self, _sub: str, _group: str, _ws: str, run_id: str, **_: Any) -> RunDto:
        return self._dto(run_id)

    def get_child(self, _sub: str, _group: str, _ws: str, _experiment: str, run_id: str, **kwargs: Any) -> Page:
        return self.descendants(run_id, recursive=False, **kwargs)

    def descendants(self, run_id: str, *, recursive: bool, **_: Any) -> Page:
        return Page(run_dto(state) for state in self.history.descendants(run_id, recursive=recursive))

    def get_by_query(self, *_args: Any, **_: Any) -> Page:
        folders = sorted((self.history.workdir / "runs").iterdir())
        states = [self.history.run(folder.name) for folder in folders if folder.name in self.history]
        return Page(run_dto(state) for state in sorted(states, key=lambda state: state.created or ""))

    def patch(
        self, _sub: str, _group: str, _ws: str, _experiment: str, run_id: str, create_run_dto: Any = None, **_: Any
    ) -> RunDto:
        if run_id not in self.history:
            self.history.create(
                run_id, parent=create_run_dto.parent_run_id, name=create_run_dto.name, kind=create_run_dto.run_type,
                tags=create_run_dto.tags, properties=create_run_dto.properties,
            )  # fmt: skip
            return self._dto(run_id)
        for event in ("tags", "properties"):
            if getattr(create_run_dto, event):
                self.history.append(run_id, event, **{event: getattr(create_run_dto, event)})
        words = {name: getattr(create_run_dto, name) for name in ("display_name", "description")}
        if any(words.values()):
            self.history.append(run_id, "described", **{name: word for name, word in words.items() if word})
        return self._dto(run_id)

    patch_by_exp_id = patch

    def delete_tags(
        self, _sub: str, _group: str, _ws: str, _experiment: str, run_id: str, tags: list[str], **_: Any
    ) -> RunDto:
        self.history.append(run_id, "untagged", names=list(tags))
        return self._dto(run_id)

    def batch_add_or_modify(self, sub: str, group: str, ws: str, experiment: str, request: Any, **_: Any) -> Any:
        dtos = request.runs
        return types.SimpleNamespace(
            errors={}, runs={dto.run_id: self.patch(sub, group, ws, experiment, dto.run_id, dto) for dto in dtos}
        )

    def get_details(self, _sub: str, _group: str, _ws: str, _experiment: str, run_id: str, **_: Any) -> RunDetailsDto:
        state = self.history.run(run_id)
        error = ErrorResponse(error=RootError(code="UserError", message=state.error)) if state.error else None
        log = self.history.log(run_id)
        return RunDetailsDto(
            run_id=run_id, target="local", status=state.status, start_time_utc=moment(state.started),
            end_time_utc=moment(state.ended), error=error, properties=state.properties, input_datasets=[],
            output_datasets=[], log_files={"user_logs/std_log.txt": str(log)} if log.exists() else {},
        )  # fmt: skip

    def _dto(self, run_id: str) -> RunDto:
        try:
            return run_dto(self.history.run(run_id))
        except errors.NotFoundError as error:
            raise not_found(str(error)) from None


class Events(Operations):
    """Events (azureml/_restclient/operations/events_operations.py)."""

    def post(
        self, _sub: str, _group: str, _ws: str, _experiment: str, run_id: str, event_message: Any = None, **_: Any
    ) -> None:
        self._take(run_id, event_message)

    def batch_post(self, _sub: str, _group: str, _ws: str, _experiment: str, command: Any, **_: Any) -> Any:
        for event in command.events:
            self._take(event.data[sdk_events.RUNID], event)
        return types.SimpleNamespace(errors=[])

    def _take(self, run_id: str, event: Any) -> None:
        statuses = {
            sdk_events.STARTNAME: "Running", sdk_events.COMPLETEDNAME: "Completed",
            sdk_events.FAILEDNAME: "Failed", sdk_events.CANCELEDNAME: "Canceled",
        }  # fmt: skip
        status = statuses.get(event.name)
        if event.name == sdk_events.ERRORNAME:
            error = event.data[sdk_events.ERROR_RESPONSE].error
            self.history.append(run_id, "error", message=error.message or error.code)
        elif self.history.run(run_id).maker != ENGINE:
            if status is not None:
                self.history.append(run_id, "status", status=status)
        elif status == "Canceled":
            cancel(self.history, run_id)


class Metrics(Operations):
    """Metrics (azureml/_restclient/operations/metric_operations.py)."""

    def post_run_metrics(self, _sub: str, _group: str, _ws: str, run_id: str, batch: Any, **_: Any) -> None:
        for dto in batch.values:
            rows = [value.data for value in dto.value]
            _append_metric(self.history, run_id, dto.name, dto.properties.ux_metric_type, dto.columns, rows)

    def list_metrics(self, _sub: str, _group: str, _ws: str, run_id: str, _request: Any, **_: Any) -> Page:
        return Page(
            MetricDefinitionDto(metric_key=types.SimpleNamespace(name=name))
            for name in self.history.run(run_id).metrics
        )

    def get_full_fidelity(self, _sub: str, _group: str, _ws: str, run_id: str, request: Any, **_: Any) -> MetricV2Dto:
        metric = self.history.run(run_id).metrics.get(request.metric_name)
        if metric is None:
            raise not_found(f"Run '{run_id}' logged no '{request.metric_name}'.")
        return MetricV2Dto(
            name=request.metric_name, columns=metric.columns, data_container_id=CONTAINER + run_id,
            value=[MetricV2Value(data=_filled(row, metric)) for row in metric.rows],
            properties=MetricProperties(ux_metric_type=metric.type),
        )  # fmt: skip


def log_metric(history: History, run_id: str, name: str, value: float) -> None:
    """Log one number, as ``Run.log`` does."""
    _append_metric(history, run_id, name, SCALAR, {name: "double"}, [{name: value}])


def _append_metric(
    history: History, run_id: str, name: str, kind: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Write down what was logged: the one way for all metrics."""
    history.append(run_id, "metric", name=name, type=kind, columns=columns, rows=rows)


def _filled(row: Mapping[str, Any], metric: Metric) -> dict[str, Any]:
    """Return a table's row with every column of the table; the SDK refuses a row that lacks one."""
    if metric.type != TABLE:
        return dict(row)
    missing = {column: float("nan") if kind == "double" else None for column, kind in metric.columns.items()}
    return {**missing, **row}


class Experiment(Operations):
    """Experiments (operations/experiment_operations.py): every name is the rehearsal's one experiment."""

    def get(self, _sub: str, _group: str, _ws: str, experiment_name: str = EXPERIMENT, **_: Any) -> ExperimentDto:
        return ExperimentDto(experiment_id=EXPERIMENT, name=experiment_name, tags={})

    create = get

    def get_by_id(self, _sub: str, _group: str, _ws: str, experiment_id: str = EXPERIMENT, **_: Any) -> ExperimentDto:
        return ExperimentDto(experiment_id=experiment_id, name=EXPERIMENT, tags={})

    def get_by_query(self, *_args: Any, **_: Any) -> Page:
        return Page([ExperimentDto(experiment_id=EXPERIMENT, name=EXPERIMENT, tags={})])


def run_dto(state: RunState) -> RunDto:
    """Return a run as the service describes it."""
    return RunDto(
        run_number=state.number, root_run_id=state.root, run_id=state.id, parent_run_id=state.parent,
        status=state.status, name=state.name, display_name=state.display_name or state.name,
        description=state.description, data_container_id=CONTAINER + state.id, run_type=state.type,
        created_utc=moment(state.created), start_time_utc=moment(state.started), end_time_utc=moment(state.ended),
        properties=dict(state.properties), tags=dict(state.tags), target="local", experiment_id=EXPERIMENT,
        created_by=CreatedByDto(user_name="rehearsal"),
    )  # fmt: skip


def cancel(history: History, run_id: str) -> None:
    """Ask the engine to cancel a run with all below it."""
    append_line(history.workdir / "requests.jsonl", {"cancel": run_id, "by": history.writer})
