"""Every finding: one function each, from facts to remarks with a place and a remedy.

A blocker is a real failure or a silently wrong result, visible in the user's own scripts; what
cannot be seen is a warning at most. ``CATALOGUE`` names each code once; docs/findings.md explains them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import attrs

from hyperdrive_retrofit.commandline import CommandLine, option_match, parameters_in, read_command_line
from hyperdrive_retrofit.graph import Compute, Graph, InputPath, OutputPath, Parameter, Step
from hyperdrive_retrofit.script import ParentRead, ScriptFacts
from hyperdrive_retrofit.sweep import NoTermination, Problem, Sweep, close_match


BLOCKER, WARNING, NOTE = "blocker", "warning", "note"

CATALOGUE: Mapping[str, str] = {
    "HR001": "nothing that a Pipeline takes",
    "HR002": "the training step cannot be told",
    "HR003": "no such training step",
    "HR004": "a kind of step or output that cannot be tuned",
    "HR005": "the step is a HyperDriveStep already",
    "HR006": "the search space is wrong",
    "HR007": "the sampling does not suit the space",
    "HR008": "the policy is wrong",
    "HR009": "the primary metric is wrong",
    "HR010": "a limit is out of range",
    "HR011": "an argument names nothing",
    "HR012": "a setting that a HyperDriveStep does not have",
    "HR013": "source directory or script does not exist",
    "HR014": "a step is given twice",
    "HR015": "steps wait for each other",
    "HR016": "the compute target does not take HyperDrive",
    "HR101": "a hyperparameter is not an option of the script",
    "HR102": "a hyperparameter's fixed value cannot be told apart",
    "HR103": "the primary metric is never logged",
    "HR104": "every child registers or tags a model",
    "HR105": "the policy can never fire",
    "HR106": "an output's path is joined behind another, or the directory changes",
    "HR107": "nobody makes the output folder",
    "HR108": "children write through an input",
    "HR109": "the parent run is another one now",
    "HR110": "two outputs of one name",
    "HR111": "a tuned PipelineParameter disappears",
    "HR112": "run.output_datasets in a child",
    "HR113": "azureml-core not visible where promote runs",
    "HR114": "a script could not be read",
    "HR115": "another run is looked up by the training step's name",
}
"""Every code with what it is about. HR0xx are mistakes in the call, HR1xx come from the user's scripts."""


@attrs.frozen
class Finding:
    """One remark.

    Attributes:
        code: Stable, such as ``HR107``.
        severity: ``blocker``, ``warning`` or ``note``.
        where: ``train.py:12``, ``step 'train'`` or the argument of the call.
        message: What happens under HyperDrive, one sentence.
        fix: What to do.
    """

    code: str
    severity: str
    where: str
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.code} {self.severity} at {self.where}: {self.message} {self.fix}"


def from_problem(problem: Problem) -> Finding:
    """Return a mistake in the call as a finding."""
    return Finding(problem.code, BLOCKER, problem.where, problem.message, problem.fix)


@attrs.frozen(slots=False)
class Case:
    """All that the findings look at.

    Attributes:
        graph: The pipeline.
        training: The step to be tuned.
        sweep: The sweep.
        scripts: What is known of the scripts, by step key.
        direct: Names of the outputs that are handed on directly.
        shared_tags: Tags on the sweep's run that the user vouches for.
        promote: Where the promote step would run; None when there is none.
    """

    graph: Graph
    training: Step
    sweep: Sweep
    scripts: Mapping[str, ScriptFacts]
    direct: Collection[str] = ()
    shared_tags: Collection[str] = ()
    promote: Compute | None = None

    @cached_property
    def facts(self) -> ScriptFacts:
        """What is known of the training script."""
        return self.scripts[self.training.key]

    @cached_property
    def command_line(self) -> CommandLine:
        """The training step's command line, read."""
        return read_command_line(self.training.arguments, self.facts, self.sweep.space)

    @cached_property
    def downstream(self) -> tuple[tuple[Step, ScriptFacts], ...]:
        """The steps behind the training step whose scripts were read, and what is known of those."""
        keys = self.graph.downstream(self.training.key)
        return tuple((self.graph.step(key), self.scripts[key]) for key in keys if key in self.scripts)

    @property
    def script(self) -> str:
        """The training script's name, for sentences."""
        return self.training.script or self.training.name


