"""What is refused before anything starts, all reasons at once, and what is only noted."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.graph import Data, Graph, Input, Output, Step
from hyperdrive_retrofit.rehearsal.commands import input_names, parameter_names
from hyperdrive_retrofit.rehearsal.exports import need
from hyperdrive_retrofit.rehearsal.results import did_you_mean
from hyperdrive_retrofit.sweep import BAYESIAN

_BEFORE_THE_JOURNAL = ("lock", "pipeline", "runs")  # what an engine leaves that was killed at its start
SCRIPT_KINDS = ("PythonScriptStep", "EstimatorStep", "MpiStep", "CommandStep", "HyperDriveStep")


@attrs.frozen
class Given:
    """What the caller gave, as it was given but for absolute paths."""

    source_directory: str
    inputs: Mapping[str, str]
    parameters: Mapping[str, Any]
    skip: tuple[str, ...]
    limits: Mapping[str, float | None] = attrs.Factory(dict)


def check(graph: Graph, given: Given, workdir: Path) -> tuple[str, ...]:
    """Return notes.

    Raises:
        errors.RehearsalError: With everything that stands in the way.
        errors.MissingExtraError: For bayesian sampling without Optuna.
    """
    skipped = skipped_steps(graph, given.skip)
    steps = [step for step in graph.steps if step.key not in skipped]
    problems = [
        *(
            f"{name}={limit!r}: it must be above 0."
            for name, limit in given.limits.items()
            if limit is not None and limit <= 0
        ),
        *_workdir_in_use(workdir),
        *_unknown("skip", given.skip, {name for step in graph.steps for name in (step.key, step.name)}),
        *_unknown("inputs", given.inputs, _input_names(graph), _outside_names(graph, skipped)),
        *_unknown("parameters", given.parameters, parameter_names(graph)),
        *(problem for step in steps for problem in _step_problems(step, given, workdir)),
        *_missing_inputs(graph, steps, skipped, given.inputs),
        *(f"inputs['{name}']: there is no '{path}'." for name, path in given.inputs.items() if not Path(path).exists()),
    ]
    if problems:
        lines = "".join(f"\n  {number}. {problem}" for number, problem in enumerate(problems, 1))
        message = f"The rehearsal cannot start:{lines}"
        raise errors.RehearsalError(message)
    if any(step.sweep is not None and step.sweep.sampling == BAYESIAN for step in steps):
        need("optuna", "optuna")
    return tuple(_notes(steps))


def _workdir_in_use(workdir: Path) -> Iterable[str]:
    if not workdir.is_dir() or (workdir / "journal.jsonl").exists():
        return
    if any(path.name.partition(".")[0] not in _BEFORE_THE_JOURNAL for path in workdir.iterdir()):
        yield f"The workdir '{workdir}' is not empty, and what is in it is no rehearsal. Choose another one."


def skipped_steps(graph: Graph, skip: Collection[str]) -> frozenset[str]:
    """Return the keys of the steps that are named by key or by name."""
    return frozenset(step.key for step in graph.steps if step.key in skip or step.name in skip)


def source_directory(step: Step, default: str) -> Path:
    """Return a step's source directory as an absolute path."""
    return Path(step.source_directory or default).expanduser().resolve()


def _unknown(
    option: str, names: Iterable[str], known: Collection[str], offered: Collection[str] | None = None
) -> list[str]:
    """Return a problem for each name that does not occur; ``offered`` are the names to give, all by default."""
    offered = known if offered is None else offered
    listing = ", ".join(sorted(offered)) or "none"
    return [
        f"{option}: '{name}' does not occur{did_you_mean(name, offered)}. There is: {listing}."
        for name in names
        if name not in known
    ]


def _input_names(graph: Graph) -> set[str]:
    return {name for step in graph.steps for port in step.inputs for name in input_names(port, graph.datum(port.data))}


def _outside_names(graph: Graph, skipped: Collection[str]) -> set[str]:
    """Return one name for each of what no step makes here, the one that an author knows best."""
    return {
        input_names(port, graph.datum(port.data))[0]
        for step in graph.steps
        if step.key not in skipped
        for port in step.inputs
        if _is_outside(graph.datum(port.data), skipped)
    }


def _is_outside(data: Data, skipped: Collection[str]) -> bool:
    return data.producer is None or data.producer in skipped


def _missing_inputs(
    graph: Graph, steps: list[Step], skipped: Collection[str], inputs: Mapping[str, str]
) -> Iterable[str]:
    seen: set[str] = set()
    for step in steps:
        for port in step.inputs:
            data = graph.datum(port.data)
            names = input_names(port, data)
            if _is_outside(data, skipped) and data.key not in seen and not any(name in inputs for name in names):
                seen.add(data.key)
                why = f"the skipped step '{data.producer}' makes it" if data.producer else f"{data.kind} from outside"
                remedy = f"give its path with inputs={{'{names[0]}': path}}"
                yield f"Step '{step.key}' reads '{port.name}' ({why}): {remedy}."


def _step_problems(step: Step, given: Given, workdir: Path) -> Iterable[str]:
    where = f"Step '{step.key}'"
    if step.kind not in SCRIPT_KINDS or step.script is None:
        plain = " without a plain 'python script.py'" if step.kind == "CommandStep" else ""
        remedy = f"Leave it out with skip=['{step.key}'] and give what it makes with inputs=."
        yield f"{where} is a {step.kind}{plain}: it cannot run here. {remedy}"
        return
    folder = source_directory(step, given.source_directory)
    if not folder.is_dir():
        yield f"{where}: there is no source directory '{folder}'."
    elif not (folder / step.script).is_file():
        yield f"{where}: there is no script '{step.script}' in '{folder}'."
    elif workdir.is_relative_to(folder):
        why = f"lies in its source directory '{folder}' and would end in its snapshot"
        yield f"{where}: workdir '{workdir}' {why}. Choose another workdir."
    for port in step.outputs:
        if port.mode == "link":
            yield f"{where} links its output '{port.name}', which only the service can do. Use as_mount or as_upload."


def _notes(steps: Iterable[Step]) -> Iterable[str]:
    for step in steps:
        if step.compute.node_count > 1 or step.compute.communicator != "None":
            nodes = f"{step.compute.node_count} node(s), communicator {step.compute.communicator}"
            yield f"Step '{step.key}' runs as one process here ({nodes} in the cloud)."
        ports: tuple[Input | Output, ...] = (*step.inputs, *step.outputs)
        for port in ports:
            if port.path_on_compute is not None:
                place = f"is not at '{port.path_on_compute}' here; its argument says where"
                yield f"Step '{step.key}': '{port.name}' {place}."
        if step.runconfig_parameters:
            names = ", ".join(step.runconfig_parameters)
            yield f"Step '{step.key}': runconfig_pipeline_params {names} change nothing here."


def default_workdir(name: str) -> Path:
    """Return a folder for one rehearsal below the user's cache folder."""
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "hyperdrive_retrofit" / "rehearsals" / name
