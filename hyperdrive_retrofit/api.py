"""The public functions: look, decide, act, rehearse."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import attrs

from hyperdrive_retrofit import errors, findings, plan, request, script, training
from hyperdrive_retrofit.azure import apply, inspect, pictures
from hyperdrive_retrofit.findings import CATALOGUE, NOTE, Case, Finding
from hyperdrive_retrofit.graph import Graph, Step
from hyperdrive_retrofit.plan import Plan
from hyperdrive_retrofit.rehearsal import engine, kept
from hyperdrive_retrofit.rehearsal.results import Rehearsal
from hyperdrive_retrofit.render.live import display
from hyperdrive_retrofit.request import Problem, space_file
from hyperdrive_retrofit.script import ScriptFacts
from hyperdrive_retrofit.sweep import Hyperparameter


def inspect_steps(steps: Any) -> Graph:
    """Return the frozen picture of a pipeline, with every step that the SDK would pull in.

    Args:
        steps: What ``Pipeline(steps=...)`` takes: a list, nested lists, StepSequence, one step or PipelineData.

    Raises:
        BlockedError: When these are no steps, or they wait for each other.
    """
    graph, _, problems = inspect.inspect(steps)
    if problems:
        raise _blocked(problems)
    return graph


def plan_retrofit(
    existing_steps: Any,
    search_space: Any,
    policy: Any = None,
    *,
    primary_metric_name: str | None = None,
    primary_metric_goal: Any = None,
    sampling: str | None = None,
    max_total_runs: int | None = None,
    max_concurrent_runs: int | None = None,
    max_duration_minutes: int | None = None,
    training_step: Any = None,
    model_files: Mapping[str, str] | None = None,
    shared_tags: Collection[str] = (),
    promote_runconfig: Any = None,
    promote_compute_target: Any = None,
    default_source_directory: str | os.PathLike[str] | None = None,
    hyperdrive_options: Mapping[str, Any] | None = None,
    ignore: Collection[str] = (),
) -> Plan:
    """Decide how to tune a pipeline, and say so; touch nothing.

    Takes the arguments of :func:`wrap_with_hyperdrive`.

    Returns:
        A frozen Plan: print it, read its ``findings`` and ``blockers``, then ``plan.apply(existing_steps)``.

    Raises:
        BlockedError: When the call itself is wrong, so that there is nothing to plan; with all problems at once.
    """
    return _plan(**locals())[0]


def wrap_with_hyperdrive(
    existing_steps: Any,
    search_space: Any,
    policy: Any = None,
    *,
    primary_metric_name: str | None = None,
    primary_metric_goal: Any = None,
    sampling: str | None = None,
    max_total_runs: int | None = None,
    max_concurrent_runs: int | None = None,
    max_duration_minutes: int | None = None,
    training_step: Any = None,
    model_files: Mapping[str, str] | None = None,
    shared_tags: Collection[str] = (),
    promote_runconfig: Any = None,
    promote_compute_target: Any = None,
    default_source_directory: str | os.PathLike[str] | None = None,
    hyperdrive_options: Mapping[str, Any] | None = None,
    ignore: Collection[str] = (),
) -> Any:
    """Turn a pipeline's training step into a hyperparameter sweep; all that follows works on the best child.

    Args:
        existing_steps: What ``Pipeline(steps=...)`` takes: a list, nested lists, StepSequence, one step or
            PipelineData. Nothing in it is modified.
        search_space: ``{"lr": loguniform(-6, -1), "epoch": [20, 40, 60]}``, or one of the SDK's sampling objects.
        policy: One of the SDK's early termination policies.
        primary_metric_name: The metric that decides. None: the one metric that the training script logs.
        primary_metric_goal: ``"maximize"``, ``"minimize"`` or a ``PrimaryMetricGoal``. None: maximize, unless the
            name looks like a loss or an error.
        sampling: ``"random"``, ``"grid"`` or ``"bayesian"``; None: random. Not beside a sampling object.
        max_total_runs: 1 to 1000. None: the size of a grid or of a smaller discrete space, else 20.
        max_concurrent_runs: 1 to 100. None: 4, or max_total_runs if that is less.
        max_duration_minutes: 1 to 10080. None: 10080, the SDK's default.
        training_step: Name or step object. None: found.
        model_files: ``{"output name": "file in it"}``: outputs handed on as one file by the SDK's own
            ``TrainingOutput("Model")``; ``""`` if the output is itself the file.
        shared_tags: Tags that scripts write on ``run.parent`` and that are the same in every child.
        promote_runconfig: RunConfiguration of the step that hands the best child on. None: the training step's.
        promote_compute_target: Its compute target. None: the training step's.
        default_source_directory: As given to ``Pipeline``, for steps without a source directory.
        hyperdrive_options: What else ``HyperDriveConfig`` takes: resume_from, resume_child_runs, ...
        ignore: Codes of findings to let pass.

    Returns:
        The new steps in the shape that was given.

    Raises:
        BlockedError: With all blockers and all problems of the call at once.

    Warns:
        RetrofitWarning: Once, with all warnings.
    """
    planned, live = _plan(**locals())
    if planned.blockers:
        raise plan.blocked(planned.findings)
    if planned.warnings:
        warnings.warn(errors.RetrofitWarning(_listing(planned.warnings)), stacklevel=2)
    return apply.build(planned, live).steps


def read_space_file(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the arguments that a space file holds: ``wrap_with_hyperdrive(steps, **read_space_file("space.yaml"))``.

    Args:
        path: A YAML or JSON file as `python -m hyperdrive_retrofit plan` takes it (docs/command-line.md).

    Raises:
        SpaceFileError: When it is not there, or is neither YAML nor JSON.
        BlockedError: With all that is wrong in it at once.
    """
    file = space_file.read_space_file(path)
    if file.problems:
        raise _blocked(file.problems)
    return dict(file.arguments)


