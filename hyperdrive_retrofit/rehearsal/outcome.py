"""Fold journal and history into the result of a rehearsal."""

from __future__ import annotations

import json
from datetime import datetime

from hyperdrive_retrofit.graph import Graph, Step
from hyperdrive_retrofit.rehearsal import artifacts
from hyperdrive_retrofit.rehearsal.history import RunState, best
from hyperdrive_retrofit.rehearsal.models import Models
from hyperdrive_retrofit.rehearsal.results import (
    COMPLETED,
    NOT_STARTED,
    RUNNING,
    Child,
    RegisteredModel,
    Rehearsal,
    StepResult,
    StepResults,
)
from hyperdrive_retrofit.rehearsal.session import Session
from hyperdrive_retrofit.sweep import MAXIMIZE


def outcome(session: Session, graph: Graph, notes: tuple[str, ...]) -> Rehearsal:
    """Return the result of a rehearsal that has ended, or what there is of one that has not."""
    run_id = session.pipeline_run
    run = session.history.run(run_id) if run_id in session.history else RunState(run_id)
    sweeps = [step for step in graph.steps if step.sweep is not None]
    children = {step.key: _children(session, step) for step in sweeps}
    status, error = session.journal.ended.get(run_id, (RUNNING, None))
    return Rehearsal(
        status=status,
        steps=StepResults(tuple(_step(session, step) for step in graph.steps)),
        children=tuple(child for step in sweeps for child in children[step.key]),
        best=_best(sweeps[-1], children[sweeps[-1].key]) if sweeps else None,
        models=_models(session),
        metrics=run.values(),
        tags=run.tags,
        run_id=run.id,
        workdir=session.places.workdir,
        notes=notes,
        error=error,
        graph=graph,
    )


def _step(session: Session, step: Step) -> StepResult:
    run_id = session.step_run(step)
    if run_id not in session.journal.ended:
        return StepResult(step.key, step.name, RUNNING if run_id in session.journal.started else NOT_STARTED)
    status, error = session.journal.ended[run_id]
    run = session.history.run(run_id)
    paths = {port.name: session.places.output_path(step, port.name) for port in step.outputs}
    log = session.log(run_id)
    return StepResult(
        key=step.key, name=step.name, status=status, run_id=run_id, metrics=run.values(), tags=run.tags,
        outputs=session.history.folder(run_id) / artifacts.ARTIFACTS / "outputs",
        data={name: path for name, path in paths.items() if path.exists()},
        log=log if log.exists() else None, error=error, started=_time(run.started), ended=_time(run.ended),
    )  # fmt: skip


def _children(session: Session, step: Step) -> tuple[Child, ...]:
    if session.sweep_run(step) not in session.history:
        return ()
    known = session.history.run(session.sweep_run(step)).children
    return tuple(_child(session, step, child) for child in known if child in session.journal.ended)


def _child(session: Session, step: Step, child: str) -> Child:
    run = session.history.run(child)
    session.history.drop(child)
    status, error = session.journal.ended[child]
    numbers = run.numbers(step.sweep.primary_metric_name)
    return Child(
        id=child, step=step.key, status=status, hyperparameters=json.loads(run.tags["hyperparameters"]),
        metrics=run.values(), value=best(numbers, step.sweep.primary_metric_goal), tags=run.tags,
        artifacts=session.history.folder(child) / artifacts.ARTIFACTS, log=session.log(child), error=error,
        started=_time(run.started), ended=_time(run.ended),
    )  # fmt: skip


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _best(step: Step, children: tuple[Child, ...]) -> Child | None:
    """Return the best Completed child, of equals the earliest."""
    found = [(child.value, child) for child in children if child.status == COMPLETED and child.value is not None]
    sign = -1 if step.sweep.primary_metric_goal == MAXIMIZE else 1
    return min(found, key=lambda pair: sign * pair[0])[1] if found else None


def _models(session: Session) -> tuple[RegisteredModel, ...]:
    return tuple(
        RegisteredModel(
            name=model.name,
            version=model.version,
            path=session.places.workdir / model.path,
            tags=model.tags,
            properties=model.properties,
            run_id=model.run_id,
        )
        for model in Models(session.history).all()
    )
