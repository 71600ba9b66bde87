"""Findings about how the training step, the steps behind it and the promote step fit together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hyperdrive_retrofit.commandline import read_command_line
from hyperdrive_retrofit.findings.case import Case
from hyperdrive_retrofit.findings.catalogue import BLOCKER, NOTE, WARNING, Finding
from hyperdrive_retrofit.graph import Input, InputPath, Step
from hyperdrive_retrofit.script import ParentRead, ScriptFacts

# azureml-mlflow does not require azureml-core any more (its metadata, 1.62)
_HOLD_CORE = re.compile(r"azureml-(core|defaults|sdk|pipeline(-core|-steps)?|train(-core|-automl-client)?)\b(?![-\w])")
_KEPT_BY_NAME = ("metric", "tag", "property", "file")
_NOT_A_CHILD = "the sweep's now, and has no child's metrics and files"
_OF_ANY_RUN = """
id run_id name number status get_status wait_for_completion get_details get_details_with_logs
get_portal_url get_children parent experiment type display_name description cancel tag set_tags add_properties
"""
_NO_CHILDS = frozenset(_OF_ANY_RUN.split())
_OF_A_CHILD = """
get_metrics get_file_names download_file download_files get_tags tags get_properties properties
register_model get_output_data get_outputs get_output
"""
_A_CHILDS = frozenset(_OF_A_CHILD.split())
"""What a step's run is asked for: what the sweep's has as well, and what only a child's has."""

_Names = set[tuple[str, "str | None"]]


def parent_run_is_another(case: Case) -> Iterator[Finding]:
    """HR109: in a child ``run.parent`` is the sweep's run, no longer the pipeline's (semantics 6)."""
    yield from _training_reads_parent(case)
    own = _on_best_child(case)
    written: _Names = {(write.kind, write.name) for write in case.facts.parent_writes}
    lost = {(kind, name) for kind, name in written - own if kind in _KEPT_BY_NAME}
    read_behind: _Names = set()
    for step, facts in case.downstream:
        for read in facts.parent_reads:
            found = _lost_names(read, lost, own)
            read_behind |= {(read.kind, name) for name in found}
            for name in sorted(found, key=str):
                sure = name is not None and read.name is not None and (read.kind, None) not in own and not read.guarded
                sure = sure and not _perhaps_written_behind(case, step, read.kind, str(name))
                yield _lost(case, step, read, name or read.name, sure=sure)
            seen = bool(found) or (read.kind, read.name) in own
            if read.kind == "metric" and not seen and (case.facts.problem is not None or case.facts.logs_unseen):
                what = _named("metric", read.name)
                message = (
                    f"Step '{step.name}' reads {what} on run.parent, and it cannot be seen whether a child logs it."
                )
                yield Finding("HR109", WARNING, str(read.place), message, "Log it on the training script's own run.")
    yield from _training_writes_parent(case, lost - read_behind)


def _perhaps_written_behind(case: Case, step: Step, kind: str, name: str) -> bool:
    """Tell whether a step finds something on ``run.parent`` because it, or one before it, may write it there."""
    before = {step.key, *case.graph.upstream(step.key)}
    if any(other.key in before for other, _ in case.unread):
        return True
    behind = [write for other, facts in case.downstream if other.key in before for write in facts.parent_writes]
    return any(write.kind == kind and write.name in (name, None) for write in behind)


def _lost_names(read: ParentRead, lost: _Names, own: _Names) -> set[str | None]:
    """Return the names, None for computed ones, that a read finds on the sweep's run only."""
    if read.name is not None and (read.kind, read.name) in own:
        return set()
    return {name for kind, name in lost if kind == read.kind and (name == read.name or None in (name, read.name))}


def _training_writes_parent(case: Case, unread: _Names) -> Iterator[Finding]:
    for write in case.facts.parent_writes:
        if write.kind == "cancel":
            message = "run.parent is the sweep's run in a child, so one child cancels all."
            yield Finding("HR109", WARNING, str(write.place), message, "Raise an error to end this child alone.")
        elif (write.kind, write.name) in unread:
            what = _named(write.kind, write.name)
            reader = "it cannot be seen whether a step reads it" if case.unread or case.alone else "no step reads it"
            message = f"run.parent is the sweep's run in a child: {what} of the last child stays, and {reader}."
            yield Finding("HR109", NOTE, str(write.place), message, "Write it on the run itself.")


