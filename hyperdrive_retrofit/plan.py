"""Graph + Sweep + facts of the scripts -> Plan. Decides everything, touches nothing.

A plan holds names and texts. It says for each hyperparameter where it lives (today: an option of the
script), where the metric comes from (today: the training script's log) and what a child runs (today:
one script), so that other places, sources and commands can be added without another plan.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import attrs

from hyperdrive_retrofit import errors, findings
from hyperdrive_retrofit.findings import BLOCKER, WARNING, Case, Finding
from hyperdrive_retrofit.graph import Argument, Graph, Joined, OutputPath, Step, Text
from hyperdrive_retrofit.sweep import Sweep
from hyperdrive_retrofit.training import PROMOTE_SCRIPT

PROMOTE, DIRECT = "promote", "direct"


@attrs.frozen
class Change:
    """One edit.

    Attributes:
        action: ``replace``, ``remove``, ``redirect``, ``set``, ``tune``, ``add``, ``hand on`` or ``copy``.
        step: Name of the step it happens to.
        what: What is edited.
        becomes: What it is afterwards; None when it is gone.
    """

    action: str
    step: str
    what: str
    becomes: str | None = None


@attrs.frozen
class HandedOn:
    """How one output of the training step reaches its readers.

    Attributes:
        output: The output's name.
        path: Where each child writes it, below its own working directory.
        how: ``promote`` or ``direct``.
        model_file: With ``direct``, the one file of the best child's artifacts.
        needed: False when nobody reads or registers it: a best child without it is no failure.
    """

    output: str
    path: str
    how: str = PROMOTE
    model_file: str | None = None
    needed: bool = True


@attrs.frozen
class PromoteStep:
    """The step that hands the best child on.

    Attributes:
        name: Its name.
        best_child: Name of its output that holds ``best_child.json``.
        allow_reuse: False when a script behind it reads ``run.parent``, or may, which a reused step does not write.
    """

    name: str
    best_child: str
    allow_reuse: bool


@attrs.frozen
class Plan:
    """What will be done to a pipeline. Print it to read it.

    Attributes:
        graph: The pipeline as it is.
        training: Key of the step to be tuned.
        sweep: The sweep.
        source_directory: The training script's folder, as the HyperDriveStep gets it.
        child_arguments: For each argument that stays its position and what it becomes.
        removed: The fixed values of hyperparameters that go, as they were written.
        variables: Environment variables that each child gets besides its own: outputs in no argument.
        handed_on: How each output reaches its readers.
        metrics: Name of the HyperDriveStep's metrics output.
        promote: The step that hands the best child on, or None when nothing follows.
        copied: Keys of the steps behind it, each replaced by a copy that refers to the new objects.
        shared_tags: Tags copied from the sweep's run to the pipeline run.
        findings: All findings, blockers first.
        places: For each hyperparameter, the option of the script where it lives.
    """

    graph: Graph = attrs.field(repr=False)
    training: str
    sweep: Sweep
    source_directory: str
    child_arguments: tuple[tuple[int, Argument], ...]
    removed: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    handed_on: tuple[HandedOn, ...]
    metrics: str
    promote: PromoteStep | None
    copied: tuple[str, ...]
    shared_tags: tuple[str, ...]
    findings: tuple[Finding, ...]
    places: tuple[tuple[str, str], ...]
    # what only apply opens: the function itself, and the user's own objects given in the call
    _apply: Callable[[Plan, Any], Any] = attrs.field(repr=False, eq=False)
    _given: Mapping[str, Any] = attrs.field(repr=False, eq=False, factory=dict)

    @property
    def blockers(self) -> tuple[Finding, ...]:
        """The findings that stop the rewrite."""
        return tuple(finding for finding in self.findings if finding.severity == BLOCKER)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that come as one RetrofitWarning."""
        return tuple(finding for finding in self.findings if finding.severity == WARNING)

    @property
    def training_step(self) -> Step:
        """The step to be tuned, as it is."""
        return self.graph.step(self.training)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every edit, in the order in which a reader wants them."""
        return tuple(_changes(self))

    def child_command(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the words that follow the script in a child with these hyperparameters."""
        fixed = (str(argument) for _, argument in self.child_arguments)
        tuned = (word for parameter in self.sweep.space for word in (parameter.option, str(values[parameter.name])))
        return (*fixed, *tuned)

    def apply(self, existing_steps: Any) -> Any:
        """Build the new steps; the existing ones stay as they are.

        Args:
            existing_steps: The very steps that were planned.

        Returns:
            A frozen :class:`~hyperdrive_retrofit.azure.apply.Retrofit`.

        Raises:
            BlockedError: When the plan has blockers.
            StepsChangedError: When the steps are not the ones that were planned.
        """
        if self.blockers:
            raise blocked(self.findings)
        return self._apply(self, existing_steps)

    def __str__(self) -> str:
        from hyperdrive_retrofit import render  # the listed exception: see docs/architecture.md

        return render.plan_text(self)

    def _repr_html_(self) -> str:
        from hyperdrive_retrofit import render

        return render.plan_html(self)


