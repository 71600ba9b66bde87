"""Which step is tuned, and whether it can be."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from hyperdrive_retrofit.graph import Compute, Graph, Step
from hyperdrive_retrofit.request import Problem, close_match
from hyperdrive_retrofit.script import ScriptFacts

PROMOTE_SCRIPT = "promote_best_child.py"
TUNABLE = ("PythonScriptStep", "EstimatorStep", "MpiStep", "CommandStep")

_UNTUNABLE_OUTPUTS = {
    "LinkFileOutputDatasetConfig": "links data in place of files",
    "LinkTabularOutputDatasetConfig": "links data in place of files",
    "HDFSOutputDatasetConfig": "is written by Spark",
    "OutputPortBinding": "is bound to its step by hand",
}
_REFUSED_TARGETS = ("databricks", "aks", "local")


def find_training_step(
    graph: Graph,
    wanted: str | None,
    options: Collection[str],
    metric: str | None,
    read: Callable[[Step], ScriptFacts],
) -> tuple[Step | None, list[Problem]]:
    """Return the step to be tuned: the one named, or the only one that fits (never a guess between equals).

    Args:
        graph: The pipeline.
        wanted: A step's key or name, or None to find it.
        options: What the script must take, such as ``--lr``.
        metric: The primary metric, or None.
        read: Reads the script of a step.
    """
    if wanted is not None:
        return _named_step(graph, wanted)
    candidates = _candidates(graph)
    facts = {step.key: read(step) for step in candidates}
    known = {id(script): script for script in facts.values()}  # many steps may share a script
    fits = {key for key, script in known.items() if all(map(script.option, options))}
    fitting = [step for step in candidates if id(facts[step.key]) in fits]
    if len(fitting) > 1 and metric is not None:
        logging = [step for step in fitting if any(logged.name == metric for logged in facts[step.key].metrics)]
        fitting = logging or fitting
    if len(fitting) > 1:
        fitting = [step for step in fitting if _says_train(step)] or fitting
    if len(fitting) == 1:
        return fitting[0], []
    tuned = [step for step in graph if step.kind == "HyperDriveStep" and step.script]
    already = [step for step in tuned if all(map(read(step).option, options))]
    if already and not fitting:
        return None, [_already_tuned(already[0])]
    listed = ", ".join(options)
    nearest = None if fitting else closest_step(graph, options, read)
    closest = _lacks(nearest, facts[nearest.key], options) if nearest else ""
    seen = "; ".join(_seen(step, facts.get(step.key)) for step in graph) or "no steps"
    which = f"Several steps take {listed}." if fitting else f"No step's script visibly takes {listed}.{closest}"
    say = "Correct the names, or say" if closest else "Say"
    fix = f"{say} which one: training_step='name' or the step object."
    return None, [Problem("HR002", "training_step", f"{which} Seen: {seen}.", fix)]


def closest_step(graph: Graph, options: Collection[str], read: Callable[[Step], ScriptFacts]) -> Step | None:
    """Return the step whose script takes the most of the options, where none takes all; None when several do, or none.

    It is not tuned, for that would be a guess; but what else is wrong with it is worth saying.
    """
    candidates = _candidates(graph)
    facts = {step.key: read(step) for step in candidates}
    taken = {step.key: sum(facts[step.key].option(option) is not None for option in options) for step in candidates}
    most = [step for step in candidates if taken[step.key] == max(taken.values())]
    most = most if len(most) == 1 else [step for step in most if _says_train(step)]
    fits = len(most) == 1 and facts[most[0].key].options and taken[most[0].key] < len(options)
    return most[0] if fits else None


def _candidates(graph: Graph) -> list[Step]:
    return [step for step in graph if step.kind in TUNABLE and step.script and not is_promote(step)]


def _lacks(step: Step, facts: ScriptFacts, options: Collection[str]) -> str:
    """Say what the step that comes closest lacks."""
    known = [name for option in facts.options for name in option.names]
    missing = [option for option in options if facts.option(option) is None]
    lacks = ", ".join(f"{option}{close_match(option, known)}" for option in missing)
    return f" '{step.name}' comes closest: {facts.script} has no {lacks}."


def _already_tuned(step: Step) -> Problem:
    fix = "Tune the plain step, or another step of this pipeline."
    return Problem("HR005", f"step '{step.name}'", f"Step '{step.name}' is a HyperDriveStep already.", fix)


def _named_step(graph: Graph, wanted: str) -> tuple[Step | None, list[Problem]]:
    same = [step for step in graph if wanted in (step.key, step.name)]
    exact = [step for step in same if step.key == wanted]
    if len({step.name for step in same}) == 1 and len([step for step in graph if step.name == same[0].name]) > 1:
        if exact and exact[0].key != exact[0].name:
            return exact[0], []
        message = f"{len([step for step in graph if step.name == same[0].name])} steps are called '{wanted}'."
        return None, [Problem("HR002", "training_step", message, "Give the step object: training_step=my_step.")]
    if same:
        return same[0], []
    names = [step.name for step in graph]
    message = f"No step is called '{wanted}'{close_match(wanted, names)}. There are: {', '.join(map(repr, names))}."
    return None, [Problem("HR003", "training_step", message, "Give a step's name or the step object.")]


def _seen(step: Step, facts: ScriptFacts | None) -> str:
    if facts is None:
        return f"'{step.name}' ({step.kind})"
    if facts.problem is not None:
        return f"'{step.name}' ({step.script} could not be read: {facts.problem.rstrip('.')})"
    names = [option.names[0] for option in facts.options]
    return f"'{step.name}' ({step.script} takes {', '.join(names) or 'no options'})"


def _says_train(step: Step) -> bool:
    text = f"{step.name} {step.script}"
    return "train" in re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).lower())


def is_promote(step: Step) -> bool:
    """Return whether a step is one that an earlier retrofit put in."""
    return step.script == PROMOTE_SCRIPT


def check_training_step(step: Step, default_source_directory: str | None) -> tuple[str, list[Problem]]:
    """Return the training script's folder, and what keeps the step from being tuned."""
    where = f"step '{step.name}'"
    if step.kind == "HyperDriveStep":
        return "", [_already_tuned(step)]
    if is_promote(step):
        return "", [Problem("HR005", where, f"Step '{step.name}' hands a best child on.", "Tune another step.")]
    if step.kind not in TUNABLE or step.script is None:
        return "", [Problem("HR004", where, *_why_not_tunable(step))]
    problems = []
    folder = step.source_directory or default_source_directory or "."
    if not Path(folder).is_dir():
        message = f"Source directory '{folder}' of step '{step.name}' does not exist (looked from {Path.cwd()})."
        problems.append(
            Problem("HR013", where, message, "Run from the folder that the path starts at, or give a full path.")
        )
    elif not (Path(folder) / step.script).is_file():
        others = sorted(path.name for path in Path(folder).glob("*.py"))
        hint = close_match(Path(step.script).name, others)
        message = f"Script '{step.script}' of step '{step.name}' is not in '{folder}'{hint}."
        problems.append(Problem("HR013", where, message, "Check script_name and source_directory."))
    for name, setting in (
        ("params", [n for n, _ in step.parameters]),
        ("runconfig_pipeline_params", step.runconfig_parameters),
    ):
        if setting:
            message = f"{name}= ({', '.join(setting)}) has no counterpart on a HyperDriveStep."
            fix = "Pass them as arguments, or set them in the run configuration."
            problems.append(Problem("HR012", where, message, fix))
    problems += _check_target(step.compute, where)
    return folder, problems