def rehearse(
    steps: Any,
    *,
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
    show: str | bool = "auto",
    default_source_directory: str | os.PathLike[str] | None = None,
) -> Rehearsal:
    """Run a pipeline on this machine, plain or tuned, with its scripts as they are and no Azure account.

    Args:
        steps: What ``Pipeline(steps=...)`` takes.
        inputs: Local paths for what comes from outside, by the step's input name or the registered name.
        parameters: Values of PipelineParameters; others keep their defaults.
        seed: Decides what children a sweep draws, and all ids.
        workdir: Where to write. None: a new folder in the user's cache folder.
        resume: The workdir of a rehearsal to go on with.
        skip: Names of steps not to run.
        max_total_runs: At most so many children, for a quick look.
        max_concurrent_runs: At most so many at a time. None: the sweep's, or this machine's cores if fewer.
        run_timeout: Seconds after which one run has failed.
        timeout: Seconds after which the whole rehearsal ends.
        show: ``"auto"``: a live line on a terminal, plain lines elsewhere; ``"silent"`` or False: nothing.
        default_source_directory: As given to ``Pipeline``, for steps without a source directory.

    Returns:
        A Rehearsal. A failing step is a value in it, not an exception.

    Raises:
        RehearsalError: With all reasons at once, before anything starts.
    """
    return engine.rehearse(
        inspect_steps(steps),
        default_source_directory=default_source_directory,
        inputs=inputs,
        parameters=parameters,
        seed=seed,
        workdir=workdir,
        resume=resume,
        skip=skip,
        max_total_runs=max_total_runs,
        max_concurrent_runs=max_concurrent_runs,
        run_timeout=run_timeout,
        timeout=timeout,
        listener=display(show),
    )


def load_rehearsal(workdir: str | os.PathLike[str]) -> Rehearsal:
    """Return the result of a rehearsal that was run before, from its folder alone.

    Args:
        workdir: Its folder. One that was interrupted, or goes on, gives what has ended so far.

    Raises:
        RehearsalError: When the folder holds no rehearsal, or one whose pipeline could not be kept.
    """
    return kept.load_rehearsal(workdir)


