"""Rehearsals that were run before: list them, load them, go on with them."""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import attrs

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.graph import Step
from hyperdrive_retrofit.rehearsal import engine, preflight, recipe
from hyperdrive_retrofit.rehearsal.commands import Places
from hyperdrive_retrofit.rehearsal.history import History, best
from hyperdrive_retrofit.rehearsal.journal import Journal, is_worked_on
from hyperdrive_retrofit.rehearsal.launcher import make_launcher
from hyperdrive_retrofit.rehearsal.outcome import outcome
from hyperdrive_retrofit.rehearsal.recipe import Recipe
from hyperdrive_retrofit.rehearsal.results import COMPLETED, ENDED, INTERRUPTED, RUNNING, Event, Rehearsal
from hyperdrive_retrofit.rehearsal.session import Session
from hyperdrive_retrofit.rehearsal.supervisor import Supervisor

UNREADABLE = "unreadable"


@attrs.frozen
class Summary:
    """One rehearsal in a list.

    Attributes:
        workdir: Its folder.
        at: When it was started; None when that cannot be read.
        status: As :attr:`Rehearsal.status`, or ``unreadable`` and why.
        steps: How many steps it has.
        ended: How many of them have ended.
        best: The primary metric's best value in its last sweep; None when there is none.
    """

    workdir: Path
    at: datetime | None
    status: str
    steps: int = 0
    ended: int = 0
    best: float | None = None


def cache_folder() -> Path:
    """Return the folder below which rehearsals lie that were given no workdir."""
    return preflight.default_workdir("x").parent


def find(folder: Path) -> list[Summary]:
    """Return the rehearsals that lie directly in a folder, the latest first."""
    found = [summary(each) for each in _workdirs(folder)]
    return sorted(found, key=lambda each: each.at.timestamp() if each.at else -math.inf, reverse=True)


def _workdirs(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (each for each in sorted(folder.iterdir()) if (each / "journal.jsonl").is_file())


def summary(workdir: Path) -> Summary:
    """Return what a list says of a rehearsal, without reading all of its runs."""
    journal = Journal(workdir)
    at = datetime.fromisoformat(journal.opened["at"]) if journal.opened else None
    try:
        kept = recipe.load(workdir)
    except recipe.UnreadableError as error:
        return Summary(workdir, at, f"{UNREADABLE} ({error.why})")
    session = _session(workdir, kept, journal)
    steps = kept.graph.steps
    reached = None
    for step in steps:
        if step.sweep is not None and session.sweep_run(step) in session.history:
            score = session.history.run(session.sweep_run(step)).properties.get("score")
            reached = float(score) if score else _best_so_far(session, step)
    return Summary(
        workdir, at, _status(session), len(steps), sum(session.step_run(step) in journal.ended for step in steps),
        reached,
    )  # fmt: skip


def _best_so_far(session: Session, step: Step) -> float | None:
    """Return the best value of the children of a sweep that did not come to its own end."""
    metric, goal = step.sweep.primary_metric_name, step.sweep.primary_metric_goal
    ended = session.journal.ended
    children = session.history.run(session.sweep_run(step)).children
    completed = [child for child in children if ended.get(child, ("", None))[0] == COMPLETED]
    return best(itertools.chain.from_iterable(session.history.run(child).numbers(metric) for child in completed), goal)


def locate(workdir: str | os.PathLike[str]) -> Path:
    """Return the folder that is meant: the path, or else the name of one in the cache folder.

    Raises:
        errors.RehearsalError: When there is neither.
    """
    for folder in (Path(workdir).expanduser(), cache_folder() / workdir):
        if folder.is_dir():
            return folder.resolve()
    message = (
        f"There is no folder '{workdir}', and none of that name in the cache folder '{cache_folder()}'. "
        "python -m hyperdrive_retrofit runs lists the rehearsals there."
    )
    raise errors.RehearsalError(message)


def load_rehearsal(workdir: str | os.PathLike[str]) -> Rehearsal:
    """Return the result of a rehearsal that was run before, from its folder alone.

    Args:
        workdir: Its folder, or its name in the cache folder. One that was interrupted, or goes on, gives what has
            ended so far.

    Raises:
        errors.RehearsalError: When the folder holds no rehearsal, or one whose pipeline could not be kept.
    """
    folder = locate(workdir)
    kept = recipe.load(folder)
    session = _session(folder, kept, Journal(folder))
    return attrs.evolve(outcome(session, kept.graph, kept.notes), status=_status(session))


def resume_rehearsal(
    workdir: str | os.PathLike[str], listener: Callable[[Event], None], environment: dict[str, str]
) -> Rehearsal:
    """Go on with a rehearsal with what was kept of it, in the working folder of then.

    Args:
        workdir: Its folder, or its name in the cache folder.
        listener: Called with every event.
        environment: Values of the variables that the run configurations set.

    Raises:
        errors.RehearsalError: When it has ended, or cannot be gone on with.
    """
    folder = locate(workdir)
    kept = recipe.load(folder)
    status = _status(_session(folder, kept, Journal(folder)))
    if status in ENDED:
        message = (
            f"The rehearsal in '{folder}' has ended ({status}): there is nothing to go on with. "
            "For mended scripts start a new one; this one keeps to the snapshot of its start."
        )
        raise errors.RehearsalError(message)
    pipeline = kept.with_variables(environment)
    here = Path.cwd()
    try:
        os.chdir(kept.folder)
    except OSError as error:
        message = f"The rehearsal was started in '{kept.folder}', which cannot be entered: {error.strerror}."
        raise errors.RehearsalError(message) from error
    try:
        return engine.rehearse(
            pipeline, default_source_directory=kept.source_directory, inputs=kept.inputs, parameters=kept.parameters,
            seed=kept.seed, skip=kept.skip, resume=folder, listener=listener, **kept.limits,
        )  # fmt: skip
    finally:
        os.chdir(here)


def _status(session: Session) -> str:
    status = session.journal.ended.get(session.pipeline_run, (RUNNING, None))[0]
    return status if status in ENDED or is_worked_on(session.places.workdir) else INTERRUPTED


def _session(folder: Path, kept: Recipe, journal: Journal) -> Session:
    """Return a session that runs nothing: its launcher starts a process with the first run only."""
    return Session(
        places=Places(kept.graph, folder, kept.inputs, kept.parameters), seed=kept.seed, history=History(folder),
        journal=journal, supervisor=Supervisor(make_launcher(), folder, time.monotonic), snapshots={},
        max_total_runs=None, max_concurrent_runs=None, clock=time.monotonic, tell=lambda _event: None,
    )  # fmt: skip