def blocked(found: Sequence[Finding]) -> errors.BlockedError:
    """Return the one error that carries all findings and lists the blockers."""
    blockers = [finding for finding in found if finding.severity == BLOCKER]
    count = "1 thing stands" if len(blockers) == 1 else f"{len(blockers)} things stand"
    lines = [f"{count} in the way of a sweep:"]
    for finding in blockers:
        lines += [f"  {finding.code} at {finding.where}: {finding.message}", f"      {finding.fix}"]
    return errors.BlockedError("\n".join(lines), tuple(found))


def make_plan(
    case: Case,
    source_directory: str,
    model_files: Mapping[str, str],
    ignore: Collection[str],
    apply: Callable[[Plan, Any], Any],
    given: Mapping[str, Any],
) -> Plan:
    """Return the plan for a training step that can be tuned.

    Args:
        case: The pipeline, the step, the sweep, and what is known of the scripts.
        source_directory: The training script's folder.
        model_files: Outputs that are handed on directly, with the file.
        ignore: Codes of findings to let pass.
        apply: What ``Plan.apply`` calls.
        given: The user's own objects which only ``apply`` opens.
    """
    graph, step = case.graph, case.training
    handed_on = tuple(_handed_on(graph, step, output.name, model_files) for output in step.outputs)
    promote = _promote_step(case, handed_on)
    if promote is None:
        case = attrs.evolve(case, promote=None)
    kept = case.command_line.without_tuned(step.arguments)
    paths = {output.output: output.path for output in handed_on}
    in_arguments = {name for _, argument in kept for name in _outputs_in(argument)}
    found = tuple(finding for finding in findings.find(case) if finding.code not in ignore)
    return Plan(
        graph=graph,
        training=step.key,
        sweep=case.sweep,
        source_directory=source_directory,
        child_arguments=tuple((index, _redirect(argument, paths)) for index, argument in kept),
        removed=tuple(
            " ".join(token.text or str(token.argument) for token in use.tokens) for use in case.command_line.tuned
        ),
        variables=tuple(
            (f"AZUREML_DATAREFERENCE_{name}", path) for name, path in paths.items() if name not in in_arguments
        ),
        handed_on=handed_on,
        metrics=_unused(f"{_slug(step.name)}_metrics", [port.name for port in step.inputs] + list(paths)),
        promote=promote,
        copied=_copied(graph, step),
        shared_tags=tuple(case.shared_tags),
        findings=found,
        places=tuple((parameter.name, parameter.option) for parameter in case.sweep.space),
        apply=apply,
        given=given,
    )


def needs_promote(case: Case, handed_on: Sequence[HandedOn]) -> bool:
    """Return whether anything behind the training step needs more than the SDK's own TrainingOutput."""
    if any(output.how == PROMOTE and output.needed for output in handed_on):
        return True
    if case.unread:
        return True
    if any(read.kind in ("metric", "tag", "property") for _, facts in case.downstream for read in facts.parent_reads):
        return True
    all_direct = bool(handed_on) and all(output.how == DIRECT for output in handed_on)
    return bool(case.graph.after(case.training.key)) and not all_direct