def _on_best_child(case: Case) -> _Names:
    """Return what the promote step puts on the pipeline run."""
    metrics = {("metric", metric.name) for metric in case.facts.metrics if metric.on != "parent"}
    tags = {("tag", tag.name) for tag in case.facts.own_tags}
    return metrics | tags | {("tag", name) for name in case.shared_tags}


def _training_reads_parent(case: Case) -> Iterator[Finding]:
    written = {(write.kind, write.name) for write in case.facts.parent_writes}
    for read in case.facts.parent_reads:
        if read.kind in _KEPT_BY_NAME and (read.kind, read.name) not in written:
            what = _named(read.kind, read.name)
            message = f"run.parent is the sweep's run in a child, and does not have {what} of the pipeline's run."
            fix = "Read it from run.parent.parent.parent (child > sweep > step > pipeline), or pass it as an argument."
            severity = BLOCKER if read.name is not None and not read.guarded else WARNING
            yield Finding("HR109", severity, str(read.place), message, fix)


def _lost(case: Case, step: Step, read: ParentRead, name: str | None, *, sure: bool) -> Finding:
    sure = sure and not (read.kind == "metric" and case.facts.logs_unseen)
    what = _named(read.kind, name)
    message = (
        f"Step '{step.name}' reads {what} on run.parent, but children write it on the sweep's run, where it stays."
    )
    fixes = {
        "metric": f"In the training script also log it on its own run: run.log({name or '...'!r}, value).",
        "tag": f"Tag the training script's own run, or vouch for all children: shared_tags=[{name or '...'!r}].",
        "file": "Hand the file on as an output of the training step.",
    }
    fix = fixes.get(read.kind, "Write it as a metric or a tag of the training script's own run.")
    return Finding("HR109", BLOCKER if sure else WARNING, str(read.place), message, fix)


def two_outputs_of_one_name(case: Case) -> Iterator[Finding]:
    """HR110: the SDK allows it; whoever looks an output up by its name gets either."""
    for output in case.training.outputs:
        makers = [data.producer for data in case.graph.data if data.name == output.name and data.producer is not None]
        if len(makers) > 1:
            message = (
                f"Output '{output.name}' is one of {len(makers)} of that name: {', '.join(makers)} write one each."
            )
            yield Finding("HR110", WARNING, case.step, message, "Give each output a name of its own.")


def promote_without_core(case: Case) -> Iterator[Finding]:
    """HR113: the promote script imports azureml-core."""
    if case.promote is None:
        return
    packages = case.promote.packages
    if packages is not None and any(_HOLD_CORE.match(package.lower()) for package in packages):
        return
    seen = "cannot be seen" if packages is None else "is not there"
    message = f"The step that hands the best child on needs azureml-core, which {seen} in its environment."
    fix = "Make sure that it is there, or give another one: promote_runconfig=RunConfiguration(...)."
    yield Finding("HR113", WARNING, case.step, message, fix)


def script_not_read(case: Case) -> Iterator[Finding]:
    """HR114: what cannot be read cannot be checked."""
    training = [(case.training, case.facts.problem)] if case.facts.problem else []
    for step, problem in (*training, *case.unread):
        message = f"The script of step '{step.name}' could not be read: {problem}"
        where = step.script or f"step '{step.name}'"
        yield Finding("HR114", WARNING, where, message, "Nothing in it was checked; rehearse the pipeline.")


def folder_needed(case: Case) -> Iterator[Finding]:
    """HR118: ``TrainingOutput`` hands one file on, where the old output was a folder."""
    for step, facts, port, name in _readers(case):
        dest = _dest_of_input(step, facts, port)
        needing = [use for use in facts.path_uses if use.option == dest and use.kind in ("reads_below", "lists")]
        if needing and name in case.direct:
            message = f"Step '{step.name}' uses '{name}' as a folder, and model_files= hands on one file."
            fix = f"Take the path as the file itself, or leave {name!r} out of model_files."
            # no blocker: model_files= asks for just this, and the script may be about to change
            yield Finding("HR118", WARNING, str(needing[0].place), message, fix)


def newest_model_taken(case: Case) -> Iterator[Finding]:
    """HR123: each child registers a model of that name, so the newest is that of the child that ended last."""
    behind = {item.name for _, facts in case.downstream for item in facts.registrations}
    registered = [item for item in case.facts.registrations if item.kind == "model" and item.name not in behind]
    surely = {item.name for item in registered if not item.conditional and None not in behind and not case.unread}
    fix = "Take the model from the step's input, where the best child's is, and register it there."
    for step, facts in case.downstream:
        for lookup in facts.model_lookups:
            name, place = lookup.name, str(lookup.place)
            if name is None or lookup.pinned or name not in {item.name for item in registered}:
                continue
            if lookup.every:
                message = f"Step '{step.name}' goes through the models '{name}', and children register some of them."
                yield Finding("HR123", WARNING, place, message, fix)
            elif name in surely and not lookup.conditional:
                newest = f"the newest model '{name}', which is that of the child that ends last"
                yield Finding("HR123", BLOCKER, place, f"Step '{step.name}' takes {newest}.", fix)
            else:
                message = f"Step '{step.name}' may take the newest model '{name}', and a child may have registered it."
                yield Finding("HR123", WARNING, place, message, fix)


