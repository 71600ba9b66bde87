"""The public functions: look, decide, act, rehearse."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any

from hyperdrive_retrofit import errors, findings, plan, script, sweep
from hyperdrive_retrofit.azure import apply, inspect
from hyperdrive_retrofit.azure.apply import Retrofit
from hyperdrive_retrofit.findings import Case, Finding
from hyperdrive_retrofit.graph import Graph, Step
from hyperdrive_retrofit.plan import Plan
from hyperdrive_retrofit.rehearsal import engine
from hyperdrive_retrofit.rehearsal.results import Rehearsal
from hyperdrive_retrofit.render.rehearsal import display
from hyperdrive_retrofit.script import ScriptFacts
from hyperdrive_retrofit.sweep import Problem, close_match


_HYPERDRIVE_OPTIONS = ("resume_from", "resume_child_runs", "debug_flag", "custom_run_id")


def inspect_steps(steps: Any) -> Graph:
    """Return the frozen picture of a pipeline, with every step that the SDK would pull in.

    Args:
        steps: What ``Pipeline(steps=...)`` takes: a list, nested lists, StepSequence, one step or PipelineData.

    Raises:
        BlockedError: When these are no steps, or they wait for each other.
    """
    graph, _, problems = inspect.inspect(steps)
    if problems:
        raise plan.blocked([findings.from_problem(problem) for problem in problems])
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
        lines = [f"{len(planned.warnings)} thing(s) to know before paying for a sweep:", *map(str, planned.warnings)]
        warnings.warn(errors.RetrofitWarning("\n  ".join(lines)), stacklevel=2)
    return apply.build(planned, live).steps


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
    space, from_object, properties, found = sweep.read_space(search_space)
    problems += found
    method, found = sweep.choose_sampling(sampling, from_object, space)
    problems += found
    stopping, found = sweep.read_policy(policy, method)
    problems += found
    limits, found = sweep.choose_limits(space, method, max_total_runs, max_concurrent_runs, max_duration_minutes)
    problems += found
    problems += _unknown_names(ignore, hyperdrive_options)

    default = None if default_source_directory is None else os.fspath(default_source_directory)
    read = _script_reader(default)
    step, found = _training_step(graph, live, training_step, space, primary_metric_name, read)
    # without a usable space no script fits, and that is not the author's mistake
    problems += found if space or training_step is not None or not problems else []
    folder = ""
    if step is not None:
        folder, found = plan.check_training_step(step, default)
        problems += found + plan.check_outputs(graph, step, model_files)
        primary_metric_name, found = _metric_name(primary_metric_name, read(step))
        problems += found
    goal, found = sweep.read_goal(primary_metric_goal, primary_metric_name)
    problems += found
    if step is None:
        raise plan.blocked([findings.from_problem(problem) for problem in problems])

    planned = sweep.Sweep(space, method, stopping, primary_metric_name or "", goal, *limits, sampling_properties=properties)
    case = Case(
        graph=graph,
        training=step,
        sweep=planned,
        scripts={key: read(graph.step(key)) for key in (step.key, *graph.downstream(step.key)) if graph.step(key).script},
        direct=tuple(model_files or ()),
        shared_tags=tuple(shared_tags),
        promote=_promote_compute(step, promote_runconfig),
    )
    problems += _unknown_shared_tags(case)
    if problems:
        beside = findings.find(case) if step.key in case.scripts else ()
        raise plan.blocked(
            [findings.from_problem(problem) for problem in problems]
            + [finding for finding in beside if finding.code not in ignore]
        )
    given = {
        "promote_runconfig": promote_runconfig,
        "promote_compute_target": promote_compute_target,
        "hyperdrive_options": dict(hyperdrive_options or {}),
    }
    return plan.make_plan(case, folder, dict(model_files or {}), tuple(ignore), apply.apply, given), live


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
    space: tuple[sweep.Hyperparameter, ...],
    metric: str | None,
    read: Callable[[Step], ScriptFacts],
) -> tuple[Step | None, list[Problem]]:
    if wanted is None or isinstance(wanted, str):
        return plan.find_training_step(graph, wanted, [parameter.option for parameter in space], metric, read)
    key = live.keys.get(id(wanted))
    if key is not None:
        return graph.step(key), []
    name = getattr(wanted, "name", wanted)
    message = f"The step {name!r} is not in this pipeline. It has: {', '.join(step.name for step in graph)}."
    return None, [Problem("HR003", "training_step", message, "Give a step of existing_steps, or its name.")]


def _metric_name(given: str | None, facts: ScriptFacts) -> tuple[str | None, list[Problem]]:
    if given:
        return given, []
    logged = sorted({metric.name for metric in facts.metrics if metric.name and metric.on != "parent"})
    if given is None and len(logged) == 1 and not facts.logs_unseen:
        return logged[0], []
    seen = f"The training script logs {', '.join(logged)}." if logged else "No metric that the training script logs can be read."
    return None, [Problem("HR009", "primary_metric_name", seen, "Say which one decides: primary_metric_name='...'.")]


def _promote_compute(step: Step, run_config: Any) -> Any:
    return step.compute if run_config is None else inspect.compute_picture(run_config, run_config.target)


def _unknown_names(ignore: Collection[str], hyperdrive_options: Mapping[str, Any] | None) -> list[Problem]:
    problems = []
    for code in [ignore] if isinstance(ignore, str) else ignore:
        if isinstance(ignore, str) or code not in findings.CATALOGUE or not findings.may_be_ignored(code):
            known = [code for code in findings.CATALOGUE if findings.may_be_ignored(code)]
            message = f"{code!r} is no finding that can be ignored{close_match(code, known)}."
            problems.append(Problem("HR011", "ignore", message, 'For example ignore=("HR107",).'))
    for name in hyperdrive_options or {}:
        if name not in _HYPERDRIVE_OPTIONS:
            message = f"HyperDriveConfig takes no {name!r} from here{close_match(name, _HYPERDRIVE_OPTIONS)}."
            fix = f"Here go {', '.join(_HYPERDRIVE_OPTIONS)}; the others are arguments of the call itself."
            problems.append(Problem("HR011", "hyperdrive_options", message, fix))
    return problems


def _unknown_shared_tags(case: Case) -> list[Problem]:
    written = {write.name for write in case.facts.parent_writes if write.kind == "tag"}
    if case.facts.problem is not None or None in written:
        return []
    unknown = [tag for tag in case.shared_tags if tag not in written]
    fix = f"It writes: {', '.join(sorted(map(str, written))) or 'none'}."
    return [
        Problem("HR011", "shared_tags", f"{case.script} writes no tag {tag!r} on run.parent{close_match(tag, written)}.", fix)
        for tag in unknown
    ]