def find(case: Case) -> tuple[Finding, ...]:
    """Return all findings, blockers first, each kind in the order of the codes."""
    found = [finding for check in _CHECKS for finding in check(case)]
    rank = {BLOCKER: 0, WARNING: 1, NOTE: 2}
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: (rank[finding.severity], finding.code)))


def not_an_option(case: Case) -> Iterator[Finding]:
    """HR101: HyperDrive gives each child ``--name value``; the script must take it."""
    facts = case.facts
    if facts.problem is not None:
        return
    no_parser = facts.parser is None and not facts.unread and not facts.options
    for hyperparameter in case.sweep.space:
        option = hyperparameter.option
        if option_match(facts, option) is not None:
            continue
        spellings = [name for known in facts.options for name in known.names]
        hint = close_match(option, spellings)
        where = facts.script
        if not facts.options_complete and not no_parser:
            message = f"No option {option} is visible in {case.script}{hint}, and not all its options can be read."
            yield Finding("HR101", WARNING, where, message, "Rehearse one child before paying for many.")
        elif facts.unknown_options == "error" and not no_parser:
            message = f"{case.script} has no option {option}{hint}: its parser stops every child."
            yield Finding("HR101", BLOCKER, where, message, f"Add it to the parser, or rename {hyperparameter.name!r}.")
        else:
            message = f"{case.script} has no option {option}{hint}: it is ignored and all children are equal."
            yield Finding("HR101", BLOCKER, where, message, f"Add it to the parser, or rename {hyperparameter.name!r}.")


def fixed_value_unclear(case: Case) -> Iterator[Finding]:
    """HR102: a fixed value left beside the child's own would win or fail, so it must go, all of it and no more."""
    for token in case.command_line.unclear:
        message = f"In the arguments it cannot be told which values belong to {token.text!r}."
        yield Finding(
            "HR102", BLOCKER, f"step '{case.training.name}'", message, "Take the fixed value out of the step's arguments."
        )


def metric_not_logged(case: Case) -> Iterator[Finding]:
    """HR103: without the primary metric no child is ever the best."""
    facts, name = case.facts, case.sweep.primary_metric_name
    if facts.problem is not None or not name:
        return
    own = [metric for metric in facts.metrics if metric.on != "parent"]
    if any(metric.name == name for metric in own):
        return
    on_parent = [metric for metric in facts.metrics if metric.on == "parent" and metric.name == name]
    if on_parent:
        message = f"'{name}' is logged on run.parent only, which is the sweep's run in a child: no child has it."
        yield Finding("HR103", BLOCKER, str(on_parent[0].place), message, f"Also log it: run.log('{name}', value).")
        return
    known = sorted({metric.name for metric in own if metric.name})
    hint = close_match(name, known)
    logged = f"It logs {', '.join(known)}." if known else "It logs no metric that can be read."
    if facts.logs_unseen or facts.unread or any(metric.name is None for metric in own):
        message = f"'{name}' is not visibly logged by {case.script}{hint}. {logged}"
        yield Finding("HR103", WARNING, facts.script, message, "Rehearse one child, or check the metric's name.")
    else:
        message = f"'{name}' is never logged by {case.script}{hint}: no child could win. {logged}"
        yield Finding("HR103", BLOCKER, facts.script, message, f"Log it, or choose another: run.log('{name}', value).")


def registers_in_every_child(case: Case) -> Iterator[Finding]:
    """HR104: the newest registered model is that of the child that ended last, not of the best."""
    for registration in case.facts.registrations:
        name = f" '{registration.name}'" if registration.name else ""
        what = {"model": "registers model", "model_tag": "tags a model", "dataset": "registers dataset"}[registration.kind]
        message = f"Each of the {case.sweep.runs} children {what}{name}: the newest is the last child's, not the best one's."
        severity = BLOCKER if registration.kind == "model" and not registration.conditional else WARNING
        fix = 'Register in a step behind the training step, or accept it with ignore=("HR104",).'
        yield Finding("HR104", severity, str(registration.place), message, fix)