def _promote_step(case: Case, handed_on: Sequence[HandedOn]) -> PromoteStep | None:
    if not needs_promote(case, handed_on):
        return None
    step = case.training
    reads_parent = bool(case.unread) or any(facts.parent_reads for _, facts in case.downstream)
    best_child = _unused("best_child", [output.output for output in handed_on])
    return PromoteStep(f"{step.name} best child", best_child, step.allow_reuse and not reads_parent)


def _handed_on(graph: Graph, step: Step, name: str, model_files: Mapping[str, str]) -> HandedOn:
    output = step.output(name)
    path = f"outputs/{name}"
    asked_for = graph.container.kind == "data" and graph.container.items == (output.data,)
    read = bool(graph.consumers(output.data)) or asked_for
    needed = read or bool(output.destination or output.registered_as or output.pipeline_output_name)
    if name not in model_files:
        return HandedOn(name, path, needed=needed)
    file = model_files[name].strip("/")
    return HandedOn(name, path, DIRECT, f"{path}/{file}" if file else path, needed)


def _copied(graph: Graph, step: Step) -> tuple[str, ...]:
    """Return the steps that refer to the training step: by data or run_after, not by a sequence alone."""
    referring = {step.key}
    for other in graph:
        producers = (graph.datum(port.data).producer for port in other.inputs)
        if referring.intersection(other.run_after) or any(producer in referring for producer in producers):
            referring.add(other.key)
    return tuple(other.key for other in graph if other.key in referring and other.key != step.key)


def _redirect(argument: Argument, paths: Mapping[str, str]) -> Argument:
    if isinstance(argument, OutputPath):
        return Text(paths[argument.name])
    if isinstance(argument, Joined):
        parts = [Text(paths[part.name]) if isinstance(part, OutputPath) else part for part in argument.parts]
        if all(isinstance(part, Text) for part in parts):
            return Text("".join(map(str, parts)))
        return Joined(tuple(parts))
    return argument


def _outputs_in(argument: Argument) -> list[str]:
    parts = argument.parts if isinstance(argument, Joined) else (argument,)
    return [part.name for part in parts if isinstance(part, OutputPath)]


def _slug(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_") or "training"


def _unused(name: str, taken: Collection[str]) -> str:
    count = 2
    wanted = name
    while wanted in taken:
        wanted, count = f"{name}_{count}", count + 1
    return wanted


def _changes(plan: Plan) -> list[Change]:
    step = plan.training_step
    changes = [Change("replace", step.name, step.kind, "HyperDriveStep")]
    changes += [Change("remove", step.name, text) for text in plan.removed]
    option = ""
    for index, argument in plan.child_arguments:
        old = step.arguments[index]
        if argument != old and _outputs_in(old):
            changes.append(Change("redirect", step.name, f"{option}{old}", f"{option}{argument}"))
        option = f"{argument} " if isinstance(argument, Text) and argument.value.startswith("-") else ""
    changes += [Change("set", step.name, name, path) for name, path in plan.variables]
    for name, option in plan.places:
        expression = next(item.expression for item in plan.sweep.space if item.name == name)
        changes.append(Change("tune", step.name, option, str(expression)))
    if plan.promote is not None:
        changes.append(Change("add", plan.promote.name, PROMOTE_SCRIPT, plan.promote.best_child))
    for output in plan.handed_on:
        by = (
            f"file {output.model_file}"
            if output.how == DIRECT
            else (f"by '{plan.promote.name}'" if plan.promote else "nobody reads it")
        )
        changes.append(Change("hand on", step.name, output.output, by))
    changes += [Change("copy", plan.graph.step(key).name, plan.graph.step(key).kind) for key in plan.copied]
    return changes
