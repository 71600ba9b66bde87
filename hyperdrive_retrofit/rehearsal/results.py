"""What a rehearsal gives back, and what it tells while it runs.

Values only. Statuses are the service's words: ``NotStarted``, ``Running``, ``Completed``, ``Failed``, ``Canceled``.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.graph import Graph

NOT_STARTED, RUNNING = "NotStarted", "Running"
COMPLETED, FAILED, CANCELED = "Completed", "Failed", "Canceled"
INTERRUPTED = "Interrupted"  # our word: the service has none for it
ENDED = (COMPLETED, FAILED, CANCELED)
PROCESS_ENDED = "The process ended with"
_LONGEST_REASON = 200


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)``, or nothing when no known name is close."""
    found = difflib.get_close_matches(str(name), list(known), n=1)
    return f" (did you mean '{found[0]}'?)" if found else ""


def reason(error: str | None) -> str:
    """Return an error in one line: the last one, which names the exception; nothing for None.

    Of a process that ended by itself, how it ended stands before the last line of its log.
    """
    lines = [line.strip() for line in (error or "").splitlines() if line.strip()]
    if not lines:
        return ""
    text = " ".join(dict.fromkeys((lines[0], lines[-1]))) if lines[0].startswith(PROCESS_ENDED) else lines[-1]
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 3] + "..."


def _short(error: str | None) -> str:
    return repr(reason(error) or None)


@attrs.frozen
class StepResult:
    """One step, after the rehearsal.

    Attributes:
        key: As in the graph: the name, with ``#2``, ``#3``, ... where names repeat.
        name: The step's name.
        status: ``NotStarted`` for a step that was skipped or whose upstream did not complete.
        run_id: Id of the step run; None when it was not started.
        metrics: Name to value; a list when logged more than once, a dict of columns for rows and tables.
        tags: The step run's tags.
        outputs: The folder that holds its artifacts ``outputs/...``; None when it was not started.
        data: Output name to the path where the data were delivered.
        log: The log file; None when it was not started. That of a sweep says what became of its children.
        error: The last lines of the traceback, or why it failed; None unless it failed.
        started: When it began to run.
        ended: When it ended.
    """

    key: str
    name: str
    status: str
    run_id: str | None = attrs.field(default=None, repr=False)
    metrics: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    tags: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    outputs: Path | None = attrs.field(default=None, repr=False)
    data: Mapping[str, Path] = attrs.field(factory=dict, repr=False)
    log: Path | None = attrs.field(default=None, repr=False)
    error: str | None = attrs.field(default=None, repr=_short)
    started: datetime | None = attrs.field(default=None, repr=False)
    ended: datetime | None = attrs.field(default=None, repr=False)


@attrs.frozen
class Child:
    """One run of a sweep, after the rehearsal.

    Attributes:
        id: ``HD_<guid>_<n>``.
        step: Key of the HyperDriveStep.
        status: ``Canceled`` when the policy or a limit ended it.
        hyperparameters: Name as in the search space to value; whole numbers and booleans stay what they are.
        metrics: As in :attr:`StepResult.metrics`.
        value: The best value of the primary metric that it logged; None when it logged none.
        tags: Its run's tags.
        artifacts: The folder that holds its artifacts, ``outputs`` among them.
        log: The log file.
        error: The last lines of the traceback, or why it ended; None when it completed.
        started: When it began to run.
        ended: When it ended.
    """

    id: str
    step: str
    status: str
    hyperparameters: Mapping[str, Any]
    metrics: Mapping[str, Any] = attrs.field(repr=False)
    value: float | None
    tags: Mapping[str, str] = attrs.field(repr=False)
    artifacts: Path = attrs.field(repr=False)
    log: Path = attrs.field(repr=False)
    error: str | None = attrs.field(default=None, repr=_short)
    started: datetime | None = attrs.field(default=None, repr=False)
    ended: datetime | None = attrs.field(default=None, repr=False)


@attrs.frozen
class RegisteredModel:
    """One model that a script registered; ``path`` is its copy in the rehearsal's folder."""

    name: str
    version: int
    path: Path
    tags: Mapping[str, str]
    properties: Mapping[str, str]
    run_id: str | None