def policy_never_fires(case: Case) -> Iterator[Finding]:
    """HR105: a metric that is logged once reaches interval 1 only (semantics 3)."""
    policy, facts, name = case.sweep.policy, case.facts, case.sweep.primary_metric_name
    if isinstance(policy, NoTermination) or facts.logs_unseen or facts.problem is not None:
        return
    logged = [metric for metric in facts.metrics if metric.name == name and metric.on != "parent"]
    unsure = any(metric.name is None or metric.repeated for metric in facts.metrics)
    first = max(policy.evaluation_interval, policy.delay_evaluation)
    if len(logged) == 1 and not unsure and first > 1:
        message = f"'{name}' is logged once a child, and the policy looks first at its logging number {first}: it never fires."
        fix = "Log the metric as training goes on, or leave out the policy."
        yield Finding("HR105", WARNING, str(logged[0].place), message, fix)


def output_goes_elsewhere(case: Case) -> Iterator[Finding]:
    """HR106: the child's path is relative, the old one was absolute."""
    for output in case.training.outputs:
        dest = _dest_of_output(case, output.name)
        if dest is None:
            continue
        fix = "Use the path as it is given, or make it absolute first: os.path.abspath(path)."
        for use in case.facts.path_uses:
            if use.option == dest and use.kind == "joined_after":
                message = f"The path of '{output.name}' is joined behind another one, so it is not 'outputs/{output.name}'."
                yield Finding("HR106", BLOCKER, str(use.place), message, fix)
            elif use.option == dest and use.kind == "subprocess":
                message = f"'{output.name}' goes to another process; in another directory 'outputs/{output.name}' is elsewhere."
                yield Finding("HR106", WARNING, str(use.place), message, fix)
        yield from _directory_changes(case, output.name, dest, fix)


def _directory_changes(case: Case, output: str, dest: str, fix: str) -> Iterator[Finding]:
    written = False
    for use in case.facts.path_uses:
        written = written or (use.option == dest and use.kind in ("writes_self", "writes_below"))
        if use.kind == "chdir" and not written:
            message = f"The script changes its directory before it writes '{output}', so 'outputs/{output}' is elsewhere."
            yield Finding("HR106", BLOCKER if not use.branches else WARNING, str(use.place), message, fix)
            return


def folder_not_made(case: Case) -> Iterator[Finding]:
    """HR107: in a child nothing makes ``outputs/<name>``; the service did for OutputFileDatasetConfig."""
    facts = case.facts
    if facts.problem is not None:
        return
    for output in case.training.outputs:
        dest = _dest_of_output(case, output.name)
        fix = "Before writing: os.makedirs(path, exist_ok=True)."
        if dest is None:
            message = f"It cannot be seen where {case.script} writes '{output.name}', nor that it makes the folder."
            yield Finding("HR107", WARNING, facts.script, message, fix)
            continue
        kinds = {use.kind for use in facts.path_uses if use.option == dest}
        made = facts.folder_made(dest)
        place = next((str(use.place) for use in facts.path_uses if use.option == dest), facts.script)
        if made is False:
            message = f"{case.script} writes below '{output.name}' and never makes it; in a child nobody else does."
            yield Finding("HR107", BLOCKER, place, message, fix)
        elif made is None and ("writes_self" not in kinds or "writes_below" in kinds):
            message = f"{case.script} does not visibly make the folder '{output.name}'; in a child nobody else does."
            yield Finding("HR107", WARNING, place, message, fix)


def written_through_input(case: Case) -> Iterator[Finding]:
    """HR108: an input is one place for all children."""
    for port in case.training.inputs:
        dest = case.command_line.dest_of(InputPath(port.name)) or f"$AZUREML_DATAREFERENCE_{port.name}"
        for use in case.facts.path_uses:
            if use.option == dest and use.kind in ("writes_self", "writes_below"):
                message = f"Children write through the input '{port.name}', all to one place: the last one wins."
                yield Finding("HR108", WARNING, str(use.place), message, "Write to an output of the step.")
                break


