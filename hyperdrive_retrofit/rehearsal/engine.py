"""Run a graph on this machine, step by step."""

from __future__ import annotations

import itertools
import os
import shutil
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.graph import Graph, Step
from hyperdrive_retrofit.rehearsal import preflight, preloading, recipe, snapshot
from hyperdrive_retrofit.rehearsal.commands import Places
from hyperdrive_retrofit.rehearsal.history import History
from hyperdrive_retrofit.rehearsal.journal import Journal, Lock, digest, stopped
from hyperdrive_retrofit.rehearsal.launcher import make_launcher
from hyperdrive_retrofit.rehearsal.outcome import outcome
from hyperdrive_retrofit.rehearsal.results import (
    CANCELED,
    COMPLETED,
    FAILED,
    NOT_STARTED,
    Ended,
    Event,
    Rehearsal,
    Started,
    StepEnded,
    StepStarted,
)
from hyperdrive_retrofit.rehearsal.session import Session
from hyperdrive_retrofit.rehearsal.supervisor import Supervisor
from hyperdrive_retrofit.rehearsal.sweeps import limits, run_sweep

_POLL = 0.1
TIME_OVER = "The time limit of the whole rehearsal (timeout=) was over."


def rehearse(  # noqa: PLR0913 - the options of a rehearsal
    graph: Graph,
    *,
    default_source_directory: str | os.PathLike[str] | None = None,
    inputs: Mapping[str, str | os.PathLike[str]] | None = None,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    workdir: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | None = None,
    skip: Collection[str] = (),
    max_total_runs: int | None = None,
    max_concurrent_runs: int | None = None,
    run_timeout: float | None = None,
    timeout: float | None = None,
    listener: Callable[[Event], None] | None = None,
    fork: bool | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Rehearsal:
    """Run every step of a graph on this machine, each script in a process and a folder of its own.

    A step or a child that fails is a value in the result. The same seed and the same scripts give the same children.

    Args:
        graph: The pipeline.
        default_source_directory: For steps that name none; the current folder by default.
        inputs: Paths of data from outside, by the input port's name, the registered dataset's or the data's own.
        parameters: Values of pipeline parameters; the others keep their defaults.
        seed: Decides the samples and the ids.
        workdir: The folder of this rehearsal; below the user's cache folder by default.
        resume: The folder of an interrupted rehearsal to go on with. What ended in it is not run again.
        skip: Keys or names of steps to leave out; what they make and others read is given with ``inputs``.
        max_total_runs: At most so many children a sweep, instead of the sweep's own limit.
        max_concurrent_runs: So many children at a time; by default the sweep's own limit, at most one a CPU.
        run_timeout: Seconds after which a run of a script is ended and counts as Failed.
        timeout: Seconds after which the whole rehearsal is ended.
        listener: Called with every event.
        fork: True forks runs from one process, False starts an interpreter for each; None forks where that is possible.
        clock: Seconds that only grow.

    Returns:
        The result, also when steps failed.

    Raises:
        errors.RehearsalError: When it cannot start (all reasons at once) or cannot go on.
        KeyboardInterrupt: On Ctrl-C, when all processes have ended; the message says how to go on.
    """
    folder = _folder(workdir, resume)
    given = preflight.Given(
        source_directory=str(Path(default_source_directory or ".").absolute()),
        inputs={name: str(Path(path).expanduser().absolute()) for name, path in (inputs or {}).items()},
        parameters=dict(parameters or {}),
        skip=tuple(skip),
        limits={
            "max_total_runs": max_total_runs,
            "max_concurrent_runs": max_concurrent_runs,
            "run_timeout": run_timeout,
            "timeout": timeout,
        },
    )
    notes = preflight.check(graph, given, folder)
    facts = digest(graph, given.inputs, given.parameters, sorted(given.skip), seed, max_total_runs)
    _make(folder)
    lock = Lock(folder)
    try:
        if resume is None:
            recipe.save(folder, _recipe(graph, given, seed, notes))
        journal = _open_journal(folder, facts, resumed=resume is not None)
        snapshots = _take_snapshots(graph, given, folder)
        supervisor = Supervisor(
            make_launcher(fork=fork, keep_open=(lock.descriptor,), modules=_modules(graph, snapshots)), folder, clock,
            run_timeout=run_timeout, timeout=timeout,
        )  # fmt: skip
        session = Session(
            places=Places(graph, folder, given.inputs, given.parameters), seed=seed, history=History(folder),
            journal=journal, supervisor=supervisor, snapshots=snapshots, max_total_runs=max_total_runs,
            max_concurrent_runs=max_concurrent_runs, clock=clock, tell=listener or (lambda _event: None),
        )  # fmt: skip
        try:
            _run_pipeline(session, graph, preflight.skipped_steps(graph, given.skip), notes)
        except KeyboardInterrupt:
            message = f"Interrupted. rehearse(..., resume={str(folder)!r}) goes on where it stopped."
            raise KeyboardInterrupt(message) from None
        finally:
            supervisor.close()
    except OSError as error:
        raise stopped(folder, error) from error
    finally:
        lock.release()
    return outcome(session, graph, notes)


def _recipe(graph: Graph, given: preflight.Given, seed: int, notes: tuple[str, ...]) -> recipe.Recipe:
    return recipe.Recipe(
        graph=graph, inputs=given.inputs, parameters=given.parameters, skip=given.skip, seed=seed,
        source_directory=given.source_directory, folder=str(Path.cwd()), limits=given.limits, notes=notes,
    )  # fmt: skip


def _folder(workdir: str | os.PathLike[str] | None, resume: str | os.PathLike[str] | None) -> Path:
    """Return the rehearsal's folder; refuse one that holds another rehearsal, or none to resume."""
    if resume is not None:
        folder = Path(resume).expanduser().resolve()
        if workdir is not None and Path(workdir).expanduser().resolve() != folder:
            message = f"workdir= and resume= name different folders ('{workdir}', '{resume}'). Give only resume=."
            raise errors.RehearsalError(message)
        if not (folder / "journal.jsonl").exists():
            message = f"'{folder}' holds no rehearsal to resume. Start one there with workdir=."
            raise errors.RehearsalError(message)
        return folder
    if workdir is None:
        return preflight.default_workdir(f"{time.strftime('%Y-%m-%d')}-{uuid.uuid4().hex[:8]}").resolve()
    folder = Path(workdir).expanduser().resolve()
    if (folder / "journal.jsonl").exists():
        message = f"'{folder}' already holds a rehearsal. Go on with it by resume=, or choose another workdir."
        raise errors.RehearsalError(message)
    return folder


def _make(folder: Path) -> None:
    try:
        (folder / "runs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The workdir '{folder}' cannot be written ({error.strerror}). Choose another one."
        raise errors.RehearsalError(message) from error


def _open_journal(folder: Path, facts: str, *, resumed: bool) -> Journal:
    journal = Journal(folder)
    if journal.opened is None:
        journal.open(digest=facts)
    elif resumed and journal.opened["digest"] != facts:
        message = (
            f"'{folder}' holds a rehearsal of other steps, inputs, parameters or another seed. "
            "Resume with what it was started with, or start anew in another workdir."
        )
        raise errors.RehearsalError(message)
    return journal


def _take_snapshots(graph: Graph, given: preflight.Given, folder: Path) -> dict[str, snapshot.Snapshot]:
    """Copy each source directory once, before anything runs, as submitting does; return them by step."""
    skipped = preflight.skipped_steps(graph, given.skip)
    numbers: dict[Path, Path] = {}
    for step in graph.steps:
        if step.key not in skipped:
            source = preflight.source_directory(step, given.source_directory)
            numbers.setdefault(source, folder / "snapshots" / str(len(numbers)))
    for source, target in numbers.items():
        if not target.exists():
            snapshot.take(source, target)
    taken = {source: snapshot.Snapshot.at(target) for source, target in numbers.items()}
    return {
        step.key: taken[preflight.source_directory(step, given.source_directory)]
        for step in graph.steps
        if step.key not in skipped
    }


def _modules(graph: Graph, snapshots: Mapping[str, snapshot.Snapshot]) -> tuple[str, ...]:
    """Return what is loaded before processes are forked; a step with variables of its own may need it loaded anew."""
    steps = [step for step in graph.steps if step.key in snapshots and not step.compute.environment_variables]
    found = (preloading.modules(snapshots[step.key].place, str(step.script)) for step in steps)
    return tuple(dict.fromkeys(itertools.chain.from_iterable(found)))


def _run_pipeline(session: Session, graph: Graph, skipped: frozenset[str], notes: tuple[str, ...]) -> None:
    run_id = session.pipeline_run
    if run_id in session.journal.ended:
        return
    for interrupted in session.journal.interrupted:
        session.forget(interrupted)
    session.supervisor.read_requests()
    session.create(run_id, script=False, kind="azureml.PipelineRun")
    session.running(run_id)
    keys = tuple(step.key for step in graph.steps if step.key not in skipped)
    session.tell(Started(session.places.workdir, keys, notes))
    statuses: dict[str, str] = {}
    for step in graph.steps:
        if step.key in skipped:
            session.tell(StepEnded(step.key, NOT_STARTED))
            continue
        statuses[step.key], error = _step_status(session, step, statuses)
        session.tell(StepEnded(step.key, statuses[step.key], error))
    status, error = _verdict(session, statuses)
    session.end(run_id, status, error)
    session.tell(Ended(status, session.places.workdir))


def _step_status(session: Session, step: Step, statuses: Mapping[str, str]) -> tuple[str, str | None]:
    """Run a step, unless one before it did not complete: the service's default then starts nothing more."""
    if session.stopping or any(status != COMPLETED for status in statuses.values()):
        return NOT_STARTED, None
    return _run_step(session, step)


def _verdict(session: Session, statuses: Mapping[str, str]) -> tuple[str, str | None]:
    incomplete = [key for key, status in statuses.items() if status != COMPLETED]
    if session.pipeline_run in session.supervisor.cancelled:
        return CANCELED, None
    if not incomplete:
        return COMPLETED, None
    return FAILED, TIME_OVER if session.supervisor.out_of_time else f"Step '{incomplete[0]}' did not complete."


def _run_step(session: Session, step: Step) -> tuple[str, str | None]:
    """Run one step, or take over what became of it before an interruption."""
    run_id = session.step_run(step)
    if run_id in session.journal.ended:
        return session.journal.ended[run_id]
    session.create(
        run_id, script=step.sweep is None, parent=session.pipeline_run, name=step.name, kind="azureml.StepRun",
        tags={"azureml.nodeid": run_id, "azureml.pipeline": session.pipeline_run},
        properties={"azureml.runsource": "azureml.StepRun", "azureml.nodeid": run_id},
    )  # fmt: skip
    session.tell(StepStarted(step.key, 0 if step.sweep is None else limits(step, session)[0]))
    if step.sweep is None:
        return _run_script_step(session, step, run_id)
    session.running(run_id)
    status, error = run_sweep(session, step)
    session.end(run_id, status, error)
    return status, error


def _run_script_step(session: Session, step: Step, run_id: str) -> tuple[str, str | None]:
    shutil.rmtree(session.places.output_folder(step), ignore_errors=True)  # what an interrupted run wrote
    session.start_script(step, run_id, (session.pipeline_run,))
    while True:
        for ended in session.supervisor.poll(_POLL):
            session.seal(run_id, *session.finish_script(ended))
            return session.journal.ended[run_id]