@attrs.frozen
class StepResults(Mapping[str, StepResult]):
    """The step results by :attr:`StepResult.key`; a name that does not occur is a NotFoundError with close matches."""

    _results: tuple[StepResult, ...]

    def __getitem__(self, key: str) -> StepResult:
        for result in self._results:
            if result.key == key:
                return result
        known = list(self)
        listing = ", ".join(known) or "none"
        raise errors.NotFoundError(f"No step '{key}' in this rehearsal{did_you_mean(key, known)}. It has: {listing}.")

    def __contains__(self, key: object) -> bool:
        return any(result.key == key for result in self._results)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the result of a step, or the default."""
        return next((result for result in self._results if result.key == key), default)

    def __iter__(self) -> Iterator[str]:
        return (result.key for result in self._results)

    def __len__(self) -> int:
        return len(self._results)


@attrs.frozen
class Rehearsal:
    """The result of a rehearsal.

    Attributes:
        status: ``Completed``, ``Failed`` or ``Canceled`` (a script cancelled the pipeline run). One that was loaded
            before its end is ``Running``, or ``Interrupted`` when no process works on it.
        steps: Step results by key, in the order of the graph.
        children: The children of all sweeps, in the order in which they were made.
        best: The child whose outputs are handed on: the best Completed one of the last sweep. None when there is
            none. HyperDrive's own choice (``get_best_run_by_primary_metric``) also counts failed and cancelled ones.
        models: What the scripts registered, in that order.
        metrics: Of the pipeline run itself (what scripts log on ``run.parent``).
        tags: Of the pipeline run itself.
        run_id: Id of the pipeline run.
        workdir: The folder of this rehearsal; ``resume=`` takes it.
        notes: What was not as in the cloud, one sentence each.
        error: Why it failed when no step did (the time limit), else None.
        graph: The pipeline, its sweeps among it.
    """

    status: str
    steps: StepResults = attrs.field(repr=False)
    children: tuple[Child, ...] = attrs.field(repr=False)
    best: Child | None
    models: tuple[RegisteredModel, ...] = attrs.field(repr=False)
    metrics: Mapping[str, Any] = attrs.field(repr=False)
    tags: Mapping[str, str] = attrs.field(repr=False)
    run_id: str = attrs.field(repr=False)
    workdir: Path
    notes: tuple[str, ...] = attrs.field(default=(), repr=False)
    error: str | None = attrs.field(default=None, repr=_short)
    graph: Graph = attrs.field(default=Graph(()), repr=False)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with one row a child, indexed by its id.

        Columns: ``step``, ``status``, ``value`` (of the primary metric), ``started``, ``ended``, ``error``,
        ``params.<name>`` for each hyperparameter, ``metrics.<name>`` with the last number that was logged.

        Raises:
            errors.MissingExtraError: Without pandas.
        """
        from hyperdrive_retrofit.rehearsal import exports

        return exports.to_frame(self)

    def to_optuna(self, step: str | None = None, *, storage: Any = None, study_name: str | None = None) -> Any:
        """Return an Optuna Study of one sweep, for ``optuna.visualization`` and optuna-dashboard.

        Completed children are complete trials, cancelled ones pruned, all others failed. What a child logged of the
        primary metric are its intermediate values, counted from 1.

        Args:
            step: Key of the HyperDriveStep; the last sweep by default.
            storage: As ``optuna.create_study`` takes it, such as ``"sqlite:///study.db"``; in memory by default.
            study_name: The folder's name and the step's by default.

        Raises:
            errors.MissingExtraError: Without optuna.
            errors.NotFoundError: When there is no such sweep.
        """
        from hyperdrive_retrofit.rehearsal import exports

        return exports.to_optuna(self, step, storage, study_name)

    def to_mlflow(self, uri: str, *, experiment: str = "hyperdrive_retrofit", artifacts: bool = True) -> str:
        """Write everything to MLflow: a run for the rehearsal, nested in it one a step, in these one a child.

        Args:
            uri: The tracking server or store, such as ``"sqlite:///mlflow.db"``.
            experiment: The experiment's name; made when it does not exist.
            artifacts: Whether to upload artifacts and models too.

        Returns:
            The id of the outermost MLflow run.

        Raises:
            errors.MissingExtraError: Without mlflow.
        """
        from hyperdrive_retrofit.rehearsal import mlflow_export

        return mlflow_export.to_mlflow(self, uri, experiment, artifacts=artifacts)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the whole rehearsal as one HTML page that needs no network, and return its path."""
        from hyperdrive_retrofit.render.report import report_html

        target = Path(path).expanduser().absolute()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(report_html(self), encoding="utf-8")
        return target

    def __str__(self) -> str:
        from hyperdrive_retrofit.render import rehearsal  # the listed exception: see docs/architecture.md

        return rehearsal.rehearsal_text(self)

    def _repr_html_(self) -> str:
        from hyperdrive_retrofit.render import rehearsal

        return rehearsal.rehearsal_html(self)


@attrs.frozen
class Started:
    """The rehearsal starts: how many steps it will run, and where."""

    workdir: Path
    steps: tuple[str, ...]
    notes: tuple[str, ...] = ()


@attrs.frozen
class StepStarted:
    """A step starts; ``children`` is how many runs its sweep will have, 0 when it is none."""

    key: str
    children: int = 0


@attrs.frozen
class ChildStarted:
    """A child of a sweep starts."""

    step: str
    id: str
    hyperparameters: Mapping[str, Any]


@attrs.frozen
class ChildEnded:
    """A child of a sweep ended; ``best`` is the best value of all Completed ones so far.

    On resuming, those that ended before the interruption come without their start.
    """

    step: str
    id: str
    status: str
    value: float | None
    best: float | None
    error: str | None = None


@attrs.frozen
class StepEnded:
    """A step ended, or was never started."""

    key: str
    status: str
    error: str | None = None


@attrs.frozen
class Ended:
    """The rehearsal ended."""

    status: str
    workdir: Path


Event = Started | StepStarted | ChildStarted | ChildEnded | StepEnded | Ended
