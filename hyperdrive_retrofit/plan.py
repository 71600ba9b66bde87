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
from hyperdrive_retrofit.changes import (
    DIRECT,
    PROMOTE,
    Change,
    HandedOn,
    PromoteStep,
    edits_of_arguments,
    edits_of_steps,
    outputs_in,
)
from hyperdrive_retrofit.estimate import Estimate, make_estimate
from hyperdrive_retrofit.findings import BLOCKER, WARNING, Case, Finding
from hyperdrive_retrofit.graph import Argument, Graph, Joined, OutputPath, Step, Text
from hyperdrive_retrofit.sweep import Sweep, option_value


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
        estimated: What the sweep takes and costs, when :meth:`with_estimate` was asked; it is shown with the plan.
    """

    graph: Graph = attrs.field(repr=False)
    training: str
    sweep: Sweep
    source_directory: str
    # not in the repr, which people log: there may be secrets among arguments
    child_arguments: tuple[tuple[int, Argument], ...] = attrs.field(repr=False)
    removed: tuple[str, ...] = attrs.field(repr=False)
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
    estimated: Estimate | None = None

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
        step, copied = self.training_step, map(self.graph.step, self.copied)
        return (
            Change("replace", step.name, step.kind, "HyperDriveStep"),
            *edits_of_arguments(step, self.removed, self.child_arguments),
            *edits_of_steps(step, self.variables, self.sweep.space, self.promote, self.handed_on, copied),
        )

    def child_command(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the words that follow the script in a child with these hyperparameters, secrets as they are."""
        fixed = (str(argument) for _, argument in self.child_arguments)
        return (*fixed, *self.tuned_words(values))

    def tuned_words(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the words that HyperDrive appends in a child with these hyperparameters."""
        return tuple(
            word for parameter in self.sweep.space for word in (parameter.option, option_value(values[parameter.name]))
        )

    def estimate(
        self,
        *,
        minutes_per_run: float | None = None,
        price_per_node_hour: float | None = None,
        rehearsal: Any = None,
    ) -> Estimate:
        """Say what the sweep takes and costs, if no child is stopped early.

        Args:
            minutes_per_run: How long one child runs.
            price_per_node_hour: What a node costs, in any currency. None: no cost is said.
            rehearsal: In place of ``minutes_per_run``: a rehearsal of this sweep. The mean of its completed
                children's minutes is taken, which are this machine's, not the cluster's.

        Raises:
            EstimateError: For neither or both of minutes and rehearsal, numbers that are none, or a rehearsal without
                completed children of this sweep.
        """
        return make_estimate(self.training_step, self.sweep, minutes_per_run, price_per_node_hour, rehearsal)

    def with_estimate(self, **given: Any) -> Plan:
        """Return the same plan, whose numbers say what the sweep takes and costs; arguments as of :meth:`estimate`."""
        return attrs.evolve(self, estimated=self.estimate(**given))

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

    def to_mermaid(self) -> str:
        """Return the pipeline before and after as one Mermaid flowchart, for a README or a pull request."""
        from hyperdrive_retrofit import render

        return render.plan_mermaid(self)

    def to_dot(self) -> str:
        """Return the pipeline before and after as one graph in Graphviz' language."""
        from hyperdrive_retrofit import render

        return render.plan_dot(self)

    def to_html(self) -> str:
        """Return the whole plan as a piece of HTML that needs nothing beside it: no script, style or picture."""
        from hyperdrive_retrofit import render

        return render.plan_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the whole plan as values that JSON takes; docs/plan.md lists the keys."""
        from hyperdrive_retrofit import render

        return render.plan_dict(self)


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
    in_arguments = {name for _, argument in kept for name in outputs_in(argument)}
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


def _slug(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_") or "training"


def _unused(name: str, taken: Collection[str]) -> str:
    count = 2
    wanted = name
    while wanted in taken:
        wanted, count = f"{name}_{count}", count + 1
    return wanted