def parent_run_is_another(case: Case) -> Iterator[Finding]:
    """HR109: in a child ``run.parent`` is the sweep's run, no longer the pipeline's (semantics 6)."""
    yield from _training_reads_parent(case)
    writes = {(write.kind, write.name) for write in case.facts.parent_writes}
    own = {("metric", metric.name) for metric in case.facts.metrics if metric.on != "parent"}
    own |= {("tag", tag.name) for tag in case.facts.own_tags} | {("tag", name) for name in case.shared_tags}
    lost = {(kind, name) for kind, name in writes - own if kind in ("metric", "tag", "property")}
    read_somewhere: set[tuple[str, str | None]] = set()
    for step, facts in case.downstream:
        for read in facts.parent_reads:
            hit = {(kind, name) for kind, name in lost if kind == read.kind and (None in (name, read.name) or name == read.name)}
            hit = hit if (read.kind, read.name) not in own else set()
            read_somewhere |= hit
            for kind, name in sorted(hit, key=str):
                yield _lost(step, read, kind, name)
            if read.kind == "metric" and read.name and ("metric", read.name) not in own | writes:
                yield from _unseen_metric(case, step, read)
    for write in case.facts.parent_writes:
        if write.kind == "cancel":
            message = "run.parent.cancel() in a child cancels the whole sweep."
            yield Finding("HR109", WARNING, str(write.place), message, "Raise an error to end this child alone.")
        elif (write.kind, write.name) in lost - read_somewhere:
            message = f"{_named(write.kind, write.name)} goes to the sweep's run, where the last child wins; no script here reads it."
            yield Finding("HR109", NOTE, str(write.place), message, "Write it on the run itself.")


def _training_reads_parent(case: Case) -> Iterator[Finding]:
    for read in case.facts.parent_reads:
        if read.kind in ("metric", "tag", "property"):
            message = f"In a child run.parent is the sweep's run, which does not have {_named(read.kind, read.name)}."
            fix = "Read it from run.parent.parent.parent (child > sweep > step > pipeline run), or pass it as an argument."
            yield Finding("HR109", BLOCKER, str(read.place), message, fix)


def _lost(step: Step, read: ParentRead, kind: str, name: str | None) -> Finding:
    what = _named(kind, name)
    message = f"Step '{step.name}' reads {what} on run.parent; children write it on the sweep's run, where the last one wins."
    fix = {
        "metric": f"In the training script also log it on its own run: run.log({name!r}, value).",
        "tag": f"Tag the training script's own run, or vouch that all children write the same: shared_tags=[{name!r}].",
    }.get(kind, "Write it as a metric or a tag of the training script's own run.")
    return Finding("HR109", BLOCKER, str(read.place), message, fix)


def _unseen_metric(case: Case, step: Step, read: ParentRead) -> Iterator[Finding]:
    if case.facts.problem is None and not case.facts.logs_unseen:
        return
    message = f"Step '{step.name}' reads metric '{read.name}' on run.parent; it cannot be seen whether a child logs it."
    yield Finding("HR109", WARNING, str(read.place), message, "Log it on the training script's own run.")


def two_outputs_of_one_name(case: Case) -> Iterator[Finding]:
    """HR110: the SDK allows it; whoever looks an output up by its name gets either."""
    for output in case.training.outputs:
        makers = [data.producer for data in case.graph.data if data.name == output.name and data.producer is not None]
        if len(makers) > 1:
            message = f"'{output.name}' is an output of {len(makers)} steps: {', '.join(makers)}."
            yield Finding("HR110", WARNING, f"step '{case.training.name}'", message, "Give each output a name of its own.")


