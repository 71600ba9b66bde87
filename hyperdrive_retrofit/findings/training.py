"""Findings about what the training script does in each child: metric, registrations, outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from hyperdrive_retrofit.findings.case import Case
from hyperdrive_retrofit.findings.catalogue import BLOCKER, NOTE, WARNING, Finding
from hyperdrive_retrofit.graph import InputPath
from hyperdrive_retrofit.request import close_match
from hyperdrive_retrofit.script import PathUse, ScriptFacts
from hyperdrive_retrofit.sweep import NoTermination

_WRITES = ("writes_self", "writes_below")
_NO_NUMBERS = frozenset(
    ("log_row", "log_table", "log_image", "log_accuracy_table", "log_confusion_matrix", "log_residuals",
     "log_predictions")
)  # fmt: skip
_READS = ("reads_self", "reads_below", "lists")
_MAY_WRITE = (*_WRITES, "may_make", "escapes", "subprocess")
_SHARED_BY_ITS_NAME = re.compile(r"[a-z][a-z0-9+]+:/|/dbfs/|\\\\", re.IGNORECASE)
"""An address, DBFS, a Windows server; any other path may be the node's own, or the container's."""


def metric_not_logged(case: Case) -> Iterator[Finding]:
    """HR103: without the primary metric no child is ever the best."""
    facts, name = case.facts, case.sweep.primary_metric_name
    if facts.problem is not None or not name:
        return
    own = [metric for metric in facts.metrics if metric.on != "parent"]
    same = [metric for metric in own if metric.name == name]
    if any(metric.call not in _NO_NUMBERS for metric in same):
        return
    if same:
        message = f"'{name}' is logged by {same[0].call}() only, which gives no number that a child could win by."
        fix = f"Log the number as well: run.log('{name}', value)."
        yield Finding("HR103", WARNING, str(same[0].place), message, fix)
        return
    known = sorted({metric.name for metric in own if metric.name})
    hint = close_match(name, known)
    logged = f"It logs {', '.join(known)}." if known else "It logs no metric that can be read."
    on_parent = [metric for metric in facts.metrics if metric.on == "parent" and metric.name == name]
    hidden = facts.logs_unseen or facts.unread or facts.unknown_libraries
    if hidden or any(metric.name is None for metric in own):
        message = f"{case.script} does not visibly log '{name}'{hint}, and without it no child wins. {logged}"
        fix = "Rehearse one child, or check the metric's name."
        if facts.unknown_libraries:
            fix += f" It may be logged by {' or '.join(facts.unknown_libraries)}."
        yield Finding("HR103", WARNING, facts.script, message, fix)
    elif on_parent:
        message = f"'{name}' is logged on run.parent only, which is the sweep's run in a child, so no child could win."
        fix = f"Log it on the run itself: run.log('{name}', value)."
        yield Finding("HR103", BLOCKER, str(on_parent[0].place), message, fix)
    else:
        message = f"{case.script} never logs '{name}'{hint}, so no child could win. {logged}"
        fix = f"Choose another metric, or log this one: run.log('{name}', value)."
        yield Finding("HR103", BLOCKER, facts.script, message, fix)


def registers_in_every_child(case: Case) -> Iterator[Finding]:
    """HR104: the newest registered model is that of the child that ended last, not of the best."""
    whats = {"model": "registers the model", "model_tag": "sets the model tag", "dataset": "registers the dataset"}
    for registration in case.facts.registrations:
        what = whats[registration.kind] + (f" '{registration.name}'" if registration.name else "")
        surely = registration.kind == "model" and not registration.conditional and not registration.computed
        who = "Each child that gets there" if registration.conditional else "Each child"
        message = f"{who} {what}, so the newest is that of the child that ends last, not of the best one."
        fix = 'Do it in a step behind the training step, or accept it with ignore=("HR104",).'
        yield Finding("HR104", BLOCKER if surely else WARNING, str(registration.place), message, fix)


def policy_never_fires(case: Case) -> Iterator[Finding]:
    """HR105: a policy looks at a child's interval t, which is its t-th log of the metric (semantics 3)."""
    policy, facts, name = case.sweep.policy, case.facts, case.sweep.primary_metric_name
    if isinstance(policy, NoTermination) or facts.logs_unseen or facts.problem is not None:
        return
    logged = [metric for metric in facts.metrics if metric.name == name and metric.on != "parent"]
    if not logged or any(metric.repeated for metric in logged) or any(metric.name is None for metric in facts.metrics):
        return
    interval = policy.evaluation_interval
    first = -(-max(policy.delay_evaluation, 1) // interval) * interval
    if len(logged) < first:
        times = "once" if len(logged) == 1 else f"{len(logged)} times"
        message = (
            f"A child logs '{name}' {times}, and the policy first looks at its log number {first}: it never fires."
        )
        fix = "Log the metric as training goes on, or leave out the policy."
        yield Finding("HR105", WARNING, str(logged[0].place), message, fix)


def output_goes_elsewhere(case: Case) -> Iterator[Finding]:
    """HR106: the child's path is relative, the old one was absolute."""
    fix = "Use the path as it is given, or make it absolute at once: os.path.abspath(path)."
    for output in case.training.outputs:
        dest = case.dest_of_output(output.name)
        if dest is None:
            continue
        path = f"'outputs/{output.name}'"
        uses = _uses_while_relative(case, dest)
        own = {use.kind for use in case.facts.path_uses if use.option == dest}
        surely = {use.place for use in uses if (use.option, use.kind, use.branches) == (dest, "joined_after", ())}
        for use in uses:
            if use.option == dest and use.kind == "joined_after":
                sure = use.place in surely and own.isdisjoint((*_MAY_WRITE, *_READS))
                so = f"so it {'is not' if sure else 'may not be'} written to {path}"
                message = f"Output '{output.name}' is joined behind another path, {so}."
                yield Finding("HR106", BLOCKER if sure else WARNING, str(use.place), message, fix)
            elif use.option == dest and use.kind == "subprocess":
                message = (
                    f"Output '{output.name}' goes to another process; if that runs elsewhere, {path} is not there."
                )
                yield Finding("HR106", WARNING, str(use.place), message, fix)
        if "anchored" not in own:
            yield from _directory_changes(uses, output.name, dest, fix)


def _uses_while_relative(case: Case, dest: str) -> list[PathUse]:
    """Return how paths are used up to where this one is made absolute."""
    return list(takewhile(lambda use: (use.option, use.kind) != (dest, "absolute"), case.facts.path_uses))


def _directory_changes(uses: list[PathUse], output: str, dest: str, fix: str) -> Iterator[Finding]:
    """Find the change of directory in which an output is first written, if there is one."""
    away: PathUse | None = None
    sure = True
    for use in uses:
        if use.kind == "chdir":
            away = away or use
        elif use.kind == "chdir_back":
            away = None
        elif use.option == dest and use.kind in (*_MAY_WRITE, "makes"):
            if away is not None and use.place != away.place and use.kind != "makes":
                sure = sure and use.kind in _WRITES and not away.branches
                message = f"The directory is changed before '{output}' is written, so 'outputs/{output}' is elsewhere."
                yield Finding("HR106", BLOCKER if sure else WARNING, str(away.place), message, fix)
                return
            if use.kind in _WRITES or (away is not None and use.place == away.place):
                return
            sure = sure and use.kind == "makes"


def folder_not_made(case: Case) -> Iterator[Finding]:
    """HR107: in a child nothing makes ``outputs/<name>``; the service did for OutputFileDatasetConfig."""
    facts = case.facts
    if facts.problem is not None:
        return
    fix = "Before writing: os.makedirs(path, exist_ok=True)."
    for output in case.training.outputs:
        dest = case.dest_of_output(output.name)
        if dest is None:
            message = (
                f"It cannot be seen where {case.script} writes '{output.name}', and in a child nobody makes its folder."
            )
            told = f"Name it in the step's arguments: a child without 'outputs/{output.name}' cannot be handed on."
            yield Finding("HR107", WARNING, facts.script, message, told)
            continue
        uses = [use for use in facts.path_uses if use.option == dest]
        kinds = {use.kind for use in uses}
        made = facts.folder_made(dest)
        place = str(next((use.place for use in uses if use.kind in _WRITES), uses[0].place)) if uses else facts.script
        if made is False and (known := _made_by_name(facts, output.name)) is not False:
            if known is None:
                message = f"{case.script} writes below '{output.name}', and does not visibly make that folder."
                yield Finding("HR107", WARNING, place, message, fix)
        elif made is False:
            message = f"{case.script} writes below '{output.name}' and never makes that folder; in a child nobody does."
            yield Finding("HR107", BLOCKER, place, message, fix)
        elif made is None and "joined_after" not in kinds and ("writes_self" not in kinds or "writes_below" in kinds):
            message = f"{case.script} does not visibly make the folder '{output.name}', and in a child nobody does."
            yield Finding("HR107", WARNING, place, message, fix)


def _made_by_name(facts: ScriptFacts, output: str) -> bool | None:
    """Tell whether a script makes the folder that an output is in a child by its name; None when it may."""
    names = {folder.name for folder in facts.folders_made}
    if any(f"{name}/".startswith(f"outputs/{output}/") for name in names):
        return True
    return None if None in names else False


def written_through_input(case: Case) -> Iterator[Finding]:
    """HR108: an input is one place for all children."""
    for port in case.training.inputs:
        dest = case.command_line.dest_of(InputPath(port.name)) or f"$AZUREML_DATAREFERENCE_{port.name}"
        for use in case.facts.path_uses:
            if use.option == dest and use.kind in _WRITES:
                message = f"All children write to one place through input '{port.name}', where the last one wins."
                yield Finding("HR108", WARNING, str(use.place), message, "Write to an output of the step.")
                break


def written_to_fixed_place(case: Case) -> Iterator[Finding]:
    """HR121: what is spelled out in the script is one place for all children, as an input is."""
    fix = "Write below an output of the step, or put the run's id into the name: Run.get_context().id."
    for write in case.facts.fixed_writes:
        all_write = f"All children{' that get there' if write.conditional else ''} write to '{write.path}'"
        severity, message = WARNING, f"{all_write}, and what stays there is any child's, not the best one's."
        if write.datastore:
            message = f"{all_write} of a datastore, where files of one name are any child's in the end."
        elif not _SHARED_BY_ITS_NAME.match(write.path):
            message = (
                f"'{write.path}' is not kept with a child, and where that disk is shared, children share the file."
            )
            severity = NOTE
        yield Finding("HR121", severity, str(write.place), message, fix)


def model_file_not_written(case: Case) -> Iterator[Finding]:
    """HR122: without its ``model_file`` in the best child the HyperDriveStep fails, once all children are paid for."""
    for output, file in case.direct.items():
        dest = case.dest_of_output(output)
        uses = [use for use in case.facts.path_uses if dest is not None and use.option == dest]
        writes = [use for use in uses if use.kind in _WRITES]
        made = any(use.kind == "makes" for use in uses)
        into_folder = made and any(use.kind == "writes_self" for use in writes)  # shutil.copy(file, folder)
        if not writes or into_folder or not _all_seen(case, uses):
            continue
        written = ["" if use.kind == "writes_self" else use.below for use in writes]
        names = [name for name in written if name]
        if None in written or _may_be_there(file, written, made=any(use.kind == "makes" for use in uses)):
            continue
        listed = ", ".join(map(repr, dict.fromkeys(names)))
        if not file:
            message = f"model_files= takes '{output}' for one file, and {case.script} writes {listed} below it."
        elif names:
            hint = close_match(file, names)
            message = f"{case.script} does not write '{file}'{hint} below '{output}', but {listed}."
        else:
            message = f"{case.script} writes '{output}' as one file, so there is no '{file}' below it."
        fix = f'For example model_files={{"{output}": "{names[0] if names else ""}"}}.'
        yield Finding("HR122", BLOCKER, str(writes[0].place), message, fix)


def _may_be_there(file: str, written: list[str | None], *, made: bool) -> bool:
    """Return whether a file may be among what is written."""
    if "" in written:  # what is copied to a folder gets a name of its own there
        return made or file == ""
    # a folder may be written under that name, and numpy.save("w") makes w.npy
    return bool(file) and any(file.startswith(str(name)) for name in written)


def _all_seen(case: Case, uses: list[PathUse]) -> bool:
    """Return whether nothing but what is seen can have written below a path."""
    if case.facts.unread or any(use.kind == "chdir" for use in case.facts.path_uses):
        return False
    return not any(use.kind in ("escapes", "subprocess", "may_make", "joined_after") for use in uses)


def last_model_kept(case: Case) -> Iterator[Finding]:
    """HR129: the best value that a child logged decides (semantics 4), and its files are those of its end."""
    facts, name = case.facts, case.sweep.primary_metric_name
    logged = [metric for metric in facts.metrics if metric.name == name and metric.on != "parent"]
    if facts.keeps_best or facts.logs_unseen or not any(metric.in_loop for metric in logged):
        return
    dests = [case.dest_of_output(output.name) for output in case.training.outputs]
    uses = [use for use in facts.path_uses if use.option is not None and use.option in dests]
    # a saver that was given the path before the loop may write in each pass
    if any(use.kind in ("escapes", "subprocess") for use in uses):
        return
    if any(use.kind in _WRITES for use in uses) and not any(use.repeated for use in uses):
        place = next(metric.place for metric in logged if metric.in_loop)
        message = (
            f"'{name}' is logged in each pass and the model is written once: the best pass decides which child wins, "
            "and nothing shows that its state is what is written."
        )
        fix = "Keep the state of the best pass and write that, or log the metric once, for the model that is written."
        yield Finding("HR129", WARNING, str(place), message, fix)


def output_datasets_in_child(case: Case) -> Iterator[Finding]:
    """HR112: a child has no output datasets; each keeps its files as artifacts."""
    for use in case.facts.uses_output_datasets:
        message = "A child's run.output_datasets is empty: the service fills it for plain steps only."
        fix = "Give the output as an argument of the step, and write to that path."
        yield Finding("HR112", WARNING if use.guarded else BLOCKER, str(use.place), message, fix)