def written_into_handed_on(case: Case) -> Iterator[Finding]:
    """HR124: a step that writes into what it reads changes it for others; in place of a folder it now finds a file."""
    for step, facts, port, name in _readers(case):
        dest = _dest_of_input(step, facts, port)
        uses = [use for use in facts.path_uses if use.option == dest and use.kind == "writes_below"]
        if uses and name in case.direct:
            message = f"Step '{step.name}' writes below '{name}', and model_files= hands on one file, no folder."
            fix = f"Write to an output of the step, or leave {name!r} out of model_files."
            yield Finding("HR124", WARNING, str(uses[0].place), message, fix)
        elif uses:
            message = f"Step '{step.name}' writes into '{name}', so whoever reads that later finds more in it."
            yield Finding("HR124", NOTE, str(uses[0].place), message, "Write to an output of the step.")


def output_of_training_run(case: Case) -> Iterator[Finding]:
    """HR130: the outputs of the step's run are the sweep's: its metrics, and what ``model_files=`` names."""
    lost = {output.name for output in case.training.outputs} - set(case.direct)
    fix = "Take it as an input of the step: the best child's is handed on under the old name."
    none = "and the sweep's run has no such output"
    for step, facts in case.downstream:
        asked = [each for each in facts.run_lookups if each.call in ("get_output_data", "get_output")]
        known = {lookup.place: lookup.step for lookup in asked if lookup.step}
        for place, name in dict.fromkeys((lookup.place, lookup.name) for lookup in asked if lookup.name in lost):
            if known.get(place, case.training.name) == case.training.name:
                asks = f"the run of '{case.training.name}' for its output '{name}', {none}"
                if place not in known:
                    asks = f"a run for its output '{name}': it may be that of '{case.training.name}', {none}"
                # no blocker: the rehearsal cannot show it, and whoever looks the run up by its name gets HR115
                yield Finding("HR130", WARNING, str(place), f"Step '{step.name}' asks {asks}.", fix)


def _readers(case: Case) -> Iterator[tuple[Step, ScriptFacts, Input, str]]:
    """Yield each reader of an output of the training step, with its input and the output's name."""
    names = {output.data: output.name for output in case.training.outputs}
    for step, facts in case.downstream:
        for port in step.inputs:
            if port.data in names:
                yield step, facts, port, names[port.data]


def _dest_of_input(step: Step, facts: ScriptFacts, port: Input) -> str:
    """Return under which name a script finds an input's path."""
    return (
        read_command_line(step.arguments, facts).dest_of(InputPath(port.name)) or f"$AZUREML_DATAREFERENCE_{port.name}"
    )


def run_looked_up(case: Case) -> Iterator[Finding]:
    """HR115: the training step's run is the sweep's now; its metrics and files are not a child's."""
    fix = "Read the metrics from run.parent, where the best child's are, and the files from the step's input."
    for step, facts in case.downstream:
        for lookup in facts.run_lookups:
            if lookup.call == "find_step_run" and lookup.name in (case.training.name, None):
                if lookup.asked and _NO_CHILDS.issuperset(lookup.asked):
                    continue
                sure = lookup.name is not None and (not lookup.asked or not _A_CHILDS.isdisjoint(lookup.asked))
                what = "the training step's run" if lookup.name else "a step's run by a computed name"
                which = "it is" if lookup.name else "the training step's is"
                message = f"Step '{step.name}' looks up {what}, but {which} {_NOT_A_CHILD}."
                yield Finding("HR115", BLOCKER if sure else WARNING, str(lookup.place), message, fix)
        for read in facts.parent_reads:
            if read.kind == "children":
                which = "but the training step's is"
                message = f"Step '{step.name}' goes through the pipeline's runs, {which} {_NOT_A_CHILD}."
                yield Finding("HR115", WARNING, str(read.place), message, fix)


def _named(kind: str, name: str | None) -> str:
    return f"{kind} '{name}'" if name else f"a {kind}"