def parameter_disappears(case: Case) -> Iterator[Finding]:
    """HR111: a tuned PipelineParameter is no argument any more, so a published pipeline does not offer it."""
    kept = {
        argument.name
        for step in case.graph
        for argument in (*step.arguments, *(value for _, value in step.parameters))
        if isinstance(argument, Parameter) and step.key != case.training.key
    }
    removed = {index for index, _ in enumerate(case.training.arguments)}
    removed -= {index for index, _ in case.command_line.without_tuned(case.training.arguments)}
    kept |= {
        argument.name
        for index, argument in enumerate(case.training.arguments)
        if isinstance(argument, Parameter) and index not in removed
    }
    for name in parameters_in(case.command_line.tuned):
        if name not in kept:
            message = f"PipelineParameter '{name}' is tuned now, so a published pipeline or its caller cannot set it any more."
            fix = f"Tell its callers, or leave '{name}' out of the search space."
            yield Finding("HR111", WARNING, f"step '{case.training.name}'", message, fix)


def output_datasets_in_child(case: Case) -> Iterator[Finding]:
    """HR112: a child has no output datasets; each keeps its files as artifacts."""
    for use in case.facts.uses_output_datasets:
        message = "A child has no run.output_datasets: the service gives them to plain steps only."
        fix = "Pass the output as an argument of the step, and write to that path."
        yield Finding("HR112", BLOCKER, str(use.place), message, fix)


_HOLD_CORE = ("azureml-core", "azureml-defaults", "azureml-sdk", "azureml-pipeline", "azureml-train", "azureml-mlflow")


def promote_without_core(case: Case) -> Iterator[Finding]:
    """HR113: the promote script imports azureml-core."""
    if case.promote is None:
        return
    packages = case.promote.packages
    if packages is not None and any(package.lower().startswith(_HOLD_CORE) for package in packages):
        return
    seen = "cannot be seen" if packages is None else "is not there"
    message = f"The step that hands the best child on needs azureml-core, which {seen} in the training step's environment."
    fix = "Give another one: promote_runconfig=RunConfiguration(...)."
    yield Finding("HR113", WARNING, f"step '{case.training.name}'", message, fix)


def script_not_read(case: Case) -> Iterator[Finding]:
    """HR114: what cannot be read cannot be checked."""
    for step, facts in [(case.training, case.facts), *case.downstream]:
        if facts.problem is not None:
            message = f"The script of step '{step.name}' could not be read: {facts.problem}"
            yield Finding("HR114", WARNING, facts.script, message, "Nothing in it was checked; rehearse the pipeline.")


def run_looked_up_by_name(case: Case) -> Iterator[Finding]:
    """HR115: the step run of that name is the sweep's now; its metrics and files are not a child's."""
    for step, facts in case.downstream:
        for lookup in facts.run_lookups:
            if lookup.call != "find_step_run" or lookup.name not in (case.training.name, None):
                continue
            what = "the training step's run" if lookup.name else "a step run by a computed name"
            message = f"Step '{step.name}' looks up {what}; that is the sweep's step now and has no child's metrics or files."
            fix = "Read the metrics from run.parent, where the best child's are, and the files from the step's input."
            yield Finding("HR115", BLOCKER if lookup.name else WARNING, str(lookup.place), message, fix)


_CHECKS: tuple[Callable[[Case], Iterable[Finding]], ...] = (
    not_an_option,
    fixed_value_unclear,
    metric_not_logged,
    registers_in_every_child,
    policy_never_fires,
    output_goes_elsewhere,
    folder_not_made,
    written_through_input,
    parent_run_is_another,
    two_outputs_of_one_name,
    parameter_disappears,
    output_datasets_in_child,
    promote_without_core,
    script_not_read,
    run_looked_up_by_name,
)


def _dest_of_output(case: Case, output: str) -> str | None:
    """Return under which name the script finds an output's path: an option's dest, or ``$VARIABLE``."""
    dest = case.command_line.dest_of(OutputPath(output))
    if dest is not None:
        return dest
    variable = f"$AZUREML_DATAREFERENCE_{output}"
    return variable if any(use.option == variable for use in case.facts.path_uses) else None


def _named(kind: str, name: str | None) -> str:
    what: Any = {"metric": "metric", "tag": "tag", "property": "property"}.get(kind, kind)
    return f"{what} '{name}'" if name else f"a {what}"


def may_be_ignored(code: str) -> bool:
    """Return whether ``ignore=`` takes a code: a mistake in the call cannot be passed over, nor can a fixed value."""
    return code.startswith("HR1") and code != "HR102"