def _why_not_tunable(step: Step) -> tuple[str, str]:
    if step.command is not None:
        message = (
            f"Step '{step.name}' runs the command '{step.command}'; HyperDrive ignores hyperparameters with command=."
        )
        return message, "Make it plainly 'python script.py ...', or a PythonScriptStep."
    reasons = {
        "AutoMLStep": "AutoML does its own sweep",
        "DatabricksStep": "Databricks does not run HyperDrive",
        "ParallelRunStep": "its many processes share one run, so no child could log a metric of its own",
        "RScriptStep": "it runs R, and a child's command line is Python's",
    }
    reason = reasons.get(step.kind, "it runs no Python script of its own")
    return f"Step '{step.name}' is of kind {step.kind}: {reason}.", f"These can be tuned: {', '.join(TUNABLE)}."


def _check_target(compute: Compute, where: str) -> list[Problem]:
    named = f"'{compute.target}'" if compute.target else "no compute target"
    fix = "Give the step's compute_target= an AmlCompute cluster."
    if compute.target is None or compute.target == "local":
        return [Problem("HR016", where, f"The step runs on {named}, and HyperDrive needs a cluster.", fix)]
    if (compute.type or "").lower() in _REFUSED_TARGETS:
        return [Problem("HR016", where, f"{named} is of type {compute.type}, where HyperDrive does not run.", fix)]
    return []


def check_outputs(graph: Graph, step: Step) -> list[Problem]:
    """Return the step's outputs that cannot be handed on."""
    fix = "Make it PipelineData or OutputFileDatasetConfig."
    kinds = {output.name: graph.datum(output.data).kind for output in step.outputs}
    return [
        Problem("HR004", f"output '{name}'", f"Output '{name}' is of kind {kind}: it {_UNTUNABLE_OUTPUTS[kind]}.", fix)
        for name, kind in kinds.items()
        if kind in _UNTUNABLE_OUTPUTS
    ]


def read_model_files(given: Any, graph: Graph, step: Step) -> tuple[dict[str, str], list[Problem]]:
    """Read which outputs are handed on directly, and by which file."""
    example = 'For example {"model": "model.pkl"}; "" if the output is itself the file.'
    if not isinstance(given or {}, Mapping):
        message = f"model_files= takes a dict, not a {type(given).__name__}."
        return {}, [Problem("HR011", "model_files", message, example)]
    kinds = {output.name: graph.datum(output.data).kind for output in step.outputs}
    problems = []
    for name, file in (given or {}).items():
        where = f"model_files[{name!r}]"
        if name not in kinds:
            message = f"Step '{step.name}' has no output '{name}'{close_match(name, kinds)}."
            problems.append(Problem("HR011", where, message, f"Its outputs: {', '.join(kinds) or 'none'}."))
        elif kinds[name] != "PipelineData":
            message = f"Output '{name}' is of kind {kinds[name]}, and the SDK hands a file on as PipelineData only."
            problems.append(Problem("HR011", where, message, "Leave it out: it is handed on all the same."))
        elif not isinstance(file, str) or Path(file).is_absolute() or ".." in file.split("/"):
            problems.append(Problem("HR011", where, f"{file!r} is no file below the output.", example))
        elif Path(file).parts[:1] == ("outputs",):
            below = "/".join(Path(file).parts[2:])
            message = f"{file!r} is looked for below the output, as 'outputs/{name}/{file}'."
            problems.append(Problem("HR011", where, message, f"Name it from the output on: {{{name!r}: {below!r}}}."))
    return dict(given or {}), problems