def _plan(
    existing_steps: Any,
    search_space: Any,
    policy: Any,
    primary_metric_name: str | None,
    primary_metric_goal: Any,
    sampling: str | None,
    max_total_runs: int | None,
    max_concurrent_runs: int | None,
    max_duration_minutes: int | None,
    training_step: Any,
    model_files: Mapping[str, str] | None,
    shared_tags: Collection[str],
    promote_runconfig: Any,
    promote_compute_target: Any,
    default_source_directory: str | os.PathLike[str] | None,
    hyperdrive_options: Mapping[str, Any] | None,
    ignore: Collection[str],
) -> tuple[Plan, inspect.Live]:
    """Return the plan and the live objects behind it, or raise with everything that is wrong with the call."""
    graph, live, problems = inspect.inspect(existing_steps)
    sweep, found = request.read_sweep(
        search_space, sampling, policy, max_total_runs, max_concurrent_runs, max_duration_minutes
    )
    problems += found
    problems += request.unknown_codes(ignore, filter(findings.may_be_ignored, CATALOGUE))
    problems += request.unknown_options(hyperdrive_options) + request.check_runs(hyperdrive_options)
    wrong_promote = request.check_promote(promote_runconfig, promote_compute_target)
    problems += wrong_promote
    tags, found = request.read_shared_tags(shared_tags)
    problems += found

    default, found = request.read_source_directory(default_source_directory)
    problems += found
    read = _script_reader(default)
    step, found = _training_step(graph, live, training_step, sweep.space, primary_metric_name, read)
    # without steps, or without a usable space, none can be found, and that is no mistake of its own
    problems += found if len(graph) and (sweep.space or training_step is not None) else []
    is_closest = step is None  # then what else is wrong with the step that comes closest is said as well
    if is_closest and training_step is None and sweep.space and any(problem.code == "HR002" for problem in found):
        step = training.closest_step(graph, [parameter.option for parameter in sweep.space], read)
    if step is None:
        _, found = request.read_goal(primary_metric_goal, str(primary_metric_name or ""))
        raise _blocked(problems + found)

    folder, found = training.check_training_step(step, default)
    problems += found + training.check_outputs(graph, step)
    files, found = training.read_model_files(model_files, graph, step)
    problems += found
    metric, found = request.read_metric_name(primary_metric_name, read(step))
    problems += found
    goal, found = request.read_goal(primary_metric_goal, metric)
    problems += found + request.unknown_shared_tags(tags, read(step))
    read_steps = [graph.step(key) for key in (step.key, *graph.downstream(step.key))]
    case = Case(
        graph=graph,
        training=step,
        sweep=attrs.evolve(sweep, primary_metric_name=metric, primary_metric_goal=goal),
        # a promote step is ours: what it does with run.parent is no reason for a finding or against reuse
        scripts={each.key: read(each) for each in read_steps if each.script and not training.is_promote(each)},
        direct=files,
        shared_tags=tags,
        promote=step.compute if wrong_promote else _promote_compute(step, promote_runconfig),
    )
    if problems:
        beside = findings.find(case) if folder else ()
        passed = {*ignore, "HR101"} if is_closest else ignore  # which options it lacks is said already
        raise _blocked(problems, [each for each in beside if each.code not in passed and each.severity != NOTE])
    given = {
        "promote_runconfig": promote_runconfig,
        "promote_compute_target": promote_compute_target,
        "hyperdrive_options": dict(hyperdrive_options or {}),
    }
    return plan.make_plan(case, folder, files, tuple(ignore), apply.apply, given), live


def _blocked(problems: Sequence[Problem], beside: Sequence[Finding] = ()) -> errors.BlockedError:
    return plan.blocked([*map(findings.from_problem, problems), *beside])


def _listing(found: Sequence[Finding]) -> str:
    things = "1 thing" if len(found) == 1 else f"{len(found)} things"
    return "\n  ".join([f"{things} to know before paying for a sweep:", *map(str, found)])


def _script_reader(default_source_directory: str | None) -> Callable[[Step], ScriptFacts]:
    known: dict[tuple[str, str], ScriptFacts] = {}

    def read(step: Step) -> ScriptFacts:
        where = (step.source_directory or default_source_directory or ".", step.script or "")
        if where not in known:
            known[where] = script.read_script(*where)
        return known[where]

    return read


def _training_step(
    graph: Graph,
    live: inspect.Live,
    wanted: Any,
    space: tuple[Hyperparameter, ...],
    metric: str | None,
    read: Callable[[Step], ScriptFacts],
) -> tuple[Step | None, list[Problem]]:
    if wanted is None or isinstance(wanted, str):
        return training.find_training_step(graph, wanted, [parameter.option for parameter in space], metric, read)
    key = live.keys.get(id(wanted))
    if key is not None:
        return graph.step(key), []
    name = getattr(wanted, "name", wanted)
    message = f"The step {name!r} is not in this pipeline. It has: {', '.join(step.name for step in graph)}."
    return None, [Problem("HR003", "training_step", message, "Give a step of existing_steps, or its name.")]


def _promote_compute(step: Step, run_config: Any) -> Any:
    return step.compute if run_config is None else pictures.compute_picture(run_config, run_config.target)
