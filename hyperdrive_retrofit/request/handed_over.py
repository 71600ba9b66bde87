"""Checks the user's own objects that are handed on to the SDK unopened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from hyperdrive_retrofit.request.problem import Problem, shown

_MOST_PARENTS = 5  # semantics 5, MAX_PARENT_RUNS in train/hyperdrive/runconfig.py


def read_source_directory(given: Any) -> tuple[str | None, list[Problem]]:
    """Read ``default_source_directory``: a path, or None."""
    if given is None or isinstance(given, (str, os.PathLike)):
        return (None if given is None else os.fspath(given)), []
    message = f"default_source_directory= takes a path, not {shown(given)}."
    return None, [Problem("HR011", "default_source_directory", message, "Give it as it is given to Pipeline.")]


def check_promote(run_config: Any, compute_target: Any) -> list[Problem]:
    """Return what is wrong with ``promote_runconfig`` and ``promote_compute_target``."""
    problems = []
    if run_config is not None and not (hasattr(run_config, "environment") and hasattr(run_config, "target")):
        message = f"promote_runconfig= takes a RunConfiguration, not {shown(run_config)}."
        problems.append(Problem("HR011", "promote_runconfig", message, "Make one: RunConfiguration()."))
    where, fix = "promote_compute_target", "Give a compute target, its name, or (name, type)."
    is_pair = isinstance(compute_target, tuple) and len(compute_target) == 2
    name = compute_target[0] if is_pair else getattr(compute_target, "name", compute_target)
    if name == "local":
        problems.append(Problem("HR016", where, "A pipeline's step cannot run on 'local'.", fix))
    elif compute_target is not None and not isinstance(name, str):
        message = f"promote_compute_target= is {shown(compute_target)}."
        problems.append(Problem("HR011", where, message, fix))
    return problems


def check_runs(hyperdrive_options: Any) -> list[Problem]:
    """Return what is wrong with the runs in ``hyperdrive_options``: resume_from, resume_child_runs."""
    problems: list[Problem] = []
    options = hyperdrive_options if isinstance(hyperdrive_options, Mapping) else {}
    for name in ("resume_from", "resume_child_runs"):
        given = options.get(name)
        runs = given if isinstance(given, list) else [] if given is None else [given]
        where = f"hyperdrive_options[{name!r}]"
        wrong = [run for run in runs if not callable(getattr(run, "get_status", None))]
        if wrong:
            message = f"{name} takes runs, not {shown(wrong[0])}."
            problems.append(Problem("HR011", where, message, "Give Run objects of finished sweeps."))
        elif name == "resume_from" and len(runs) > _MOST_PARENTS:
            message = f"{len(runs)} parents are given, and HyperDrive takes {_MOST_PARENTS} at most."
            problems.append(Problem("HR010", where, message, "Give fewer."))
    return problems
